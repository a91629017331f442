"""`python -m tests.torture`: half an hour of what `make test` does for seconds; the seed first, a table at the end.

Everything that can be drawn from the seed is; the moments at which a kill strikes are the machine's own.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.torture import faults, kills, missed, projections, winners
from tests.torture.check import WOUNDS, LogCheck
from tests.torture.missed import Found
from tests.torture.reader import FAULTS
from tests.torture.server import Server, server

FAULT_ROUNDS = 5
BROKEN_ROUNDS = 5
WIDTH = 44
EXAMPLES = 10

FAULTS_SURVIVED = {
    "a full disk": faults.survive_full_disk,
    "a full journal": faults.survive_full_journal,
    "a failing sync": faults.survive_failing_sync,
}


@dataclass(slots=True)
class Report:
    """The rows of the table so far; `passed` as long as nothing was wrong and every control was caught."""

    started: float = field(default_factory=time.monotonic)
    rows: list[str] = field(default_factory=list)
    passed: bool = True

    def progress(self, said: str) -> None:
        sys.stdout.write(f"{time.monotonic() - self.started:9.1f} s  {said}\n")
        sys.stdout.flush()

    def log(self, what: str, check: LogCheck, *, control: bool = False) -> None:
        """Add what a log check found: nothing may be wrong, unless it is the control, which has to lose."""
        found = "  ".join(f"{wound} {check.wounds[wound]}" for wound in WOUNDS)
        notes = check.notes
        asked = f"acknowledged {notes.wishes}  refused {notes.refused}  unknown {notes.unknown}"
        self._row(
            what,
            f"events {check.events}  {asked}  {found}",
            good=bool(check.wounds["lost"]) is control and (control or not check.wounds.total()),
        )
        for example in () if control else check.examples:
            self.progress(f"  {example}")

    def readers(self, what: str, found: Found, *, control: bool = False) -> None:
        """Add what the two readers saw: nothing may be wrong, and in the control both have to miss some."""
        for who, counts in zip(("all events", "a rare type"), found, strict=True):
            told = "  ".join(f"{fault} {counts[fault]}" for fault in FAULTS)
            good = bool(counts["missed"]) if control else not any(counts[fault] for fault in FAULTS)
            self._row(f"{what}, {who}", f"read {counts['events']}  {told}", good=good)

    def race(self, what: str, race: winners.Race, versions: int) -> None:
        several = sum(wins > 1 for wins in race.wins.values())
        told = f"versions {len(race.wins)}  won more than once {several}  refused {race.refused}"
        self._row(what, told, good=race.fair(versions))

    def projections(self, what: str, survived: projections.Survived) -> None:
        self._row(what, str(survived), good=not survived.wrong)
        for example in survived.wrong[:EXAMPLES]:
            self.progress(f"  {example}")

    def _row(self, what: str, told: str, *, good: bool) -> None:
        self.passed = self.passed and good
        self.rows.append(f"{'  ok ' if good else 'WRONG'}  {what:{WIDTH}}  {told}")
        self.progress(self.rows[-1])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--writer-kills", type=int, default=1_000)
    parser.add_argument("--postgres-kills", type=int, default=200)
    parser.add_argument("--projection-kills", type=int, default=200, help="of workers, rebuilds, fillers, PostgreSQL")
    parser.add_argument("--connection-cuts", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=1_000_000, help="that two readers tail while they are written")
    parser.add_argument("--versions", type=int, default=1_000, help="of one stream, that 64 writers race for")
    chosen = parser.parse_args(arguments)
    sys.stdout.write(f"seed {chosen.seed}\n")
    report = Report()
    try:
        with server() as postgres:
            _crashes(postgres, chosen, report)
            survived = projections.kill_projections(postgres, chosen.seed, chosen.projection_kills, report.progress)
            report.projections(f"{chosen.projection_kills} kills of what makes read models", survived)
            _readers(postgres, chosen, report)
        with server() as postgres:
            check = kills.lose_on_purpose(postgres, chosen.seed)
            report.log("control: confirmed before it is on disk", check, control=True)
    finally:
        # Where a run broke off, what was found until then is still worth reading.
        sys.stdout.write("\n".join(["", f"seed {chosen.seed}", *report.rows, ""]))
    sys.stdout.write("passed\n" if report.passed else "FAILED\n")
    return 0 if report.passed else 1


def _crashes(postgres: Server, chosen: argparse.Namespace, report: Report) -> None:
    seed, progress = chosen.seed, report.progress
    race = winners.race(postgres.new_log(), chosen.versions)
    report.race("64 writers on one stream", race, chosen.versions)
    for _ in range(FAULT_ROUNDS):
        for what, survive in FAULTS_SURVIVED.items():
            check, fault = survive(postgres, seed)
            report.log(f"{what}, {fault.refused} calls refused", check)
    check = kills.cut_connections(postgres, seed, chosen.connection_cuts, progress)
    report.log(f"{chosen.connection_cuts} connections cut", check)
    check = kills.kill_writers(postgres, seed, chosen.writer_kills, progress)
    report.log(f"{chosen.writer_kills} kills of a writer", check)
    check = kills.kill_postgres(postgres, seed, chosen.postgres_kills, progress)
    report.log(f"{chosen.postgres_kills} kills of PostgreSQL", check)


def _readers(postgres: Server, chosen: argparse.Namespace, report: Report) -> None:
    for number in range(BROKEN_ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            found = missed.read_along_broken(postgres.new_log(), chosen.seed + number, Path(folder))
        report.readers("control: no lock", found, control=True)
    with tempfile.TemporaryDirectory() as folder:
        found = missed.read_along(postgres.new_log(), chosen.seed, chosen.events, Path(folder), report.progress)
    report.readers("tailing", found)


if __name__ == "__main__":
    sys.exit(main())
