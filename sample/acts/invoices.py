"""Suppliers send invoices and credit notes; public bodies refuse, question, accept, reject and pay them."""

from __future__ import annotations

from domain.invoicing import (
    Clarification,
    InvoiceKind,
    ReceiveInvoice,
    RefuseInvoice,
    RespondToInvoice,
    ResponseState,
    SupplierScheme,
    ValidateInvoice,
)
from domain.kernel import EnterpriseNumber, Jurisdiction
from sample import civil
from sample.acts.world import PLATFORM, World
from sample.numbers import digest
from sample.plan.volumes import invoices

BE, NL = Jurisdiction.BE, Jurisdiction.NL
_SCHEMES = {BE: SupplierScheme.KBO, NL: SupplierScheme.KVK}
_SUPPLIERS = 80
_RULE_SET = "peppol-bis-billing-3.0"
_BROKEN_RULES = (("BR-CO-15",), ("BR-16", "BR-CO-10"), ("PEPPOL-EN16931-R003",), ("BR-S-08",))
_CREDIT_NOTE_EACH = 14
_REFUSED_PCT = 4

_COURSES: tuple[tuple[int, tuple[tuple[int, ResponseState, tuple[Clarification, ...]], ...]], ...] = (
    (46, ((1, ResponseState.ACKNOWLEDGED, ()), (6, ResponseState.ACCEPTED, ()), (25, ResponseState.PAID, ()))),
    (18, ((2, ResponseState.IN_PROCESS, ()), (9, ResponseState.ACCEPTED, ()), (28, ResponseState.PAID, ()))),
    (10, ((1, ResponseState.ACKNOWLEDGED, ()), (29, ResponseState.PAID, ()))),
    (
        7,
        (
            (2, ResponseState.UNDER_QUERY, (Clarification.REFERENCES_INCORRECT,)),
            (8, ResponseState.UNDER_QUERY, (Clarification.DELIVERY_ISSUES,)),
            (15, ResponseState.ACCEPTED, ()),
            (33, ResponseState.PAID, ()),
        ),
    ),
    (
        5,
        (
            (1, ResponseState.ACKNOWLEDGED, ()),
            (7, ResponseState.CONDITIONALLY_ACCEPTED, (Clarification.PAYMENT_TERMS_INCORRECT,)),
            (12, ResponseState.ACCEPTED, ()),
            (40, ResponseState.PAID, ()),
        ),
    ),
    (5, ((9, ResponseState.REJECTED, (Clarification.NOT_RECOGNISED, Clarification.RECEIVER_UNKNOWN)),)),
    (3, ((1, ResponseState.IN_PROCESS, ()), (4, ResponseState.REJECTED, (Clarification.QUANTITY_INCORRECT,)))),
    (
        4,
        (
            (3, ResponseState.ACCEPTED, ()),
            (20, ResponseState.PAID, (Clarification.PARTIALLY_PAID,)),
            (50, ResponseState.PAID, ()),
        ),
    ),
    (2, ((1, ResponseState.ACKNOWLEDGED, ()),)),
)
"""What happens to an invoice that passed its rules: how often, and the responses with the days after receipt."""


class Invoices:
    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = world.rng("invoices")
        self._counts = invoices(world.scale)
        self._number = 0
        self._suppliers: dict[Jurisdiction, list[EnterpriseNumber]] = {
            jurisdiction: [world.numbers.enterprise(jurisdiction) for _ in range(_SUPPLIERS)]
            for jurisdiction in Jurisdiction
        }

    def write(self, month: int) -> None:
        for jurisdiction in Jurisdiction:
            for _ in range(self._counts.get((jurisdiction, month), 0)):
                self._receive(jurisdiction, civil.instant(month, self._rng))

    def _receive(self, jurisdiction: Jurisdiction, at: int) -> None:
        world, rng = self._world, self._rng
        buyer = rng.choice(world.receivers[jurisdiction])
        self._number += 1
        credit = self._number % _CREDIT_NOTE_EACH == 0
        issued = civil.as_date(at - rng.randint(0, 4) * civil.DAY)
        invoice_id = world.id()
        world.script.add(
            at,
            ReceiveInvoice,
            PLATFORM,
            invoice_id=invoice_id,
            kind=InvoiceKind.CREDIT_NOTE if credit else InvoiceKind.INVOICE,
            supplier_scheme=_SCHEMES[jurisdiction],
            supplier_number=rng.choice(self._suppliers[jurisdiction]),
            buyer_id=buyer.id,
            number=f"{'CN' if credit else 'F'}{issued.year}-{self._number:06d}",
            issue_date=issued,
            due_date=None if credit else civil.as_date(at + 30 * civil.DAY),
            payable_cents=rng.randint(5_000, 4_000_000),
            currency="EUR",
            document_sha256=digest(f"invoice {self._number}"),
            media_type="application/xml",
        )
        self._judge(at + civil.MINUTE, invoice_id, buyer.id)

    def _judge(self, at: int, invoice_id: str, buyer_id: str) -> None:
        add, rng = self._world.script.add, self._rng
        if rng.randrange(100) < _REFUSED_PCT:
            rules = rng.choice(_BROKEN_RULES)
            add(at, RefuseInvoice, PLATFORM, invoice_id=invoice_id, rule_set=_RULE_SET, rule_ids=rules)
            return
        add(at, ValidateInvoice, PLATFORM, invoice_id=invoice_id, rule_set=_RULE_SET)
        ((_, course),) = rng.choices(_COURSES, [weight for weight, _ in _COURSES])
        for days, state, reasons in course:
            partial = Clarification.PARTIALLY_PAID in reasons
            add(
                at + days * civil.DAY + rng.randrange(civil.HOUR),
                RespondToInvoice,
                buyer_id,
                invoice_id=invoice_id,
                state=state,
                clarifications=reasons,
                clarification_sha256=digest(f"explanation {invoice_id}") if partial else "",
            )
