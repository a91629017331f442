"""The Belgian mailbox: more senders each month, digital where there is consent and on paper where there is none."""

from __future__ import annotations

from domain.identity.mandate.model import ConfirmMandate, RequestMandate
from domain.identity.values import MandateKind, PartyKind
from domain.kernel import Jurisdiction
from domain.mailbox.mailbox import OpenMailbox
from domain.mailbox.message.model import OpenMessage, SendMessage
from domain.mailbox.values import OwnerKind
from sample import civil
from sample.generators.delivery import LATER, NEVER, WITHIN_3_WEEKS, WITHIN_6_WEEKS, Delivery, time_unread
from sample.generators.letters import Letters
from sample.generators.world import Generator, SampleOrganisation, World
from sample.plan.volumes import Post, belgian_post

BE = Jurisdiction.BE
_OPENINGS = (WITHIN_3_WEEKS, WITHIN_6_WEEKS, LATER, NEVER)
_OPENING_WEIGHTS = (58, 7, 5, 30)
_TO_COMPANIES_PCT = 4
_COMPANIES_IN = civil.month(2019, 1)
_REPRESENTED_EACH = 3
"""Every so many companies have somebody who represents them in their mailbox."""

_ON_BEHALF_PCT = 1
_FIVE_YEARS = 5 * 365 * civil.DAY


class BelgianPost(Generator):
    def __init__(self, world: World) -> None:
        super().__init__(world, "belgian post")
        self._letters = Letters(self._rng, dutch=False)
        self._delivery = Delivery(world, self._rng, self._letters)
        self._post = belgian_post(world.scale)
        self._mandates: dict[str, dict[str, str]] = {}
        """By company, who represents it and under which mandate."""

    def write(self, month: int) -> None:
        if month == _COMPANIES_IN:
            self._open_company_mailboxes(month)
        if month in self._post:
            self._send_month(month, self._post[month])

    def _send_month(self, month: int, post: Post) -> None:
        senders = self._senders(post.senders)
        for number in range(post.sent):
            # Every sender of the month sends once; what is left goes out by size.
            sender = senders[number] if number < len(senders) else self._rng.one_of(senders, skew=2)
            at = self._instant(month)
            if number >= post.delivered or not self._world.recipients:
                # To somebody who did not consent: the platform answers that it goes on paper.
                self._send(at, sender, self._rng.choice(self._world.undecided).id)
            elif self._rng.happens(_TO_COMPANIES_PCT):
                self._to_company(at, sender)
            else:
                self._to_person(at, sender)

    def _senders(self, count: int) -> list[SampleOrganisation]:
        """Return the senders of a month: the earliest ones always, of the others now these, now those."""
        enrolled = self._world.senders
        always = enrolled[: count // 2]
        return always + self._rng.sample(enrolled[count // 2 :], count - len(always))

    def _to_person(self, at: int, sender: SampleOrganisation) -> None:
        recipient = self._rng.one_of(self._world.recipients)
        fields = self._letters.write(sender.kind)
        if self._rng.happens(_ON_BEHALF_PCT):
            fields["on_behalf_of"] = self._world.senders[0].id
        self._delivery.send(at, sender, recipient, self._opening(), **fields)

    def _opening(self) -> int:
        return self._rng.choices(_OPENINGS, _OPENING_WEIGHTS)[0]

    def _send(self, at: int, sender: SampleOrganisation, mailbox_id: str) -> str:
        message_id = self._world.id()
        fields = self._letters.write(sender.kind)
        self._add(at, SendMessage, sender.id, message_id=message_id, mailbox_id=mailbox_id, **fields)
        return message_id

    # --- Companies --------------------------------------------------------------------------------------------------

    def _open_company_mailboxes(self, month: int) -> None:
        provider = self._world.providers[BE][0]
        for number, company in enumerate(self._world.companies):
            at = self._instant(month)
            self._add(at, OpenMailbox, provider.id, mailbox_id=company.id, owner_kind=OwnerKind.ENTERPRISE)
            if number % _REPRESENTED_EACH == 0:
                self._represent(at + civil.HOUR, company, provider)

    def _represent(self, at: int, company: SampleOrganisation, provider: SampleOrganisation) -> None:
        """Let somebody represent a company: they ask for it in a session, and an authority confirms it."""
        world = self._world
        person = self._rng.choice(world.undecided)
        session_id = world.open_session(at, person.key, world.provider_services[provider.id])
        mandate_id = world.id()
        self._add(
            at + civil.MINUTE,
            RequestMandate,
            provider.id,
            mandate_id=mandate_id,
            session_id=session_id,
            kind=MandateKind.LEGAL_REPRESENTATION,
            mandator_id=company.id,
            mandator_kind=PartyKind.ENTERPRISE,
            mandatary_id=person.id,
            service_ids=(),
            valid_from=civil.as_datetime(at),
            valid_until=civil.as_datetime(at + _FIVE_YEARS),
        )
        authority = self._rng.choice(world.authorities[BE])
        ground = f"articles-of-association-{self._rng.randrange(10**6)}"
        self._add(at + 2 * civil.DAY, ConfirmMandate, authority.id, mandate_id=mandate_id, ground=ground)
        self._mandates[company.id] = {"person_id": person.id, "mandate_id": mandate_id}

    def _to_company(self, at: int, sender: SampleOrganisation) -> None:
        company = self._rng.choice(self._world.companies)
        message_id = self._send(at, sender, company.id)
        opening = self._opening()
        if opening and company.id in self._mandates:
            by, read_at = self._world.providers[BE][0].id, at + time_unread(opening, self._rng)
            self._add(read_at, OpenMessage, by, message_id=message_id, **self._mandates[company.id])
