"""Daily counts: how many events of each kind happened on each civil day for each organisation.

It counts every event of every context, and the streams that they began. Its rule is data.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from domain.contexts import DECIDERS
from projections.read_model import Col, Key, ListOrder, ReadModel, RowBase
from projections.row_security import Seen
from projections.tally import Measure, Tally, Typed

NAMES: Mapping[type, str] = {event: name for decider in DECIDERS for name, event in decider.events.items()}


class Row(RowBase):
    day: Key[date]
    name: Key[str]
    organisation_id: Key[str]
    events: Col[int]
    streams: Col[int]


EVERY_EVENT = Tally(
    names=NAMES,
    key=(Typed.CIVIL_DAY, Typed.NAME, Typed.ORGANISATION),
    amounts={"events": Measure.EVENTS, "streams": Measure.STREAMS},
)
READ_MODEL = ReadModel(
    name="daily_counts",
    version=4,
    row=Row,
    rules=dict.fromkeys(NAMES, EVERY_EVENT),
    indexes={
        "organisation": (Row.organisation_id, Row.day, Row.name),
    },
    lists={"newest": ListOrder((Row.day, Row.name, Row.organisation_id), newest_first=True)},
    seen=Seen(parties=(Row.organisation_id,)),
)
