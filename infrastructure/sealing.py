"""Seals personal fields before the bytes of an event exist, and opens them for answers only.

A sealed text is AES-256-GCM (NIST SP 800-38D) under the key of its data subject and purpose. It is bound to its place:
the id of the key, the event (stream and version), the event's stored name and the path of the field are authenticated
with it, so that it opens nowhere else.
"""

from __future__ import annotations

import os
from binascii import Error as NotBase64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from cryptography.exceptions import InvalidTag

from application.ports import Sealed
from domain.kernel import Personal
from infrastructure.keys.data_keys import KEY_ID_BYTES, NONCE_BYTES, DataKey, KeyOwner, Keys

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

E = TypeVar("E", bound="DataclassInstance")

PREFIX = "sealed:"
VERSION_BYTES = 4
_HEAD_BYTES = KEY_ID_BYTES + VERSION_BYTES
_BODY_AT = _HEAD_BYTES + NONCE_BYTES
TAG_BYTES = 16


class SealBrokenError(ValueError):
    """A sealed text was changed, or belongs to another place."""


class PersonalField(NamedTuple):
    """A personal field of an event class: its name and its declaration."""

    name: str
    declared: Personal

    @property
    def path(self) -> str:
        return f"{self.name}.{self.declared.within}" if self.declared.within else self.name


_FIELDS: dict[type, Sequence[PersonalField]] = {}
"""A cache, as large as the number of event classes."""


def personal_fields(event_class: type) -> Sequence[PersonalField]:
    """Return the personal fields of an event class, in order."""
    known = _FIELDS.get(event_class)
    if known is None:
        declared = fields(event_class) if is_dataclass(event_class) else ()
        known = _FIELDS[event_class] = [
            PersonalField(each.name, each.metadata["personal"]) for each in declared if "personal" in each.metadata
        ]
    return known


# --- Sealing --------------------------------------------------------------------------------------------------------


def owners(events: Sequence[object]) -> Sequence[KeyOwner]:
    """Return the owners of the keys that seal the non-empty personal fields of these events."""
    return [
        KeyOwner(getattr(event, each.declared.subject), each.declared.group)
        for event in events
        for each in personal_fields(type(event))
        if _text(event, each)
    ]


@dataclass(frozen=True, slots=True)
class EventPlace:
    """The place of an event: unique, and for ever."""

    stream: str
    version: int
    name: str


def seal(event: E, place: EventPlace, keys: Mapping[KeyOwner, DataKey]) -> E:
    """Return the event with its personal fields sealed; `keys` holds the key of each owner."""
    sealed: dict[str, object] = {}
    for each in personal_fields(type(event)):
        if text := _text(event, each):
            key = keys[KeyOwner(getattr(event, each.declared.subject), each.declared.group)]
            closed = _sealed(text, key, place, each.path)
            inner = each.declared.within
            sealed[each.name] = replace(getattr(event, each.name), **{inner: closed}) if inner else closed
    return replace(event, **sealed) if sealed else event


def _text(event: object, each: PersonalField) -> str:
    value = getattr(event, each.name)
    return getattr(value, each.declared.within, "") if each.declared.within else value


def _sealed(text: str, key: DataKey, place: EventPlace, path: str) -> str:
    nonce = os.urandom(NONCE_BYTES)
    version = place.version.to_bytes(VERSION_BYTES, "big")
    body = key.cipher.encrypt(nonce, text.encode(), _associated_data(key.key_id, place, path))
    return PREFIX + b2a_base64(b"".join((key.key_id, version, nonce, body)), newline=False).decode()


def _associated_data(key_id: bytes, place: EventPlace, path: str) -> bytes:
    # No part but the id, whose length is fixed, can hold a zero byte.
    return key_id + f"\0{place.stream}\0{place.version}\0{place.name}\0{path}".encode()


# --- Opening --------------------------------------------------------------------------------------------------------


async def open_all(sealed: Sequence[Sealed], keys: Keys) -> Sequence[str | None]:
    """Return the texts; None for one whose person was erased.

    Raise SealBrokenError where a text was changed or moved, and UnknownKeyError where its key never existed.
    """
    raws = [_raw(each.text) for each in sealed]
    known = await keys.for_opening({raw[:KEY_ID_BYTES] for raw in raws})
    return [_open(each, raw, known.get(raw[:KEY_ID_BYTES])) for each, raw in zip(sealed, raws, strict=True)]


def _raw(text: str) -> bytes:
    if not text.startswith(PREFIX):
        raise SealBrokenError("a personal text is not sealed")
    try:
        raw = a2b_base64(text[len(PREFIX) :], strict_mode=True)
    except (NotBase64Error, ValueError):
        raw = b""
    if len(raw) < _BODY_AT + TAG_BYTES:
        raise SealBrokenError("a sealed text is not whole")
    return raw


def _open(sealed: Sealed, raw: bytes, key: DataKey | None) -> str | None:
    if key is None:
        return None
    version = int.from_bytes(raw[KEY_ID_BYTES:_HEAD_BYTES], "big")
    bound = _associated_data(key.key_id, EventPlace(sealed.stream, version, sealed.name), sealed.path)
    try:
        return key.cipher.decrypt(raw[_HEAD_BYTES:_BODY_AT], raw[_BODY_AT:], bound).decode()
    except InvalidTag as error:
        raise SealBrokenError("a sealed text was changed, or it belongs elsewhere") from error
