"""Read models whose declaration contradicts itself are refused when they are declared, with a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from domain.access.access import Category
from projections import messages
from projections.read_model import About, Col, Key, ListOrder, PartialIndex, ReadModel, RowBase
from projections.row_security import AGENCY, Seen


def declare(**declared: Any) -> ReadModel:
    class Row(RowBase):
        thing_id: Key[str]
        part: Key[int]
        sender_id: Col[str]
        receiver_ids: Col[tuple[str, ...]]

    columns: Mapping[str, Any] = {**Row.__columns__, "": None}
    made = {name: make(columns) for name, make in declared.items()}
    return ReadModel(name="test_declared", version=1, row=Row, rules={}, **made)


def seen(**said: Any) -> Any:
    """Say who sees rows, by the names of columns."""

    def of(columns: Mapping[str, Any], value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(of(columns, it) for it in value)
        return columns.get(value, value) if isinstance(value, str) else value

    return lambda columns: Seen(**{name: of(columns, value) for name, value in said.items()})


TWICE = "say one of these"
TOGETHER = "`through` and `key` are said together"
NAMED = "`named` is said beside"
DELIVERED = "`delivered_at` is an array, and said beside `owner`"
ARRAYS = "only `parties` and `delivered_at` may be arrays"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (seen(through=messages.READ_MODEL, key="thing_id", parties=("sender_id",)), TWICE),
        (seen(through=messages.READ_MODEL, key="thing_id", owner="sender_id"), TWICE),
        (seen(through=messages.READ_MODEL, key="thing_id", everybody=True), TWICE),
        (seen(everybody=True, numbers=("sender_id",)), TWICE),
        (seen(through=messages.READ_MODEL), TOGETHER),
        (seen(key="thing_id", parties=("sender_id",)), TOGETHER),
        (seen(named="sender_id"), NAMED),
        (seen(named="sender_id", everybody=True), NAMED),
        (seen(parties=("sender_id",), delivered_at="receiver_ids"), DELIVERED),
        (seen(owner="sender_id", delivered_at="sender_id"), DELIVERED),
        (seen(owner="receiver_ids"), ARRAYS),
        (seen(numbers=("receiver_ids",)), ARRAYS),
        (seen(withheld=True), "only rows that agencies see are withheld"),
        (seen(everybody=True, roles=(AGENCY,)), "agencies are not among them"),
    ],
)
def test_contradictions_about_who_sees_rows_are_refused(said: Any, sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        declare(seen=said)


def test_rows_are_not_seen_through_rows_that_no_agency_sees_or_with_a_longer_key() -> None:
    hidden = ReadModel(name="test_hidden", version=1, row=_hidden(), rules={})
    with pytest.raises(TypeError, match="no agency sees the rows through which these are seen"):
        declare(seen=seen(through=hidden, key="thing_id"))
    with pytest.raises(TypeError, match="a key of one column"):
        declare(seen=seen(through=declare(seen=seen(everybody=True)), key="thing_id"))


def _hidden() -> type[RowBase]:
    class Row(RowBase):
        hidden_id: Key[str]

    return Row


OTHER = messages.Row.sender_id


@pytest.mark.parametrize(
    ("place", "declared"),
    [
        ("seen", {"seen": Seen(parties=(OTHER,))}),
        ("seen", {"seen": Seen(through=messages.READ_MODEL, key=messages.Row.message_id)}),
        ("seen", {"seen": Seen(owner=messages.Row.mailbox_id, delivered_at=messages.Row.provider_ids)}),
        ("about", {"about": {OTHER: Category.MESSAGES}}),
        ("indexes", {"indexes": {"other": (OTHER,)}}),
        ("indexes", {"indexes": {"other": PartialIndex((OTHER,), where=(OTHER == "a",))}}),
        ("lists", {"lists": {"other": ListOrder((OTHER,))}}),
    ],
)
def test_columns_that_the_row_does_not_have_are_refused(place: str, declared: Mapping[str, Any]) -> None:
    with pytest.raises(TypeError, match=rf"^test_declared: `{place}` names \w+, a column that its rows do"):
        declare(**{name: _always(value) for name, value in declared.items()})


def test_the_conditions_of_a_person_are_columns_of_the_row_too() -> None:
    about = About(Category.MESSAGES, where={OTHER: "a"})
    with pytest.raises(TypeError, match="`about` names sender_id"):
        declare(about=lambda columns: {columns["sender_id"]: about})


def test_the_order_of_a_list_has_all_columns_of_the_key() -> None:
    with pytest.raises(TypeError, match="the order of the list newest has all columns of the key"):
        declare(lists=lambda columns: {"newest": ListOrder((columns["sender_id"], columns["thing_id"]))})


def _always(value: Any) -> Any:
    return lambda _columns: value
