"""The examples of docs/graphql.md, run: each query is answered with what the page says."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from projections import (
    accesses,
    bus_counts,
    bus_transactions,
    consents,
    daily_counts,
    enrolments,
    mandates,
    message_timeline,
    messages,
    organisations,
    services,
)
from tests.api.world.graph import Graph
from tests.api.world.rows import AT

PAGE = Path(__file__).parents[2] / "docs" / "graphql.md"
EXAMPLES = re.findall(r"```graphql\n(.*?)```\n\n```json\n(.*?)```", PAGE.read_text(), re.DOTALL)


def fill(graph: Graph) -> None:
    """Two municipalities, a letter, four transactions, two consents, a mandate, and counts of some days."""
    graph.have(
        organisations.Row.table,
        {"organisation_id": "gent", "name_nl": "Stad Gent"},
        {"organisation_id": "utrecht", "name_nl": "Gemeente Utrecht", "jurisdiction": "nl"},
    )
    graph.have(enrolments.Row.table, {"organisation_id": "gent", "enrolment": "mailbox_sender", "enrolment_number": 1})
    graph.have(services.Row.table, {"service_id": "tax", "organisation_id": "gent", "name_nl": "Gemeentebelasting"})
    graph.have(messages.Row.table, {"message_id": "message-1", "sender_id": "gent", "status": "opened"})
    for version, (hours, happening) in enumerate([(0, "sent"), (0, "published"), (1, "notified"), (30, "opened")], 1):
        step = {"version": version, "happening": happening, "happened_at": AT + timedelta(hours=hours)}
        graph.have(message_timeline.Row.table, {"message_id": "message-1", **step})
    families = ("person", "person", "vehicle", "person")
    accepted = [AT + timedelta(days=30 * at) for at in range(len(families))]
    for at, (family, when) in enumerate(zip(families, accepted, strict=True)):
        graph.have(
            bus_transactions.Row.table, {"transaction_id": f"{at}", "service_family": family, "accepted_at": when}
        )
    graph.have(bus_counts.Row.table, {"month": "2021-02", "accepted": 100}, {"month": "2022-02", "accepted": 140})
    graph.have(
        consents.Row.table,
        {"consent_id": "anna.doccle", "person_id": "anna", "withdrawn_at": AT + timedelta(days=20)},
        {"consent_id": "anna.trusto", "person_id": "anna"},
    )
    over = {"status": "withdrawn", "ended_at": AT + timedelta(days=10)}
    mandate = {"mandate_id": "m", "mandatary_id": "anna", "mandator_id": "bert", "service_ids": ["tax"]}
    graph.have(mandates.Row.table, {**mandate, **over})
    look = {"access_id": "look-1", "subject_id": "anna", "organisation_id": "gent", "activity": "child-benefit"}
    graph.have(accesses.Row.table, {**look, "accessed_at": AT})
    for day, organisation, sent in ((1, "gent", 4), (2, "gent", 5), (2, "utrecht", 7), (3, "gent", 6)):
        letters = {"name": "mailbox.message-sent.v1", "events": sent, "streams": sent}
        opened = {"name": "mailbox.message-opened.v1", "events": 1}
        rows = [{"day": date(2022, 3, day), "organisation_id": organisation, **it} for it in (letters, opened)]
        graph.have(daily_counts.Row.table, *rows)


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) == PAGE.read_text().count("```graphql") > 3


@pytest.mark.parametrize(("query", "answer"), EXAMPLES)
def test_an_example_is_answered_as_the_page_says(graph: Graph, query: str, answer: str) -> None:
    fill(graph)
    assert graph.asks(query).body == json.loads(answer)
