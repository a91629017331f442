"""Open rates: of the messages published in a period, how many were opened within three and within six weeks.

A cohort is what one month published. A message counts as opened within k weeks if its first opening is no later than
its publication plus 7k days on the clock of the sender's time zone. A figure is provisional until the period's end
plus 7k days have passed. Definition: Monitor Digitale Overheid, percentages of opened messages by type of organisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, case, not_, select

from domain.kernel import Jurisdiction, Recorded
from domain.mailbox.message.model import MessageOpened, MessagePublished, Publication
from domain.mailbox.values import SenderTimeZone
from projections.read_model import Col, Effects, Key, ReadModel, RowBase, To, add
from projections.row_security import FIGURES, STAFF, Seen
from projections.sums import total
from projections.words import civil_month


class Row(RowBase):
    jurisdiction: Key[Jurisdiction]
    period: Key[str]
    sender_type: Key[str]
    outside_government: Key[bool]
    notification_only: Key[bool]
    taken_into_use: Key[bool]
    published: Col[int]
    opened_3_weeks: Col[int]
    opened_6_weeks: Col[int]


WINDOWS = {3: Row.opened_3_weeks, 6: Row.opened_6_weeks}
"""Weeks after publication within which the first opening counts, and the column in which it does."""

WINDOWS_WEEKS = (*WINDOWS,)


def _published(recorded: Recorded[MessagePublished]) -> Effects[Row]:
    yield add(Row, *_cohort(recorded.event.publication), Row.published.to(1))


def _opened(recorded: Recorded[MessageOpened]) -> Effects[Row]:
    publication, opened_at = recorded.event.publication, recorded.context.effective_at
    for weeks, column in WINDOWS.items():
        if opened_at <= window_end(publication, weeks):
            yield add(Row, *_cohort(publication), column.to(1))


def _cohort(publication: Publication) -> tuple[To[Jurisdiction] | To[str] | To[bool], ...]:
    return (
        Row.jurisdiction.to(publication.jurisdiction),
        Row.period.to(civil_month(publication.published_at, ZoneInfo(publication.sender_time_zone))),
        Row.sender_type.to(publication.sender_type),
        Row.outside_government.to(publication.outside_government),
        Row.notification_only.to(publication.notification_only),
        Row.taken_into_use.to(publication.mailbox_taken_into_use),
    )


def window_end(publication: Publication, weeks: int) -> datetime:
    """Return the last instant of the window: so many weeks later at the same time on the sender's clock, in UTC."""
    return _on_the_clock(publication.published_at, weeks, ZoneInfo(publication.sender_time_zone))


def _on_the_clock(instant: datetime, weeks: int, zone: ZoneInfo) -> datetime:
    return (instant.astimezone(zone) + timedelta(weeks=weeks)).astimezone(UTC)


READ_MODEL = ReadModel(
    name="open_rates",
    version=1,
    row=Row,
    rules={MessagePublished: _published, MessageOpened: _opened},
    seen=Seen(everybody=True, roles=(*STAFF, FIGURES)),
)

# --- Queries --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRateFilter:
    """The messages that take part: by default those of government, with notifications and accounts not yet in use."""

    outside_government: bool = False
    notification_only: bool = True
    not_taken_into_use: bool = True


BY_DEFAULT = OpenRateFilter()


def open_rates_of_year(
    jurisdiction: str, year: int, applied: OpenRateFilter = BY_DEFAULT
) -> Select[str, int, int, int, int, int]:
    """Sum the cohorts of a year by type of sender, under the names of the columns.

    Beside them `estimated` and `notifications` say how many of the published went to accounts not yet taken into use,
    and were notifications only.
    """
    filters = (
        (applied.outside_government, Row.outside_government),
        (applied.notification_only, Row.notification_only),
        (applied.not_taken_into_use, not_(Row.taken_into_use)),
    )
    return (
        select(
            Row.sender_type,
            total(Row.published).label("published"),
            total(Row.opened_3_weeks).label("opened_3_weeks"),
            total(Row.opened_6_weeks).label("opened_6_weeks"),
            total(case((Row.taken_into_use, 0), else_=Row.published)).label("estimated"),
            total(case((Row.notification_only, Row.published), else_=0)).label("notifications"),
        )
        .where(Row.jurisdiction == jurisdiction, Row.period.between(f"{year:04d}-01", f"{year:04d}-12"))
        .where(*(not_(kind) for takes_part, kind in filters if not takes_part))
        .group_by(Row.sender_type)
        .order_by(Row.sender_type)
    )


def final_from(year: int, weeks: int) -> datetime:
    """Return the instant from which a year's figure is no longer provisional, in UTC.

    The year ends when it has ended for the senders in every time zone.
    """
    zones = (ZoneInfo(zone) for zone in SenderTimeZone)
    return max(_on_the_clock(datetime(year + 1, 1, 1, tzinfo=zone), weeks, zone) for zone in zones)
