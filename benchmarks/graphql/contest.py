"""The same questions to all contenders in turn: rates, and the processor time of a request on both sides."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from application.ports import Role
from benchmarks.graphql import questions
from benchmarks.graphql.asking import Answer, UnequalAnswersError, ask, compare, data_of
from benchmarks.graphql.cpu import used_s, wait_until_idle
from benchmarks.graphql.history import Asked, History
from benchmarks.graphql.load import Requests, load
from benchmarks.graphql.peers import Peer
from benchmarks.graphql.questions import PAGE, Kind, Question
from benchmarks.measuring import Measured, interleaved
from benchmarks.projections.serving import Api

COMPARED = 3
"""So many answers of each contender to one question are compared, if it is asked with as many variables."""

JSON = {"Content-Type": "application/json", "Accept": "application/json"}
ROWS = {Kind.PAGE: PAGE, Kind.ROW: 1, Kind.NESTED: PAGE, Kind.MESSAGES: PAGE, Kind.AGGREGATE: None}
ON_RECORD = (Kind.NESTED, Kind.MESSAGES)
"""Questions about persons: our answers are put on record before they leave."""


class By(StrEnum):
    """Who asks: an auditor sees every row, the agency those that name it."""

    AUDITOR = "auditor"
    AGENCY = "agency"


class Side(StrEnum):
    """Who answers."""

    OURS = "Kroniek"
    SUPERUSER = "PostGraphile"
    READER = "PostGraphile under row security"
    STOCK = "stock strawberry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is sent in each round under one name, to which server, and how long an answer is."""

    name: str
    requests: Requests
    pid: int
    answer_bytes: int = 0


def name_of(kind: Kind, by: By, side: Side) -> str:
    return f"{kind}, {by}: {side}"


def rate(name: str) -> str:
    return f"{name} (requests/s)"


def server_cpu(name: str) -> str:
    return f"{name}, server (µs of CPU)"


def database_cpu(name: str) -> str:
    return f"{name}, PostgreSQL (µs of CPU)"


# --- Who is asked what ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Contenders:
    """The running contenders and the history that they read."""

    history: History
    ours: Api
    stock: Peer
    superuser: Peer
    reader: Peer
    head_of_postgres: int

    def wait_until_idle(self) -> None:
        servers = (self.ours.pid, self.stock.pid, self.superuser.pid, self.reader.pid)
        wait_until_idle(*servers, self.head_of_postgres)

    def turns(self) -> Sequence[Turn]:
        """Return the turns of all contenders, those that are compared beside each other; see that they say the same."""
        self._see_that_rows_are_hidden()
        kinds = {By.AUDITOR: tuple(Kind), By.AGENCY: (Kind.PAGE, Kind.ROW, Kind.AGGREGATE)}
        return [turn for by, asked in kinds.items() for kind in asked for turn in self._turns(kind, by)]

    def our_requests(self, question: Question, role: Role, organisation_id: str) -> Requests:
        token = self.ours.token_for(role, organisation_id)
        own = {"Authorization": f"Bearer {token}", "Processing-Activity": "benchmark"}
        return requests_of(question, self.ours.base, own)

    def _turns(self, kind: Kind, by: By) -> Sequence[Turn]:
        found: dict[str, Sequence[object]] = {}
        turns: list[Turn] = []
        for side, (question, requests, pid) in self._asked(kind, by).items():
            answers = [ask(requests, number) for number in range(min(COMPARED, len(requests.bodies)))]
            found[side] = [row for answer in answers for row in question.rows(data_of(answer))]
            turn = Turn(name=name_of(kind, by, side), requests=requests, pid=pid)
            turns.append(replace(turn, answer_bytes=_shortest(answers)))
        rows, times = ROWS[kind], len(answers)
        compare(found, None if rows is None else rows * times)
        return turns

    def _asked(self, kind: Kind, by: By) -> Mapping[Side, tuple[Question, Requests, int]]:
        asked, agency = self._of(by)
        role = Role.AGENCY if agency else Role.AUDITOR
        own, whole = questions.ours(asked)[kind], questions.postgraphile(asked)[kind]
        theirs = questions.postgraphile(asked, agency)[kind]
        seen = {"X-Role": role.value, "X-Organisation": agency}
        found = {
            Side.OURS: (own, self.our_requests(own, role, agency or "benchmark"), self.ours.pid),
            Side.SUPERUSER: (theirs, requests_of(theirs, self.superuser.base), self.superuser.pid),
        }
        if kind not in ON_RECORD:
            found[Side.READER] = (whole, requests_of(whole, self.reader.base, seen), self.reader.pid)
            if by is By.AUDITOR:
                stock = questions.stock(asked)[kind]
                found[Side.STOCK] = (stock, requests_of(stock, self.stock.base), self.stock.pid)
        return found

    def _see_that_rows_are_hidden(self) -> None:
        """See that PostGraphile under row security shows nothing to a role that PostgreSQL does not know."""
        page = questions.postgraphile(self.history.of_all)[Kind.PAGE]
        answer = ask(requests_of(page, self.reader.base, {"X-Role": "nobody", "X-Organisation": self.history.agency}))
        if page.rows(data_of(answer)):
            raise UnequalAnswersError(f"{Side.READER} shows rows to anybody")

    def _of(self, by: By) -> tuple[Asked, str]:
        history = self.history
        return (history.of_agency, history.agency) if by is By.AGENCY else (history.of_all, "")


def requests_of(question: Question, base: str, headers: Mapping[str, str] | None = None) -> Requests:
    bodies = [json.dumps({"query": question.document, "variables": it}) for it in question.variables]
    return Requests(base=base, headers={**JSON, **(headers or {})}, bodies=bodies)


def _shortest(answers: Sequence[Answer]) -> int:
    return min(answer.size for answer in answers)


# --- The rounds -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """How many, and the whole seconds of a turn in each; before the first, each turn is taken once to warm up."""

    rounds: int
    seconds: int
    warm_up_s: int


def contest(running: Contenders, turns: Sequence[Turn], rounds: Rounds) -> dict[str, Measured]:
    """Let all take their turns; return rates and microseconds of processor time by the names above."""
    database = running.head_of_postgres
    cpu: dict[str, list[float]] = defaultdict(list)

    def work(turn: Turn) -> float:
        running.wait_until_idle()
        before = used_s(turn.pid), used_s(database)
        outcome = load(turn.requests, rounds.seconds, turn.answer_bytes)
        after = used_s(turn.pid), used_s(database)
        cpu[server_cpu(turn.name)].append((after[0] - before[0]) / outcome.requests * 1e6)
        cpu[database_cpu(turn.name)].append((after[1] - before[1]) / outcome.requests * 1e6)
        return outcome.rate

    for turn in turns:
        load(turn.requests, rounds.warm_up_s)
    rates = interleaved({rate(turn.name): partial(work, turn) for turn in turns}, rounds.rounds)
    return rates | {name: Measured(figures) for name, figures in cpu.items()}
