"""Arrays in PostgreSQL's binary form, packed at once: psycopg's own lists cost several microseconds for each element.

Form: dimensions, has-nulls flag, element type, then length and lower bound of the one dimension, then each element
behind its length, all big-endian. Source: array_recv in PostgreSQL's arrayfuncs.c.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER = struct.Struct("!iiIii")
_LENGTH = struct.Struct("!i").pack
_INT8 = struct.Struct("!iq").pack
_INT4 = struct.Struct("!ii").pack

_BYTEA, _INT8_OID, _INT4_OID, _TEXT, _TIMESTAMPTZ = 17, 20, 23, 25, 1184
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class TextArray(bytes):
    """`text[]`."""

    __slots__ = ()


class ByteaArray(bytes):
    """`bytea[]`."""

    __slots__ = ()


class BigintArray(bytes):
    """`bigint[]`."""

    __slots__ = ()


class IntArray(bytes):
    """`integer[]`."""

    __slots__ = ()


class InstantArray(bytes):
    """`timestamptz[]`."""

    __slots__ = ()


_ARRAY_OIDS = {TextArray: 1009, ByteaArray: 1001, BigintArray: 1016, IntArray: 1007, InstantArray: 1185}


def texts(values: Iterable[str]) -> TextArray:
    return TextArray(_of_bytes([value.encode() for value in values], _TEXT))


def byte_strings(values: Sequence[bytes]) -> ByteaArray:
    return ByteaArray(_of_bytes(values, _BYTEA))


def bigints(values: Sequence[int]) -> BigintArray:
    return BigintArray(_header(_INT8_OID, len(values)) + b"".join([_INT8(8, value) for value in values]))


def integers(values: Sequence[int]) -> IntArray:
    return IntArray(_header(_INT4_OID, len(values)) + b"".join([_INT4(4, value) for value in values]))


def instants(values: Sequence[datetime]) -> InstantArray:
    packed = [_INT8(8, (value - _EPOCH) // _MICROSECOND) for value in values]
    return InstantArray(_header(_TIMESTAMPTZ, len(values)) + b"".join(packed))


def teach(connection: psycopg.AsyncConnection[Any]) -> None:
    """Let a connection take packed arrays as parameters."""
    for array, oid in _ARRAY_OIDS.items():
        connection.adapters.register_dumper(array, type(f"{array.__name__}Dumper", (_Packed,), {"oid": oid}))


class _Packed(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


def _header(element_oid: int, length: int) -> bytes:
    # An empty array has no dimension.
    return _HEADER.pack(1, 0, element_oid, length, 1) if length else struct.pack("!iiI", 0, 0, element_oid)


def _of_bytes(values: Sequence[bytes], element_oid: int) -> bytes:
    pack: Callable[[int], bytes] = _LENGTH
    return _header(element_oid, len(values)) + b"".join(
        [part for value in values for part in (pack(len(value)), value)]
    )
