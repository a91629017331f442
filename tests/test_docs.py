"""What is written for people reads well as plain text too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WIDTH = 120
PAGES = (*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")))
DECISIONS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
NEW_IN_EXAMPLES = ROOT / "docs/adding.md"
"""Its examples make files; `test_adding.py` makes them."""

NAMED_PATH = re.compile(
    r"`((?:domain|application|projections|infrastructure|sample|api|migrations|benchmarks|tests|docs)/"
    r"(?!NNNN)[\w./-]*(?:\.\w+|/))`"
)
"""A file, or a folder that ends with a slash; `NNNN` stands for the number of a migration."""
ANCHOR = re.compile(r"\]\(\s*([^)\s#]*)#([^)\s]+)\)")
LINK = re.compile(r"\]\(\s*([^)\s#]+)[^)]*\)")


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a page that are neither code nor a row of a table."""
    code = False
    for number, line in enumerate(page.read_text("utf-8").splitlines(), start=1):
        if line.lstrip().startswith("```"):
            code = not code
        elif not code and not line.startswith("|"):
            yield number, line


def test_prose_is_wrapped() -> None:
    """A line may be longer if there is no space to break it at, as in a link."""
    too_long = [
        f"{page.relative_to(ROOT)}:{number}"
        for page in PAGES
        for number, line in prose(page)
        if len(line) > WIDTH and " " in line.strip()[:WIDTH]
    ]
    assert not too_long


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    links = {link for link in LINK.findall(text) if "://" not in link}
    paths = set() if page == NEW_IN_EXAMPLES else set(NAMED_PATH.findall(text))
    assert sorted(link for link in links if not (page.parent / link).exists()) == []
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


def anchors(page: Path) -> set[str]:
    """Return the names under which the headings of a page are reached, made as sites that show Markdown make them."""
    heads = [line.lstrip("#").strip() for _, line in prose(page) if re.match("#+ ", line)]
    return {
        re.sub(r"[^\w -]", "", re.sub(r"\[(.*?)\]\(.*?\)", r"\1", head)).lower().replace(" ", "-") for head in heads
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_headings_that_a_page_leads_to_exist(page: Path) -> None:
    links = ANCHOR.findall(page.read_text("utf-8"))
    missing = [
        f"{name}#{anchor}"
        for name, anchor in links
        if "://" not in name and anchor not in anchors(page.parent / name if name else page)
    ]
    assert missing == []


def test_decisions_have_numbers_of_their_own_and_are_in_the_index() -> None:
    """A number is given out before its page is written, so one may be missing; none is given out twice."""
    titles = [page.read_text("utf-8").partition("\n")[0] for page in DECISIONS]
    numbers = [page.name[:4] for page in DECISIONS]
    assert numbers == sorted(set(numbers))
    index = (ROOT / "docs/adr/README.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| \[(.*)\]\((.*)\) \|$", index, re.MULTILINE)
    assert [(f"# {number}. {title}", name) for number, title, name in rows] == [
        (title, page.name) for title, page in zip(titles, DECISIONS, strict=True)
    ]
