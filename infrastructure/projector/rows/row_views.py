"""Recorded events as rules see them: views of the rows that the log gave, without copying their fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from domain.kernel import Recorded
from infrastructure.event_log.log_reader import AnyRecorded, Row
from infrastructure.event_log.log_statements import BASIC_COLUMNS, FURTHER_COLUMNS

Complete: TypeAlias = Callable[[Row, object], AnyRecorded]
"""Puts a row and its decoded event together."""


def views(further: Sequence[str] = FURTHER_COLUMNS) -> Complete:
    """Return a function that makes views of rows with the basic columns and the `further` ones.

    A view is the row itself with the event behind it. It has the fields of a recorded event and those of its context,
    none of which have the same name; a field whose column was not read is missing.
    """
    columns = (*BASIC_COLUMNS, *further, "event")
    members = {name: property(itemgetter(at)) for at, name in enumerate(columns) if name not in ("name", "payload")}
    view: Any = type(
        "RecordedView",
        (tuple,),
        {
            **members,
            "__slots__": (),
            "context": property(lambda view: view),
            "aggregate_id": Recorded.aggregate_id,
        },
    )
    return lambda row, event: view((*row, event))
