"""Histories of commands: what was decided of a chunk and its record are one transaction, or nothing was written."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from application.handler import CommandEnvelope
from application.ports import Append, EventStore, Idempotency, Outcome, Receipt
from application.registry import RULES
from domain.identity.person import PersonRegistered
from domain.kernel import Claim, Command, Context, EnterpriseNumber, Jurisdiction, Recorded
from domain.organisations.organisation.model import EnrolOrganisation, RegisterOrganisation
from domain.organisations.values import Enrolment, Level, Names, OrganisationType
from infrastructure.import_history import import_commands
from infrastructure.import_history.lines import Lines
from infrastructure.import_history.record import Import
from infrastructure.import_history.run import ImportReport
from infrastructure.sealing import owners
from infrastructure.system_events import ChunkImported, RefusedLine
from tests.check_digits import enterprise_number
from tests.infrastructure.examples import example
from tests.infrastructure.importing import CODEC, Flaky, Kept, KilledError, kept_log  # noqa: F401 - a fixture
from tests.memory_keys import MemoryKeys
from tests.memory_log import MemoryLog

pytestmark = pytest.mark.anyio

AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHUNK = 5


def registered(organisation_id: str, number: int) -> RegisterOrganisation:
    return RegisterOrganisation(
        at=AT,
        by="platform",
        organisation_id=organisation_id,
        names=Names(nl=organisation_id),
        organisation_type=OrganisationType.MUNICIPALITY,
        level=Level.LOCAL,
        enterprise_number=EnterpriseNumber(enterprise_number(number)),
        jurisdiction=Jurisdiction.BE,
    )


def enrolled(organisation_id: str) -> Command:
    return EnrolOrganisation(at=AT, by="platform", organisation_id=organisation_id, enrolment=Enrolment.BUS_MEMBER)


HISTORY: Sequence[tuple[Command, str]] = [
    (enrolled("early"), ""),  # refused: it is not there yet
    (registered("early", 1), ""),
    (registered("taken", 1), ""),  # refused by the log: the number has an owner
    (enrolled("taken"), ""),  # refused: it was not registered
    (enrolled("early"), ""),
    # --- the second chunk
    (registered("again", 2), "said-twice"),
    (registered("again", 2), "said-twice"),  # the same wish
    (registered("other", 3), "said-twice"),  # refused: the key is that of another wish
    (enrolled("late"), ""),  # refused: it comes with the third chunk
    (enrolled("again"), ""),
    # --- the third chunk
    (registered("late", 4), ""),
    (registered("taken", 5), ""),
    (enrolled("taken"), ""),
]
REFUSED = [
    (1, "organisation-not-found"),
    (3, "enterprise-number-taken"),
    (4, "organisation-not-found"),
    (8, "idempotency-key-reused"),
    (9, "organisation-not-found"),
]


def envelope(number: int, _line: bytes | None, _now: datetime) -> CommandEnvelope:
    command, key = HISTORY[number - 1]
    fingerprint = repr(command).encode()
    return CommandEnvelope(
        command=command,
        context=Context(acting_id="clerk", organisation_id="platform", effective_at=AT),
        idempotency=Idempotency(organisation_id="platform", key=key or f"line-{number}", fingerprint=fingerprint),
        in_order=True,
    )


async def take(log: EventStore, refused: list[RefusedLine] | None = None) -> ImportReport:
    lines = Lines(io.BytesIO(b"{}\n" * len(HISTORY)), chunk_lines=CHUNK)

    def watch(record: ChunkImported, _report: ImportReport) -> None:
        if refused is not None:
            refused.extend(record.refused)

    return await import_commands(Import(log, "history", lambda: NOW), lines, RULES, envelope, watch)


def told(recorded: Sequence[Recorded[Any]]) -> list[tuple[str, str]]:
    return [(each.stream, type(each.event).__name__) for each in recorded]


WHOLE = [
    ("organisation-early", "OrganisationRegistered"),
    ("organisation-early", "OrganisationEnrolled"),
    ("import-history", "ChunkImported"),
    ("organisation-again", "OrganisationRegistered"),
    ("organisation-again", "OrganisationEnrolled"),
    ("import-history", "ChunkImported"),
    ("organisation-late", "OrganisationRegistered"),
    ("organisation-taken", "OrganisationRegistered"),
    ("organisation-taken", "OrganisationEnrolled"),
    ("import-history", "ChunkImported"),
]


async def test_each_line_is_decided_on_what_the_lines_before_it_left_behind(kept: Kept) -> None:
    refused: list[RefusedLine] = []
    report = await take(kept.log, refused)
    assert [(each.line, each.code) for each in refused] == REFUSED
    # The same wish said twice led to one event, and counts it twice.
    assert (report.lines, report.events, report.refused) == (len(HISTORY), 8, len(REFUSED))
    assert told(kept.recorded()) == WHOLE
    again: list[RefusedLine] = []
    await take(kept.log, again)
    assert (again, told(kept.recorded())) == (refused, WHOLE)


@pytest.mark.parametrize("at", range(1, 7))
@pytest.mark.parametrize("killed", ["killed", "killed after"])
async def test_what_was_refused_stays_refused_wherever_an_import_is_killed(
    kept: Kept,
    killed: str,
    at: int,
) -> None:
    with suppress(KilledError):  # it may take fewer appends than that
        await take(Flaky(kept.log, {at: killed}))
    refused: list[RefusedLine] = []
    await take(kept.log, refused)
    assert [(each.line, each.code) for each in refused] == REFUSED
    assert told(kept.recorded()) == WHOLE


@pytest.mark.parametrize("at", range(1, 7))
@pytest.mark.parametrize("lost", ["before", "after"])
async def test_a_lost_answer_changes_nothing(kept: Kept, lost: str, at: int) -> None:
    await take(Flaky(kept.log, {at: lost}))
    assert told(kept.recorded()) == WHOLE


class Busy(Flaky):
    """A log in which somebody else takes the numbers of a chunk between its decision and its transaction."""

    async def append(self, appends: Sequence[Append]) -> Sequence[Outcome]:
        if not self.appends:
            await self.log.append([append("import-other", claim=str(registered("early", 1).enterprise_number))])
        return await super().append(appends)


async def test_what_others_write_meanwhile_is_decided_on(kept: Kept) -> None:
    refused: list[RefusedLine] = []
    await take(Busy(kept.log, {}), refused)
    taken = [(number, "enterprise-number-taken") for number in (2, 3)]
    gone = [(number, "organisation-not-found") for number in (1, 4, 5)]
    assert [(each.line, each.code) for each in refused if each.line <= CHUNK] == sorted([*taken, *gone])
    assert told(kept.recorded()) == [("import-other", "ChunkImported"), *WHOLE[2:]]


# --- A group in the log ---------------------------------------------------------------------------------------------


def context() -> Context:
    return Context(acting_id="clerk", organisation_id="platform", effective_at=AT)


NAMED = ChunkImported(first_line=1, last_line=1, sha256="", events=0, refused=())


def append(stream: str, group: str = "", at: int = 0, claim: str = "", key: str = "") -> Append:
    return Append(
        stream=stream,
        events=[NAMED],
        expected={stream: at},
        context=context(),
        claims=[Claim("enterprise-number", claim)] if claim else (),
        idempotency=Idempotency(organisation_id="platform", key=key, fingerprint=b"same") if key else None,
        group=group,
    )


def kinds(outcomes: Sequence[Outcome]) -> list[str]:
    return [type(outcome).__name__ for outcome in outcomes]


FELL: Mapping[str, Callable[[], Append]] = {
    "Conflict": lambda: append("import-b", "g", at=1),
    "Taken": lambda: append("import-b", "g", claim="held"),
    "Receipt": lambda: append("import-b", "g", key="used"),
}


@pytest.mark.parametrize("why", FELL)
async def test_a_group_is_written_as_a_whole_or_not_at_all(kept: Kept, why: str) -> None:
    await kept.log.append([append("import-held", claim="held", key="used")])
    group = [append("import-a", "g"), FELL[why](), append("import-c", "g")]
    outcomes = await kept.log.append([append("import-before"), *group, append("import-after")])
    assert kinds(outcomes) == ["Receipt", "Withdrawn", why, "Withdrawn", "Receipt"]
    assert {each.stream for each in kept.recorded()} == {"import-held", "import-before", "import-after"}
    good = await kept.log.append([append("import-a", "h"), append("import-b", "h"), append("import-c", "h")])
    assert [outcome.position for outcome in good if isinstance(outcome, Receipt)] == [4, 5, 6]


async def test_two_groups_side_by_side_stand_and_fall_apart(kept: Kept) -> None:
    falls = [append("import-a", "g"), append("import-a", "g")]
    stands = [append("import-b", "h"), append("import-b", "h", at=1)]
    assert kinds(await kept.log.append([*falls, *stands])) == ["Withdrawn", "Conflict", "Receipt", "Receipt"]
    assert [each.stream for each in kept.recorded()] == ["import-b", "import-b"]


async def test_a_group_with_somebody_who_was_erased_is_not_written() -> None:
    person, keys = example(PersonRegistered), MemoryKeys()
    log = MemoryLog(CODEC, keys=keys)
    await keys.destroy(owners([person]))
    of_erased = replace(append("person-erased", "g"), events=[person])
    outcomes = await log.append([append("import-a", "g"), of_erased, append("import-b")])
    assert kinds(outcomes) == ["Withdrawn", "Erased", "Receipt"]
