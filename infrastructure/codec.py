"""Names and bytes of events: stored under stable names as JSON whose bytes are kept exactly as first written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from domain.kernel import AnyDecider
from infrastructure import system_events

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class UnknownEventError(LookupError):
    """The log holds an event under a name that this release does not know."""


class Codec:
    """Encodes and decodes the events of the given deciders, and the system events.

    Fields are written in the order of the event class; instants as RFC 3339 in UTC; missing optional values as null.
    """

    def __init__(self, deciders: Iterable[AnyDecider]) -> None:
        classes: dict[str, type] = dict(system_events.EVENTS)
        for decider in deciders:
            for name, event in decider.events.items():
                if classes.setdefault(name, event) is not event:
                    raise ValueError(f"two events are stored as {name}")
        self.classes: Mapping[str, type] = classes
        self.names: Mapping[type, str] = {event: name for name, event in classes.items()}
        self._encoder = msgspec.json.Encoder()
        self._decoders: dict[str, msgspec.json.Decoder[DataclassInstance]] = {
            name: msgspec.json.Decoder(event) for name, event in classes.items()
        }

    def encode(self, event: object) -> tuple[str, bytes]:
        return self.names[type(event)], self._encoder.encode(event)

    def decoder(self, name: str) -> Callable[[bytes], DataclassInstance]:
        """Return what decodes events of one known name: for callers that decode many."""
        return self._decoders[name].decode

    def decode(self, name: str, payload: bytes) -> DataclassInstance:
        decoder = self._decoders.get(name)
        if decoder is None:
            raise UnknownEventError(f"no event is known as {name}")
        return decoder.decode(payload)
