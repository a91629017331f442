"""Kinds of values: declared once, for every field of every command and event."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest

from application.registry import BY_COMMAND
from domain.contexts import DECIDERS
from domain.kernel import CommandBase, InvalidValue, MalformedValue, ValueRefusal
from domain.kernel.checks import check, spelt, treatment_of
from domain.kernel.kinds import Count, Digest, OptionalId, one_line, several, several_lines, whole, written

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
MISSING, LONG = ("name-missing", "A name."), ("name-too-long", "Shorter.")
SHA256 = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    name: Annotated[str, one_line(10, *MISSING, too_long=LONG)] = "part"
    size: Annotated[int, whole(0, 9)] = 1

    def check_whole(self) -> None:
        if self.size == 9:
            raise InvalidValue("part-too-large", "Smaller.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole(CommandBase):
    whole_id: str = "w1"
    other_id: OptionalId = ""
    code: Annotated[str, written("[a-z]+", "invalid-code", "A code.", most=5)] = "abc"
    why: Annotated[str, several_lines(10, *MISSING)] = "a\nb"
    parts: Annotated[tuple[Part, ...], several(2, "too-many-items", "Fewer.", least=1)] = (Part(),)
    digest: Digest = SHA256
    times: Count | None = None
    at_last: datetime | None = None


def refused(**change: Any) -> ValueRefusal:
    with pytest.raises(ValueRefusal) as refusal:
        check(Whole(at=AT, by="x", **change), AT)
    return refusal.value


@pytest.mark.parametrize("events", [decider.events for decider in DECIDERS], ids=lambda events: next(iter(events)))
def test_every_event_declares_the_kinds_of_its_fields(events: dict[str, type]) -> None:
    for event in events.values():
        assert {name for name, _ in treatment_of(event).checks} <= {field.name for field in fields(event)}


@pytest.mark.parametrize("command", BY_COMMAND, ids=lambda command: command.__name__)
def test_every_command_declares_the_kinds_of_its_fields(command: type) -> None:
    assert is_dataclass(command)
    treatment_of(command)


def test_a_text_without_a_kind_is_a_mistake_of_its_author() -> None:
    @dataclass(frozen=True)
    class Bare:
        words: str

    with pytest.raises(AssertionError, match="words is declared without its kind"):
        check(Bare("x"), AT)


def test_what_is_of_its_kind_passes() -> None:
    check(Whole(at=AT, by="x", times=1, at_last=AT, parts=(Part(), Part(name="é"))), AT)


@pytest.mark.parametrize(
    ("change", "kind", "code", "place"),
    [
        ({"whole_id": ""}, MalformedValue, "malformed-id", ("whole_id",)),
        ({"whole_id": "a.b"}, MalformedValue, "malformed-id", ("whole_id",)),
        ({"other_id": "a\n"}, MalformedValue, "malformed-id", ("other_id",)),
        ({"parts": (Part(size=9),)}, InvalidValue, "part-too-large", ("parts", 0)),
        ({"code": "ABC"}, InvalidValue, "invalid-code", ("code",)),
        ({"code": "abcdef"}, InvalidValue, "invalid-code", ("code",)),
        ({"why": "\u200b"}, InvalidValue, "name-missing", ("why",)),
        ({"why": "a\u202eb"}, InvalidValue, "hidden-character", ("why",)),
        ({"why": "a\x00"}, MalformedValue, "control-character", ("why",)),
        ({"parts": ()}, InvalidValue, "too-many-items", ("parts",)),
        ({"parts": (Part(),) * 3}, InvalidValue, "too-many-items", ("parts",)),
        ({"parts": (Part(), Part(name=" "))}, InvalidValue, "name-missing", ("parts", 1, "name")),
        ({"parts": (Part(name="x" * 11),)}, InvalidValue, "name-too-long", ("parts", 0, "name")),
        ({"parts": (Part(name="a\nb"),)}, InvalidValue, "hidden-character", ("parts", 0, "name")),
        ({"parts": (Part(size=10),)}, InvalidValue, "number-out-of-range", ("parts", 0, "size")),
        ({"digest": SHA256[:-1] + "V"}, InvalidValue, "invalid-digest", ("digest",)),
        ({"digest": "a" * 64}, InvalidValue, "invalid-digest", ("digest",)),
        ({"times": 0}, InvalidValue, "number-out-of-range", ("times",)),
        ({"times": 2**31}, InvalidValue, "number-out-of-range", ("times",)),
        ({"at_last": datetime(2026, 1, 1)}, MalformedValue, "not-rfc3339", ("at_last",)),  # noqa: DTZ001 - the mistake
        ({"at_last": datetime(1, 1, 2, tzinfo=UTC)}, MalformedValue, "out-of-range", ("at_last",)),
    ],
    ids=str,
)
def test_what_is_not_is_refused_with_its_place(
    change: dict[str, Any], kind: type[ValueRefusal], code: str, place: tuple[str | int, ...]
) -> None:
    refusal = refused(**change)
    assert (type(refusal), refusal.code, refusal.place) == (kind, code, place)


def test_a_digest_in_hexadecimal_digits_is_spelt_in_base64url() -> None:
    written_so = Whole(at=AT, by="x", digest="E3B0C44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    assert spelt(written_so) == Whole(at=AT, by="x")
