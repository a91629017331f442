"""Personal texts in answers: sealed in every table, opened for callers that may read them, gone after an erasure."""

from __future__ import annotations

from collections.abc import Callable

import strawberry

from api.graph.queries.query_context import Info
from api.rights.graph import PERSONAL_TEXTS, asked, asked_of
from application.ports import Sealed
from application.registry import EVENT_NAMES
from projections.row_security import RowColumn


@asked_of(PERSONAL_TEXTS)
@strawberry.type(description="A text that is personal data. Once the person is erased there is nothing in it any more.")
class PersonalText:
    text: str | None
    erased: bool


def personal_text(
    column: RowColumn, stream: Callable[[str], str], event: type, description: str, *, path: str = ""
) -> object:
    """Make a field of the sealed text in a column; it is null where no text was given.

    The text was sealed in an event of the stream whose id is the key of the row. `path` names the field of the event,
    with a dot before the field of a value within it; without `path` the field has the column's name.
    """
    (key,) = column.column.table.primary_key

    async def resolve(root: object, info: Info) -> PersonalText | None:
        sealed: str = getattr(root, column.name)
        if not sealed:
            return None
        name = stream(getattr(root, key.name))
        text = await info.context.open_sealed(Sealed(sealed, name, EVENT_NAMES[event], path or column.name))
        return PersonalText(text=text, erased=text is None)

    return strawberry.field(resolver=resolve, description=description, metadata=asked(PERSONAL_TEXTS))
