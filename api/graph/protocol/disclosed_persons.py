"""Which of the ids that an answer holds are those of persons: before whose data was looked at is put on record."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from api.graph.queries.query_context import MOST_KEYS, Asking
from api.graph.queries.visibility import visible
from api.web.access_record import Looks
from application.ports import EventStore
from domain.identity.person import PERSON
from projections import organisations

TABLE = organisations.TABLE


async def persons_in(asking: Asking, log: EventStore) -> Looks:
    """Return whose data the answer holds.

    A party of a mandate, or the owner of a mailbox that was asked for, is a person unless an organisation is registered
    under the id. An id that the caller wrote, and no row has, is a person's only if the log knows them.
    """
    held = asking.held
    unsure = held.parties.of.keys() | held.named.of.keys()
    if unsure:
        persons = unsure - await _organisations(asking, unsure)
        _add(held.looks, held.parties, persons)
        _add(held.looks, held.named, await _registered(persons & held.named.of.keys(), log))
    return held.looks


def _add(to: Looks, more: Looks, persons: Iterable[str]) -> None:
    for person_id in persons:
        for category in more.of.get(person_id, ()):
            to.note(person_id, category)


async def _organisations(asking: Asking, ids: Collection[str]) -> set[str]:
    found: set[str] = set()
    wanted = sorted(ids)
    for start in range(0, len(wanted), MOST_KEYS):
        some = TABLE.c.organisation_id.in_(wanted[start : start + MOST_KEYS])
        found.update(row.organisation_id for row in await asking.rows(visible(asking.caller, TABLE).where(some)))
    return found


async def _registered(ids: Collection[str], log: EventStore) -> set[str]:
    if not ids:
        return set()
    streams = {PERSON.stream(person_id): person_id for person_id in ids}
    found = await log.read(list(streams))
    return {person_id for stream, person_id in streams.items() if found[stream].version}
