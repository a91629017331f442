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
from sample.generators.world import SampleOrganisation, World
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


class BelgianPost:
    def __init__(self, world: World) -> None:
        self._world = world
        self._add = world.schedule.add
        self._rng = world.rng("belgian post")
        self._letters = Letters(self._rng, dutch=False)
        self._delivery = Delivery(world, self._rng)
        self._post = belgian_post(world.scale)
        self._mandates: dict[str, tuple[str, str]] = {}
        """By company, who represents it and under which mandate."""

    def write(self, month: int) -> None:
        if month == _COMPANIES_IN:
            self._open_company_mailboxes(month)
        if month in self._post:
            self._send_month(month, self._post[month])

    def _send_month(self, month: int, post: Post) -> None:
        rng = self._rng
        senders = self._senders(post.senders)
        for number in range(post.sent):
            # Every sender of the month sends once; what is left goes out by size.
            chosen = number if number < len(senders) else int(rng.random() ** 2 * len(senders))
            at = civil.instant(month, rng)
            if number >= post.delivered or not self._world.recipients:
                self._on_paper(at, senders[chosen])
            elif rng.random() * 100 < _TO_COMPANIES_PCT:
                self._to_company(at, senders[chosen])
            else:
                self._to_person(at, senders[chosen])

    def _senders(self, count: int) -> list[SampleOrganisation]:
        """Return the senders of a month: the earliest ones always, of the others now these, now those."""
        enrolled = self._world.senders
        always = enrolled[: count // 2]
        return always + self._rng.sample(enrolled[count // 2 :], count - len(always))

    def _to_person(self, at: int, sender: SampleOrganisation) -> None:
        rng, recipients = self._rng, self._world.recipients
        recipient = recipients[int(rng.random() * len(recipients))]
        fields = self._letters.write(sender.kind)
        if rng.random() * 100 < _ON_BEHALF_PCT:
            fields["on_behalf_of"] = self._world.senders[0].id
        (opening,) = rng.choices(_OPENINGS, _OPENING_WEIGHTS)
        self._delivery.send(at, sender, recipient, fields=fields, opening=opening, letters=self._letters)

    def _on_paper(self, at: int, sender: SampleOrganisation) -> None:
        """Send to somebody who did not consent: the platform answers that it goes on paper."""
        person = self._rng.choice(self._world.undecided)
        fields = self._letters.write(sender.kind)
        message_id = self._world.id()
        self._add(at, SendMessage, sender.id, message_id=message_id, mailbox_id=person.id, **fields)

    # --- Companies --------------------------------------------------------------------------------------------------

    def _open_company_mailboxes(self, month: int) -> None:
        world, rng = self._world, self._rng
        provider = world.providers_of(BE)[0]
        for number, company in enumerate(world.companies):
            at = civil.instant(month, rng)
            self._add(at, OpenMailbox, provider.id, mailbox_id=company.id, owner_kind=OwnerKind.ENTERPRISE)
            if number % _REPRESENTED_EACH == 0:
                self._represent(at + civil.HOUR, company, provider)

    def _represent(self, at: int, company: SampleOrganisation, provider: SampleOrganisation) -> None:
        """Let somebody represent a company: they ask for it in a session, and an authority confirms it."""
        world = self._world
        person = self._rng.choice(world.undecided)
        session_id = world.open_session(at, person.key, world.provider_services[provider.id], BE)
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
        self._add(
            at + 2 * civil.DAY,
            ConfirmMandate,
            authority.id,
            mandate_id=mandate_id,
            ground=f"articles-of-association-{self._rng.randrange(10**6)}",
        )
        self._mandates[company.id] = (person.id, mandate_id)

    def _to_company(self, at: int, sender: SampleOrganisation) -> None:
        world, rng, message_id = self._world, self._rng, self._world.id()
        company = rng.choice(world.companies)
        fields = self._letters.write(sender.kind)
        self._add(at, SendMessage, sender.id, message_id=message_id, mailbox_id=company.id, **fields)
        (opening,) = rng.choices(_OPENINGS, _OPENING_WEIGHTS)
        if company.id in self._mandates and opening:
            person_id, mandate_id = self._mandates[company.id]
            self._add(
                at + time_unread(opening, rng),
                OpenMessage,
                world.providers_of(BE)[0].id,
                message_id=message_id,
                person_id=person_id,
                mandate_id=mandate_id,
            )
