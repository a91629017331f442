"""Organisations ask each other for data over the bus: most are answered, some after a retry, some never."""

from __future__ import annotations

from domain.bus import (
    AcceptTransaction,
    AnswerTransaction,
    FailDelivery,
    FaultTransaction,
    ForwardTransaction,
    TimeOutTransaction,
)
from domain.kernel import Jurisdiction
from domain.organisations.service_family import RegisterServiceFamily
from sample import civil
from sample.generators.world import PLATFORM, Generator, World
from sample.invented import INVENTED
from sample.names import in_four
from sample.numbers import digest
from sample.plan.volumes import bus_transactions

_AUTHENTIC_SOURCES = 8
_FAMILIES_FROM = civil.month(2019, 4)
_ACTIVITIES = ("Handling an application", "Checking a right", "Keeping a file up to date", "Automatic grant")
_TIMEOUTS_S = (10, 30, 30, 60, 300)
_DIGESTS = 256
_FAULTS = ("not-found", "not-authorised", "invalid-request", "internal-error")
_FORWARDED_ONCE = 0.97
_FATES = (
    *(("answered", 0.955), ("faulted", 0.97), ("answered after a retry", 0.985)),
    *(("given up", 0.99), ("faulted", 0.995), ("timed out", 1)),
)
"""What becomes of a transaction whose draw is below a bound, and not below the one before."""

_UNDELIVERABLE = ("connection-refused", "tls-handshake-failed", "no-route")


class Bus(Generator):
    def __init__(self, world: World) -> None:
        super().__init__(world, "bus")
        self._digests = [digest(f"payload {number}") for number in range(_DIGESTS)]
        self._counts = bus_transactions(world.scale)

    def write(self, month: int) -> None:
        if month == _FAMILIES_FROM:
            self._register_families(month)
        for _ in range(self._counts.get(month, 0)):
            self._exchange(self._instant(month))

    def _register_families(self, month: int) -> None:
        owners = self._world.public[Jurisdiction.BE]
        for number, family in enumerate(INVENTED.service_families):
            self._add(
                self._instant(month),
                RegisterServiceFamily,
                PLATFORM,
                code=family.code,
                names=in_four(family.names),
                authentic_source_id=owners[number].id if number < _AUTHENTIC_SOURCES else "",
            )

    def _exchange(self, at: int) -> None:
        rng, members = self._rng, self._world.members
        number = int(rng.random() ** 1.8 * len(INVENTED.service_families))
        family = INVENTED.service_families[number]
        target_id = members[number % len(members)].id
        source = int(rng.random() * len(members))
        if members[source].id == target_id:
            source = (source + 1) % len(members)
        timeout_s = _TIMEOUTS_S[number % len(_TIMEOUTS_S)]
        transaction_id = self._world.id()
        self._add(
            at,
            AcceptTransaction,
            members[source].id,
            transaction_id=transaction_id,
            source_reference=f"{rng.getrandbits(60):015x}",
            target_id=target_id,
            service_family=family.code,
            service=f"{family.code}-lookup",
            request_sha256=rng.one_of(self._digests),
            request_size_bytes=400 + int(rng.random() * 3_000),
            activity=rng.one_of(_ACTIVITIES),
            legal_basis=family.legal_basis,
            timeout_s=timeout_s,
        )
        self._forward(at + 20 + int(rng.random() * 80), transaction_id, target_id, timeout_s)

    def _forward(self, at: int, transaction_id: str, target_id: str, timeout_s: int) -> None:
        chance = self._rng.random()
        attempts = 1 if chance < _FORWARDED_ONCE else 2 + int(self._rng.random() * 2)
        for attempt in range(1, attempts + 1):
            self._add(at, ForwardTransaction, PLATFORM, transaction_id=transaction_id, attempt=attempt)
            at += 1_500
        match next(fate for fate, until in _FATES if chance < until):
            case "answered":
                self._answer(at - 1_400, transaction_id, target_id)
            case "faulted":
                fault = self._rng.choice(_FAULTS)
                self._add(at - 1_300, FaultTransaction, target_id, transaction_id=transaction_id, fault_code=fault)
            case "answered after a retry":
                self._answer(at - 1_000, transaction_id, target_id)
            case "given up":
                code = self._rng.choice(_UNDELIVERABLE)
                self._add(at, FailDelivery, PLATFORM, transaction_id=transaction_id, fault_code=code)
            case "timed out":
                late = at + timeout_s * civil.SECOND + civil.SECOND
                self._add(late, TimeOutTransaction, PLATFORM, transaction_id=transaction_id)

    def _answer(self, at: int, transaction_id: str, target_id: str) -> None:
        rng = self._rng
        self._add(
            at + int(rng.random() ** 2 * 2_500),
            AnswerTransaction,
            target_id,
            transaction_id=transaction_id,
            response_sha256=rng.one_of(self._digests),
            response_size_bytes=800 + int(rng.random() * 20_000),
        )
