"""Tests of deciders that read as sentences: given these events, when this wish, then these events or this refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from domain.kernel import Decider, Refusal
from domain.kernel.checks import check


@dataclass(frozen=True)
class When:
    decider: Decider[Any, Any, Any]
    history: Sequence[Any]
    command: Any

    def then(self, *events: Any) -> None:
        decided = list(self._decide())
        assert decided == list(events)
        for event in decided:
            # What a door lets in, an import lets in again.
            check(event, self.command.at)

    def refused(self, kind: type[Refusal], code: str) -> None:
        with pytest.raises(kind) as refusal:
            self._decide()
        assert refusal.value.code == code

    def _decide(self) -> Sequence[Any]:
        events: Sequence[Any] = self.decider.decide(self.command, self.decider.fold(self.history))
        return events


@dataclass(frozen=True)
class Given:
    decider: Decider[Any, Any, Any]
    history: Sequence[Any]

    def when(self, command: Any) -> When:
        return When(self.decider, self.history, command)


def given(decider: Decider[Any, Any, Any], *history: Any) -> Given:
    return Given(decider, history)
