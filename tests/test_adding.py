"""The examples of docs/adding.md do what the page says, in a copy of the code, and touch as few files as it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "adding.md"
TOOLS = Path(sys.executable).parent
PRODUCT = ("api", "application", "domain", "infrastructure", "migrations", "projections", "sample", "pyproject.toml")
MAX_FILES: Mapping[str, int] = {
    "A rule": 1,
    "A command with a door": 2,
    "A read model with its GraphQL type": 3,
    "A context": 9,
    "A deadline": 2,
    "A reaction": 2,
}
CACHES = (".mypy_cache", ".ruff_cache")

BLOCK = re.compile(r"^`(?P<path>\S+)`\n```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
Lines: TypeAlias = Sequence[str]


@dataclass(frozen=True, slots=True)
class Block:
    """A new file, or, as `diff`, a change of one that is there."""

    path: str
    language: str
    text: str


def examples() -> Mapping[str, Sequence[Block]]:
    """Return the blocks of each section of the page."""
    sections = (section.partition("\n") for section in PAGE.read_text("utf-8").split("\n## ")[1:])
    return {title: [Block(**found.groupdict()) for found in BLOCK.finditer(text)] for title, _, text in sections}


def changed(text: str, diff: str) -> str:
    """Apply hunks, which are parted by `@@`. The lines that a hunk keeps and removes stand in the text exactly once."""
    for hunk in re.split(r"^@@\n", diff, flags=re.MULTILINE):
        lines = hunk.splitlines(keepends=True)
        before = "".join(line[1:] or line for line in lines if line[0] != "+")
        after = "".join(line[1:] or line for line in lines if line[0] != "-")
        assert ("\n" + text).count("\n" + before) == 1, f"not there exactly once:\n{before}"
        text = ("\n" + text).replace("\n" + before, "\n" + after)[1:]
    return text


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Copy the code, with what the tools know of it, and apply all examples."""
    folder = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns(".*", "__pycache__", "dist")
    shutil.copytree(ROOT, folder, ignore=ignored, dirs_exist_ok=True)
    for cache in CACHES:
        if (ROOT / cache).is_dir():
            shutil.copytree(ROOT / cache, folder / cache)
    for blocks in examples().values():
        for block in blocks:
            file = folder / block.path
            file.parent.mkdir(exist_ok=True)
            file.write_text(changed(file.read_text("utf-8"), block.text) if block.language == "diff" else block.text)
    yield folder
    shutil.rmtree(folder)


def run(folder: Path, *command: str | Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_example_touches_as_few_files_as_the_page_says() -> None:
    touched = {
        title: {block.path for block in blocks if block.path.split("/")[0] in PRODUCT}
        for title, blocks in examples().items()
    }
    assert touched.keys() == MAX_FILES.keys()
    assert {title: len(paths) <= MAX_FILES[title] for title, paths in touched.items()} == dict.fromkeys(touched, True)


def test_the_examples_pass_lint_types_and_walls(copy: Path) -> None:
    run(copy, sys.executable, "-m", "ruff", "check", ".")
    run(copy, sys.executable, "-m", "ruff", "format", "--check", ".")
    run(copy, TOOLS / "lint-imports")
    run(copy, sys.executable, "-m", "mypy")


def test_the_tests_of_the_examples_pass(copy: Path) -> None:
    run(copy, sys.executable, "-m", "tests.infrastructure.examples")
    own = [block.path for blocks in examples().values() for block in blocks if block.path.startswith("tests/")]
    run(copy, sys.executable, "-m", "pytest", "-q", "tests/api/test_problems.py", *own)
