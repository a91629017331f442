"""Kinds of values: the form of a field of a command, an event or a value beyond its type, declared once.

A kind stands beside the type, `legal_basis: Annotated[str, one_line(400, code, sentence)]`, mostly under a name of its
own that the command and its event share; a value of another form is refused with that code and sentence. Bodies of
requests, imported events and the OpenAPI document derive from the kinds, and a decider checks each command against them
first (`checks.check`). A text whose name ends in `_id` is an id without an annotation; a text that is empty by default
may be empty. Stored events are never checked: what is in the log stays readable.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Annotated, Any, NewType, TypeAlias, get_args, get_origin

from domain.kernel.instants import check_year
from domain.kernel.national_numbers import check_national_number
from domain.kernel.participants import check_enterprise_number
from domain.kernel.payments import CURRENCIES, check_currency, check_payment_reference
from domain.kernel.refusals import InvalidValue, MalformedValue
from domain.kernel.visible_text import has_control_character, has_hidden_character, has_visible_character
from domain.kernel.vocabulary import EnterpriseNumber, NationalNumber

MAX_TEXT_LENGTH = 4_000
MAX_ITEMS = 200
MAX_INTEGER = 2**53 - 1
"""Beyond it, JSON numbers are not the same everywhere (RFC 8259, section 6)."""

MAX_COUNT = 2**31 - 1
"""The last number that a 32-bit column of a read model holds."""

Hint: TypeAlias = Any
"""An annotation: a type, with its kinds beside it."""

Check: TypeAlias = Callable[[Any], None]
Spell: TypeAlias = Callable[[Any], Any]

_DIGITS = re.compile("[0-9]{1,19}")


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of value. `check` raises ValueRefusal; `schema` is the same in JSON Schema, as far as that goes.

    A `malformed` kind refuses with MalformedValue only: doors check it when they read a body. `spell` returns the one
    spelling that is kept, where others are accepted too.
    """

    check: Check
    schema: Mapping[str, object] = field(default_factory=dict)
    malformed: bool = False
    spell: Spell | None = None


# --- Texts ----------------------------------------------------------------------------------------------------------


def one_line(most: int, code: str, sentence: str, *, too_long: tuple[str, str] | None = None) -> Kind:
    """Declare a text of one line of at most `most` characters, of which something can be seen.

    Any other is refused with InvalidValue of this code and sentence; with `too_long`, a longer one with those.
    """
    return _text(most, (code, sentence), too_long or (code, sentence), single=True)


def several_lines(most: int, code: str, sentence: str) -> Kind:
    """Declare a text like that of `one_line`, in which lines may be broken; spaces around it do not count."""
    return _text(most, (code, sentence), (code, sentence), single=False)


ANY_LINE = Kind(lambda text: _check_readable(text, single=True), {"maxLength": MAX_TEXT_LENGTH})
"""A line, empty or not, that a rule compares with another."""


def _text(most: int, missing: tuple[str, str], too_long: tuple[str, str], *, single: bool) -> Kind:
    def check(text: str) -> None:
        if not has_control_character(text) and not has_visible_character(text):
            raise InvalidValue(*missing)
        if len(text if single else text.strip()) > most:
            raise InvalidValue(*too_long)
        _check_readable(text, single=single)

    return Kind(check, {"maxLength": most})


def check_no_control_character(text: str) -> None:
    """Refuse a text with a character that no kind of text may have; raises MalformedValue."""
    if has_control_character(text):
        raise MalformedValue("control-character", "The text contains a control character.")


def _check_readable(text: str, *, single: bool) -> None:
    check_no_control_character(text)
    if has_hidden_character(text, one_line=single):
        refused = "a line break, a change of direction" if single else "a change of direction"
        raise InvalidValue("hidden-character", f"The text holds a character that nobody sees: {refused} or the like.")


def written(
    pattern: str,
    code: str,
    sentence: str,
    *,
    most: int = MAX_TEXT_LENGTH,
    optional: bool = False,
    malformed: bool = False,
    spell: Spell | None = None,
) -> Kind:
    """Declare a text of at most `most` characters that a pattern describes; with `optional`, it may be empty."""
    described = f"(?:{pattern})?" if optional else f"(?:{pattern})"
    matches = re.compile(described).fullmatch
    refusal = MalformedValue if malformed else InvalidValue

    def check(text: str) -> None:
        if matches(text) is None or len(text) > most:
            raise refusal(code, sentence)

    length = {"maxLength": most} if most < MAX_TEXT_LENGTH else {}
    return Kind(check, {"pattern": f"^{described}$", **length}, malformed, spell)


def one_of(codes: Collection[str], code: str, sentence: str) -> Kind:
    """Declare a code of a list."""

    def check(given: str) -> None:
        if given not in codes:
            raise InvalidValue(code, sentence)

    return Kind(check, {"enum": sorted(codes)})


# --- Numbers and lists ----------------------------------------------------------------------------------------------


def whole(least: int, most: int, code: str = "", sentence: str = "") -> Kind:
    """Declare a whole number between two bounds, both included."""

    def check(number: int) -> None:
        if not least <= number <= most:
            if code:
                raise InvalidValue(code, sentence)
            raise InvalidValue("number-out-of-range", f"The number must be between {least} and {most}.")

    return Kind(check, {"minimum": least, "maximum": most})


