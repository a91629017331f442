"""From a line of a history to an event that was decided elsewhere, checked in all that can be known without a state."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
from stdnum.be import bis, nn
from stdnum.nl import bsn

from domain.kernel import AnyDecider, Claim, Context
from infrastructure.codec import Codec
from infrastructure.import_history.record import ACTIVITY, ADMINISTRATOR
from infrastructure.import_history.refusals import (
    UNREADABLE,
    LineRefusedError,
    instant_in_future,
    instant_out_of_range,
    line_too_long,
)

MAX_TEXT_LENGTH = 200
MAX_CLAIMS = 10
MAX_VERSION = 2**31 - 1
YEARS = range(1900, 9999)
"""No year in which a time zone or a sum of days could leave the calendar."""

_STREAM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}(\.[A-Za-z0-9][A-Za-z0-9_-]{0,79})?")
_PERSONAL_NUMBER_LENGTHS = (9, 11)
_PLACE = re.compile(r" - at `(\$[][A-Za-z0-9_.]*)`$")
_NUL = b"\\u0000"
"""The one character that the database cannot keep in a text, as JSON writes it."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT_LENGTH)]
Trace = Annotated[str, msgspec.Meta(pattern=r"^(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})?\Z")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedEvent:
    """An event with its context. `version` is its place in its stream, None for the next one."""

    stream: str
    event: Any
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
    effective_at: Instant
    version: Annotated[int, msgspec.Meta(ge=1, le=MAX_VERSION)] | None = None
    claims: Annotated[list[_Claim], msgspec.Meta(max_length=MAX_CLAIMS)] = []
    acting_id: Text = ADMINISTRATOR
    subject_id: Text = ""
    organisation_id: Text = ""
    mandate_id: Text = ""
    activity: Text = ACTIVITY
    command_id: Text = ""
    correlation_id: Text | None = None
    causation_id: Text = ""
    trace: Trace = ""


_READ_LINE = msgspec.json.Decoder(_Line).decode
_READ_ANY = msgspec.json.Decoder().decode


class Understanding:
    """Turns lines into decided events of the given deciders' streams."""

    def __init__(self, deciders: Iterable[AnyDecider], correlation_id: str) -> None:
        deciders = tuple(deciders)
        self._codec = Codec(deciders)
        self._prefixes = {name: f"{decider.category}-" for decider in deciders for name in decider.events}
        self._clocked = {name for name in self._prefixes if _holds_instants(self._codec.classes[name])}
        self._correlation_id = correlation_id

    def __call__(self, line: bytes | None, not_after: datetime) -> DecidedEvent:
        """Return the event of a line; raise a refusal that says why there is none."""
        said = _said(line)
        prefix = self._prefixes.get(said.event)
        if prefix is None:
            raise LineRefusedError("unknown-event", "No event is known under this name.")
        _check_stream(said.stream, prefix)
        event = self._event(said.event, said.data)
        context = Context(
            acting_id=said.acting_id,
            subject_id=said.subject_id,
            organisation_id=said.organisation_id,
            mandate_id=said.mandate_id,
            activity=said.activity,
            command_id=said.command_id,
            correlation_id=self._correlation_id if said.correlation_id is None else said.correlation_id,
            causation_id=said.causation_id,
            trace=said.trace,
            effective_at=past_instant(said.effective_at, not_after),
        )
        claims = tuple(Claim(claim.kind, claim.value, claim.release) for claim in said.claims)
        return DecidedEvent(stream=said.stream, event=event, version=said.version, context=context, claims=claims)

    def _event(self, name: str, data: msgspec.Raw) -> Any:  # noqa: ANN401 - the name decides the class
        try:
            event = self._codec.decode(name, data)
            if name in self._clocked:
                event = _in_utc(event)
            kept = self._codec.encode(event)[1]
            lost = kept != (given := bytes(data)) and _lost(_READ_ANY(given), _READ_ANY(kept))
        except UNREADABLE as error:
            raise _malformed_data(error) from error
        if lost:
            raise LineRefusedError("malformed-data", "The data hold a field that this event does not have.")
        return event


def past_instant(instant: datetime, not_after: datetime) -> datetime:
    """Return the instant in UTC, the one spelling in the log; refuse one that cannot be of a history."""
    if instant.year not in YEARS:
        raise instant_out_of_range()
    if instant > not_after:
        raise instant_in_future()
    return instant.astimezone(UTC)


def check_no_personal_number(given_id: str) -> None:
    """Refuse an id that is a person's number: it would stand in the name of a stream for ever."""
    if len(given_id) not in _PERSONAL_NUMBER_LENGTHS or not given_id.isdecimal():
        return
    if nn.is_valid(given_id) or bis.is_valid(given_id) or bsn.is_valid(given_id):
        sentence = "The name of a stream is kept for ever: a person's number may not stand in it."
        raise LineRefusedError("personal-number-in-stream", sentence)


def _said(line: bytes | None) -> _Line:
    if line is None:
        raise line_too_long()
    try:
        said = _READ_LINE(line)
    except UNREADABLE as error:
        place = _place(error)
        detail = "A line is a JSON object with stream, event, data, effectiveAt and what else docs/import.md names"
        raise LineRefusedError("malformed-line", f"{detail}{place}.") from error
    if _NUL in line:
        raise LineRefusedError("malformed-line", "A text holds the character NUL, which cannot be kept.")
    return said


def _check_stream(stream: str, prefix: str) -> None:
    if not stream.startswith(prefix) or not _STREAM_ID.fullmatch(stream, len(prefix)):
        sentence = f"This event belongs to a stream {prefix} and an id of letters, digits, hyphens and underscores."
        raise LineRefusedError("malformed-stream", sentence)
    for part in stream[len(prefix) :].split("."):
        check_no_personal_number(part)


def _malformed_data(error: Exception) -> LineRefusedError:
    return LineRefusedError("malformed-data", f"The data are not what this event holds{_place(error)}.")


def _place(error: Exception) -> str:
    """Say where something is wrong, and never what stood there."""
    found = _PLACE.search(str(error))
    return f" (at {found[1]})" if found else ""


def _lost(given: Any, kept: Any) -> bool:  # noqa: ANN401 - any JSON
    """Return whether something that was given is not kept, because the event has no field for it."""
    if isinstance(given, dict) and isinstance(kept, dict):
        return not given.keys() <= kept.keys() or any(_lost(value, kept[name]) for name, value in given.items())
    if isinstance(given, list) and isinstance(kept, list):
        return any(_lost(value, other) for value, other in zip(given, kept, strict=False))
    return False


# --- Instants inside events -----------------------------------------------------------------------------------------


def _holds_instants(cls: Any) -> bool:  # noqa: ANN401 - any annotation
    if is_dataclass(cls):
        return any(_holds_instants(hint) for hint in get_type_hints(cls).values())
    return cls is datetime or any(_holds_instants(part) for part in get_args(cls))


def _in_utc(value: Any) -> Any:  # noqa: ANN401 - any field of any event
    """Give all instants in UTC: one spelling in the log."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise msgspec.ValidationError("an instant without an offset")
        if value.year not in YEARS:
            raise msgspec.ValidationError("an instant out of range")
        return value.astimezone(UTC)
    if isinstance(value, tuple):
        return tuple(_in_utc(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _in_utc(getattr(value, field.name)) for field in fields(value)})
    return value
