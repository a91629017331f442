"""What one organisation notices of another: its latencies alone, beside the dearest queries, and beside visitors.

B asks for one row at a steady rate; a latency counts from the instant at which the question was due. A sends the
dearest documents that their price lets pass, the next one as soon as one is answered. Of a surplus A may be told 429 or
503; every other answer without data counts as failed, as one of B's does.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from application.ports import Role
from benchmarks.graphql import pages, questions
from benchmarks.graphql.asking import UnequalAnswersError, ask, data_of
from benchmarks.graphql.contest import Contenders
from benchmarks.graphql.load import Outcome, Requests, read_outcome, started
from benchmarks.graphql.questions import Kind, Question
from benchmarks.measuring import Measured
from benchmarks.projections.queries import Answers, ask_steadily, for_seconds, request_of

LEAD_S = 1
"""How long the others are at it before B begins."""

MOST_SHOWN = 2
"""Answers of B that failed."""

MOST_PARTS = 15
"""As many aliases as a document may have."""

WIDE = """p{number}: messages(first: 100) {{ edges {{ node {{
    id status sentAt sender {{ id }} timeline {{ version happening happenedAt }}
}} }} }}"""
SUMMED = """p{number}: messages(where: {{sentAt: {{since: "{year}-01-01T00:00:00Z"}}}}) {{
    totalCount totals(by: [MONTH SENDER]) {{ month senderId messages }}
}}"""
FIRST_YEAR = 2000


@dataclass(frozen=True, slots=True)
class Beside:
    """What B noticed, and how the others were answered."""

    answers: Answers
    others: Outcome


def measure(running: Contenders, seconds: int) -> tuple[dict[str, Measured], dict[str, float]]:
    """Measure B so many seconds each: alone, beside A, beside visitors of the dashboard."""
    own = questions.ours(running.history.of_agency)[Kind.ROW]
    token = running.ours.token_for(Role.AGENCY, running.history.agency)
    asked = itertools.cycle([request_of(token, own.document, dict(it)) for it in own.variables])
    ask_steadily(running.ours.base, asked, for_seconds(LEAD_S))
    running.wait_until_idle()
    alone = ask_steadily(running.ours.base, asked, for_seconds(seconds))
    besides = {
        "dearest documents": _beside(running, asked, dearest(running), seconds),
        "visitors of the dashboard": _beside(running, asked, pages.page(running.ours), seconds),
    }
    measured = latencies("one row, alone", alone)
    for name, it in besides.items():
        for failed in filter(None, [*it.answers.failed[:MOST_SHOWN], it.others.sample]):
            print(f"beside {name}, failed: {failed}", file=sys.stderr)
        measured |= latencies(f"one row, beside {name}", it.answers) | others(name, it.others)
    return measured, ratios(alone, list(besides.values()))


def ratios(alone: Answers, besides: Sequence[Beside]) -> dict[str, float]:
    """Return the worst of all that B met, and how often anybody was answered as nobody should be."""
    usual = statistics.median(alone.latencies_ms)
    failed = sum(len(it.answers.failed) + it.others.failed + it.others.broken for it in besides)
    return {
        "tenant_median_vs_alone": max(statistics.median(it.answers.latencies_ms) for it in besides) / usual,
        "tenant_p99_ms": max(it.answers.p99_ms for it in besides),
        "tenant_failed": float(failed + len(alone.failed)),
    }


def latencies(name: str, answers: Answers) -> dict[str, Measured]:
    return {
        f"{name}, median (µs)": Measured([statistics.median(answers.latencies_ms) * 1e3]),
        f"{name}, 99th percentile (µs)": Measured([answers.p99_ms * 1e3]),
        f"{name}, failed": Measured([len(answers.failed)]),
    }


def others(name: str, outcome: Outcome) -> dict[str, Measured]:
    counts: Mapping[str, int] = {
        "answered": outcome.answered,
        "429 or 503": outcome.refused,
        "failed": outcome.failed + outcome.broken,
    }
    return {f"{name}, {kind}": Measured([count]) for kind, count in counts.items()}


def _beside(running: Contenders, asked: Iterator[bytes], load: Requests, seconds: int) -> Beside:
    lasting = seconds + 2 * LEAD_S
    with started(load, lasting, told_apart=True) as process:
        time.sleep(LEAD_S)
        answers = ask_steadily(running.ours.base, asked, for_seconds(seconds))
        found = Beside(answers, read_outcome(process, lasting))
    running.wait_until_idle()
    return found


# --- The dearest documents ------------------------------------------------------------------------------------------


def dearest(running: Contenders) -> Requests:
    """Return documents of as many parts as their price lets pass: wide pages with what is below, and sums of all."""
    found = [_dearest(running, part) for part in (WIDE, SUMMED)]
    return replace(found[0], bodies=[body for requests in found for body in requests.bodies])


def _dearest(running: Contenders, part: str) -> Requests:
    for parts in range(MOST_PARTS, 0, -1):
        requests = running.our_requests(_document(part, parts), Role.AGENCY, running.history.sender)
        try:
            data_of(ask(requests))
        except UnequalAnswersError:
            continue
        return requests
    raise UnequalAnswersError(f"No part of this is answered: {part}")


def _document(part: str, parts: int) -> Question:
    # Each part has another filter, so that none is the answer to another.
    written = "\n".join(part.format(number=number, year=FIRST_YEAR + number) for number in range(parts))
    return Question(document=f"{{ {written} }}", rows=list)
