"""Arrays in PostgreSQL's binary form, packed at once: psycopg's own lists cost several microseconds for each element.

Form: dimensions, has-nulls flag, element type, then length and lower bound of the one dimension, then each element
behind its length (-1 for a null), all big-endian. Source: array_recv in PostgreSQL's arrayfuncs.c.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
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
    if values and (first := values[0]) is not None and values.count(first) == len(values):
        return _packed_bytes([first.encode()] * len(values), _TEXT)
    return _packed_bytes([None if value is None else value.encode() for value in values], _TEXT)


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
    return _packed(values, _TIMESTAMPTZ, lambda value: _INT8(8, (value - _EPOCH) // _MICROSECOND))


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
    if not values:
        return _CLASSES[element_oid](_EMPTY_HEADER(0, 0, element_oid))  # an empty array has no dimension
    count, first = len(values), values[0]
    if first is not None and values.count(first) == count:  # in many columns a batch has one value only
        return _CLASSES[element_oid](_HEADER(1, 0, element_oid, count, 1) + element(first) * count)
    packed = [_NULL if value is None else element(value) for value in values]
    return _CLASSES[element_oid](_HEADER(1, None in values, element_oid, count, 1) + b"".join(packed))


def _packed_bytes(values: Sequence[bytes | None], element_oid: int) -> PackedArray:
    """Pack byte strings: the most frequent elements, so without a call for each one."""
    if not values:
        return _CLASSES[element_oid](_EMPTY_HEADER(0, 0, element_oid))
    count, first = len(values), values[0]
    if first is not None and values.count(first) == count:
        return _CLASSES[element_oid](_HEADER(1, 0, element_oid, count, 1) + (_LENGTH(len(first)) + first) * count)
    packed = [_NULL if value is None else _LENGTH(len(value)) + value for value in values]
    return _CLASSES[element_oid](_HEADER(1, None in values, element_oid, count, 1) + b"".join(packed))
