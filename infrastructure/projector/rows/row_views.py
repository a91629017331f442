"""Recorded events as rules see them: views of the rows that the log gave, without copying their fields.

A rule looks at two or three fields of the sixteen. Making the real thing costs more than most rules, and so does
reading columns that no rule looks at: a view of a row that lacks one raises `MissingColumn`, and whoever reads the log
reads again with that column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import itemgetter
from typing import Any

from domain.kernel import Context, Recorded
from infrastructure.event_log.log_reader import Row
from infrastructure.event_log.log_statements import BASIC_COLUMNS, FURTHER_COLUMNS

Complete = Callable[[Row, Any], Recorded[Any]]
"""Puts a row and its decoded event together."""


class MissingColumn(BaseException):
    """A rule looks at a column that was not read: its name."""


def views(further: Sequence[str] = FURTHER_COLUMNS) -> Complete:
    """Return what makes views of rows with the basic columns and these.

    A view is the row itself with the event behind it. It has the fields of a recorded event and those of its context,
    none of which have the same name.
    """
    columns = (*BASIC_COLUMNS, *further, "event")
    places = {name: at for at, name in enumerate(columns) if name not in ("name", "payload")}
    names = [field.name for kind in (Recorded, Context) for field in fields(kind) if field.name != "context"]
    members: dict[str, Any] = {name: _column(name, places.get(name)) for name in names}
    members |= {
        "__slots__": (),
        "context": property(lambda view: view),
        "aggregate_id": Recorded.aggregate_id,
    }
    view: Any = type("RecordedView", (tuple,), members)
    return lambda row, event: view((*row, event))


def _column(name: str, at: int | None) -> property:
    if at is None:

        def missing(_view: Any) -> Any:  # noqa: ANN401 - of any view
            raise MissingColumn(name)

        return property(missing)
    return property(itemgetter(at))
