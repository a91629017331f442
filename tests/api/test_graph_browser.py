"""The page at /graphql in a real browser: it asks, shows errors and the schema, for everybody and without the net."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from playwright.sync_api import Page, expect

from projections import organisations
from tests.api.world import served
from tests.api.world.browser import NARROW, WIDE, Scheme, Window, faults
from tests.api.world.graph import application
from tests.api.world.rows import row, rows_of

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def address(module_read_models_url: str) -> Iterator[str]:
    app, _ = application(module_read_models_url)
    rows = rows_of(module_read_models_url)
    with rows.begin() as connection:
        connection.execute(
            organisations.Row.table.insert(), [row(organisations.Row.table, organisation_id="o", name_nl="Gent")]
        )
    rows.dispose()
    with served(app) as address:
        yield address


@pytest.fixture
def visit(window: Window, address: str) -> Visit:
    return lambda path="/graphql", *how: window.visit(address + path, *how)


def test_a_query_is_run_by_keyboard_and_its_answer_read(visit: Visit) -> None:
    page = visit()
    page.get_by_label("Bearer token").fill("auditor:org-a")
    page.get_by_label("Query").fill("{ organisations { totalCount edges { node { nameNl } } } }")
    page.get_by_label("Query").press("Control+Enter")
    expect(page.get_by_text("HTTP 200,")).to_contain_text("no errors")
    expect(page.locator("#answer")).to_contain_text('"nameNl": "Gent"')
    assert page.evaluate("document.activeElement.id") == "query"


def test_what_went_wrong_is_said(visit: Visit) -> None:
    page = visit()
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#status")).to_contain_text("HTTP 401")
    expect(page.locator("#answer")).to_contain_text("unauthenticated")
    page.get_by_label("Variables (JSON)").fill("{")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#status")).to_contain_text("not JSON")
    assert page.evaluate("document.activeElement.id") == "variables"


def test_every_example_is_answered(visit: Visit) -> None:
    page = visit()
    page.get_by_label("Bearer token").fill("auditor:org-a")
    page.get_by_label("Processing-Activity").fill("oversight")
    examples = page.locator("#example option").count()
    assert examples > 3
    for at in range(examples):
        page.get_by_label("Example").select_option(index=at)
        page.get_by_role("button", name="Run").click()
        expect(page.locator("#answer")).to_contain_text("data")
        expect(page.locator("#status")).to_contain_text("HTTP 200")
        expect(page.locator("#status")).to_contain_text("no errors")


def test_the_schema_is_listed_and_searched(visit: Visit) -> None:
    page = visit()
    page.get_by_label("Bearer token").fill("agency:org-a")
    page.get_by_role("button", name="Load the schema").click()
    expect(page.locator("#types details").first).to_contain_text("mayAct(mandataryId: ID!")
    page.get_by_label("Find a type or a field").fill("openrate")
    expect(page.locator("#types h3", has_text="OpenRateTable")).to_be_visible()
    expect(page.locator("#types h3", has_text="Invoice")).to_have_count(0)


def test_a_query_may_stand_in_the_address(visit: Visit) -> None:
    page = visit("/graphql?query=%7B+__typename+%7D")
    assert page.get_by_label("Query").input_value() == "{ __typename }"


def test_the_page_is_for_everybody(visit: Visit, window: Window) -> None:
    page = visit()
    page.get_by_label("Bearer token").fill("auditor:org-a")
    page.get_by_role("button", name="Load the schema").click()
    expect(page.locator("#types details").first).to_be_visible()
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#status")).to_contain_text("HTTP")
    forms: Sequence[tuple[int, Scheme]] = [(width, scheme) for width in (WIDE, NARROW) for scheme in ("light", "dark")]
    for width, scheme in forms:
        window.becomes(width, scheme)
        assert faults(page) == [], (width, scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
