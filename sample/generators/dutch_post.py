"""The Dutch mailbox in the two years of the open-rate table: who sends to whom, and when it is read."""

from __future__ import annotations

from collections import defaultdict

from domain.mailbox.values import SenderTimeZone
from domain.organisations.values import OrganisationType
from sample import civil, published
from sample.generators.delivery import LATER, NEVER, WITHIN_3_WEEKS, WITHIN_6_WEEKS, Delivery
from sample.generators.letters import Letters
from sample.generators.world import Generator, SampleOrganisation, World
from sample.plan.open_rates import PlannedCohort, all_cohorts
from sample.plan.volumes import DUTCH_SENDERS

_TAX_MONTHS = (6, 16, 14, 10, 10, 8, 7, 6, 7, 7, 9, 12)
"""How the tax administration's post spreads over the year; that of the others spreads evenly."""

_TO_IDLE_PCT = 18
"""Of the tax administration's unread messages, those to accounts not yet taken into use."""

Letter = tuple[SampleOrganisation, int]
"""The sender of a message, and after how long it is opened."""


class DutchPost(Generator):
    def __init__(self, world: World) -> None:
        super().__init__(world, "dutch post")
        self._letters = Letters(self._rng, dutch=True)
        self._delivery = Delivery(world, self._rng, self._letters)
        self._by_month: dict[int, list[Letter]] = defaultdict(list)

    def write(self, month: int) -> None:
        for year in published.YEARS:
            if month == civil.month(year, 1):
                self._plan(year)
        for sender, opening in self._by_month.pop(month, ()):
            self._send(month, sender, opening)

    def _plan(self, year: int) -> None:
        """Spread the year's messages over senders and months."""
        for kind, cohort in all_cohorts(year, self._world.scale).items():
            count = DUTCH_SENDERS[kind][published.YEARS.index(year)]
            senders = self._world.dutch_senders[kind][:count]
            weights = _TAX_MONTHS if kind is OrganisationType.TAX_ADMINISTRATION else (1,) * 12
            months = self._rng.choices(civil.year(year), weights, k=cohort.messages)
            for number, (month, opening) in enumerate(zip(months, self._openings(cohort), strict=True)):
                # Every sender sends once; what is left goes out by size.
                sender = senders[number] if number < len(senders) else self._rng.one_of(senders, skew=2)
                self._by_month[month].append((sender, opening))

    def _openings(self, cohort: PlannedCohort) -> list[int]:
        openings = [
            *[WITHIN_3_WEEKS] * cohort.within_3,
            *[WITHIN_6_WEEKS] * (cohort.within_6 - cohort.within_3),
            *[LATER] * cohort.later,
            *[NEVER] * (cohort.messages - cohort.within_6 - cohort.later),
        ]
        self._rng.shuffle(openings)
        return openings

    def _send(self, month: int, sender: SampleOrganisation, opening: int) -> None:
        world, rng = self._world, self._rng
        recipients = world.dutch_recipients
        tax = sender.kind is OrganisationType.TAX_ADMINISTRATION
        if tax and opening == NEVER and world.idle_recipients and rng.happens(_TO_IDLE_PCT):
            recipients = world.idle_recipients
        fields = self._letters.write(sender.kind)
        fields["sender_time_zone"] = SenderTimeZone.AMSTERDAM
        if sender.kind is OrganisationType.EMPLOYEE_INSURANCE_AGENCY:
            fields["notification_only"] = True
        recipient = rng.one_of(recipients)
        self._delivery.send(self._instant(month), sender, recipient, opening, **fields)
