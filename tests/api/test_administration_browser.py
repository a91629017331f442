"""The page at /administration in a real browser: it shows, follows and orders, for everybody and without the net."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from application.ports import Role
from projections.registry import PROJECTIONS
from tests.api.browsing import chromium  # noqa: F401 - a fixture
from tests.api.serving import Served, platform_served
from tests.infrastructure.read_tables import MADE, looked_after, make_read_tables

Visit = Callable[..., Page]
WHY = "a disk is full"


@pytest.fixture
def served(database_url: str, keys_url: str, tmp_path: Path) -> Iterator[Served]:
    make_read_tables(database_url)
    with platform_served(database_url, keys_url, tmp_path) as served:
        yield served


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Visit]:
    contexts = []

    def open_page(role: Role = Role.ADMINISTRATOR, width: int = 1280, scheme: Any = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: asked.append(str(error)))
        page.on("console", lambda message: asked.append(message.text) if "Content Security" in message.text else None)
        page.goto(served.address + "/administration")
        page.get_by_label("Bearer token").fill(served.token(role))
        page.get_by_role("button", name="Connect").click()
        # Nothing from elsewhere, and nothing that the page's own policy stops.
        assert [it for it in asked if not it.startswith((served.address, "data:"))] == []
        return page

    yield open_page
    for context in contexts:
        context.close()


def row(page: Page, name: str) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=False))


def acts(owner: psycopg.Connection) -> list[tuple[str, str]]:
    return [
        (name, payload)
        for name, payload in owner.execute(
            "SELECT name, convert_from(payload, 'UTF8') FROM log.event"
            " WHERE stream LIKE 'projection-%' ORDER BY position"
        )
    ]


def all_sorts(owner: psycopg.Connection) -> None:
    """One read model in each state, with everything that a row can show."""
    owner.execute(
        "INSERT INTO read.build (projection, version, purpose, by_worker, state, events_done, events_total, started_at)"
        " VALUES ('keys', 1, 'rebuild', true, 'filling', 60, 100, now() - interval '30 s')"
    )
    owner.execute(
        "INSERT INTO read.build (projection, version, purpose, by_worker, state, events_done, events_total, started_at,"
        " ended_at, equal, outcome) VALUES ('people', 2, 'verification', true, 'done', 5, 5, now(), now(), true,"
        " 'Equal at 5: 1,200 rows, sha256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.')"
    )
    owner.execute("INSERT INTO read.previous (projection, version, position) VALUES ('people', 2, 4)")
    owner.execute(
        "UPDATE read.checkpoint SET error = 'The rule of KeyRevoked failed at 7: KeyError.'"
        " WHERE projection = 'mandates'"
    )
    owner.execute(
        "INSERT INTO read.projection_acts_v1 VALUES (1, 'messages', 'pause', 0, %s, 'official-7', 'platform', now())",
        (WHY,),
    )
    for position, error in ((3, "KeyError in the rule of MessageOpened"), (4, "")):
        owner.execute(
            "INSERT INTO read.parked (table_name, position, stream, stream_version, name, error)"
            " VALUES ('messages_v2', %s, %s, 2, 'mailbox.message-opened.v1', %s)",
            (position, "message-0190c2f1-5a9c-7000-8000-3d1f0b7f9a11", error),
        )


# --- Seeing ---------------------------------------------------------------------------------------------------------


def test_every_read_model_has_a_row(visit: Visit, owner: psycopg.Connection, database_url: str) -> None:
    all_sorts(owner)
    with looked_after(database_url, "keys", "people"):
        page = visit()
        expect(page.locator("#connection")).to_have_text("Live.")
        expect(page.get_by_role("row")).to_have_count(len(PROJECTIONS) + 1)
        expect(row(page, "keys")).to_contain_text("Live")
        expect(row(page, "keys")).to_contain_text("Rebuild: filling, 60 %")
        expect(row(page, "people")).to_contain_text("Verification: done")
        expect(row(page, "people")).to_contain_text("sha256 0123")
        expect(row(page, "mandates")).to_contain_text("Stopped")
        expect(row(page, "mandates")).to_contain_text("KeyRevoked failed at 7")
        expect(row(page, "messages")).to_contain_text("Paused")
        expect(row(page, "messages")).to_contain_text(WHY)
        expect(row(page, "consents")).to_contain_text("No worker")


def test_a_rows_numbers_follow(visit: Visit, owner: psycopg.Connection, database_url: str) -> None:
    with looked_after(database_url, "keys"):
        page = visit()
        expect(row(page, "keys")).to_contain_text("position 0")
        owner.execute("UPDATE read.checkpoint SET position = 1234 WHERE projection = 'keys'")
        expect(row(page, "keys")).to_contain_text("position 1,234")


def test_the_end_of_a_build_is_told(visit: Visit, owner: psycopg.Connection) -> None:
    all_sorts(owner)
    page = visit()
    expect(row(page, "keys")).to_contain_text("Interrupted")
    owner.execute(
        "UPDATE read.build SET state = 'done', ended_at = now(), outcome = 'Equal.' WHERE projection = 'keys'"
    )
    expect(page.locator("#outcome")).to_have_text("Rebuild of keys done. Equal.")


def test_a_token_that_may_not_look_is_told(visit: Visit) -> None:
    page = visit(role=Role.AGENCY)
    expect(page.locator("#connection")).to_contain_text("The role agency may not do this.")
    assert page.evaluate("document.activeElement.id") == "token"


def test_a_lost_connection_is_seen(visit: Visit, served: Served) -> None:
    page = visit()
    expect(page.locator("#connection")).to_have_text("Live.")
    served.stop()
    expect(page.locator("#connection")).to_contain_text("Connection lost")
    expect(page.locator("#connection")).to_contain_text("The numbers below are those of")


# --- Ordering -------------------------------------------------------------------------------------------------------


def test_an_order_needs_a_reason_and_becomes_an_act(visit: Visit, owner: psycopg.Connection) -> None:
    page = visit()
    page.get_by_role("button", name="Pause: keys").click()
    dialog = page.get_by_role("dialog", name="Pause: keys")
    expect(dialog.get_by_label("Why")).to_be_focused()
    dialog.get_by_label("Why").fill("   ")
    dialog.get_by_role("button", name="Pause").click()
    expect(dialog.get_by_role("alert")).to_have_text("Say why.")
    assert acts(owner) == []
    dialog.get_by_label("Why").fill(WHY)
    dialog.get_by_role("button", name="Pause").click()
    expect(page.locator("#outcome")).to_have_text("Pause: keys. Ordered.")
    ((name, payload),) = acts(owner)
    assert name == "projection.paused.v1"
    assert WHY in payload
    owner.execute(
        "INSERT INTO read.projection_acts_v1 VALUES (1, 'keys', 'pause', 0, %s, 'official-7', 'platform', now())",
        (WHY,),
    )
    expect(page.get_by_role("button", name="Resume: keys")).to_be_visible()
    expect(page.get_by_role("button", name="Pause: keys")).to_be_hidden()
    # What had the focus is gone, and the focus is not lost with it.
    expect(page.get_by_role("button", name="Rebuild: keys")).to_be_focused()


@pytest.mark.parametrize(
    ("button", "event"),
    [
        ("Rebuild: consents", "projection.rebuild-requested.v1"),
        ("Verify: consents", "projection.verification-requested.v1"),
        ("Cancel: keys", "projection.rebuild-cancelled.v1"),
        ("Undo takeover: people", "projection.takeover-undo-requested.v1"),
        ("Drop previous rows: people", "projection.previous-rows-drop-requested.v1"),
    ],
)
def test_each_order_has_its_door(button: str, event: str, visit: Visit, owner: psycopg.Connection) -> None:
    all_sorts(owner)
    page = visit()
    page.get_by_role("button", name=button).press("Enter")
    page.keyboard.type(WHY)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#outcome")).to_have_text(f"{button}. Ordered.")
    assert [name for name, _ in acts(owner)] == [event]


@pytest.mark.parametrize(
    ("button", "event", "position"),
    [
        ("Retry all", "projection.parked-events-retried.v1", 0),
        ("Retry 3", "projection.parked-events-retried.v1", 3),
        ("Skip 3", "projection.parked-event-skipped.v1", 3),
    ],
)
def test_parked_events_are_retried_or_skipped(
    button: str, event: str, position: int, visit: Visit, owner: psycopg.Connection
) -> None:
    all_sorts(owner)
    page = visit()
    page.get_by_role("button", name="Parked events: messages").click()
    dialog = page.get_by_role("dialog", name="Parked events: messages")
    expect(dialog.get_by_role("listitem")).to_have_count(2)
    expect(dialog).to_contain_text("KeyError in the rule of MessageOpened")
    dialog.get_by_role("button", name=button).click()
    page.get_by_label("Why").fill(WHY)
    page.locator("#act-do").click()
    expect(page.locator("#outcome")).to_contain_text("Ordered.")
    ((name, payload),) = acts(owner)
    assert name == event
    assert f'"event_position":{position}' in payload


def test_an_auditor_looks_and_is_told_that_ordering_is_not_for_them(visit: Visit, owner: psycopg.Connection) -> None:
    page = visit(role=Role.AUDITOR)
    page.get_by_role("button", name="Rebuild: keys").click()
    page.get_by_label("Why").fill(WHY)
    page.locator("#act-do").click()
    expect(page.locator("#act-wrong")).to_contain_text("auditor")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Rebuild: keys")).to_be_focused()
    assert acts(owner) == []


# --- For everybody --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_is_for_everybody(
    visit: Visit, owner: psycopg.Connection, database_url: str, width: int, scheme: str
) -> None:
    all_sorts(owner)
    with looked_after(database_url, "keys", "people"), looked_after(database_url, "keys", kind=MADE):
        page = visit(width=width, scheme=scheme)
        expect(row(page, "messages")).to_contain_text("Paused")
        expect(page.get_by_role("columnheader")).to_have_count(8)
        _must_be_for_everybody(page, width)
        page.get_by_role("button", name="Pause: keys").click()
        _must_be_for_everybody(page, width)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Parked events: messages").click()
        expect(page.get_by_role("listitem")).to_have_count(2)
        _must_be_for_everybody(page, width)


def _must_be_for_everybody(page: Page, width: int) -> None:
    found = Axe().run(page).response["violations"]
    assert [(it["id"], [node["html"][:80] for node in it["nodes"][:2]]) for it in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
