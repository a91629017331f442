"""The Digital Dashboard in a real browser: four languages, wide and narrow, light and dark, keyboard only."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest
from playwright.sync_api import Page

from projections.figures.translations import Language
from tests.api.world import served
from tests.api.world.browser import LEAST, NARROW, WIDE, Scheme, Window, faults
from tests.api.world.figures import RATES, FakeFigures, dashboard_over
from tests.lengths import runs_longer, sized

Visit = Callable[..., Page]
MOST_TABS = 200
# Texts of a picture that leave its own box, by more than a hair.
OUTSIDE = """() => [...document.querySelectorAll('svg.chart')].flatMap(svg => {
  const view = svg.viewBox.baseVal;
  return [...svg.querySelectorAll('text')].filter(text => {
    const box = text.getBBox();
    return box.x < -0.5 || box.y < -0.5 || box.x + box.width > view.width + 0.5
      || box.y + box.height > view.height + 0.5;
  }).map(text => text.textContent);
})"""
COVERED = """() => [...document.querySelectorAll('svg.chart')].flatMap(svg => {
  const texts = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBBox()]);
  return texts.flatMap(([one, a], at) => texts.slice(at + 1).filter(([, b]) =>
    a.x < b.x + b.width - 1 && b.x < a.x + a.width - 1 && a.y < b.y + b.height - 3 && b.y < a.y + a.height - 3
  ).map(([other]) => `${one} / ${other}`));
})"""
FOCUSABLE = "a[href], button, select, summary, input:not([type=hidden]), [tabindex='0']"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(dashboard_over(FakeFigures(sample=True))) as address:
        yield address


@pytest.fixture
def visit(window: Window, address: str) -> Visit:
    return lambda path, *how: window.visit(address + path, *how)


FORMS: Sequence[tuple[int, Scheme]] = (
    (WIDE, "light"),
    (WIDE, "dark"),
    (WIDE, "forced"),
    (NARROW, "dark"),
    (LEAST, "light"),
    (LEAST, "forced"),
)


def fits(page: Page) -> bool:
    """Say whether nothing leaves its chart or its page, or covers another text."""
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate(COVERED) == []
    wide: bool = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    return wide


def unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true })")


@runs_longer
@pytest.mark.parametrize("language", Language)
def test_axe_finds_nothing_and_every_text_of_a_chart_is_in_it(visit: Visit, window: Window, language: str) -> None:
    """The pages are loaded once. No colour depends on a language: each form is measured for contrast in one of them."""
    for jurisdiction in ("be", "nl"):
        page = visit(f"/dashboard/{language}?jurisdiction={jurisdiction}")
        assert page.evaluate("document.documentElement.lang") == language
        for form in FORMS:
            window.becomes(*form)
            assert fits(page), form
    unfold(page)
    for at, form in enumerate(FORMS):
        window.becomes(*form)
        own = at % len(Language) == list(Language).index(Language(language))
        assert faults(page, colours=sized(own, long=True)) == [], form


@pytest.mark.parametrize(
    "path",
    [
        "/en/figures",
        "/fr/figures/authentications?period=2021",
        "/de/figures/open-rate?jurisdiction=nl",
        "/nl/figures/use-index",
        "/en/figures/none-such",
        "/en?period=2026",
        "/nl?jurisdiction=nl&period=2019-H1",
        "/de/figures/messages-sent?period=2022",
        "/fr/figures/invoice-receivers",
    ],
)
def test_axe_finds_nothing_on_the_other_pages(visit: Visit, window: Window, path: str) -> None:
    page = visit(f"/dashboard{path}")
    unfold(page)
    forms: Sequence[tuple[int, Scheme]] = ((WIDE, "dark"), (LEAST, "light"), (LEAST, "forced"))
    for form in forms:
        window.becomes(*form)
        assert faults(page) == [], form
        assert fits(page), form


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_everything_is_reached_with_the_keyboard_and_seen_to_be(visit: Visit, width: int) -> None:
    page = visit("/dashboard/en", width)
    wanted = page.evaluate(
        f"[...document.querySelectorAll(`{FOCUSABLE}`)].filter(it => it.checkVisibility()).map("
        "(it, at) => { it.dataset.at = at; return at })"
    )
    reached = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        at = page.evaluate("document.activeElement.dataset.at ?? null")
        if at is None or int(at) in reached:
            break
        reached.append(int(at))
        seen = page.evaluate(
            "() => { const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();"
            " return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && box.width > 0 }"
        )
        assert seen, page.evaluate("document.activeElement.outerHTML")
    assert reached == wanted


def test_the_keyboard_skips_to_the_content_and_unfolds_a_table(visit: Visit) -> None:
    page = visit("/dashboard/en")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details").first.evaluate("it => it.open")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "region"


def test_a_period_is_chosen_with_the_form(visit: Visit) -> None:
    page = visit("/dashboard/nl")
    page.locator("select[name=year]").select_option("2021")
    page.locator("select[name=part]").select_option("november")
    page.get_by_role("button", name="Toon").press("Enter")
    page.wait_for_url("**/dashboard/nl?jurisdiction=be&period=2021-11")
    assert page.locator(".now").inner_text().lower().endswith("november 2021")
    assert page.locator("select[name=part]").input_value() == "11"


def test_the_accessible_tree_carries_the_headline_values(visit: Visit) -> None:
    tree = visit("/dashboard/en?period=2022-H1").locator("body").aria_snapshot()
    for said in (
        'heading "Belgium\'s digital government in figures" [level=1]',
        'heading "Active consents" [level=4]',
        "3,102,226",
        "+113%",
        "+85%",
        "+40%",
        "+78%",
        "414.79",
        'img "Index of use per target group, by two months, November 2014 to June 2022 (November/December 2014 = 100)"',
        "Computed up to and including position 1,234,567 of the log",
    ):
        assert said in tree, said


def _shown(page: Page, number: int) -> list[list[str]]:
    """Return the rows of the body of a table, as a reader sees them."""
    found: list[list[str]] = page.evaluate(
        "at => [...document.querySelectorAll('table')[at].tBodies[0].rows].map("
        "row => [...row.cells].map(cell => cell.textContent.trim()))",
        number,
    )
    return found


def _bare(text: str) -> str:
    """Keep what a number is made of, whatever the language puts between."""
    return re.sub(r"[^0-9-]", "", text.replace("\N{MINUS SIGN}", "-"))


@pytest.mark.parametrize("path", ["/en", "/fr?jurisdiction=nl", "/de/figures/authentications", "/nl/figures/use-index"])
def test_every_file_says_what_its_table_says(visit: Visit, path: str) -> None:
    page = visit(f"/dashboard{path}")
    links = page.locator("a.csv")
    assert links.count() == page.locator("a.json").count() == page.locator("table").count() > 0
    for number in range(links.count()):
        answer = page.request.get(links.nth(number).evaluate("it => it.href"))
        written = list(csv.DictReader(io.StringIO(answer.body().decode("utf-8-sig"))))
        shown = _shown(page, number)
        numbers = [Counter(filter(None, (_bare(text) for text in row[1:]))) for row in shown]
        about = {"period", "position", "definitionVersion", "sample", "licence", "jurisdiction"}
        told = Counter(_bare(value) for row in written for name, value in row.items() if name not in about)
        # The difference of two years stands on the page alone; the parts of one row are rows of the file.
        lacking = [row for row in numbers if "open-rate" not in answer.url and row - told]
        assert lacking == []
        assert len(written) >= len(shown) > 0


def test_percentages_are_rounded_right_on_the_page(visit: Visit) -> None:
    page = visit("/dashboard/en/figures/open-rate?jurisdiction=nl&period=2018")
    for _, *cells, _ in _shown(page, 0)[: len(RATES)]:
        published = [int(_bare(it)) for it in cells[:2]]
        kind = next(kind for kind, years in RATES.items() if [year[0] for year in years] == published)
        # Opened is cut to a whole message below the percentage of the print; half up brings the percentage back.
        expected = [RATES[kind][year][within] for within in (1, 2) for year in (0, 1)]
        assert [int(_bare(cells[at])) for at in (2, 3, 5, 6)] == expected
        assert [int(_bare(cells[at])) for at in (4, 7)] == [expected[1] - expected[0], expected[3] - expected[2]]
