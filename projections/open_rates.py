"""Open rates: of the messages published in a period, how many were opened within three and within six weeks.

A cohort is what one month published. A message counts as opened within k weeks if its first opening is no later than
its publication plus 7k days on the clock of the sender's time zone. A figure is provisional until the period's end
plus 7k days have passed. Definition: Monitor Digitale Overheid, percentages of opened messages by type of organisation.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Boolean, Column, Select, Text, case, select

from domain.kernel import Recorded
from domain.mailbox import MessageOpened, MessagePublished, Publication, SenderTimeZone
from projections.effects import Add, Effect, Key, Projection, read_table
from projections.sums import total

TABLE = read_table(
    "open_rates",
    1,
    Column("jurisdiction", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("sender_type", Text, primary_key=True),
    Column("outside_government", Boolean, primary_key=True),
    Column("notification_only", Boolean, primary_key=True),
    Column("taken_into_use", Boolean, primary_key=True),
    Column("published", BigInteger, nullable=False),
    Column("opened_3_weeks", BigInteger, nullable=False),
    Column("opened_6_weeks", BigInteger, nullable=False),
)
_C = TABLE.c

WINDOWS_WEEKS = (3, 6)
"""Weeks after publication within which the first opening counts."""


def _published(recorded: Recorded[MessagePublished]) -> Iterable[Effect]:
    yield Add(_cohort(recorded.event.publication), {"published": 1})


def _opened(recorded: Recorded[MessageOpened]) -> Iterable[Effect]:
    publication, opened_at = recorded.event.publication, recorded.context.effective_at
    opened = {f"opened_{weeks}_weeks": 1 for weeks in WINDOWS_WEEKS if opened_at <= window_end(publication, weeks)}
    if opened:
        yield Add(_cohort(publication), opened)


def _cohort(publication: Publication) -> Key:
    local = publication.published_at.astimezone(ZoneInfo(publication.sender_time_zone))
    return (
        publication.jurisdiction.value,
        f"{local.year:04d}-{local.month:02d}",
        publication.sender_type,
        publication.outside_government,
        publication.notification_only,
        publication.mailbox_taken_into_use,
    )


def window_end(publication: Publication, weeks: int) -> datetime:
    """Return the last instant of the window: so many weeks later at the same time on the sender's clock, in UTC."""
    return _on_the_clock(publication.published_at, weeks, ZoneInfo(publication.sender_time_zone))


def _on_the_clock(instant: datetime, weeks: int, zone: ZoneInfo) -> datetime:
    return (instant.astimezone(zone) + timedelta(weeks=weeks)).astimezone(UTC)


PROJECTION = Projection(
    name="open_rates",
    version=1,
    table=TABLE,
    rules={MessagePublished: _published, MessageOpened: _opened},
)

# --- Queries --------------------------------------------------------------------------------------------------------


def open_rates_of_year(
    jurisdiction: str,
    year: int,
    *,
    outside_government: bool | None = None,
    notification_only: bool | None = None,
    taken_into_use: bool | None = None,
) -> Select[Any]:
    """Sum the cohorts of a year by type of sender, under the names of the columns.

    Beside them `notifications` and `not_taken_into_use` say how many of the published were notifications only, and
    went to accounts not yet taken into use. A filter that is None keeps both kinds: say False to leave out senders
    outside government or notification-only messages, True to leave out accounts not yet taken into use.
    """
    query = (
        select(
            _C.sender_type,
            total(_C.published).label("published"),
            total(_C.opened_3_weeks).label("opened_3_weeks"),
            total(_C.opened_6_weeks).label("opened_6_weeks"),
            total(case((_C.notification_only, _C.published), else_=0)).label("notifications"),
            total(case((_C.taken_into_use, 0), else_=_C.published)).label("not_taken_into_use"),
        )
        .where(_C.jurisdiction == jurisdiction, _C.period.between(f"{year:04d}-01", f"{year:04d}-12"))
        .group_by(_C.sender_type)
        .order_by(_C.sender_type)
    )
    filters = (
        (_C.outside_government, outside_government),
        (_C.notification_only, notification_only),
        (_C.taken_into_use, taken_into_use),
    )
    for column, wanted in filters:
        if wanted is not None:
            query = query.where(column.is_(wanted))
    return query


def final_from(year: int, weeks: int) -> datetime:
    """Return the instant from which a year's figure is no longer provisional, in UTC.

    The year ends when it has ended for the senders in every time zone.
    """
    zones = (ZoneInfo(zone) for zone in SenderTimeZone)
    return max(_on_the_clock(datetime(year + 1, 1, 1, tzinfo=zone), weeks, zone) for zone in zones)


def is_provisional(year: int, weeks: int, as_of: datetime) -> bool:
    return as_of < final_from(year, weeks)
