"""Who sees which row, said a second time in plain Python: what the product declares is held against this.

It reads rows as they stand in the tables, by the columns that events fill, and knows nothing of how the product
decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]
EveryRow: TypeAlias = Mapping[str, Sequence[Row]]
"""The rows of each read model, by its name."""

PUBLIC = {"organisations", "enrolments", "services", "service_families", "open_rates", "bus_counts"}
"""What every agency sees."""

OF_THE_FIGURES = {
    *("authentications", "bus_counts", "consents", "enrolments", "invoice_counts", "message_counts", "open_rates"),
    *("service_use", "services"),
}
HIDDEN_FROM = {
    # Whoever runs the platform is overseen as well.
    "administrator": {"accesses", "access_suppressions"},
    # Why an administrator, or a court, decided something does not concern the platform's own programs.
    "system": {"accesses", "access_suppressions", "projection_acts", "legal_holds"},
    "auditor": set[str](),
}
IN_A_SESSION = {"people", "sole_traders", "erasures", "accesses", "access_suppressions"}
"""Of these an agency sees rows of the person in a session only."""

NEVER_TOLD = {"service_use", "key_uses", "projection_acts", "legal_holds", "access_suppressions"}
"""What agencies may not ask for. Suppressions decide what a person is told, and so are seen, but not told."""


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks: a role, and for an agency its organisation, with its number in the register.

    `person` is in a session there, or has a mandatary who is, and `chose` it as their mailbox provider. `mandator` is
    whom a question names.
    """

    role: str
    organisation: str = ""
    number: str = ""
    person: str = ""
    chose: bool = False
    mandator: str = ""


def sees(asker: Asker, of: str, row: Row, every_row: EveryRow) -> bool:
    """Say whether an asker sees a row of a read model."""
    if asker.role == "figures":
        return of in OF_THE_FIGURES
    if asker.role != "agency":
        return asker.role in HIDDEN_FROM and of not in HIDDEN_FROM[asker.role]
    return of in PUBLIC or _agency_sees(asker, of, row, every_row)


def _agency_sees(asker: Asker, of: str, row: Row, every_row: EveryRow) -> bool:  # noqa: C901, PLR0911, PLR0912 - one per read model
    def named(*columns: str) -> bool:
        return asker.organisation != "" and asker.organisation in [row[column] for column in columns]

    def present(person_id: str) -> bool:
        return "" not in {asker.organisation, asker.person} and asker.person == person_id

    match of:
        case "people" | "erasures" | "access_suppressions":
            return present(row["person_id"])
        case "sole_traders":
            return present(row["organisation_id"])
        case "accesses":
            return present(row["subject_id"])
        case "keys" | "consents":
            return named("provider_id")
        case "authentications" | "daily_counts":
            return named("organisation_id")
        case "mandates":
            reaches_all = not row["organisation_ids"] and asker.mandator not in {"", None}
            at_service = asker.organisation != "" and asker.organisation in row["organisation_ids"]
            return (
                at_service
                or named("mandator_id", "mandatary_id")
                or (reaches_all and row["mandator_id"] == asker.mandator)
            )
        case "mailboxes":
            provides = row["owner_kind"] == "enterprise" and named("provider_id")
            return named("mailbox_id") or provides or present(row["mailbox_id"])
        case "messages":
            return named("sender_id", "on_behalf_of") or _received(asker, row)
        case "message_timeline":
            return any(
                sees(asker, "messages", it, every_row)
                for it in every_row["messages"]
                if it["message_id"] == row["message_id"]
            )
        case "message_counts":
            return named("sender_id")
        case "bus_transactions":
            return named("source_id", "target_id")
        case "invoices":
            return named("buyer_id", "received_from") or (asker.number != "" and row["supplier_number"] == asker.number)
        case "deadlines":
            supplies = asker.number != "" and row["supplier_number"] == asker.number
            concerned = asker.organisation != "" and asker.organisation in row["organisation_ids"]
            return supplies or concerned or named("organisation_id", "counterparty_id")
        case "invoice_timeline":
            return any(
                sees(asker, "invoices", it, every_row)
                for it in every_row["invoices"]
                if it["invoice_id"] == row["invoice_id"]
            )
        case "invoice_counts":
            return named("buyer_id")
        case _:
            return False


def _received(asker: Asker, letter: Row) -> bool:
    """Say whether a letter is one that the agency received, or that it delivers to whoever is there."""
    delivered_at = letter["provider_ids"]
    if not delivered_at or not asker.organisation:
        return False
    if letter["owner_kind"] == "enterprise" and asker.organisation in {letter["mailbox_id"], *delivered_at}:
        return True
    present = asker.person != "" and asker.person == letter["mailbox_id"]
    return present and (asker.chose or asker.organisation in delivered_at)
