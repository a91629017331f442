"""Personal fields are sealed before an event is written, open at their place only, and close for good on erasure."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.gathering import Rules
from application.handler import CommandEnvelope, handle
from application.ports import Append, Conflict, Erased, Receipt, Sealed
from domain.kernel import CommandBase, Context, Decider, PersonalText, PurposeGroup, RuleBroken, personal
from infrastructure.codec import Codec
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.keys.data_keys import KeyOwner, KeysUnavailableError, UnknownKeyError
from infrastructure.sealing import PREFIX, EventPlace, SealBrokenError, open_all, owners, personal_fields, seal
from tests.lengths import runs_longer, sized
from tests.memory_keys import MemoryKeys
from tests.memory_log import MemoryLog

pytestmark = pytest.mark.anyio

CONTEXT = Context(acting_id="tester", effective_at=datetime(2026, 1, 1, tzinfo=UTC))
SECRET, REFERENCE = "Marianne's permit", "010/8068/17183"
LETTER = "letters.letter-kept.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    cents: int
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterKept:
    person_id: str
    subject: PersonalText = personal("person_id", PurposeGroup.CORRESPONDENCE, default=PersonalText(""))
    bill: Bill | None = personal("person_id", PurposeGroup.INVOICING, within="reference", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepLetter(CommandBase):
    ACTIVITY: ClassVar[str] = "test"
    person_id: str
    subject: str


DECIDER: Decider[KeepLetter, int, LetterKept] = Decider(
    category="letter",
    key=("person_id",),
    initial=0,
    rules={
        KeepLetter: lambda command, _: [LetterKept(person_id=command.person_id, subject=PersonalText(command.subject))]
    },
    evolve=lambda state, _: state + 1,
    checked=False,
    events={LETTER: LetterKept},
)
CODEC = Codec([DECIDER])
KEPT = LetterKept(person_id="p-1", subject=PersonalText(SECRET), bill=Bill(cents=7, reference=REFERENCE))
BOTH = [KeyOwner("p-1", PurposeGroup.CORRESPONDENCE), KeyOwner("p-1", PurposeGroup.INVOICING)]
PLACE = EventPlace("letter-p-1", 1, LETTER)


def keep(*events: LetterKept, stream: str = "letter-p-1", at: int = 0) -> Append:
    return Append(stream=stream, events=events, expected={stream: at}, context=CONTEXT)


@pytest.fixture(params=["memory", "postgres"])
async def log(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Any]:
    """A log, with its keys as `log.keys_of_test`."""
    if request.param == "memory":
        yield MemoryLog(CODEC)
        return
    keys = MemoryKeys()
    async with PostgresLog(database_url, CODEC, b"key", keys=keys) as log:
        log.keys = keys  # type: ignore[attr-defined]
        yield log


async def opened(event: LetterKept, keys: MemoryKeys, stream: str = "letter-p-1") -> list[str | None]:
    texts = [Sealed(event.subject, stream, LETTER, "subject")]
    if event.bill is not None:
        texts.append(Sealed(event.bill.reference, stream, LETTER, "bill.reference"))
    return list(await open_all(texts, keys))


# --- Sealing --------------------------------------------------------------------------------------------------------


def test_a_field_is_declared_with_its_data_subject_and_purpose() -> None:
    assert [field.path for field in personal_fields(LetterKept)] == ["subject", "bill.reference"]
    assert owners([KEPT]) == BOTH
    assert owners([LetterKept(person_id="p-1")]) == []


async def test_what_is_read_from_the_log_is_sealed_and_opens_for_who_has_the_keys(log: Any) -> None:
    (outcome,) = await log.append([keep(KEPT, replace(KEPT, bill=None))])
    assert isinstance(outcome, Receipt)
    first, second = (await log.read(["letter-p-1"]))["letter-p-1"].events
    for event in (first, second):
        assert event.person_id == "p-1"
        assert event.subject.startswith(PREFIX)
        assert SECRET not in repr(event)
        assert REFERENCE not in repr(event)
    assert first.bill.cents == 7
    assert first.subject != second.subject
    assert await opened(first, log.keys) == [SECRET, REFERENCE]
    assert await opened(second, log.keys) == [SECRET]


async def test_what_holds_no_personal_data_needs_no_key(database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        (outcome,) = await log.append([keep(LetterKept(person_id="p-1"))])
        assert isinstance(outcome, Receipt)
        with pytest.raises(KeysUnavailableError):
            await log.append([keep(KEPT, at=1)])
        assert (await log.read(["letter-p-1"]))["letter-p-1"].version == 1


async def test_one_caller_s_append_falls_by_itself_where_the_person_was_erased(log: Any) -> None:
    await log.append([keep(KEPT)])
    await log.keys.destroy(BOTH)
    other = replace(KEPT, person_id="p-2")
    outcomes = await log.append([keep(other, stream="letter-p-2"), keep(KEPT, at=1), keep(other, stream="letter-p-2")])
    assert isinstance(outcomes[0], Receipt)
    assert outcomes[1:] == [Erased("p-1"), Conflict("letter-p-2")]
    assert (await log.read(["letter-p-1"]))["letter-p-1"].version == 1


async def test_a_wish_about_an_erased_person_is_refused(log: Any) -> None:
    rules = Rules(deciders={KeepLetter: DECIDER}, readers={})
    at = CONTEXT.effective_at
    wish = KeepLetter(at=at, by="tester", person_id="p-1", subject=SECRET)
    assert (await handle(CommandEnvelope(command=wish, context=CONTEXT), log, rules)).version == 1
    await log.keys.destroy(BOTH[:1])
    with pytest.raises(RuleBroken) as refused:
        await handle(CommandEnvelope(command=wish, context=CONTEXT), log, rules)
    assert refused.value.code == "person-erased"


# --- Opening --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"stream": "letter-p-2"},
        {"name": "letters.letter-kept.v2"},
        {"path": "bill.reference"},
    ],
    ids=["other stream", "other event", "other field"],
)
async def test_a_sealed_text_opens_nowhere_else(elsewhere: dict[str, str]) -> None:
    keys = MemoryKeys()
    sealed = seal(KEPT, PLACE, await keys.for_sealing(BOTH))
    here = Sealed(sealed.subject, "letter-p-1", LETTER, "subject")
    assert await open_all([here], keys) == [SECRET]
    with pytest.raises(SealBrokenError):
        await open_all([here._replace(**elsewhere)], keys)


@runs_longer
@settings(max_examples=sized(100, long=2_000), deadline=None)
@given(st.integers(min_value=0), st.integers(1, 255))
async def test_a_changed_byte_is_found(place: int, change: int) -> None:
    keys = MemoryKeys()
    sealed = seal(KEPT, PLACE, await keys.for_sealing(BOTH)).subject
    raw = bytearray(base64.b64decode(sealed.removeprefix(PREFIX)))
    raw[place % len(raw)] ^= change
    text = PREFIX + base64.b64encode(raw).decode()
    # A key that is changed is one that nobody ever gave; that is no erasure either.
    with pytest.raises((SealBrokenError, UnknownKeyError)):
        await open_all([Sealed(text, "letter-p-1", LETTER, "subject")], keys)


@pytest.mark.parametrize("text", [SECRET, PREFIX, PREFIX + "AAAA", PREFIX + "é", PREFIX + "A" * 75])
async def test_what_is_no_sealed_text_is_an_error(text: str) -> None:
    with pytest.raises(SealBrokenError):
        await open_all([Sealed(text, "letter-p-1", LETTER, "subject")], MemoryKeys())


async def test_an_unknown_key_is_an_error_and_never_an_erasure() -> None:
    keys = MemoryKeys()
    sealed = seal(KEPT, PLACE, await keys.for_sealing(BOTH))
    with pytest.raises(UnknownKeyError):
        await opened(sealed, MemoryKeys())
    await keys.destroy(BOTH[:1])
    assert await opened(sealed, keys) == [None, REFERENCE]


@given(st.text(min_size=1))
async def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    keys = MemoryKeys()
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    sealed = seal(replace(KEPT, subject=PersonalText(text)), PLACE, await keys.for_sealing(BOTH))
    assert (await opened(sealed, keys))[0] == text
