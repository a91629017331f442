"""One word, one thing: names of classes and modules, and the bars of size that the code keeps to."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from domain.contexts import CONTEXTS, name_of

ROOT = Path(__file__).parents[1]
PRODUCT = ("domain", "application", "projections", "infrastructure", "api", "sample")
FILES = {path.relative_to(ROOT): path.read_text("utf-8") for name in PRODUCT for path in (ROOT / name).rglob("*.py")}
TREES = {path: ast.parse(text) for path, text in FILES.items()}

MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 450
MAX_ANY = 120
MAX_TYPE_IGNORES = 3
MAX_NOQA = 40


# --- Names ------------------------------------------------------------------------------------------------------------


def test_two_classes_do_not_have_one_name() -> None:
    """The row of each read model is its `Row`; every other class has a name of its own."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not _named_by_rule(path, node.name):
                places[node.name].append(str(path))
    assert _more_than_one(places) == {}


def _named_by_rule(path: Path, name: str) -> bool:
    return path.parent == Path("projections") and name == "Row"


def test_two_modules_do_not_have_one_name() -> None:
    """In each storey a module may be named after a context or a read model; a command of `kroniek` names its module.

    An aggregate is split into `model` and `rules`, and values that several aggregates of a context share are its
    `values`. Each storey that has a list of its parts has a `registry`; row security is said in one and set in another.
    """
    named_after = {name_of(context) for context in CONTEXTS} | {path.stem for path in FILES if _is_read_model(path)}
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in FILES:
        if path.stem not in named_after and not _module_named_by_rule(path):
            places[path.stem].append(str(path))
    assert _more_than_one(places) == {}


def _module_named_by_rule(path: Path) -> bool:
    in_domain = path.is_relative_to("domain") and path.stem in {"model", "rules", "values"}
    return in_domain or path.stem in {"__init__", "registry", "row_security"} or path.is_relative_to("api/cli")


def _is_read_model(path: Path) -> bool:
    return path.parent == Path("projections") and "READ_MODEL = " in FILES[path]


def _more_than_one(places: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    return {name: sorted(paths) for name, paths in places.items() if len(paths) > 1}


# --- Sizes ------------------------------------------------------------------------------------------------------------


def test_a_function_is_short() -> None:
    assert {name: lines for name, lines in _functions() if lines > MAX_FUNCTION_LINES} == {}


def _functions() -> Iterator[tuple[str, int]]:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield f"{path}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def test_a_file_is_short() -> None:
    lines = {str(path): text.count("\n") for path, text in FILES.items()}
    assert {path: number for path, number in lines.items() if number > MAX_FILE_LINES} == {}


@pytest.mark.parametrize(("mark", "most"), [("type: ignore", MAX_TYPE_IGNORES), ("noqa", MAX_NOQA)])
def test_the_checks_are_seldom_silenced(mark: str, most: int) -> None:
    comments = [token.string for text in FILES.values() for token in _tokens(text) if token.type == tokenize.COMMENT]
    assert sum(mark in comment for comment in comments) <= most


def _tokens(text: str) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(text).readline)


def test_any_is_seldom_a_type() -> None:
    names = [node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.Name)]
    assert sum(node.id == "Any" for node in names) <= MAX_ANY


# --- Tests of the API -------------------------------------------------------------------------------------------------

WORLD = ROOT / "tests" / "api" / "world"
CONNECTIONS = frozenset({"TestClient", "AsyncClient", "ASGITransport", "uvicorn", "httpx2"})
"""What a client or a platform of one's own is made of."""


def test_tests_of_the_api_ask_with_the_clients_and_start_the_platforms_of_their_world() -> None:
    of_the_world = {name for path in WORLD.glob("*.py") for name in _classes(ast.parse(path.read_text("utf-8")))}
    assert {"Client", "Platform", "World"} <= of_the_world
    for path in sorted(WORLD.parent.glob("test_*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        own = CONNECTIONS.intersection(_imported(tree)) | of_the_world.intersection(_classes(tree))
        assert own == set(), f"{path.name} makes its own {', '.join(sorted(own))}: tests/api/world has them"


def _classes(tree: ast.Module) -> Iterator[str]:
    return (node.name for node in tree.body if isinstance(node, ast.ClassDef))


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield the names under which a module has what it imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (each.asname or each.name for each in node.names)
