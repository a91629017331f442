"""The query API beside stock strawberry and PostGraphile, in one run, on a PostgreSQL of its own, durable.

The platform runs as `kroniek serve` does, without a worker: tokens, limits, row-level security, access record, log and
metrics are on. All contenders read the same tables, one process each, loaded by wrk with 16 connections in turn; their
answers are compared first. --quick takes a smaller sample history and fewer and shorter rounds.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from application.ports import Role
from benchmarks.graphql import history, pages, peers, questions, tenants
from benchmarks.graphql.asking import ask, data_of
from benchmarks.graphql.contest import By, Contenders, Rounds, Side, Turn, contest, name_of, rate, server_cpu
from benchmarks.graphql.cpu import head_of_postgres
from benchmarks.graphql.load import CONNECTIONS, WRK, Requests
from benchmarks.graphql.questions import Kind
from benchmarks.measuring import Bar, Measured, Report, show, told
from benchmarks.projections.serving import api
from benchmarks.server import Server, durable_settings, own_server
from infrastructure.settings import PREFIX, Settings

BARS: Mapping[str, Bar] = {
    "page50_vs_postgraphile": Bar(1.5),
    "page50_vs_postgraphile_agency": Bar(1.5),
    "page50_vs_postgraphile_rls": Bar(2.0),
    "page50_vs_postgraphile_agency_rls": Bar(2.0),
    "row_vs_postgraphile": Bar(1.1),
    "row_vs_postgraphile_agency": Bar(1.1),
    "row_vs_postgraphile_rls": Bar(1.8),
    "row_vs_postgraphile_agency_rls": Bar(1.8),
    "aggregate_vs_postgraphile": Bar(1.0),
    "aggregate_vs_postgraphile_agency": Bar(0.8),
    "aggregate_vs_postgraphile_rls": Bar(1.1),
    "aggregate_vs_postgraphile_agency_rls": Bar(1.1),
    "nested_vs_postgraphile": Bar(1.0),
    "messages_vs_postgraphile_page": Bar(0.4),
    "page50_vs_stock_strawberry": Bar(15),
    "server_cpu_us_page": Bar(400, at_most=True),
    "server_cpu_us_row": Bar(250, at_most=True),
    "planned_share": Bar(1),
    "small_agency_page_vs_large": Bar(1.5, at_most=True),
    "dashboard_304_vs_page50": Bar(3),
    "dashboard_cpu_ms_uncached": Bar(150, at_most=True),
    "dashboard_cpu_ms_cached": Bar(2, at_most=True),
    "tenant_median_vs_alone": Bar(3, at_most=True),
    "tenant_p99_ms": Bar(200, at_most=True),
    "tenant_failed": Bar(0, at_most=True),
}
COMPARED = {Kind.PAGE: "page50", Kind.ROW: "row", Kind.AGGREGATE: "aggregate"}
ENDINGS = {By.AUDITOR: "", By.AGENCY: "_agency"}
SMALL, LARGE = (f"page of messages, {size} agency, one at a time: Kroniek" for size in ("small", "large"))

SETTINGS = {f"{PREFIX}{name.upper()}": "1000000000" for name in Settings.model_fields if name.endswith("_per_minute")}
"""Queries, requests and pages are counted as always, but one organisation, or one address, may send all of them."""

PLANNED = re.compile(r'^kroniek_graphql_documents_total\{way="([^"]*)"\} (\S+)$', re.MULTILINE)
BY_PLAN = "planned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The scale of the sample history, the rounds, how many pages of the dashboard are made, seconds for a tenant."""

    scale: float
    rounds: Rounds
    pages: int
    tenant_s: int


QUICK = Sizes(scale=0.02, rounds=Rounds(rounds=3, seconds=1, warm_up_s=1), pages=6, tenant_s=5)
FULL = Sizes(scale=1, rounds=Rounds(rounds=5, seconds=4, warm_up_s=2), pages=24, tenant_s=20)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.graphql", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smaller history, fewer and shorter rounds")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args(arguments)
    try:
        WRK.path()
        peers.install()
    except (FileNotFoundError, peers.NoPeerError) as error:
        sys.exit(str(error))
    with own_server() as server:
        report = measure(server, QUICK if options.quick else FULL)
    show(report, as_json=options.json)


