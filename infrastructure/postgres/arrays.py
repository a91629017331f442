"""Arrays in PostgreSQL's binary form, packed at once: psycopg's own lists cost several microseconds for each element.

Form: dimensions, has-nulls flag, element type, then length and lower bound of the one dimension, then each element
behind its length (-1 for a null), all big-endian. Source: array_recv in PostgreSQL's arrayfuncs.c.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TypeVar, cast

from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.pq import Format

T = TypeVar("T")

_HEADER = struct.Struct("!iiIii").pack
_EMPTY_HEADER = struct.Struct("!iiI").pack
_LENGTH = struct.Struct("!i").pack
_INT8 = struct.Struct("!iq").pack
_INT4 = struct.Struct("!ii").pack
_BOOL = struct.Struct("!i?").pack
_NULL = _LENGTH(-1)
_SHORT = [_LENGTH(length) for length in range(256)]

_BOOL_OID, _BYTEA, _INT8_OID, _INT4_OID, _TEXT, _DATE, _TIMESTAMPTZ = 16, 17, 20, 23, 25, 1082, 1184
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(2000, 1, 1).toordinal()


class PackedArray(bytes):
    """A packed array. Each element type has a class of its own: psycopg finds the dumper by the class."""

    __slots__ = ()


_ARRAY_OIDS = {
    _BOOL_OID: 1000,
    _BYTEA: 1001,
    _INT4_OID: 1007,
    _TEXT: 1009,
    _INT8_OID: 1016,
    _DATE: 1182,
    _TIMESTAMPTZ: 1185,
}
"""By element type. Source: PostgreSQL's pg_type.dat."""

_CLASSES: Mapping[int, type[PackedArray]] = {
    element_oid: type(f"PackedArray{element_oid}", (PackedArray,), {"__slots__": ()}) for element_oid in _ARRAY_OIDS
}


def texts(values: Sequence[str | None]) -> PackedArray:
    if values and (first := _only_one(values)) is not None:
        return _packed_bytes([first.encode()], _TEXT, times=len(values))
    if None in values:
        return _packed_bytes([None if value is None else value.encode() for value in values], _TEXT)
    packed = [_length(len(value)) + value for value in map(str.encode, cast("Sequence[str]", values))]
    return _joined(packed, _TEXT)


def text_lists(values: Sequence[Sequence[str] | None]) -> PackedArray:
    """Pack lists of texts, each as the text of an array: PostgreSQL has no arrays of arrays of different lengths."""
    return texts([None if value is None else array_text(value) for value in values])


def array_text(elements: Sequence[str]) -> str:
    """Return an array of texts as PostgreSQL reads one."""
    escaped = (element.replace("\\", "\\\\").replace('"', '\\"') for element in elements)
    return "{" + ",".join(f'"{element}"' for element in escaped) + "}"


def byte_strings(values: Sequence[bytes | None]) -> PackedArray:
    return _packed_bytes(values, _BYTEA)


def bigints(values: Sequence[int | None]) -> PackedArray:
    return _packed(values, _INT8_OID, lambda value: _INT8(8, value))


def integers(values: Sequence[int | None]) -> PackedArray:
    return _packed(values, _INT4_OID, lambda value: _INT4(4, value))


def booleans(values: Sequence[bool | None]) -> PackedArray:
    return _packed(values, _BOOL_OID, lambda value: _BOOL(1, value))


def dates(values: Sequence[date | None]) -> PackedArray:
    return _packed(values, _DATE, lambda value: _INT4(4, value.toordinal() - _EPOCH_DAY))


def instants(values: Sequence[datetime | None]) -> PackedArray:
    return _packed(values, _TIMESTAMPTZ, _instant)


def _instant(value: datetime) -> bytes:
    since = value - _EPOCH
    return _INT8(8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def register_types(client: AdaptContext) -> None:
    """Let a connection or a cursor take packed arrays as parameters."""
    for array, dumper in _DUMPERS.items():
        client.adapters.register_dumper(array, dumper)


class _Packed(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


_DUMPERS = {
    _CLASSES[element_oid]: type(f"PackedArray{element_oid}Dumper", (_Packed,), {"oid": oid})
    for element_oid, oid in _ARRAY_OIDS.items()
}


def _packed(values: Sequence[T | None], element_oid: int, element: Callable[[T], bytes]) -> PackedArray:
    if values and (first := _only_one(values)) is not None:
        return _joined([element(first)], element_oid, times=len(values))
    packed = [_NULL if value is None else element(value) for value in values]
    return _joined(packed, element_oid, with_null=None in values)


def _packed_bytes(values: Sequence[bytes | None], element_oid: int, *, times: int = 1) -> PackedArray:
    """Pack byte strings, the most frequent elements, so without a call for each one. All stand there so many times."""
    length = _LENGTH
    packed = [_NULL if value is None else length(len(value)) + value for value in values]
    return _joined(packed, element_oid, with_null=None in values, times=times)


def _length(length: int) -> bytes:
    return _SHORT[length] if length < len(_SHORT) else _LENGTH(length)


def _only_one(values: Sequence[T | None]) -> T | None:
    """Return the value that all are, as in many columns of a batch; None if they differ."""
    first = values[0]
    return first if first == values[-1] and values.count(first) == len(values) else None


def _joined(elements: Sequence[bytes], element_oid: int, *, with_null: bool = False, times: int = 1) -> PackedArray:
    if not elements:
        return _CLASSES[element_oid](_EMPTY_HEADER(0, 0, element_oid))  # an empty array has no dimension
    header = _HEADER(1, with_null, element_oid, len(elements) * times, 1)
    return _CLASSES[element_oid](header + b"".join(elements) * times)
