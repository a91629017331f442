"""What stands in the messages of the sample: subjects, contents, payments, made once and sent many times."""

from __future__ import annotations

from random import Random
from typing import Any

from domain.mailbox import Attachment, MessageType, Payment
from domain.organisations import OrganisationType
from sample.numbers import belgian_reference, digest, dutch_reference

_CONTENTS = 64
_PAYMENTS = 256

_SUBJECTS: dict[MessageType, tuple[str, ...]] = {
    MessageType.PREMIUM_OR_GRANT: ("Beslissing over uw premie", "Décision sur votre prime"),
    MessageType.PERMIT: ("Uw vergunning", "Votre permis"),
    MessageType.ATTESTATION: ("Uw attest", "Votre attestation"),
    MessageType.CERTIFICATE: ("Uittreksel", "Extrait"),
    MessageType.TAX_ASSESSMENT: ("Aanslagbiljet", "Avertissement-extrait de rôle"),
    MessageType.TRAFFIC_FINE: ("Verkeersboete", "Amende routière"),
    MessageType.VACCINATION_INVITATION: ("Uitnodiging voor vaccinatie", "Invitation à la vaccination"),
    MessageType.BENEFIT_DECISION: ("Beslissing over uw uitkering", "Décision sur votre allocation"),
    MessageType.VEHICLE_INSPECTION_REMINDER: ("Keuring van uw voertuig", "Contrôle de votre véhicule"),
    MessageType.WATER_BOARD_ASSESSMENT: ("Aanslag waterschap", "Taxe de la wateringue"),
    MessageType.OTHER: ("Overzicht", "Aperçu"),
}
_LOCAL = (MessageType.PERMIT, MessageType.ATTESTATION, MessageType.CERTIFICATE, MessageType.PREMIUM_OR_GRANT)
_BY_SENDER: dict[OrganisationType, tuple[MessageType, ...]] = {
    OrganisationType.MUNICIPALITY: _LOCAL,
    OrganisationType.PROVINCE: _LOCAL,
    OrganisationType.PARTNERSHIP: (MessageType.TAX_ASSESSMENT, MessageType.ATTESTATION, MessageType.PREMIUM_OR_GRANT),
    OrganisationType.NATIONAL_ORGANISATION: (
        MessageType.ATTESTATION,
        MessageType.TRAFFIC_FINE,
        MessageType.VACCINATION_INVITATION,
        MessageType.CERTIFICATE,
    ),
    OrganisationType.SOCIAL_SECURITY_INSTITUTION: (MessageType.BENEFIT_DECISION, MessageType.ATTESTATION),
    OrganisationType.VEHICLE_AUTHORITY: (MessageType.VEHICLE_INSPECTION_REMINDER, MessageType.CERTIFICATE),
    OrganisationType.SOCIAL_INSURANCE_BANK: (MessageType.BENEFIT_DECISION, MessageType.ATTESTATION),
    OrganisationType.WATER_AUTHORITY: (MessageType.WATER_BOARD_ASSESSMENT,),
    OrganisationType.TAX_ADMINISTRATION: (MessageType.TAX_ASSESSMENT, MessageType.BENEFIT_DECISION),
    OrganisationType.EMPLOYEE_INSURANCE_AGENCY: (MessageType.BENEFIT_DECISION,),
    OrganisationType.PENSION_FUND: (MessageType.OTHER,),
}
_PAID = frozenset({MessageType.TAX_ASSESSMENT, MessageType.TRAFFIC_FINE, MessageType.WATER_BOARD_ASSESSMENT})
_TO_PAY_PCT = 40


class Letters:
    """Writes messages."""

    def __init__(self, rng: Random, *, dutch: bool) -> None:
        self._rng = rng
        self._contents = [_contents(number, rng) for number in range(_CONTENTS)]
        reference = dutch_reference if dutch else belgian_reference
        self._payments = [
            Payment(amount_cents=rng.randint(1_500, 250_000), currency="EUR", reference=reference(rng.randrange(10**9)))
            for _ in range(_PAYMENTS)
        ]

    def write(self, kind: OrganisationType) -> dict[str, Any]:
        """Return the fields of a message that an organisation of this type sends."""
        rng = self._rng
        types = _BY_SENDER[kind]
        message_type = types[int(rng.random() * len(types))]
        subjects = _SUBJECTS[message_type]
        fields: dict[str, Any] = {
            "message_type": message_type,
            "subject": subjects[int(rng.random() * len(subjects))],
            "contents": self.contents(),
        }
        if message_type in _PAID and rng.random() * 100 < _TO_PAY_PCT:
            fields["payment"] = self._payments[int(rng.random() * _PAYMENTS)]
            fields["requires_payment"] = True
        return fields

    def contents(self) -> tuple[Attachment, ...]:
        return self._contents[int(self._rng.random() * _CONTENTS)]


def _contents(number: int, rng: Random) -> tuple[Attachment, ...]:
    attachments = [
        Attachment(
            media_type="application/pdf",
            size_bytes=rng.randint(20_000, 900_000),
            sha256=digest(f"letter {number}.{part}"),
            main=part == 0,
        )
        for part in range(1 if number % 4 else rng.randint(2, 4))
    ]
    return tuple(attachments)
