"""The page at /administration in a real browser: it shows, follows and orders, for everybody and without the net."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from playwright.sync_api import Page, expect

from application.ports import Role
from projections.registry import PROJECTIONS
from tests.api.world import OnAPort, on_a_port
from tests.api.world.browser import NARROW, WIDE, Scheme, Window, faults
from tests.infrastructure.read_tables import MADE, looked_after

Visit = Callable[..., Page]
WHY = "a disk is full"


@pytest.fixture(scope="module")
def served(
    module_read_models_url: str, module_keys_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OnAPort]:
    with on_a_port(tmp_path_factory.mktemp("data"), module_read_models_url, module_keys_url) as served:
        yield served


@dataclass(slots=True)
class Owner:
    """The owner of the database, who says how read models stand and reads what was ordered since the test began."""

    connection: psycopg.Connection[Any]
    after: int

    def says(self, statement: LiteralString, *values: str) -> None:
        self.connection.execute(statement, values)

    def acts(self) -> list[tuple[str, str]]:
        rows: list[tuple[str, str]] = self.connection.execute(
            "SELECT name, convert_from(payload, 'UTF8') FROM log.event"
            " WHERE stream SIMILAR TO '(projection|reactor)-%%' AND position > %s ORDER BY position",
            (self.after,),
        ).fetchall()
        return rows


@pytest.fixture
def owner(served: OnAPort, module_read_models_url: str) -> Iterator[Owner]:  # noqa: ARG001 - it makes the tables
    with psycopg.connect(module_read_models_url, autocommit=True) as connection:
        row = connection.execute("SELECT coalesce(max(position), 0) FROM log.event").fetchone()
        assert row is not None
        yield Owner(connection, *row)
        connection.execute("TRUNCATE read.build, read.previous, read.parked, read.projection_acts_v1")
        connection.execute("UPDATE read.checkpoint SET position = 0, error = ''")
        connection.execute("DELETE FROM reactor.waiting_key WHERE reactor = 'letters'")
        connection.execute("DELETE FROM reactor.progress WHERE name IN ('archive', 'letters')")


@pytest.fixture
def visit(window: Window, served: OnAPort) -> Visit:
    def open_page(
        role: Role = Role.ADMINISTRATOR, width: int = WIDE, scheme: Scheme = "light", by: OnAPort = served
    ) -> Page:
        page = window.visit(by.address + "/administration", width, scheme)
        page.get_by_label("Bearer token").fill(by.token(role))
        page.get_by_role("button", name="Connect").click()
        return page

    return open_page


def row(page: Page, name: str) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=False))


def all_sorts(owner: Owner) -> None:
    """One read model in each state, with everything that a row can show."""
    owner.says(
        "INSERT INTO read.build (projection, version, purpose, by_worker, state, events_done, events_total, started_at)"
        " VALUES ('keys', 2, 'rebuild', true, 'filling', 60, 100, now() - interval '30 s')"
    )
    owner.says(
        "INSERT INTO read.build (projection, version, purpose, by_worker, state, events_done, events_total, started_at,"
        " ended_at, equal, outcome) VALUES ('people', 2, 'verification', true, 'done', 5, 5, now(), now(), true,"
        " 'Equal at 5: 1,200 rows, sha256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.')"
    )
    owner.says("INSERT INTO read.previous (projection, version, position) VALUES ('people', 2, 4)")
    owner.says(
        "UPDATE read.checkpoint SET error = 'The rule of KeyRevoked failed at 7: KeyError.'"
        " WHERE projection = 'mandates'"
    )
    owner.says(
        "INSERT INTO read.projection_acts_v1 VALUES (1, 'messages', 'pause', 0, %s, 'official-7', 'platform', now())",
        WHY,
    )
    for position, error in ((3, "KeyError in the rule of MessageOpened"), (4, "")):
        owner.says(
            "INSERT INTO read.parked (table_name, position, stream, stream_version, name, error)"
            " VALUES ('messages_v3', %s, %s, 2, 'mailbox.message-opened.v1', %s)",
            str(position),
            "message-0190c2f1-5a9c-7000-8000-3d1f0b7f9a11",
            error,
        )
    reactors_of_all_sorts(owner)


def reactors_of_all_sorts(owner: Owner) -> None:
    """Two beside those that the platform runs: one is paused, and a key of the other is parked."""
    owner.says(
        "INSERT INTO reactor.progress (name, paused_at, paused_by, paused_why) VALUES"
        " ('letters', NULL, '', ''), ('archive', now(), 'official-7', %s)",
        WHY,
    )
    owner.says(
        "INSERT INTO reactor.waiting_key (reactor, key, tries, error, parked_at)"
        " VALUES ('letters', 'message-7', 20, 'ValueError at letters:41', now())"
    )
    owner.says(
        "INSERT INTO reactor.waiting_event (reactor, key, position, name) VALUES"
        " ('letters', 'message-7', 3, 'mailbox.message-published.v1'),"
        " ('letters', 'message-7', 9, 'mailbox.message-opened.v1')"
    )


# --- Seeing ---------------------------------------------------------------------------------------------------------


def test_every_read_model_has_a_row(visit: Visit, owner: Owner, module_read_models_url: str) -> None:
    all_sorts(owner)
    with looked_after(module_read_models_url, "keys", "people"):
        page = visit()
        expect(page.locator("#connection")).to_have_text("Live.")
        expect(page.locator("#models").get_by_role("row")).to_have_count(len(PROJECTIONS) + 1)
        expect(row(page, "keys")).to_contain_text("Live")
        expect(row(page, "keys")).to_contain_text("Rebuild: filling, 60 %")
        expect(row(page, "people")).to_contain_text("Verification: done")
        expect(row(page, "people")).to_contain_text("sha256 0123")
        expect(row(page, "mandates")).to_contain_text("Stopped")
        expect(row(page, "mandates")).to_contain_text("KeyRevoked failed at 7")
        expect(row(page, "messages")).to_contain_text("Paused")
        expect(row(page, "messages")).to_contain_text(WHY)
        expect(row(page, "consents")).to_contain_text("No worker")
        expect(row(page, "eraser")).to_contain_text("Live")
        expect(row(page, "archive")).to_contain_text("Paused")
        expect(row(page, "archive")).to_contain_text(f"{WHY} (official-7")
        expect(row(page, "letters")).to_contain_text("No leader")
        expect(row(page, "letters")).to_contain_text("1 key, 1 parked")
        expect(row(page, "letters")).to_contain_text("2 events")


def test_a_rows_numbers_follow(visit: Visit, owner: Owner, module_read_models_url: str) -> None:
    with looked_after(module_read_models_url, "keys"):
        page = visit()
        expect(row(page, "keys")).to_contain_text("position 0")
        owner.says("UPDATE read.checkpoint SET position = 1234 WHERE projection = 'keys'")
        expect(row(page, "keys")).to_contain_text("position 1,234")


def test_the_end_of_a_build_is_told(visit: Visit, owner: Owner) -> None:
    all_sorts(owner)
    page = visit()
    expect(row(page, "keys")).to_contain_text("Interrupted")
    owner.says("UPDATE read.build SET state = 'done', ended_at = now(), outcome = 'Equal.' WHERE projection = 'keys'")
    expect(page.locator("#outcome")).to_have_text("Rebuild of keys done. Equal.")


def test_a_token_that_may_not_look_is_told(visit: Visit) -> None:
    page = visit(role=Role.AGENCY)
    expect(page.locator("#connection")).to_contain_text("The role agency may not do this.")
    assert page.evaluate("document.activeElement.id") == "token"


def test_a_lost_connection_is_seen(visit: Visit, read_models_url: str, keys_url: str, tmp_path: Path) -> None:
    with on_a_port(tmp_path, read_models_url, keys_url) as served:
        page = visit(by=served)
        expect(page.locator("#connection")).to_have_text("Live.")
        served.stop()
        expect(page.locator("#connection")).to_contain_text("Connection lost")
        expect(page.locator("#connection")).to_contain_text("The numbers below are those of")


# --- Ordering -------------------------------------------------------------------------------------------------------


def test_an_order_needs_a_reason_and_becomes_an_act(visit: Visit, owner: Owner) -> None:
    page = visit()
    page.get_by_role("button", name="Pause: keys").click()
    dialog = page.get_by_role("dialog", name="Pause: keys")
    expect(dialog.get_by_label("Why")).to_be_focused()
    dialog.get_by_label("Why").fill("   ")
    dialog.get_by_role("button", name="Pause").click()
    expect(dialog.get_by_role("alert")).to_have_text("Say why.")
    assert owner.acts() == []
    dialog.get_by_label("Why").fill(WHY)
    dialog.get_by_role("button", name="Pause").click()
    expect(page.locator("#outcome")).to_have_text("Pause: keys. Ordered.")
    ((name, payload),) = owner.acts()
    assert name == "projection.paused.v1"
    assert WHY in payload
    owner.says(
        "INSERT INTO read.projection_acts_v1 VALUES (1, 'keys', 'pause', 0, %s, 'official-7', 'platform', now())",
        WHY,
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
        ("Pause: letters", "reactor.paused.v1"),
    ],
)
def test_each_order_has_its_door(button: str, event: str, visit: Visit, owner: Owner) -> None:
    all_sorts(owner)
    page = visit()
    page.get_by_role("button", name=button).press("Enter")
    page.keyboard.type(WHY)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#outcome")).to_have_text(f"{button}. Ordered.")
    assert [name for name, _ in owner.acts()] == [event]


def test_a_reactor_is_paused_and_resumed(visit: Visit) -> None:
    page = visit()
    for order, state in (("Pause", "Paused"), ("Resume", "Live")):
        page.get_by_role("button", name=f"{order}: eraser").click()
        page.get_by_label("Why").fill(WHY)
        page.get_by_label("Why").press("Tab")
        page.keyboard.press("Enter")
        expect(row(page, "eraser")).to_contain_text(state)


PARKED = ("Parked events: messages", 2, "KeyError in the rule of MessageOpened")
WAITING = ("Waiting events: letters", 1, "ValueError at letters:41 (20 tries, parked at ")


@pytest.mark.parametrize(
    ("opened", "button", "act"),
    [
        (PARKED, "Retry all", ("projection.parked-events-retried.v1", 0)),
        (PARKED, "Retry 3", ("projection.parked-events-retried.v1", 3)),
        (PARKED, "Skip 3", ("projection.parked-event-skipped.v1", 3)),
        (WAITING, "Retry all", ("reactor.waiting-events-retried.v1", 0)),
        (WAITING, "Skip 3", ("reactor.waiting-event-skipped.v1", 3)),
    ],
)
def test_parked_and_waiting_events_are_retried_or_skipped(
    opened: tuple[str, int, str], button: str, act: tuple[str, int], visit: Visit, owner: Owner
) -> None:
    all_sorts(owner)
    name, items, error = opened
    event, position = act
    page = visit()
    page.get_by_role("button", name=name).click()
    dialog = page.get_by_role("dialog", name=name)
    expect(dialog.get_by_role("listitem")).to_have_count(items)
    expect(dialog).to_contain_text(error)
    dialog.get_by_role("button", name=button).click()
    page.get_by_label("Why").fill(WHY)
    page.locator("#act-do").click()
    expect(page.locator("#outcome")).to_contain_text("Ordered.")
    ((name, payload),) = owner.acts()
    assert name == event
    assert f'"event_position":{position}' in payload


def test_an_auditor_looks_and_is_told_that_ordering_is_not_for_them(visit: Visit, owner: Owner) -> None:
    page = visit(role=Role.AUDITOR)
    page.get_by_role("button", name="Rebuild: keys").click()
    page.get_by_label("Why").fill(WHY)
    page.locator("#act-do").click()
    expect(page.locator("#act-wrong")).to_contain_text("auditor")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Rebuild: keys")).to_be_focused()
    assert owner.acts() == []


# --- For everybody --------------------------------------------------------------------------------------------------


FORMS: Sequence[tuple[int, Scheme]] = [(width, scheme) for width in (WIDE, NARROW) for scheme in ("light", "dark")]


def test_the_page_is_for_everybody(visit: Visit, window: Window, owner: Owner, module_read_models_url: str) -> None:
    all_sorts(owner)
    with (
        looked_after(module_read_models_url, "keys", "people"),
        looked_after(module_read_models_url, "keys", kind=MADE),
    ):
        page = visit()
        expect(row(page, "messages")).to_contain_text("Paused")
        expect(page.get_by_role("columnheader")).to_have_count(16)
        _must_be_for_everybody(window)
        page.get_by_role("button", name="Pause: keys").click()
        _must_be_for_everybody(window)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Parked events: messages").click()
        expect(page.get_by_role("listitem")).to_have_count(2)
        _must_be_for_everybody(window)


def _must_be_for_everybody(window: Window) -> None:
    """Check what the window shows in all its forms, the dialog that is open among it."""
    for width, scheme in FORMS:
        window.becomes(width, scheme)
        assert faults(window.page) == [], (width, scheme)
        assert window.page.evaluate("document.documentElement.scrollWidth") <= width
