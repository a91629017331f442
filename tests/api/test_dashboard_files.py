"""The figures as files: one form in all languages, all that is needed to read a number, no number without data."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from projections.figures.figure_definitions import DEFINITIONS
from projections.figures.shares import Share
from projections.figures.translations import Language
from tests.api.world import Client, over
from tests.api.world.figures import LICENCE, NOW, PARTS, POSITION, FakeFigures, dashboard_over

ABOUT = ["unit", "figure", "definitionVersion", "jurisdiction", "position", "sample", "licence"]
TABLES = (
    *(figure_id.replace("_", "-") for figure_id in DEFINITIONS),
    "active-consents/users",
    "authentications/means",
    "authentications/level",
    "bus-transactions/service-family",
)


def visitor(figures: FakeFigures | None = None) -> Client:
    reader = figures or FakeFigures()
    return over(dashboard_over(reader, lambda: reader.now))


def rows(path: str, figures: FakeFigures | None = None) -> list[dict[str, str]]:
    answer = visitor(figures).reads(f"/dashboard/{path}")
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def document(path: str, figures: FakeFigures | None = None) -> Mapping[str, Any]:
    answer = visitor(figures).reads(f"/dashboard/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found: Mapping[str, Any] = answer.json()
    return found


def test_a_csv_has_a_byte_order_mark_and_a_name() -> None:
    answer = visitor().reads("/dashboard/fr/figures/use-index.csv?period=2017-09/2017-10")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbfperiod,")
    assert answer.content.endswith(b"\r\n")
    assert 'filename="kroniek-be-use-index-2017-09_2017-10.csv"' in answer.headers["content-disposition"]


@pytest.mark.parametrize("table", TABLES)
def test_a_file_is_the_same_in_every_language(table: str) -> None:
    for form in ("csv", "json"):
        contents = {visitor().reads(f"/dashboard/{language}/figures/{table}.{form}").content for language in Language}
        assert len(contents) == 1


@pytest.mark.parametrize("table", TABLES)
def test_every_row_says_of_what_it_is(table: str) -> None:
    figure_id = table.split("/", maxsplit=1)[0].replace("-", "_")
    found = rows(f"en/figures/{table}.csv?jurisdiction=nl", FakeFigures(sample=True))
    for row in found:
        assert next(iter(row)) == "period"
        assert [*row][-8:] == ["quality", *ABOUT]
        assert row["unit"] == DEFINITIONS[figure_id].unit
        assert [row[name] for name in ABOUT[1:]] == [figure_id, "1", "nl", str(POSITION), "true", LICENCE]
    assert len(found) > 0


@pytest.mark.parametrize("table", TABLES)
def test_the_json_says_what_the_csv_says(table: str) -> None:
    written, twin = rows(f"de/figures/{table}.csv"), document(f"de/figures/{table}.json")
    assert {name: twin[name] for name in ABOUT} == {
        "unit": written[0]["unit"],
        "figure": written[0]["figure"],
        "definitionVersion": 1,
        "jurisdiction": "be",
        "position": POSITION,
        "sample": False,
        "licence": LICENCE,
    }
    of_csv = [{name: value for name, value in row.items() if name not in ABOUT} for row in written]
    assert [_as_text(it) for it in twin["observations"]] == [_as_number(it) for it in of_csv]
    assert set(twin["definition"]["title"]) == set(Language)


def _as_text(observation: Mapping[str, Any]) -> Mapping[str, Any]:
    texts = {True: "true", False: "false"}
    return {
        name: "" if value is None else texts[value] if isinstance(value, bool) else value
        for name, value in observation.items()
    }


def _as_number(row: Mapping[str, str]) -> Mapping[str, Any]:
    texts = ("period", "quality", "means", "level", "serviceFamily", "audience", "senderType", "notificationsOnly")
    return {name: value if name in texts or not value else float(value) for name, value in row.items()}


def test_shares_sum_to_100() -> None:
    for table, part in (("authentications/means", "means"), ("bus-transactions/service-family", "service_family")):
        found = rows(f"nl/figures/{table}.csv?period=2020-H1")
        assert sum(int(row["sharePercent"]) for row in found) == 100
        assert len(found) == len(PARTS[part])


def test_a_period_without_history_has_no_value() -> None:
    found = rows("en/figures/messages-sent.csv?jurisdiction=nl&period=2019-02")
    assert [(row["period"], row["value"], row["quality"]) for row in found[:3]] == [
        ("2019-02", "", "no-data"),
        ("2019-01", "", "no-data"),
        ("2018-12", "7017391", "exact"),
    ]


@pytest.mark.parametrize("table", [table for table in TABLES if table != "active-consents/users"])
def test_no_table_has_a_number_where_nothing_is_recorded(table: str) -> None:
    for figures in (FakeFigures(empty=True), FakeFigures()):
        first = rows(f"en/figures/{table}.csv?period=2026", figures)[0]
        assert first["quality"] == "no-data"
        told = {"period", "quality", *ABOUT}
        assert {value for name, value in first.items() if name not in told} == {""}
    twin = document(f"en/figures/{table}.json?period=2026")
    assert twin["observations"][0]["quality"] == "no-data"


def test_the_history_of_a_figure_stands_in_its_json() -> None:
    assert document("en/figures/authentications.json?jurisdiction=nl")["history"] == {
        "first": "2014-11",
        "last": "2018-12",
    }
    assert document("en/figures/invoice-receivers.json")["history"] is None


def test_the_index_is_written_with_a_point() -> None:
    found = rows("fr/figures/use-index.csv?period=2017-09/2017-10")
    assert [(row["period"], row["audience"], row["value"]) for row in found[:3]] == [
        ("2017-09/2017-10", "citizen", "218.92"),
        ("2017-09/2017-10", "company", "169.70"),
        ("2017-09/2017-10", "government", "137.33"),
    ]


def test_open_rates_of_two_years_with_subtotal_and_total() -> None:
    found = rows("en/figures/open-rate.csv?jurisdiction=nl")
    by_key = {(row["period"], row["senderType"]): row for row in found}
    partnership = [by_key[year, "partnership"] for year in ("2017", "2018")]
    # The rates of the made-up counts are cut off below the printed ones, not above; whole percents all the same.
    assert [_rates(row) for row in partnership] == [
        ["4197128", "60", "65", "false", "exact"],
        ["4145621", "64", "73", "false", "exact"],
    ]
    assert [by_key[year, "total"]["messages"] for year in ("2017", "2018")] == ["72174754", "77982665"]
    assert by_key["2018", "tax_administration"]["quality"] == "approximate"
    assert by_key["2018", "employee_insurance_agency"]["notificationsOnly"] == "true"


def _rates(row: Mapping[str, str]) -> Sequence[str]:
    names = ("messages", "openedWithin3WeeksPercent", "openedWithin6WeeksPercent", "notificationsOnly", "quality")
    return [row[name] for name in names]


def test_open_rates_are_provisional_while_messages_may_still_be_opened() -> None:
    figures = FakeFigures(now=NOW.replace(year=2019, month=1, day=25))
    found = rows("en/figures/open-rate.csv?jurisdiction=nl&period=2018", figures)
    assert {(row["period"], row["quality"]) for row in found if row["senderType"] == "total"} == {
        ("2018", "provisional"),
        ("2017", "approximate"),
    }


def test_a_name_in_a_csv_is_never_a_formula() -> None:
    class Formula(FakeFigures):
        async def shares(self, *_args: object) -> Sequence[Share]:
            return (Share("=1+1", 7),)

    (row,) = rows("en/figures/bus-transactions/service-family.csv", Formula())
    assert (row["serviceFamily"], row["value"]) == ("'=1+1", "7")


# --- Other origins --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "json"])
def test_pages_of_other_origins_may_read_the_files_and_their_tags(form: str) -> None:
    path = f"/dashboard/en/figures/authentications.{form}"
    answer = visitor().reads(path, headers={"Origin": "https://news.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    again = visitor().reads(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.headers["access-control-allow-origin"]) == (304, "*")
    assert visitor().requests("HEAD", path).status_code == 200
    asked = visitor().requests(
        "OPTIONS", path, {"Origin": "https://news.example", "Access-Control-Request-Method": "GET"}
    )
    assert (asked.status_code, asked.headers["access-control-allow-methods"]) == (204, "GET, HEAD")


def test_the_pages_themselves_are_not_opened_to_other_origins() -> None:
    assert "access-control-allow-origin" not in visitor().reads("/dashboard/en").headers


@pytest.mark.parametrize("table", ["none-such", "authentications/colour", "use-index/means"])
def test_a_file_that_is_not_there_is_a_problem_for_programs_and_a_page_for_people(table: str) -> None:
    for form in ("csv", "json"):
        path = f"/dashboard/en/figures/{table}.{form}"
        answer = visitor().reads(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert answer.json()["type"] == "urn:problem-type:kroniek:no-such-resource"
        assert answer.headers["access-control-allow-origin"] == "*"
        page = visitor().reads(path, headers={"Accept": "text/html,*/*;q=0.8"})
        assert (page.status_code, "This page does not exist" in page.text) == (404, True)
