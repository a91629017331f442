"""Ports of the use cases: callers, facts, and a log to read from and append to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from domain.kernel import Claim, Command, Context, DeciderOf

C_co = TypeVar("C_co", bound=Command, covariant=True)
S = TypeVar("S")

# --- Callers --------------------------------------------------------------------------------------------------------


class Role(StrEnum):
    """The role of a caller, by their token."""

    AGENCY = "agency"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A caller, by their token: a pseudonymous subject, a role and the organisation they act for.

    `supplier_id` is the organisation that acts on behalf of that one, such as its software house; mostly there is none.
    `scopes` are what the issuer granted beyond the role (RFC 6749, section 3.3).
    """

    subject: str
    role: Role
    organisation_id: str
    supplier_id: str = ""
    scopes: frozenset[str] = frozenset()

    @property
    def acting_id(self) -> str:
        """The actor in the form of the log: the subject, which has no spaces, and the supplier."""
        return f"{self.subject} via {self.supplier_id}" if self.supplier_id else self.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The proof of the caller in a request.

    `scheme` is that of the Authorization header in lower case: `bearer` (RFC 6750) or `dpop` (RFC 9449). `proofs` are
    its DPoP headers; `method` and `address` (without query) are what a proof has to name.
    """

    token: str
    scheme: str = "bearer"
    proofs: Sequence[str] = ()
    method: str = ""
    address: str = ""


# --- Facts of other streams -----------------------------------------------------------------------------------------


class States(Protocol):
    """The states of other streams that a decision needs, as far as they are loaded."""

    def state(self, decider: DeciderOf[S], aggregate_id: str) -> S:
        """Return the state of one aggregate; its initial state if it has no events."""

    def under(self, decider: DeciderOf[S], owner_id: str) -> Mapping[str, S]:
        """Return the states of all aggregates with a composite id (`owner.other`) of one owner, by id."""


@dataclass(frozen=True, slots=True)
class Enriched(Generic[C_co]):
    """A command with its facts filled in, and the acting person and the subject if those facts give them."""

    command: C_co
    acting_id: str = ""
    subject_id: str = ""
    mandate_id: str = ""


FactReader: TypeAlias = Callable[[Any, States], Enriched[Command]]
"""Fills in the facts of one class of command. It is called again when more states are loaded, so it only reads."""

# --- Personal data --------------------------------------------------------------------------------------------------


class Sealed(NamedTuple):
    """A sealed text of a read model, and where it came from: the stream, the event's stored name, the field's path."""

    text: str
    stream: str
    name: str
    path: str


Opener: TypeAlias = Callable[[Sequence[Sealed]], Awaitable[Sequence[str | None]]]
"""Opens sealed texts for an answer; of a person who was erased there is None."""

# --- The log --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvents:
    """The events of one stream from version 1 on; the stream's version is their number.

    `position` is the place of its last event in the log, 0 without events; `last_at` is when it took effect.
    """

    events: Sequence[Any] = ()
    position: int = 0
    last_at: datetime | None = None

    @property
    def version(self) -> int:
        return len(self.events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """A caller's key for one command, and the fingerprint of its content: same key, other content is refused."""

    organisation_id: str
    key: str
    fingerprint: bytes


class Receipt(NamedTuple):
    """The result of an accepted command: its stream, the version and position after it, and the names of its events.

    `repeated`: the same command was sent before, and nothing was written this time.
    """

    stream: str
    version: int
    position: int
    events: Sequence[str]
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Events for one stream, which stand or fall together with the versions, claims and key named here.

    `expected` gives for every stream that was read for the decision the version at which it was read. Appends of one
    call with the same `group`, a name that no other call uses, are written all or none.
    """

    stream: str
    events: Sequence[Any]
    expected: Mapping[str, int]
    context: Context
    claims: Sequence[Claim] = ()
    idempotency: Idempotency | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A stream moved on since it was read: nothing of the append was written; read and decide again."""

    stream: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A claimed value belongs to another stream: nothing of the append was written."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class OtherContent:
    """The idempotency key was used before for other content: nothing of the append was written."""

    key: str


@dataclass(frozen=True, slots=True)
class Erased:
    """The personal data of this person was erased, and no more may be kept: nothing of the append was written."""

    subject_id: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Another append of the same group was not accepted, or was sent before: nothing of the append was written."""


Outcome = Receipt | Conflict | Taken | OtherContent | Erased | Withdrawn


class EventStore(Protocol):
    """The log for deciding and appending. Adapters: `PostgresLog` and, for tests, `MemoryLog`."""

    async def read(self, streams: Sequence[str]) -> Mapping[str, StreamEvents]:
        """Return every named stream; one without events is empty."""

    async def read_prefixes(self, prefixes: Sequence[str]) -> Mapping[str, Mapping[str, StreamEvents]]:
        """Return for each prefix the streams whose names begin with it."""

    async def receipts(self, keys: Sequence[Idempotency]) -> Mapping[Idempotency, Receipt | OtherContent]:
        """Return the first answers to the given keys; a key never used is left out."""

    async def append(self, appends: Sequence[Append]) -> Sequence[Outcome]:
        """Append in one transaction, in order; each append stands or falls by itself, or with its group."""

    async def holder(self, claim: Claim) -> str | None:
        """Return the stream that holds the claimed value, if any."""

    async def log_id(self) -> str:
        """Return which log this is: a position means something in this log only."""
