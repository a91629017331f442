"""From a line of a history to an event that was decided elsewhere, checked in all that can be known without a state.

An event is checked against the kinds that its class declares, which are those of the doors: no door would have let a
longer text, a number out of range or another form of code into the log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Annotated

import msgspec

from domain.kernel import AnyDecider, Claim, Context, InvalidValue, MalformedValue, Refusal
from domain.kernel.checks import check, spelt
from domain.kernel.instants import read_day, read_instant
from domain.kernel.json_text import check_json, check_no_byte_order_mark
from domain.kernel.kinds import ID_PATTERN
from domain.kernel.national_numbers import check_national_number, is_national_number
from domain.kernel.participants import check_enterprise_number
from infrastructure.codec import Codec
from infrastructure.import_history.line_refusals import UNREADABLE, line_too_long
from infrastructure.import_history.record import ACTIVITY, ADMINISTRATOR

MAX_TEXT_LENGTH = 200
MAX_CLAIMS = 10
MAX_VERSION = 2**31 - 1

_STREAM_ID = re.compile(rf"{ID_PATTERN}(\.{ID_PATTERN})?")
_PLACE = re.compile(r" - at `(\$[][A-Za-z0-9_.]*)`$")
_NUL = b"\\u0000"
"""The one character that the database cannot keep in a text, as JSON writes it."""

_COLON, _SPACED_COLON = b'":', re.compile(rb'"[ \t\r\n]+:')
_CLAIMED: Mapping[str, Callable[[str], None]] = {
    "national-number": check_national_number,
    "enterprise-number": check_enterprise_number,
}

Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT_LENGTH)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedEvent:
    """An event with its context. `version` is its place in its stream, None for the next one."""

    stream: str
    event: object
    version: int | None
    context: Context
    claims: tuple[Claim, ...]


class _Claim(msgspec.Struct, forbid_unknown_fields=True):
    kind: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z-]{0,39}\Z")]
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_LENGTH)]
    release: bool = False


class _Line(msgspec.Struct, forbid_unknown_fields=True, rename="camel", gc=False):
    stream: Text
    event: str
    data: msgspec.Raw
    effective_at: str
    version: Annotated[int, msgspec.Meta(ge=1, le=MAX_VERSION)] | None = None
    claims: Annotated[list[_Claim], msgspec.Meta(max_length=MAX_CLAIMS)] = []
    acting_id: str = ADMINISTRATOR
    subject_id: str = ""
    organisation_id: str = ""
    mandate_id: str = ""
    activity: str = ACTIVITY
    command_id: str = ""
    correlation_id: str | None = None
    causation_id: str = ""
    trace: str = ""


_CONTEXT_TEXTS = [field.name for field in fields(Context) if field.name != "effective_at"]
_CONTEXT_IDS = ("acting_id", "subject_id", "mandate_id", "command_id", "correlation_id", "causation_id")
_READ_LINE = msgspec.json.Decoder(_Line).decode
_READ_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_READ_ANY = msgspec.json.Decoder().decode


class Understanding:
    """Turns lines into decided events of the given deciders' streams."""

    def __init__(self, deciders: Iterable[AnyDecider], correlation_id: str) -> None:
        deciders = tuple(deciders)
        self._codec = Codec(deciders)
        self._deciders = {name: decider for decider in deciders for name in decider.events}
        self._correlation_id = correlation_id

    def __call__(self, line: bytes | None, not_after: datetime) -> DecidedEvent:
        """Return the event of a line; raise a refusal that says why there is none."""
        parsed = _parsed(line)
        decider = self._deciders.get(parsed.event)
        if decider is None:
            raise Refusal("unknown-event", "No event is known under this name.")
        _check_stream(parsed.stream, decider.stream(""))
        context = self._context(parsed, past_instant(parsed.effective_at, not_after))
        event = self._event(parsed.event, parsed.data, context.effective_at)
        if not decider.is_of(event, parsed.stream):
            raise MalformedValue("malformed-stream", "This event names another id than that of its stream.")
        claims = tuple(Claim(claim.kind, claim.value, claim.release) for claim in parsed.claims)
        for claim in claims:
            if (check_value := _CLAIMED.get(claim.kind)) is not None:
                check_value(claim.value)
        return DecidedEvent(stream=parsed.stream, event=event, version=parsed.version, context=context, claims=claims)

    def _context(self, parsed: _Line, effective_at: datetime) -> Context:
        texts = {name: getattr(parsed, name) for name in _CONTEXT_TEXTS}
        if parsed.correlation_id is None:
            texts["correlation_id"] = self._correlation_id
        context = Context(effective_at=effective_at, **texts)
        try:
            check(context, effective_at)
        except MalformedValue as refusal:
            raise MalformedValue("malformed-line", f"{refusal.place[0]}: {refusal.sentence}") from refusal
        for name in _CONTEXT_IDS:
            if texts[name] and is_national_number(texts[name]):
                raise MalformedValue("malformed-line", f"{name}: a person's number may not stand in an id.")
        return context

    def _event(self, name: str, data: msgspec.Raw, at: datetime) -> object:
        given = bytes(data)
        try:
            decoded = self._codec.decode(name, data)
            event = spelt(decoded)
            check(event, at)
            as_written = self._codec.encode(decoded)[1] == given
            no_duplicates = as_written or _has_no_more(given, _count_fields(_READ_ANY(given), event))
        except (*UNREADABLE, OverflowError) as error:
            raise MalformedValue("malformed-data", f"The data are not what this event holds{_place(error)}.") from error
        except MalformedValue as refusal:
            malformed = MalformedValue("malformed-data", refusal.sentence)
            malformed.place = refusal.place
            raise malformed from refusal
        if not no_duplicates:
            check_json(given)
        return event


