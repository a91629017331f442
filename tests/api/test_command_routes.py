"""A route says all that there is to say of its command; without a right or an activity it does not type-check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from api.rest.command_routes import COMMAND_ROUTES
from application.registry import BY_COMMAND
from domain.access.access import RecordAccess

HEAD = """
from dataclasses import dataclass
from typing import ClassVar

from api.rest.command_route import CommandRoute
from api.rights.relations import auditor
from domain.kernel import CommandBase


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBook(CommandBase):
    ACTIVITY: ClassVar[str] = "reading"
    book_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMind(CommandBase):
    person_id: str


"""
WHOLE = 'CommandRoute(ReadBook, "/books", right=auditor(), summary="Read.")'
NO_RIGHT = 'CommandRoute(ReadBook, "/books", summary="Read.")'
NO_ACTIVITY = 'CommandRoute(ReadMind, "/minds", right=auditor(), summary="Read.")'


def complaints(folder: Path, *routes: str) -> list[str]:
    """Return what mypy says of some routes, one of them a line."""
    written = folder / "routes.py"
    written.write_text(HEAD + "\n".join(routes), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--no-pretty", "--hide-error-context", f"--cache-dir={folder / 'cache'}"]
    root = Path(__file__).parents[2]
    told = subprocess.run([*command, str(written)], cwd=root, capture_output=True, text=True, check=False)
    assert told.stderr == ""
    return [line.partition(" error: ")[2] for line in told.stdout.splitlines() if " error: " in line]


def test_a_route_without_a_right_or_an_activity_does_not_type_check(tmp_path: Path) -> None:
    assert complaints(tmp_path, WHOLE, NO_RIGHT, NO_ACTIVITY) == [
        'Missing named argument "right" for "CommandRoute"  [call-arg]',
        'Argument 1 to "CommandRoute" has incompatible type "type[ReadMind]"; expected "type[Command]"  [arg-type]',
    ]


def test_every_command_has_an_activity_of_its_own_but_the_one_whose_activity_the_caller_names() -> None:
    assert {command for command in BY_COMMAND if not command.ACTIVITY} == {RecordAccess}


def test_each_intent_and_each_path_is_of_one_command() -> None:
    assert len({route.intent for route in COMMAND_ROUTES}) == len(COMMAND_ROUTES)
    assert len({route.path for route in COMMAND_ROUTES}) == len(COMMAND_ROUTES)
