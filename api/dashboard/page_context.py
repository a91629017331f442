"""The context of one request for a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from api.dashboard.links import Links
from api.dashboard.localiser import Localiser
from api.dashboard.reader import FiguresSnapshot
from domain.kernel import Jurisdiction
from projections.figures.coverage import History
from projections.figures.period import Period
from projections.open_rates import OpenRateFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """The choices of a visitor, and the snapshot from which the page is answered.

    `history` has the months that the figures cover; `applied` are the filters of the open rates;
    `licence` is the SPDX name of that under which the figures are published.
    """

    snapshot: FiguresSnapshot
    history: History
    jurisdiction: Jurisdiction
    period: Period
    now: datetime
    applied: OpenRateFilter
    localiser: Localiser
    links: Links
    licence: str