def past_instant(written: str, not_after: datetime) -> datetime:
    """Return the instant in UTC, the one spelling in the log; refuse one that cannot be of a history."""
    try:
        instant = read_instant(written)
    except MalformedValue as refusal:
        raise MalformedValue("malformed-line", refusal.sentence) from refusal
    if instant > not_after:
        raise InvalidValue("instant-in-future", "A history tells what has been; this instant is yet to come.")
    return instant


def check_no_personal_number(given_id: str) -> None:
    """Refuse an id that is a person's number: it would stand in the name of a stream for ever."""
    if is_national_number(given_id):
        sentence = "The name of a stream is kept for ever: a person's number may not stand in it."
        raise Refusal("personal-number-in-stream", sentence)


def _parsed(line: bytes | None) -> _Line:
    if line is None:
        raise line_too_long()
    check_no_byte_order_mark(line)
    try:
        parsed = _READ_LINE(line)
        fields = _READ_FIELDS(line)
    except UNREADABLE as error:
        detail = "A line is a JSON object with stream, event, data, effectiveAt and what else docs/import.md names"
        raise MalformedValue("malformed-line", f"{detail}{_place(error)}.") from error
    if _NUL in line:
        raise MalformedValue("malformed-line", "A text holds the character NUL, which cannot be kept.")
    inside = sum(bytes(value).count(_COLON) for value in fields.values())
    if parsed.claims or not _has_no_more(line, len(fields) + inside):
        check_json(line)
    return parsed


def _has_no_more(text: bytes, fields: int) -> bool:
    """Return whether the text certainly has no more fields than these, without reading it again."""
    return text.count(_COLON) == fields and _SPACED_COLON.search(text) is None


def _count_fields(given: object, kept: object) -> int:
    """Return how many fields were given; raise where the event has none for one, or spells its value otherwise."""
    match given:
        case dict():
            if not given.keys() <= getattr(kept, "__dataclass_fields__", {}).keys():
                raise MalformedValue("malformed-data", "The data hold a field that this event does not have.")
            return len(given) + sum(_count_fields(value, getattr(kept, name)) for name, value in given.items())
        case list():
            assert isinstance(kept, tuple)
            return sum(map(_count_fields, given, kept))
        case str() if isinstance(kept, datetime):
            read_instant(given)
        case str() if isinstance(kept, date):
            read_day(given)
        case float():
            raise MalformedValue("malformed-data", "A number of these data is written without a decimal point.")
    return 0


def _check_stream(stream: str, prefix: str) -> None:
    if not stream.startswith(prefix) or not _STREAM_ID.fullmatch(stream, len(prefix)):
        sentence = f"This event belongs to a stream {prefix} and an id of letters, digits, hyphens and underscores."
        raise MalformedValue("malformed-stream", sentence)
    for part in stream[len(prefix) :].split("."):
        check_no_personal_number(part)


def _place(error: Exception) -> str:
    """Return where something is wrong, without the value."""
    found = _PLACE.search(str(error))
    return f" (at {found[1]})" if found else ""
