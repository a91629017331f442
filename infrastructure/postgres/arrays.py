"""Arrays in PostgreSQL's binary form, packed at once: psycopg's own lists cost several microseconds for each element.

Form: dimensions, has-nulls flag, element type, then length and lower bound of the one dimension, then each element
behind its length (-1 for a null), all big-endian. Source: array_recv in PostgreSQL's arrayfuncs.c.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

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

_BOOL_OID, _BYTEA, _INT8_OID, _INT4_OID, _TEXT, _DATE, _TIMESTAMPTZ = 16, 17, 20, 23, 25, 1082, 1184
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(2000, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)


class PackedArray(bytes):
    """A packed array; its class says which type it has."""

    __slots__ = ()


class TextArray(PackedArray):
    """`text[]`."""

    __slots__ = ()


class ByteaArray(PackedArray):
    """`bytea[]`."""

    __slots__ = ()


class BigintArray(PackedArray):
    """`bigint[]`."""

    __slots__ = ()


class IntArray(PackedArray):
    """`integer[]`."""

    __slots__ = ()


class BooleanArray(PackedArray):
    """`boolean[]`."""

    __slots__ = ()


class DateArray(PackedArray):
    """`date[]`."""

    __slots__ = ()


class InstantArray(PackedArray):
    """`timestamptz[]`."""

    __slots__ = ()


_ARRAY_OIDS: dict[type[PackedArray], int] = {
    BooleanArray: 1000,
    ByteaArray: 1001,
    IntArray: 1007,
    TextArray: 1009,
    BigintArray: 1016,
    DateArray: 1182,
    InstantArray: 1185,
}


def texts(values: Sequence[str | None]) -> TextArray:
    if values and (first := values[0]) is not None and values.count(first) == len(values):
        return TextArray(_packed_bytes([first.encode()] * len(values), _TEXT))
    return TextArray(_packed_bytes([None if value is None else value.encode() for value in values], _TEXT))


def text_lists(values: Sequence[Sequence[str] | None]) -> TextArray:
    """Pack lists of texts, each as the text of an array: PostgreSQL has no arrays of arrays of different lengths."""
    return texts([None if value is None else array_text(value) for value in values])


def array_text(elements: Sequence[str]) -> str:
    """Return an array of texts as PostgreSQL reads one."""
    escaped = (element.replace("\\", "\\\\").replace('"', '\\"') for element in elements)
    return "{" + ",".join(f'"{element}"' for element in escaped) + "}"


def byte_strings(values: Sequence[bytes | None]) -> ByteaArray:
    return ByteaArray(_packed_bytes(values, _BYTEA))


def bigints(values: Sequence[int | None]) -> BigintArray:
    return BigintArray(_packed(values, _INT8_OID, lambda value: _INT8(8, value)))


def integers(values: Sequence[int | None]) -> IntArray:
    return IntArray(_packed(values, _INT4_OID, lambda value: _INT4(4, value)))


def booleans(values: Sequence[bool | None]) -> BooleanArray:
    return BooleanArray(_packed(values, _BOOL_OID, lambda value: _BOOL(1, value)))


def dates(values: Sequence[date | None]) -> DateArray:
    return DateArray(_packed(values, _DATE, lambda value: _INT4(4, value.toordinal() - _EPOCH_DAY)))


def instants(values: Sequence[datetime | None]) -> InstantArray:
    return InstantArray(_packed(values, _TIMESTAMPTZ, lambda value: _INT8(8, (value - _EPOCH) // _MICROSECOND)))


def register_types(client: AdaptContext) -> None:
    """Let a connection or a cursor take packed arrays as parameters."""
    for array, dumper in _DUMPERS.items():
        client.adapters.register_dumper(array, dumper)


class _Packed(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


_DUMPERS = {array: type(f"{array.__name__}Dumper", (_Packed,), {"oid": oid}) for array, oid in _ARRAY_OIDS.items()}


def _packed(values: Sequence[T | None], element_oid: int, element: Callable[[T], bytes]) -> bytes:
    if not values:
        return _EMPTY_HEADER(0, 0, element_oid)  # an empty array has no dimension
    count, first = len(values), values[0]
    if first is not None and values.count(first) == count:  # in many columns a batch has one value only
        return _HEADER(1, 0, element_oid, count, 1) + element(first) * count
    packed = [_NULL if value is None else element(value) for value in values]
    return _HEADER(1, None in values, element_oid, count, 1) + b"".join(packed)


def _packed_bytes(values: Sequence[bytes | None], element_oid: int) -> bytes:
    """Pack byte strings: the most frequent elements, so without a call for each one."""
    if not values:
        return _EMPTY_HEADER(0, 0, element_oid)
    count, first = len(values), values[0]
    if first is not None and values.count(first) == count:
        return _HEADER(1, 0, element_oid, count, 1) + (_LENGTH(len(first)) + first) * count
    packed = [_NULL if value is None else _LENGTH(len(value)) + value for value in values]
    return _HEADER(1, None in values, element_oid, count, 1) + b"".join(packed)
