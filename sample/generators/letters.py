"""Messages of the sample: subjects, contents and payments, made once and sent many times."""

from __future__ import annotations

from domain.mailbox.values import Attachment, MessageType, Payment
from domain.organisations.values import OrganisationType
from sample.chance import Chance
from sample.invented import INVENTED
from sample.numbers import belgian_reference, digest, dutch_reference

_CONTENTS = 64
_PAYMENTS = 256

_PAID = frozenset({MessageType.TAX_ASSESSMENT, MessageType.TRAFFIC_FINE, MessageType.WATER_BOARD_ASSESSMENT})
_TO_PAY_PCT = 40


class Letters:
    """Writes messages."""

    def __init__(self, rng: Chance, *, dutch: bool) -> None:
        self._rng = rng
        self._contents = [_contents(number, rng) for number in range(_CONTENTS)]
        reference = dutch_reference if dutch else belgian_reference
        self._payments = [
            Payment(amount_cents=rng.randint(1_500, 250_000), currency="EUR", reference=reference(rng.randrange(10**9)))
            for _ in range(_PAYMENTS)
        ]

    def write(self, kind: OrganisationType) -> dict[str, object]:
        """Return the fields of a message that an organisation of this type sends."""
        rng = self._rng
        message_type = rng.one_of(INVENTED.letters_by_sender[kind])
        fields: dict[str, object] = {
            "message_type": message_type,
            "subject": rng.one_of(INVENTED.letter_subjects[message_type]),
            "contents": self.contents(),
        }
        if message_type in _PAID and rng.happens(_TO_PAY_PCT):
            fields |= {"payment": rng.one_of(self._payments), "requires_payment": True}
        return fields

    def contents(self) -> tuple[Attachment, ...]:
        return self._rng.one_of(self._contents)


def _contents(number: int, rng: Chance) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(
            media_type="application/pdf",
            size_bytes=rng.randint(20_000, 900_000),
            sha256=digest(f"letter {number}.{part}"),
            main=part == 0,
        )
        for part in range(1 if number % 4 else rng.randint(2, 4))
    )
