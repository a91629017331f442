"""A command with its address: all that the API states about it, in one place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from http import HTTPStatus

from pydantic.alias_generators import to_camel

from api.rights.relations import Right
from domain.kernel import Command
from domain.kernel.decider import intent_of


def nothing_to_check(_ids: Mapping[str, str]) -> None:
    """Accept all ids: the command's own rule looks the things up."""


@dataclass(frozen=True, slots=True)
class CommandRoute:
    """One command as one resource: `POST path`, with ids in braces.

    The body is what the command says beyond `at` and `by`, its facts, the ids in the path and the id that the platform
    gives (`creates`); it is written in lowerCamelCase. What is created lives below `collection`, or else below `path`.
    `right` says which roles may send the command. The processing activity is the command's own (`ACTIVITY`). With
    `versioned`, the caller must say on which version they decided (If-Match). `check_ids` raises a problem where an id
    in the path names nothing that the platform is made of; what has a stream of its own is looked up there, by the
    command's rule.
    """

    command: type[Command]
    path: str
    _: KW_ONLY
    right: Right
    summary: str
    creates: str = ""
    collection: str = ""
    versioned: bool = False
    check_ids: Callable[[Mapping[str, str]], None] = nothing_to_check

    @property
    def success(self) -> int:
        """The status of its answer: 201 if it creates something."""
        return HTTPStatus.CREATED if self.creates else HTTPStatus.OK

    @property
    def intent(self) -> str:
        """The command's name to callers."""
        return intent_of(self.command)


def routes_below(path: str, right: Right, commands: Mapping[str, tuple[type[Command], str]]) -> Iterator[CommandRoute]:
    """Make the routes of commands about one thing that have one right: by the end of the path, command and summary."""
    for end, (command, summary) in commands.items():
        yield CommandRoute(command, f"{path}/{end}", right=right, summary=summary)


def camel_path(path: str) -> str:
    """Write the ids of a path as callers see them: in lowerCamelCase, like the fields of a body."""
    return re.sub(r"{(\w+)}", lambda name: f"{{{to_camel(name[1])}}}", path)
