"""An error becomes a sentence that holds no value: what failed, and where."""

from __future__ import annotations

import msgspec
import psycopg
import pytest

from domain.kernel import RuleBroken
from infrastructure.event_log.log_lookup import MissingEventsError
from infrastructure.postgres.failures import summary

NAME = "Jan Janssens"


class Letter(msgspec.Struct):
    """What is decoded here."""

    pages: int


def test_an_error_that_may_repeat_a_value_is_named_with_its_place() -> None:
    with pytest.raises(ValueError, match=NAME) as caught:
        raise ValueError(NAME)
    assert summary(caught.value).startswith("ValueError at test_failures:")


def test_bytes_that_cannot_be_decoded_are_named_by_their_path() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(f'{{"pages": "{NAME}"}}'.encode(), type=Letter)
    assert summary(caught.value) == "ValidationError at `$.pages`"


def test_an_error_of_the_database_is_named_by_its_code_and_table(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE letter (sender text PRIMARY KEY)")
        connection.execute("INSERT INTO letter VALUES (%s)", (NAME,))
        with pytest.raises(psycopg.errors.UniqueViolation, match=NAME) as caught:
            connection.execute("INSERT INTO letter VALUES (%s)", (NAME,))
    assert summary(caught.value) == "UniqueViolation (23505) letter"


def test_a_refusal_is_its_code_and_a_sentence_without_values_is_itself() -> None:
    assert summary(RuleBroken("legal-hold", f"A sentence about {NAME}.")) == "legal-hold"
    assert summary(MissingEventsError("positions 1 to 9 were put away")) == "positions 1 to 9 were put away"
