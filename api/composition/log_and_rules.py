"""Makes the log, its keys and the rules from the settings, for the doors and for the command line alike.

It knows nothing of the doors: a command of the command line starts without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from api.rest.pressure import observe_appends, observe_lookups
from application.gathering import Lookup, Rules
from application.registry import RULES
from domain.contexts import DECIDERS
from domain.erasure.model import RequestErasure
from domain.identity.key import ExpireUnusedKey
from domain.kernel import Command
from domain.operation import RetryParkedEvents, SkipParkedEvent
from domain.reactors import REACTOR, ReactorCommand, RetryWaitingEvents, SkipWaitingEvent
from infrastructure.codec import Codec
from infrastructure.database.addresses import Addresses
from infrastructure.deadlines.key_use import unused_until
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.keys.data_keys import Keys
from infrastructure.keys.keyring import Keyring
from infrastructure.keys.providers import make_provider
from infrastructure.reactors.status import waits
from infrastructure.read_models.reading import ReadModels
from infrastructure.settings import Settings, blind_index_key


def utc_now() -> datetime:
    return datetime.now(UTC)


def make_codec() -> Codec:
    return Codec(DECIDERS)


def make_keyring(settings: Settings, addresses: Addresses) -> Keyring:
    """Make the keyring of data subjects; raises DatabaseUnusableError if its database has no address."""
    return Keyring(addresses.keys, make_provider(settings))


def make_log(settings: Settings, addresses: Addresses, keys: Keys | None) -> PostgresLog:
    """Make the log; without keys it refuses events with personal data."""
    return PostgresLog(
        addresses.writer,
        make_codec(),
        blind_index_key(settings),
        keys=keys,
        observe_appends=observe_appends,
        observe_lookups=observe_lookups,
    )


def make_rules(reads: ReadModels, cooling_off_days: int = 0) -> Rules:
    """Return the rules, with facts that are not in the log: events to retry or to skip, and the setting of erasures."""

    async def with_parked(command: Command) -> Command:
        assert isinstance(command, RetryParkedEvents | SkipParkedEvent)
        or_stopped = isinstance(command, SkipParkedEvent)
        parked = await reads.is_parked(command.projection, command.event_position, or_stopped=or_stopped)
        return replace(command, parked=parked)

    async def with_waiting(command: Command) -> Command:
        assert isinstance(command, ReactorCommand)
        position = command.event_position if isinstance(command, RetryWaitingEvents | SkipWaitingEvent) else 0
        known, waiting = await waits(reads.engine, command.reactor, position)
        if isinstance(command, RetryWaitingEvents | SkipWaitingEvent):
            return replace(command, known=known, waiting=waiting)
        return replace(command, known=known)

    async def with_use(command: Command) -> Command:
        assert isinstance(command, ExpireUnusedKey)
        return replace(command, unused_until=await unused_until(reads, command.key_id))

    async def with_days(command: Command) -> Command:
        assert isinstance(command, RequestErasure)
        return replace(command, cooling_off_days=cooling_off_days)

    lookups: Mapping[type[Command], Lookup] = {
        RetryParkedEvents: with_parked,
        SkipParkedEvent: with_parked,
        RequestErasure: with_days,
        ExpireUnusedKey: with_use,
        **dict.fromkeys(REACTOR.rules, with_waiting),
    }
    return replace(RULES, lookups=lookups)
