"""Doors as data: one for each command, with its path, its roles and the body that a caller sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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
    is recorded with the events (GDPR art. 30).
    """

    intent: str
    path: str
    command: type[Command]
    roles: frozenset[Role]
    activity: str
    summary: str
    creates: str = ""
    collection: str = ""
    versioned: bool = False
    check_ids: Callable[[Mapping[str, str]], None] = nothing_to_check
