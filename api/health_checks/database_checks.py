"""Health checks of the databases: what is written, where it is read, their clocks, and the keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from api.health_checks.check import Finding, HealthCheck, failure, warning

MAX_HEALTHY_APPEND_S = 3.0
MAX_HEALTHY_CLOCK_S = 2.0
"""How far clocks may be apart: more than machines that ask a time server ever are."""

MAX_CLOCK_S = 60.0
MAX_HEALTHY_STANDBY_S = 30.0


# --- What is written ------------------------------------------------------------------------------------------------


def _of_answer(_: None) -> Iterator[Finding]:
    yield from ()


DATABASE: HealthCheck[None] = HealthCheck(
    name="database",
    measures="whether the database that queries read answers",
    warns="",
    fails="it does not answer",
    action="start it, or see why it hangs; the platform connects again by itself",
    judge=_of_answer,
    ready=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingState:
    """`waits_s`: age of the oldest append that waits; `last_commit_s`: that of the last commit, None without any."""

    read_only: bool
    waits_s: float
    last_commit_s: float | None


def _of_writing(state: WritingState) -> Iterator[Finding]:
    if state.waits_s > MAX_HEALTHY_APPEND_S:
        yield failure(f"an append has waited for {state.waits_s:.0f} s")
    if state.read_only:
        yield failure("the database that is written to is read-only, or a standby")


WRITING: HealthCheck[WritingState] = HealthCheck(
    name="writing",
    measures="age of the oldest append that waits, of this process and of others; age of the last commit",
    warns="",
    fails="an append has waited for more than 3 s, or the database that is written to does not answer or is read-only",
    action="end the session that holds the log; free the disk; bring the standby back that commits wait for",
    judge=_of_writing,
    shows=lambda state: {"writing": {"waiting_s": state.waits_s, "last_commit_s": state.last_commit_s}},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndOfLog:
    """The position of the head, and of the newest event."""

    head: int
    newest: int


def _of_log(end: EndOfLog) -> Iterator[Finding]:
    if end.newest != end.head:
        yield failure(f"the newest event of the log is {end.newest:,}, and its head is {end.head:,}")


LOG_END: HealthCheck[EndOfLog] = HealthCheck(
    name="log",
    measures="newest event and head of the log",
    warns="",
    fails="they differ: a part of the log was lost or put back; no process starts on it",
    action="bring back a backup that is whole, or [repair](administrator.md#a-log-that-lost-its-end) the log",
    judge=_of_log,
)


# --- Clocks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """`database_ahead_s`: of the database against this process; `recorded_ahead_s`: the last event against it."""

    database_ahead_s: float
    recorded_ahead_s: float


def _of_clocks(clocks: Clocks) -> Iterator[Finding]:
    apart_s = abs(clocks.database_ahead_s)
    if apart_s > MAX_HEALTHY_CLOCK_S:
        found = failure if apart_s > MAX_CLOCK_S else warning
        way = "ahead of" if clocks.database_ahead_s > 0 else "behind"
        yield found(f"the clock of the database is {apart_s:,.0f} s {way} that of the platform")
    if clocks.recorded_ahead_s > MAX_HEALTHY_CLOCK_S:
        found = failure if clocks.recorded_ahead_s > MAX_CLOCK_S else warning
        yield found(f"the last event is recorded {clocks.recorded_ahead_s:,.0f} s ahead of the clock of the database")


CLOCKS: HealthCheck[Clocks] = HealthCheck(
    name="clocks",
    measures="clock of the database against that of the platform; time of the last event against the former",
    warns="they are more than 2 s apart, or the last event is recorded more than 2 s in the future",
    fails="it is more than 60 s: until the clock has come so far, all events are recorded at that one time",
    action="set the clock that is wrong, on every host; have them ask a time server",
    judge=_of_clocks,
    shows=lambda clocks: {"clocks": {"database_ahead_s": clocks.database_ahead_s}},
)


# --- Standbys -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Standbys:
    """`reads_standby` says whether queries read one; `receives`, whether it is connected; `age_s`, how old its log is.

    `cut_off` names the replication slots of the primary whose standby is not connected.
    """

    reads_standby: bool
    receives: bool
    age_s: float
    cut_off: Sequence[str]


def _of_standbys(standbys: Standbys) -> Iterator[Finding]:
    if standbys.reads_standby and not standbys.receives:
        yield failure("the standby that queries read is cut off")
    if standbys.age_s > MAX_HEALTHY_STANDBY_S:
        yield warning(f"the standby that queries read lacks an event that is {standbys.age_s:,.0f} s old")
    for name in standbys.cut_off:
        yield warning(f"the standby of the replication slot {name} is cut off")


def _standby_shown(standbys: Standbys) -> Mapping[str, object]:
    return {"standby": {"read": standbys.reads_standby, "age_s": standbys.age_s}}


STANDBYS: HealthCheck[Standbys] = HealthCheck(
    name="standbys",
    measures="whether queries read a standby, whether it is connected to its primary, and the age of the first event "
    "that it lacks; the physical replication slots of the primary",
    warns="a slot has no standby connected, or the event is older than 30 s",
    fails="the standby that queries read receives nothing and replays no files",
    action="connect the standby again, or drop its slot: the primary keeps its journal for it meanwhile",
    judge=_of_standbys,
    shows=_standby_shown,
)


# --- Keys -----------------------------------------------------------------------------------------------------------

KEYS_UNREACHABLE = warning("the keys of personal data cannot be reached")
KEK_SENTENCES: Mapping[str, str] = {
    "unreachable": "the current key-encryption key is not there, or cannot be read",
    "wrong": "the current key-encryption key opens no key: it is another one, or the keys were changed",
}
"""By the state of the current key-encryption key (`infrastructure/keys/kek_check.py`); it has no others that matter."""


def _of_keys(reachable: bool) -> Iterator[Finding]:
    if not reachable:
        yield KEYS_UNREACHABLE


KEYS: HealthCheck[bool] = HealthCheck(
    name="keys",
    measures="whether the database of the keys answers",
    warns="it has not answered for 2 s: personal texts are neither written nor shown meanwhile",
    fails="",
    action="start the database of the keys",
    judge=_of_keys,
    shows=lambda reachable: {"keys": {"reachable": reachable}},
)


def _of_kek(state: str) -> Iterator[Finding]:
    if state in KEK_SENTENCES:
        yield failure(KEK_SENTENCES[state])


KEK: HealthCheck[str] = HealthCheck(
    name="key-encryption-key",
    measures="whether the current key-encryption key, read anew, opens one of the keys that it wraps",
    warns="the database of the keys does not answer",
    fails="it is not there, cannot be read, or opens nothing: after a restart nothing personal is written or shown",
    action="bring the right file or token back ([keys](administrator.md#keys-of-personal-data))",
    judge=_of_kek,
    unreachable=KEYS_UNREACHABLE,
)


def _of_shredding(is_allowed: bool) -> Iterator[Finding]:
    if not is_allowed:
        yield warning("the keys of erased persons cannot be shredded")


SHREDDING: HealthCheck[bool] = HealthCheck(
    name="shredding",
    measures="whether the role of the keys has the rights with which it shreds them",
    warns="it has not: erasures stay `destroyed`, and their last step waits",
    fails="",
    action="`kroniek keys list` says what to grant",
    judge=_of_shredding,
)
