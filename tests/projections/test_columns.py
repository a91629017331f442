"""Rows as classes: the values that a row has where it is made."""

from __future__ import annotations

from datetime import datetime

import pytest

from projections.effects import Put, put
from projections.read_model import Col, Key, RowBase


class LoanRow(RowBase):
    loan_id: Key[str]
    status: Col[str] = Col("lent")
    title: Col[str]
    returned_at: Col[datetime | None] = Col(None)


def test_a_row_that_is_made_without_a_column_has_its_initial_value() -> None:
    made = LoanRow(loan_id="1", title="Max Havelaar")
    assert (made.status, made.returned_at) == ("lent", None)
    assert put(made) == Put(("1",), {"status": "lent", "title": "Max Havelaar", "returned_at": None})


def test_a_value_that_is_named_comes_before_the_initial_one() -> None:
    assert LoanRow(loan_id="1", title="Max Havelaar", status="lost").status == "lost"


def test_a_column_without_an_initial_value_has_to_be_named() -> None:
    with pytest.raises(TypeError, match="title"):
        LoanRow(loan_id="1")  # type: ignore[call-arg]
