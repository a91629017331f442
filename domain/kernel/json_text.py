"""JSON as callers send it: in UTF-8 without a byte order mark, and each field of an object once.

Some readers of JSON take the last of two fields with one name, others the first, and none reports it (RFC 8259,
section 4): a text with both has no one meaning.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from domain.kernel.refusals import MalformedValue

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def check_json(text: bytes) -> None:
    """Refuse a byte order mark, and a field that an object has twice. Text that is not JSON passes."""
    check_no_byte_order_mark(text)
    try:
        _ONCE.decode(text.decode())
    except (ValueError, RecursionError):
        return


def check_no_byte_order_mark(text: bytes) -> None:
    if text.startswith(_BYTE_ORDER_MARKS):
        sentence = "The text begins with a byte order mark. Save or send it as UTF-8 without one."
        raise MalformedValue("byte-order-mark", sentence)


def said_twice(what: str) -> MalformedValue:
    """Return the refusal of a field, a header or a parameter that is there twice."""
    return MalformedValue("said-twice", f"{what} is said twice, and it is not guessed which one counts.")


def _each_once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise said_twice("A field of an object")
    return found


_ONCE = json.JSONDecoder(object_pairs_hook=_each_once)
