"""Suppliers send invoices and credit notes; public bodies refuse, question, accept, reject and pay them."""

from __future__ import annotations

from domain.invoicing.model import (
    Clarification,
    InvoiceKind,
    ReceiveInvoice,
    RefuseInvoice,
    RespondToInvoice,
    SupplierScheme,
    ValidateInvoice,
)
from domain.kernel import EnterpriseNumber, Jurisdiction
from sample import civil
from sample.generators.world import PLATFORM, Generator, World
from sample.invented import INVENTED
from sample.numbers import digest
from sample.plan.volumes import invoices

BE, NL = Jurisdiction.BE, Jurisdiction.NL
_SCHEMES = {BE: SupplierScheme.KBO, NL: SupplierScheme.KVK}
_SUPPLIERS = 80
_RULE_SET = "peppol-bis-billing-3.0"
_BROKEN_RULES = (("BR-CO-15",), ("BR-16", "BR-CO-10"), ("PEPPOL-EN16931-R003",), ("BR-S-08",))
_CREDIT_NOTE_EACH = 14
_REFUSED_PCT = 4


class Invoices(Generator):
    def __init__(self, world: World) -> None:
        super().__init__(world, "invoices")
        self._counts = invoices(world.scale)
        self._number = 0
        self._suppliers: dict[Jurisdiction, list[EnterpriseNumber]] = {
            jurisdiction: [world.numbers.enterprise(jurisdiction) for _ in range(_SUPPLIERS)]
            for jurisdiction in Jurisdiction
        }

    def write(self, month: int) -> None:
        for jurisdiction in Jurisdiction:
            for _ in range(self._counts.get((jurisdiction, month), 0)):
                self._receive(jurisdiction, self._instant(month))

    def _receive(self, jurisdiction: Jurisdiction, at: int) -> None:
        world, rng = self._world, self._rng
        buyer = rng.choice(world.receivers[jurisdiction])
        self._number += 1
        credit = self._number % _CREDIT_NOTE_EACH == 0
        issued = civil.as_date(at - rng.randint(0, 4) * civil.DAY)
        invoice_id = world.id()
        self._add(
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
        rng = self._rng
        if rng.randrange(100) < _REFUSED_PCT:
            rules = rng.choice(_BROKEN_RULES)
            self._add(at, RefuseInvoice, PLATFORM, invoice_id=invoice_id, rule_set=_RULE_SET, rule_ids=rules)
            return
        self._add(at, ValidateInvoice, PLATFORM, invoice_id=invoice_id, rule_set=_RULE_SET)
        (course,) = rng.choices(INVENTED.invoice_courses, [course.weight for course in INVENTED.invoice_courses])
        for response in course.responses:
            partial = Clarification.PARTIALLY_PAID in response.clarifications
            self._add(
                at + response.after_days * civil.DAY + rng.randrange(civil.HOUR),
                RespondToInvoice,
                buyer_id,
                invoice_id=invoice_id,
                state=response.state,
                clarifications=response.clarifications,
                clarification_sha256=digest(f"explanation {invoice_id}") if partial else "",
            )
