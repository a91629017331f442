"""Doors as data: one for each command, with its path and the body that a caller sends."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic.alias_generators import to_camel

from api.rights.commands import right_of
from application.ports import Role
from domain.kernel import Command


def nothing_to_check(_ids: Mapping[str, str]) -> None:
    """Stand for ids that only the command's own rule can judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One intent as one resource: `POST path`.

    The body is what the command says beyond its frame (`at`, `by`), its facts, the ids in the path and the id that the
    platform gives (`creates`); it is written in lowerCamelCase. What is created lives below `collection`, or else below
    `path`. `intent` names the command in the bulk door. With `versioned`, the caller must say on which version they
    decided (If-Match). `check_ids` raises a problem where an id in the path names nothing that the platform is made of;
    what has a stream of its own is looked up there, by the command's rule. `activity` is the processing activity that
    is recorded with the events (GDPR art. 30). Who may use it stands in `api.rights.commands`.
    """

    intent: str
    path: str
    command: type[Command]
    activity: str
    summary: str
    creates: str = ""
    collection: str = ""
    versioned: bool = False
    check_ids: Callable[[Mapping[str, str]], None] = nothing_to_check

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that it lets in."""
        return frozenset(right_of(self.command))


def outward(path: str) -> str:
    """Write the ids of a path as callers see them: in lowerCamelCase, like the fields of a body."""
    return re.sub(r"{(\w+)}", lambda name: f"{{{to_camel(name[1])}}}", path)
