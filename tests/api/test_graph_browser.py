"""The page at /graphql in a real browser: it asks, shows errors and the schema, for everybody and without the net."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from projections import organisations
from tests.api.browsing import chromium, served  # noqa: F401 - a fixture
from tests.api.graph_world import application, row, rows_of


@pytest.fixture(scope="module")
def address(module_database_url: str) -> Iterator[str]:
    app, models = application(module_database_url)
    rows = rows_of(module_database_url)
    with rows.begin() as connection:
        connection.execute(
            organisations.TABLE.insert(), [row(organisations.TABLE, organisation_id="o", name_nl="Gent")]
        )
    rows.dispose()
    with served(app, models.close) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Any]:
    contexts = []

    def open_page(path: str = "/graphql", width: int = 1280, scheme: Any = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: asked.append(message.text) if message.type == "error" else None)
        page.goto(address + path)
        # Nothing from elsewhere, and nothing that the page's own policy stops.
        assert [it for it in asked if not it.startswith((address, "data:"))] == []
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_a_query_is_run_by_keyboard_and_its_answer_read(visit: Any) -> None:
    page = visit()
    page.get_by_label("Bearer token").fill("auditor:org-a")
    page.get_by_label("Query").fill("{ organisations { totalCount edges { node { nameNl } } } }")
    page.get_by_label("Query").press("Control+Enter")
    expect(page.get_by_text("HTTP 200,")).to_contain_text("no errors")
    expect(page.locator("#answer")).to_contain_text('"nameNl": "Gent"')
    assert page.evaluate("document.activeElement.id") == "query"


def test_what_went_wrong_is_said(visit: Any) -> None:
    page = visit()
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#status")).to_contain_text("HTTP 401")
    expect(page.locator("#answer")).to_contain_text("unauthenticated")
    page.get_by_label("Variables (JSON)").fill("{")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#status")).to_contain_text("not JSON")
    assert page.evaluate("document.activeElement.id") == "variables"


def test_every_example_is_answered(visit: Any) -> None:
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


def test_the_schema_is_listed_and_searched(visit: Any) -> None:
    page = visit()
    page.get_by_label("Bearer token").fill("agency:org-a")
    page.get_by_role("button", name="Load the schema").click()
    expect(page.locator("#types details").first).to_contain_text("mayAct(mandataryId: ID!")
    page.get_by_label("Find a type or a field").fill("openrate")
    expect(page.locator("#types h3", has_text="OpenRateTable")).to_be_visible()
    expect(page.locator("#types h3", has_text="Invoice")).to_have_count(0)


def test_a_query_may_stand_in_the_address(visit: Any) -> None:
    page = visit("/graphql?query=%7B+__typename+%7D")
    assert page.get_by_label("Query").input_value() == "{ __typename }"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_is_for_everybody(visit: Any, width: int, scheme: str) -> None:
    page = visit(width=width, scheme=scheme)
    page.get_by_label("Bearer token").fill("auditor:org-a")
    page.get_by_role("button", name="Load the schema").click()
    expect(page.locator("#types details").first).to_be_visible()
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#status")).to_contain_text("HTTP")
    found = Axe().run(page).response["violations"]
    assert [(it["id"], [node["html"][:80] for node in it["nodes"][:2]]) for it in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
