"""Pages: whatever the filter, the page size and the direction, every row comes once and in order."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections import consents, enrolments
from tests.api.world.graph import Graph, nodes
from tests.api.world.rows import AT
from tests.lengths import runs_longer, sized

PAGE = """
query Page($where: ConsentFilter, $first: Int, $after: String, $last: Int, $before: String) {
  consents(where: $where, first: $first, after: $after, last: $last, before: $before) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { consentId grantedAt } }
  }
}
"""

Row = Mapping[str, Any]


def consent(number: int, hour: int, provider: str, *, withdrawn: bool = False) -> dict[str, Any]:
    return {
        "consent_id": f"consent-{number:03d}",
        "person_id": f"person-{number % 7}",
        "provider_id": provider,
        "status": "withdrawn" if withdrawn else "granted",
        # Many share an instant, and microseconds count.
        "granted_at": AT + timedelta(hours=hour, microseconds=hour % 3),
    }


# A page is asked for with one request: a few dozen examples of a few pages each.
EXAMPLES = settings(max_examples=sized(20, long=400), deadline=None, suppress_health_check=list(HealthCheck))
CONSENTS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["doccle", "trusto"]), st.booleans()), max_size=25
).map(lambda rows: [consent(at, hour, who, withdrawn=gone) for at, (hour, who, gone) in enumerate(rows)])
FILTERS = st.sampled_from(
    [
        {},
        {"providerId": "doccle"},
        {"status": ["GRANTED"]},
        {"status": ["GRANTED", "WITHDRAWN"], "personId": "person-3"},
        {"grantedAt": {"since": (AT + timedelta(hours=1)).isoformat(), "until": (AT + timedelta(hours=3)).isoformat()}},
    ]
)


def keeps(where: Mapping[str, Any], row: Row) -> bool:
    during = where.get("grantedAt")
    return (
        where.get("providerId", row["provider_id"]) == row["provider_id"]
        and where.get("personId", row["person_id"]) == row["person_id"]
        and row["status"].upper() in where.get("status", ["GRANTED", "WITHDRAWN"])
        and (during is None or AT + timedelta(hours=1) <= row["granted_at"] < AT + timedelta(hours=3))
    )


def in_order(rows: Sequence[Row]) -> list[str]:
    newest = sorted(rows, key=lambda it: (it["granted_at"], it["consent_id"]), reverse=True)
    return [row["consent_id"] for row in newest]


def walk(graph: Graph, where: Row, size: int, *, backwards: bool, between: Sequence[Row] = ()) -> list[str]:
    """Read all pages to the end; `between` are rows that appear one by one, each after a page."""
    arriving, cursor = list(between), None
    found: list[str] = []
    while True:
        asked = {"last": size, "before": cursor} if backwards else {"first": size, "after": cursor}
        page = graph.asks(PAGE, variables={"where": where, **asked}).data["consents"]
        ids = [it["consentId"] for it in nodes(page)]
        assert len(ids) <= size
        found = ids + found if backwards else found + ids
        info = page["pageInfo"]
        assert [info["startCursor"], info["endCursor"]] == [
            it["cursor"] for it in (page["edges"][:1] + page["edges"][-1:])
        ] or [
            None,
            None,
        ]
        cursor = info["startCursor" if backwards else "endCursor"]
        if not info["hasPreviousPage" if backwards else "hasNextPage"]:
            return found
        if arriving:
            graph.have(consents.Row.table, arriving.pop())


@runs_longer
@EXAMPLES
@given(rows=CONSENTS, where=FILTERS, size=st.integers(1, 9), backwards=st.booleans())
def test_paging_gives_every_row_once_and_in_order(
    graph: Graph, rows: list[Row], where: Row, size: int, backwards: bool
) -> None:
    graph.clear()
    graph.have(consents.Row.table, *rows)
    assert walk(graph, where, size, backwards=backwards) == in_order([row for row in rows if keeps(where, row)])


@runs_longer
@EXAMPLES
@given(
    rows=CONSENTS,
    later=st.lists(st.integers(-2, 6), max_size=6),
    size=st.integers(1, 6),
    backwards=st.booleans(),
)
def test_rows_that_arrive_between_pages_hide_and_repeat_none(
    graph: Graph, rows: list[Row], later: list[int], size: int, backwards: bool
) -> None:
    graph.clear()
    graph.have(consents.Row.table, *rows)
    arriving = [consent(900 + at, hour, "trusto") for at, hour in enumerate(later)]
    found = walk(graph, {}, size, backwards=backwards, between=arriving)
    assert len(found) == len(set(found))
    assert [it for it in found if it < "consent-9"] == in_order(rows)
    assert found == in_order([row for row in [*rows, *arriving] if row["consent_id"] in found])


def test_a_page_has_fifty_rows_unless_asked_otherwise(graph: Graph) -> None:
    graph.have(consents.Row.table, *(consent(at, at, "doccle") for at in range(120)))
    page = graph.asks(PAGE).data["consents"]
    assert (len(page["edges"]), page["totalCount"]) == (50, 120)
    assert len(graph.asks(PAGE, variables={"first": 100}).data["consents"]["edges"]) == 100
    empty = graph.asks(PAGE, variables={"first": 0}).data["consents"]
    assert (empty["edges"], empty["totalCount"], empty["pageInfo"]["hasNextPage"]) == ([], 120, True)


def test_rows_between_two_cursors(graph: Graph) -> None:
    graph.have(consents.Row.table, *(consent(at, at, "doccle") for at in range(10)))
    cursors = [it["cursor"] for it in graph.asks(PAGE).data["consents"]["edges"]]
    page = graph.asks(PAGE, variables={"after": cursors[2], "before": cursors[6]}).data["consents"]
    assert [it["cursor"] for it in page["edges"]] == cursors[3:6]


def cursor_of(*values: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


OURS = "-granted_at,consent_id,grant_number"


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        " ",
        "nonsense",
        "é",
        "a" * 2_000,
        cursor_of(),
        base64.urlsafe_b64encode(b"7").decode(),
        base64.urlsafe_b64encode(b"{}").decode(),
        cursor_of("organisation_id", "a"),
        cursor_of(OURS, "2022-01-01T00:00:00Z", "c"),
        cursor_of(OURS, "2022-01-01T00:00:00Z", "c", 1, 2),
        cursor_of(OURS, "2022-01-01T00:00:00Z", "c", "1"),
        cursor_of(OURS, "2022-01-01T00:00:00Z", "c", True),
        cursor_of(OURS, "2022-01-01T00:00:00Z", "a\0b", 1),
        cursor_of(OURS, "2022-01-01T00:00:00", "c", 1),
        cursor_of(OURS, "some day", "c", 1),
        cursor_of(OURS, None, "c", 1),
    ],
)
def test_what_is_not_a_cursor_of_the_list_is_refused(graph: Graph, cursor: str) -> None:
    assert graph.asks(PAGE, variables={"after": cursor}).codes == ["invalid-cursor"]
    assert graph.asks(PAGE, variables={"before": cursor}).codes == ["invalid-cursor"]


def test_a_cursor_is_of_one_list_only(graph: Graph) -> None:
    graph.have(enrolments.Row.table, {"organisation_id": "o", "enrolment_number": 1})
    cursor = graph.asks("{ enrolments { edges { cursor } } }").data["enrolments"]["edges"][0]["cursor"]
    assert graph.asks(PAGE, variables={"after": cursor}).codes == ["invalid-cursor"]