def measure(server: Server, sizes: Sizes) -> Report:
    written = told("history", lambda: history.write(server, sizes.scale))
    settings = {
        **durable_settings(server.url),
        "connections": str(CONNECTIONS),
        "rounds": f"{sizes.rounds.rounds} of {sizes.rounds.seconds} s",
    }
    report = Report({}, {}, BARS, settings)
    with _all_running(server, written) as running:
        before = _planned(running)
        measured = told("contest", lambda: _contest(running, sizes.rounds))
        share = planned_share(before, _planned(running))
        report = report.with_more(measured, ratios(measured) | {"planned_share": share})
        report = report.with_more(*told("dashboard", lambda: pages.measure(running.ours, sizes.pages)))
        return report.with_more(*told("tenants", lambda: tenants.measure(running, sizes.tenant_s)))


@contextmanager
def _all_running(server: Server, written: history.History) -> Iterator[Contenders]:
    superuser, folder = server.superuser_url, server.folder
    with (
        api(server.url, server.keys_url, folder, **SETTINGS) as ours,
        peers.stock(superuser, written, folder) as stock,
        peers.postgraphile(superuser, written, folder) as unbound,
        peers.postgraphile(superuser, written, folder, role=peers.READER) as reader,
    ):
        yield Contenders(
            history=written,
            ours=ours,
            stock=stock,
            superuser=unbound,
            reader=reader,
            head_of_postgres=head_of_postgres(superuser),
        )


def _contest(running: Contenders, rounds: Rounds) -> dict[str, Measured]:
    turns = [
        *running.turns(),
        _messages_of(running, SMALL, running.history.small_sender),
        _messages_of(running, LARGE, running.history.sender),
        pages.unchanged(running.ours),
    ]
    return contest(running, turns, rounds)


def _messages_of(running: Contenders, name: str, organisation_id: str) -> Turn:
    question = questions.ours(running.history.of_all)[Kind.MESSAGES]
    requests = replace(running.our_requests(question, Role.AGENCY, organisation_id), connections=1)
    answer = ask(requests)
    assert question.rows(data_of(answer)), f"{name} has a message at least"
    return Turn(name=name, requests=requests, pid=running.ours.pid, answer_bytes=answer.size)


def ratios(measured: Mapping[str, Measured]) -> dict[str, float]:
    """Return the ratios of the contest, from medians of its rounds."""

    def of(kind: Kind, side: Side, by: By = By.AUDITOR) -> float:
        return measured[rate(name_of(kind, by, side))].median

    found: dict[str, float] = {}
    for kind, key in COMPARED.items():
        for by, ending in ENDINGS.items():
            ours = of(kind, Side.OURS, by)
            found[f"{key}_vs_postgraphile{ending}"] = ours / of(kind, Side.SUPERUSER, by)
            found[f"{key}_vs_postgraphile{ending}_rls"] = ours / of(kind, Side.READER, by)
    page = of(Kind.PAGE, Side.OURS)
    messages = of(Kind.MESSAGES, Side.OURS) / of(Kind.MESSAGES, Side.SUPERUSER)
    cpu = {kind: measured[server_cpu(name_of(kind, By.AUDITOR, Side.OURS))].median for kind in COMPARED}
    return found | {
        "nested_vs_postgraphile": of(Kind.NESTED, Side.OURS) / of(Kind.NESTED, Side.SUPERUSER),
        "messages_vs_postgraphile_page": messages,
        "page50_vs_stock_strawberry": page / of(Kind.PAGE, Side.STOCK),
        "server_cpu_us_page": cpu[Kind.PAGE],
        "server_cpu_us_row": cpu[Kind.ROW],
        # With one request at a time, time is the inverse of the rate.
        "small_agency_page_vs_large": measured[rate(LARGE)].median / measured[rate(SMALL)].median,
        "dashboard_304_vs_page50": measured[rate(pages.UNCHANGED)].median / page,
    }


def _planned(running: Contenders) -> Mapping[str, float]:
    return planned_in(ask(Requests(base=running.ours.base, path="/metrics", method="GET")).body.decode())


def planned_in(metrics: str) -> Mapping[str, float]:
    """Return how many queries were answered in each way, from the text of the metrics; nothing if it is not told."""
    return {way: float(count) for way, count in PLANNED.findall(metrics)}


def planned_share(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """Return the share of queries between two readings that were answered by a plan; 0 where none was told of."""
    counted = {way: count - before.get(way, 0) for way, count in after.items()}
    total = sum(counted.values())
    return counted.get(BY_PLAN, 0) / total if total else 0.0
