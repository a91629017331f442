"""A window of a real browser, and what is wrong with a page in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import ConsoleMessage, Page, sync_playwright

from tests.parts import CHROMIUM

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WIDE, NARROW, LEAST, HEIGHT = 1280, 360, 320, 900
SERVER_ERROR = 500
Scheme: TypeAlias = Literal["light", "dark", "forced"]
"""The colours that a visitor prefers; forced ones are those of the system, as a high contrast mode has them."""


@dataclass
class Window:
    """The one window of a module, in which one visit follows the other: to open one takes longer than most tests."""

    page: Page
    asked: list[str] = field(default_factory=list)
    """What the page of this visit asked for, and what went wrong in it."""

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.asked.append(str(error)))
        self.page.on("console", self._note)

    def visit(self, address: str, width: int = WIDE, scheme: Scheme = "light") -> Page:
        """Open a page; it may ask for nothing but its own address, and may not break its own policy."""
        self.becomes(width, scheme)
        self.asked.clear()
        answer = self.page.goto(address)
        assert answer is not None
        assert answer.status < SERVER_ERROR
        own = address.split("/", 3)[:3]
        assert [it for it in self.asked if it.split("/", 3)[:3] != own and not it.startswith("data:")] == []
        return self.page

    def becomes(self, width: int, scheme: Scheme) -> None:
        """Take another width and other colours, as a window does that shows a page already."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        forced: Literal["active", "none"] = "active" if scheme == "forced" else "none"
        self.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", forced_colors=forced)

    def _note(self, message: ConsoleMessage) -> None:
        if "Content Security" in message.text or (message.type == "error" and "resource" not in message.text):
            self.asked.append(message.text)

    def leave(self) -> None:
        """Forget what pages have stored, and end what they listen to."""
        if self.page.url.startswith("http"):
            self.page.evaluate("sessionStorage.clear()")
        self.page.goto("about:blank")


@contextmanager
def opened_window() -> Iterator[Window]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM.path(), args=ARGUMENTS)
        yield Window(browser.new_page())
        browser.close()


def faults(page: Page, *, colours: bool = True) -> Sequence[str]:
    """Return what axe finds wrong on a page; the rules of WCAG 2.2 AA, which it leaves out by itself, count too.

    Without `colours`, all rules but that of contrast, which takes longer than the others together.
    """
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(Axe().axe_script)
    rules = {"target-size": {"enabled": True}, "color-contrast": {"enabled": colours}}
    found = page.evaluate("options => axe.run(options)", {"resultTypes": ["violations"], "rules": rules})
    return [f"{it['id']}: {node['html'][:120]}" for it in found["violations"] for node in it["nodes"]]
