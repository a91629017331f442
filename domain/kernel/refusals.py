"""Refusals: domain errors after which nothing was appended. A table in the doors maps them to HTTP."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - the house's word
    """A domain error: nothing was appended. `code` is stable for ever; `sentence` can be read by a citizen."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


class ValueRefusal(Refusal):
    """A value that can never be right, whatever the state. `place` leads to it: names of fields, places in lists."""

    place: tuple[str | int, ...] = ()


class MalformedValue(ValueRefusal):
    """The text is no value of this kind at all: an id with spaces, an instant without an offset."""


class InvalidValue(ValueRefusal):
    """A value of the right form that cannot be right: too long, wrong check digit, end before start."""


class NotFound(Refusal):
    """The aggregate that the command names does not exist."""


class NotAllowed(Refusal):
    """The organisation, role or person may not do this."""


class RuleBroken(Refusal):
    """The current state forbids the command."""


class Duplicate(Refusal):
    """Another one is there already, and there can be only one."""


class StaleVersion(Refusal):
    """The caller decided on a version that is no longer the current one."""
