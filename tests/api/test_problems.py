"""The page of problems and the source name the same codes, with the same statuses.

The codes of the source are read from its syntax, wherever a refusal or a problem is made.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from api.web.errors import STATUS
from tests.api.world import documented

ROOT = Path(__file__).parents[2]
FOLDERS = ("domain", "application", "api")
STATUS_OF_REFUSAL: Mapping[str, int] = {refusal.__name__: status for refusal, status in STATUS.items()}
TAKEN = 409
KINDS: Mapping[str, int] = {
    **dict.fromkeys(("one_line", "several_lines", "written", "one_of", "several"), 1),
    "whole": 2,
    "distinct": 0,
}
"""Where declarations of kinds name the code of their refusal, which its sentence follows."""


def test_every_code_has_one_status() -> None:
    assert {code: statuses for code, statuses in codes_in_source().items() if len(statuses) > 1} == {}


def test_the_page_lists_exactly_what_the_source_can_answer() -> None:
    in_source = {code: status for code, statuses in codes_in_source().items() for status in statuses}
    assert documented() == in_source


def codes_in_source() -> dict[str, set[int]]:
    """Return every stable code with the statuses that it is answered with."""
    statuses: defaultdict[str, set[int]] = defaultdict(set)
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for code, status in (*_codes(tree, path), *_of_kinds(tree, path)):
                statuses[code].add(status)
    return dict(statuses)


def _codes(tree: ast.Module, path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from _of_call(node.func.id, node.args, path)
        elif isinstance(node, ast.FunctionDef) and node.name == "_problem_of_http":
            yield from _of_table(node)


def _of_call(name: str, args: list[ast.expr], path: Path) -> Iterator[tuple[str, int]]:
    if name in STATUS_OF_REFUSAL:
        # `{kind}-taken` is the one code that is put together; its kinds are read from the claims.
        # Kinds of values are given theirs where they are declared.
        if isinstance(args[0], ast.Constant) or (path.name != "kinds.py" and not isinstance(args[0], ast.JoinedStr)):
            yield _text(args[0], path), STATUS_OF_REFUSAL[name]
    elif name == "Claim" and path.parts[-2] != "rest":
        yield f"{_text(args[0], path)}-taken", TAKEN
    elif name == "Problem" and isinstance(args[0], ast.Constant):
        assert isinstance(args[0].value, int), path
        yield _text(args[1], path), args[0].value


def _of_kinds(tree: ast.Module, path: Path) -> Iterator[tuple[str, int]]:
    """Yield the codes that kinds of values are declared with: each stands before its sentence, or in a named pair."""
    pairs = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Tuple)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS):
            continue
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        refusal = "MalformedValue" if "malformed" in named else "InvalidValue"
        args = [part for arg in node.args for part in _parts(arg, pairs)]
        too_long = named.get("too_long")
        told = [*args[KINDS[node.func.id] :], *(too_long.elts if isinstance(too_long, ast.Tuple) else ())]
        for code in told[::2]:
            yield _text(code, path), STATUS_OF_REFUSAL[refusal]


def _parts(arg: ast.expr, pairs: Mapping[str, ast.Tuple]) -> list[ast.expr]:
    return pairs[arg.value.id].elts if isinstance(arg, ast.Starred) and isinstance(arg.value, ast.Name) else [arg]


def _of_table(function: ast.FunctionDef) -> Iterator[tuple[str, int]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                assert isinstance(key, ast.Constant)
                assert isinstance(key.value, int)
                assert isinstance(value, ast.Tuple)
                yield ast.literal_eval(value.elts[0]), key.value


def _text(node: ast.expr, path: Path) -> str:
    assert isinstance(node, ast.Constant), (path, ast.dump(node))
    assert isinstance(node.value, str), path
    return node.value
