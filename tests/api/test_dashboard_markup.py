"""The markup of the pages: whole, with ids that are there once and names that are found, addresses without mistakes.

The Nu HTML checker needs Java, which the tests do without; what it finds of these kinds is found here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest

from tests.api.world import over
from tests.api.world.figures import NOW, FakeFigures, dashboard_over

EMPTY = frozenset({"meta", "link", "input", "br", "img"})
ADDRESS = re.compile(r"(?:[A-Za-z0-9\-._~:/?#@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
"""The characters of an address (RFC 3986)."""

PAGES = (
    *("/en", "/nl?jurisdiction=nl", "/nl?jurisdiction=nl&period=2019-H1", "/de?period=2022", "/fr?period=2026"),
    *("/fr/figures/authentications", "/en/figures/open-rate?jurisdiction=nl", "/nl/figures/use-index"),
    *("/de/figures", "/en/figures/none-such", "/en/figures/invoice-receivers"),
)


class Markup(HTMLParser):
    """Reads a page strictly: every element ends where it has to, whether HTML would let its end be left out or not."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.ids: Counter[str] = Counter()
        self.named: set[str] = set()
        self.headings: list[int] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(set(names)) < len(names):
            self.faults.append(f"{tag} says an attribute twice")
        if tag in {"a", "button", "select", "input"} and {"a", "button"} & set(self.open):
            self.faults.append(f"{tag} within another control")
        for name, value in attrs:
            self._attribute(tag, name, value or "")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in EMPTY:
            self.open.append(tag)

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name == "id":
            self.ids[value] += 1
        elif name in {"aria-labelledby", "for"}:
            self.named |= set(value.split())
        elif name in {"href", "action"} and not ADDRESS.fullmatch(value):
            self.faults.append(f"{tag} has an address that is none: {value[:80]}")
        elif name in {"href", "action"} and value.startswith("#"):
            self.named.add(value[1:])

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in EMPTY:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"{tag} ends where it may not")


@pytest.mark.parametrize("path", PAGES)
def test_the_markup_of_a_page_is_sound(path: str) -> None:
    page = over(dashboard_over(FakeFigures(sample=True), lambda: NOW)).reads(f"/dashboard{path}").text
    markup = Markup()
    markup.feed(page)
    markup.close()
    assert page.startswith("<!doctype html>\n")
    assert (markup.faults, markup.open) == ([], [])
    assert [name for name, times in markup.ids.items() if times > 1] == []
    assert markup.named <= set(markup.ids)
    assert markup.headings[0] == 1
    assert all(after <= before + 1 for before, after in zip(markup.headings, markup.headings[1:], strict=False))


def test_what_is_wrong_in_a_page_is_found() -> None:
    markup = Markup()
    markup.feed('<p><a href="a b">x</p><b>')
    assert (len(markup.faults), markup.open) == (2, ["p", "b"])
