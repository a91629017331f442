"""Personal texts in answers: sealed in every table, opened for who may read them, gone once the person is erased."""

from __future__ import annotations

import strawberry

from api.graph.queries.query_context import Info
from application.ports import Sealed
from application.registry import EVENT_NAMES


@strawberry.type(description="A text that is personal data. Once the person is erased there is nothing in it any more.")
class PersonalText:
    text: str | None
    erased: bool


async def opened(info: Info, sealed: str | None, stream: str, event: type, path: str) -> PersonalText | None:
    """Open a text of a row that the caller sees; there is none where nothing was given.

    `path` names the field of the event, with a dot before the field of a value within it.
    """
    if not sealed:
        return None
    text = await info.context.open_sealed(Sealed(sealed, stream, EVENT_NAMES[event], path))
    return PersonalText(text=text, erased=text is None)
