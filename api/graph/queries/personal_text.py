"""Personal texts in answers: sealed in every table, opened for who may read them, gone once the person is erased."""

from __future__ import annotations

from typing import Any

import strawberry

from api.graph.queries.query_context import Info
from api.rights.graph import PERSONAL_TEXTS, asked, asked_of
from application.ports import Sealed
from application.registry import EVENT_NAMES
from domain.kernel import Decider
from projections.row_security import RowColumn


@asked_of(PERSONAL_TEXTS)
@strawberry.type(description="A text that is personal data. Once the person is erased there is nothing in it any more.")
class PersonalText:
    text: str | None
    erased: bool


def personal_text(
    column: RowColumn,
    key: RowColumn,
    decider: Decider[Any, Any, Any],
    event: type,
    description: str,
    *,
    name: str,
    path: str = "",
) -> Any:  # noqa: ANN401 - a field of Strawberry
    """Make a field of the sealed text in a column; there is nothing in it where nothing was given.

    The text was sealed in an event of the stream that the column `key` names. `path` names the field of the event, with
    a dot before the field of a value within it; without one it is called as the column.
    """

    async def resolve(root: object, info: Info) -> PersonalText | None:
        sealed: str = getattr(root, column.name)
        if not sealed:
            return None
        stream = decider.stream(getattr(root, key.name))
        text = await info.context.open_sealed(Sealed(sealed, stream, EVENT_NAMES[event], path or column.name))
        return PersonalText(text=text, erased=text is None)

    return strawberry.field(resolver=resolve, name=name, description=description, metadata=asked(PERSONAL_TEXTS))
