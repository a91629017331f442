"""The context of one request for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from api.dashboard.links import Links
from api.dashboard.localiser import Localiser
from api.dashboard.reader import FiguresSnapshot
from domain.kernel import Jurisdiction
from projections.figures.period import Period
from projections.open_rates import OpenRateFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """The choices of a visitor, and the snapshot from which the page is answered.

    `months` are those in which anything was counted, as `2021-11`; `applied` are the filters of the open rates.
    """

    snapshot: FiguresSnapshot
    months: Sequence[str]
    jurisdiction: Jurisdiction
    period: Period
    now: datetime
    applied: OpenRateFilter
    localiser: Localiser
    links: Links
