"""How many messages, senders, transactions, invoices, services and receivers there are, month by month."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from domain.kernel import Jurisdiction
from domain.organisations.values import OrganisationType
from sample import civil, published
from sample.arithmetic import between, half_up, percent_of, rising
from sample.plan.scale import COARSE, FINE, figure_year_before, scaled, scaled_figure

_RISE = 4
"""How much each month of a span weighs more than the one before, in hundredths of the first."""

# --- Messages of the Belgian mailbox --------------------------------------------------------------------------------

_FIRST_MESSAGES = civil.month(2019, 3)
_NOV_2020, _NOV_2021 = civil.month(2020, 11), civil.month(2021, 11)
_SENT = {2019: 1_450_000, 2020: 5_990_000, 2021: 14_050_000, 2022: 9_300_000}
"""Printed as almost 6 and more than 14 million in 2020 and 2021; 2022 is up to June."""

_DELIVERED_PCT = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Messages of one month: those sent, of which some are delivered digitally, and by how many senders."""

    sent: int
    delivered: int
    senders: int


def belgian_post(scale: Fraction) -> dict[int, Post]:
    novembers = {
        _NOV_2020: figure_year_before("be.ebox.messages_to_active_mailboxes.2021-11", FINE, scale),
        _NOV_2021: scaled_figure("be.ebox.messages_to_active_mailboxes.2021-11", FINE, scale),
    }
    post: dict[int, Post] = {}
    for year, total in _SENT.items():
        months = [month for month in civil.year(year) if month >= _FIRST_MESSAGES]
        printed = [month for month in months if month in novembers]
        sent = {month: half_up(Fraction(100 * novembers[month], _DELIVERED_PCT)) for month in printed}
        free = [month for month in months if month not in sent]
        sent |= rising(scaled(total, FINE, scale) - sum(sent.values()), free, _RISE)
        for month in months:
            delivered = novembers.get(month, percent_of(sent[month], _DELIVERED_PCT))
            post[month] = Post(sent=sent[month], delivered=delivered, senders=min(sent[month], _sending(month)))
    return post


def _sending(month: int) -> int:
    """Return how many organisations send in a month; fewer than are enrolled."""
    return between(
        [
            (_FIRST_MESSAGES, 6),
            (_NOV_2020, published.figure("be.ebox.senders.2020-11").value),
            (_NOV_2021, published.figure("be.ebox.senders.2021-11").value),
            (civil.month(2022, 6), 318),
        ],
        month,
    )


def belgian_senders(month: int) -> int:
    """Return how many organisations are enrolled as senders at the end of a month."""
    return between(
        [
            (civil.month(2018, 10), 4),
            (civil.month(2019, 12), 52),
            (_NOV_2020, 131),
            (civil.month(2021, 6), published.figure("be.ebox.senders.2021-06").value),
            (civil.month(2022, 6), published.figure("be.ebox.senders.2022-06").value),
        ],
        month,
    )


# --- Senders of the Dutch mailbox -----------------------------------------------------------------------------------

DUTCH_SENDERS: dict[OrganisationType, tuple[int, int]] = {
    OrganisationType.MUNICIPALITY: (250, 300),
    OrganisationType.NATIONAL_ORGANISATION: (22, 30),
    OrganisationType.PARTNERSHIP: (21, 25),
    OrganisationType.WATER_AUTHORITY: (21, 21),
    OrganisationType.PENSION_FUND: (20, 25),
    OrganisationType.VEHICLE_AUTHORITY: (1, 1),
    OrganisationType.SOCIAL_INSURANCE_BANK: (1, 1),
    OrganisationType.TAX_ADMINISTRATION: (1, 1),
    OrganisationType.EMPLOYEE_INSURANCE_AGENCY: (1, 1),
}
"""How many organisations of each type sent in 2017 and in 2018: 338 and 405, the printed number and growth."""

# --- Bus, invoices --------------------------------------------------------------------------------------------------


def bus_transactions(scale: Fraction) -> dict[int, int]:
    """Return the transactions by month, in the two half years of which the growth is printed."""
    return _with_year_before("be.fsb.transactions.2022-H1", COARSE, scale, civil.months((2022, 1), (2022, 6)))


_BELGIAN_INVOICES = {2015: 60_000, 2016: 120_000, 2017: 210_000, 2018: 330_000, 2019: 450_000, 2020: 580_000}


def invoices(scale: Fraction) -> dict[tuple[Jurisdiction, int], int]:
    """Return the invoices and credit notes received by jurisdiction and month."""
    belgian = _with_year_before("be.mercurius.invoices.2022-H1", FINE, scale, civil.months((2022, 1), (2022, 6)))
    belgian |= rising(sum(belgian.values()) // 2, civil.months((2021, 7), (2021, 12)), _RISE)
    for year, total in _BELGIAN_INVOICES.items():
        belgian |= rising(scaled(total, FINE, scale), civil.year(year), _RISE)
    dutch = _with_year_before("nl.digipoort.invoices.2018", FINE, scale, civil.year(2018))
    counts = {Jurisdiction.BE: belgian, Jurisdiction.NL: dutch}
    return {(country, month): count for country, by_month in counts.items() for month, count in by_month.items()}


# --- Organisations and services -------------------------------------------------------------------------------------


def belgian_receivers(month: int) -> int:
    """Return how many Belgian organisations can receive electronic invoices at the end of a month."""
    printed = published.figure("be.mercurius.institutions.2017").value
    return between([(civil.month(2014, 10), 20), (civil.month(2017, 12), printed), (civil.month(2022, 6), 320)], month)


def belgian_services(month: int) -> int:
    """Return how many services are connected in Belgium at the end of a month: about 100 more each year."""
    points = [(civil.month(2014, 3), 560), (civil.month(2014, 10), 600), (civil.month(2017, 12), 912)]
    return between([*points, (civil.month(2022, 6), 1_362)], month)


def _with_year_before(figure_id: str, divisor: int, scale: Fraction, months: range) -> dict[int, int]:
    """Spread a figure over its months, and what it grew from over the same months a year before."""
    earlier = range(months.start - 12, months.stop - 12)
    before, now = figure_year_before(figure_id, divisor, scale), scaled_figure(figure_id, divisor, scale)
    return rising(before, earlier, _RISE) | rising(now, months, _RISE)
