"""The command line itself: its version, its help, and the exit codes that programs rely on."""

from __future__ import annotations

import re
import shlex
from importlib.metadata import version
from pathlib import Path

import pytest

from api.cli import COMMANDS, main, parser_of
from api.cli.output import Exit

ROOT = Path(__file__).parents[2]
PAGES = (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))
SHOWN_IN_BLOCK = re.compile(r"^(?:\w+=)?(?:\$\()?(?:\.venv/bin/)?kroniek +(\S+(?: \S+)*)", re.MULTILINE)
"""Two spaces end the command: what it does may stand behind it."""
NAMED_IN_SENTENCE = re.compile(r"`(?:\.venv/bin/)?kroniek\s+([^`]+)`")


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == Exit.DONE
    assert capsys.readouterr().out == f"kroniek {version('kroniek')}\n"


def test_wrong_usage_has_its_own_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["no-such-command"])
    assert ended.value.code == Exit.WRONG_USAGE
    assert "no-such-command" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", "-1", "1.0", "\u0665", "9" * 23, "9" * 5_000, ""])
@pytest.mark.parametrize("command", ["log detach", "projections parked retry messages --why x --position"])
def test_a_number_that_names_nothing_is_wrong_usage(command: str, number: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), number])
    assert ended.value.code == Exit.WRONG_USAGE


def test_every_exit_code_is_documented() -> None:
    page = (ROOT / "docs" / "administrator.md").read_text().split("## Exit codes")[1]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)] == list(Exit)


def test_the_help_names_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert all(f"{code.value} {code.name.lower().replace('_', ' ')}" in said for code in Exit)


def test_the_readme_shows_every_command() -> None:
    shown = re.findall(r"^\.venv/bin/kroniek (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert set(shown) == set(COMMANDS) - {"demo", "worker"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_that_a_page_shows_can_be_given(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a sentence a command may be named without all that it needs, and several actions with `|` between them."""
    text = page.read_text()
    blocks = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    wrong = [line for line in SHOWN_IN_BLOCK.findall(blocks) if refused(line, capsys)]
    named = [re.sub(r"\|[\w|]+", "", line) for line in NAMED_IN_SENTENCE.findall(text)]
    wrong += [line for line in named if "are required" not in (refused(line, capsys) or "are required")]
    assert wrong == []


def refused(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what is wrong with a command, or an empty text."""
    words = shlex.split(line.partition(" >")[0].rstrip(")"), comments=True)
    try:
        parser_of(words[:1]).parse_args(words)
    except SystemExit as ended:
        return capsys.readouterr().err if ended.code else ""
    return ""