def several(most: int, code: str, sentence: str, *, least: int = 0) -> Kind:
    """Declare a list of `least` to `most` items."""

    def check(items: Sequence[object]) -> None:
        if not least <= len(items) <= most:
            raise InvalidValue(code, sentence)

    return Kind(check, {"minItems": least, "maxItems": most})


def distinct(code: str, sentence: str) -> Kind:
    """Declare a list that names each item once."""

    def check(items: Sequence[object]) -> None:
        if len(set(items)) != len(items):
            raise InvalidValue(code, sentence)

    return Kind(check, {"uniqueItems": True})


def read_whole(written: object) -> int:
    """Return a number from 0 on, written in digits of ASCII; raise MalformedValue for any other way to write one."""
    if isinstance(written, int) and not isinstance(written, bool):
        return written
    if isinstance(written, str) and _DIGITS.fullmatch(written):
        return int(written)
    raise MalformedValue("not-a-whole-number", "A whole number is written in digits only.")


# --- Kinds that many contexts share ---------------------------------------------------------------------------------

ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}"
"""No dot: it joins the two ids of a composite one (`person.provider`), so that no id can pretend to be two."""

_MALFORMED_ID = ("malformed-id", "An id has letters, digits, hyphens and underscores only.")
ID = written(ID_PATTERN, *_MALFORMED_ID, malformed=True)
OptionalId = Annotated[str, written(ID_PATTERN, *_MALFORMED_ID, malformed=True, optional=True)]

CODE_PATTERN = "[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"
"""Codes of other systems: never free text, through which a name of a person could come into the log."""

SUBJECT_PATTERN = "[!-~]{1,255}"
"""The caller as a token names them: visible ASCII without spaces."""

_MALFORMED_CONTEXT = ("malformed-context", "What stands beside an event is written in visible ASCII.")
ACTOR = written(f"{SUBJECT_PATTERN}(?: via {ID_PATTERN})?", *_MALFORMED_CONTEXT, malformed=True)
REFERENCE = written("[!-~]{1,200}", *_MALFORMED_CONTEXT, malformed=True)
# A name, or a URI in a register. It begins with a letter, so that it cannot be a person's number by mistake.
ACTIVITY = written("[A-Za-z][A-Za-z0-9._~:/?#@!$&'()*+,;=%-]{0,199}", *_MALFORMED_CONTEXT, malformed=True)
# W3C trace context, version 00, whose ids are not zero.
TRACE = written("00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", *_MALFORMED_CONTEXT, malformed=True)

_DIGEST_PATTERN = "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"  # 256 bits leave two zero bits at the end
_HEXADECIMAL = re.compile("[0-9a-fA-F]{64}")


def _base64url(digest: str) -> str:
    if not _HEXADECIMAL.fullmatch(digest):
        return digest
    return base64.urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode()


_INVALID_DIGEST = ("invalid-digest", "The digest must be a SHA-256 in base64url, 43 characters.")
Digest = Annotated[str, written(_DIGEST_PATTERN, *_INVALID_DIGEST, spell=_base64url)]
"""A SHA-256 in base64url without padding. Doors also take it in hexadecimal digits."""

OptionalDigest = Annotated[str, written(_DIGEST_PATTERN, *_INVALID_DIGEST, spell=_base64url, optional=True)]

Currency = Annotated[str, Kind(check_currency, {"enum": sorted(CURRENCIES)})]
PaymentReference = Annotated[str, Kind(check_payment_reference)]
ParticipantNumber = Annotated[str, Kind(lambda _number: None)]
"""Its form depends on its scheme: the class that has both calls `check_participant`."""

Count = Annotated[int, whole(1, MAX_COUNT)]
"""How many there are, or which of several: from 1."""


def _check_instant(instant: datetime) -> None:
    if instant.tzinfo is None:
        raise MalformedValue("not-rfc3339", "An instant names its offset.")
    check_year(instant)


_BY_TYPE: Mapping[object, Kind] = {
    datetime: Kind(_check_instant, malformed=True, spell=lambda instant: instant.astimezone(UTC)),
    date: Kind(check_year, malformed=True),
    NationalNumber: Kind(check_national_number),
    EnterpriseNumber: Kind(check_enterprise_number),
}
_ITEMS = Kind(
    several(MAX_ITEMS, "too-many-items", f"A list has at most {MAX_ITEMS} items.").check, {"maxItems": MAX_ITEMS}
)


def plain_type(hint: Hint) -> Hint:
    """Return the type without its annotations."""
    origin: object = get_origin(hint)
    return get_args(hint)[0] if origin is Annotated else hint


def kinds_of(name: str, hint: Hint) -> Sequence[Kind]:
    """Return the kinds of a field itself, not of the fields that it holds.

    A text or a number without a kind is a mistake of its author; raises AssertionError.
    """
    plain = plain_type(hint)
    if plain is not hint:
        return [kind for kind in get_args(hint)[1:] if isinstance(kind, Kind)] or kinds_of(name, plain)
    origin: object = get_origin(plain)
    if (of_type := _BY_TYPE.get(plain)) is not None:
        return [of_type]
    if origin is tuple:
        return [_ITEMS]
    if plain is str and name.endswith("_id"):
        return [ID]
    assert plain not in (str, int), f"{name} is declared without its kind"
    assert not isinstance(plain, NewType), f"{name} is declared without its kind"
    return ()
