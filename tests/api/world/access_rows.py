"""Persons, organisations and what is known of them, made by chance: what the access record is tested on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy import Table

from application.ports import Append
from domain.identity.person import PERSON, PersonRegistered
from domain.kernel import Context
from projections import (
    access_suppressions,
    accesses,
    consents,
    erasures,
    invoices,
    keys,
    legal_holds,
    mailboxes,
    mandates,
    message_timeline,
    messages,
    organisations,
    people,
    services,
)
from tests.api.world.graph import NOW
from tests.api.world.rows import AT
from tests.infrastructure.examples import example
from tests.memory_log import MemoryLog

PERSONS = tuple(f"person-{at}" for at in range(12))
ORGANISATIONS = tuple(f"org-{letter}" for letter in "abcd")
NOBODY = "85073003328"
"""What somebody might write in the place of an id; it may never be kept."""

Rows = Sequence[tuple[Table, Mapping[str, Any]]]


def rows(random: Random) -> Rows:
    """Make rows that hang together. Every party is registered."""
    return [*_registered(), *_identities(random), *_mandates(random), *_post(random), *_others(random)]


def _registered() -> Iterator[tuple[Table, Mapping[str, Any]]]:
    for org in ORGANISATIONS:
        yield organisations.Row.table, {"organisation_id": org, "enterprise_number": f"number-{org}"}
        yield services.Row.table, {"service_id": f"service-{org}", "organisation_id": org}
    for at, person in enumerate(PERSONS):
        yield people.Row.table, {"person_id": person, "registered_at": AT + timedelta(hours=at)}


def _identities(random: Random) -> Iterator[tuple[Table, Mapping[str, Any]]]:
    for at in range(25):
        holder = {"person_id": random.choice(PERSONS), "provider_id": random.choice(ORGANISATIONS)}
        yield keys.Row.table, {"key_id": f"key-{at}", **holder, "registered_at": AT + timedelta(minutes=at // 3)}
    for at in range(25):
        person, acting = random.choice(PERSONS), random.choice(PERSONS)
        gave = {"person_id": person, "acting_person_id": person if at % 3 else acting}
        yield (
            consents.Row.table,
            {
                "consent_id": f"{person}.{at}",
                "provider_id": random.choice(ORGANISATIONS),
                "status": random.choice(("granted", "withdrawn")),
                "granted_at": AT + timedelta(minutes=at // 2),
                **gave,
            },
        )


def _mandates(random: Random) -> Iterator[tuple[Table, Mapping[str, Any]]]:
    for at in range(25):
        mandator = random.choice((*PERSONS, *ORGANISATIONS))
        yield (
            mandates.Row.table,
            {
                "mandate_id": f"mandate-{at // 2}",
                "period": at % 2 + 1,
                "latest": at % 2 == 1,
                "mandator_id": mandator,
                "mandator_kind": "person" if mandator in PERSONS else "enterprise",
                "mandatary_id": random.choice((*PERSONS, *ORGANISATIONS)),
                "grantor_id": random.choice((mandator, mandator, *PERSONS)),
                "organisation_ids": [random.choice(ORGANISATIONS)],
                "service_ids": random.choice(([], *([f"service-{org}"] for org in ORGANISATIONS))),
                "began_at": AT + timedelta(minutes=at),
            },
        )


def _post(random: Random) -> Iterator[tuple[Table, Mapping[str, Any]]]:
    for owner in (*PERSONS, *ORGANISATIONS):
        kind = "person" if owner in PERSONS else "enterprise"
        provider = random.choice(ORGANISATIONS)
        yield mailboxes.Row.table, {"mailbox_id": owner, "owner_kind": kind, "provider_id": provider}
    for at in range(60):
        owner = random.choice((*PERSONS, *ORGANISATIONS))
        yield (
            messages.Row.table,
            {
                "message_id": f"message-{at}",
                "mailbox_id": owner,
                "owner_kind": "person" if owner in PERSONS else "enterprise",
                "sender_id": random.choice(ORGANISATIONS),
                "notification": random.choice(("pending", "failed", "impossible")),
                "published_at": random.choice((None, AT + timedelta(minutes=at))),
                "sent_at": AT + timedelta(minutes=at // 4),
            },
        )
        yield message_timeline.Row.table, {"message_id": f"message-{at}", "version": 1}


def _others(random: Random) -> Iterator[tuple[Table, Mapping[str, Any]]]:
    for at in range(15):
        contact = random.choice(("", f"contact-{at % 4}"))
        party = {"buyer_id": random.choice(ORGANISATIONS), "received_from": random.choice(ORGANISATIONS)}
        yield invoices.Row.table, {"invoice_id": f"invoice-{at}", "seller_contact_id": contact, **party}
    for at, person in enumerate(PERSONS[:5]):
        yield erasures.Row.table, {"person_id": person, **dict.fromkeys(GROUPS, "kept")}
        yield legal_holds.Row.table, {"person_id": person, "hold_id": f"hold-{at}", **HOLD}
    for at in range(30):
        look = {"subject_id": random.choice(PERSONS), "organisation_id": random.choice(ORGANISATIONS)}
        yield accesses.Row.table, {"access_id": f"look-{at}", **look, "accessed_at": NOW - timedelta(hours=at // 2)}
    for at in range(5):
        about = {"person_id": random.choice(PERSONS), "organisation_id": random.choice(ORGANISATIONS)}
        yield access_suppressions.Row.table, {"suppression_id": f"kept-{at}", **about}


GROUPS = ("identification", "correspondence", "invoicing")
HOLD: Mapping[str, Any] = {"purpose": "invoicing", "ground": "legal_obligation", "until": AT.date()}


async def register(log: MemoryLog) -> None:
    """Let the log know the persons: it is asked where no row says who somebody is."""
    for person in PERSONS:
        stream = PERSON.stream(person)
        await log.append(
            [
                Append(
                    stream=stream,
                    events=[example(PersonRegistered)],
                    expected={stream: 0},
                    context=Context(acting_id="official-7", effective_at=AT),
                )
            ]
        )
