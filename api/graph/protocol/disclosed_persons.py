"""The persons among the ids that an answer holds: they are found before the access to their data is recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import select

from api.graph.queries.query_context import MAX_KEYS, QueryContext
from api.web.access_record import AccessedSubjects
from application.ports import EventStore
from domain.identity.person import PERSON
from projections.organisations import Row


async def persons_in(context: QueryContext, log: EventStore) -> AccessedSubjects:
    """Return the persons whose data the answer holds.

    A party of a mandate, or the owner of a mailbox that was asked for, is a person unless an organisation is registered
    under the id. An id that only the caller wrote is a person's if the log has their registration.
    """
    disclosure = context.disclosure
    unsure = disclosure.parties.of.keys() | disclosure.named.of.keys()
    if unsure:
        persons = unsure - await _organisations(context, unsure)
        _add(disclosure.accessed, disclosure.parties, persons)
        _add(disclosure.accessed, disclosure.named, await _registered(persons & disclosure.named.of.keys(), log))
    return disclosure.accessed


def _add(to: AccessedSubjects, more: AccessedSubjects, persons: Iterable[str]) -> None:
    for person_id in persons:
        for category in more.of.get(person_id, ()):
            to.note(person_id, category)


async def _organisations(context: QueryContext, ids: Collection[str]) -> set[str]:
    found: set[str] = set()
    wanted = sorted(ids)
    for start in range(0, len(wanted), MAX_KEYS):
        some = Row.organisation_id.in_(wanted[start : start + MAX_KEYS])
        rows = await context.visible_rows(Row.table, select(Row.organisation_id).where(some))
        found.update(row.organisation_id for row in rows)
    return found


async def _registered(ids: Collection[str], log: EventStore) -> set[str]:
    if not ids:
        return set()
    streams = {PERSON.stream(person_id): person_id for person_id in ids}
    found = await log.read(list(streams))
    return {person_id for stream, person_id in streams.items() if found[stream].version}
