"""The rights of GraphQL: which roles may ask for a type or a field of `Query`, and which rows an agency sees of it.

Types and fields that are made of a read model have the rights that its declaration gives (`projections.row_security`).
Any other states its own: a type with `asked_of`, a field with `asked` in its metadata. The schema of a type or field of
`Query` without rights is refused when it is made (`api.graph.queries.guard`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from api.rights.roles import EVERYBODY, OVERSEERS, RightsError
from application.ports import Role
from projections.read_model import ReadModel
from projections.row_security import RowColumn, Seen

ALL = "all"
NONE = "none"

T = TypeVar("T", bound=type)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRight:
    """Who may ask for some types and fields. Other roles than agencies see all rows of what they may ask for.

    `agencies` says in words which rows an agency sees, `ALL` or `NONE` among them; `read_model` names the read model
    that they are of, if it is one.
    """

    roles: frozenset[Role] = EVERYBODY
    agencies: str = ALL
    read_model: str = ""

    def __post_init__(self) -> None:
        if not self.roles or (self.agencies == NONE) == (Role.AGENCY in self.roles):
            raise RightsError(
                f"rights that contradict themselves: {sorted(self.roles)} and {self.agencies!r} to agencies"
            )


PAGES = GraphRight(agencies="of pages that it sees")
PERSONAL_TEXTS = GraphRight(roles=EVERYBODY - OVERSEERS, agencies="in rows that it sees")
"""Overseers of the platform have no need to read personal texts."""

_OF_TYPES: dict[type, GraphRight] = {}
_METADATA = "right"


def asked_of(right: GraphRight) -> Callable[[T], T]:
    """Give a type its right."""

    def give(made: T) -> T:
        _OF_TYPES[made] = right
        return made

    return give


def asked(right: GraphRight) -> Mapping[object, object]:
    """Return the metadata of a field that has a right of its own."""
    return {_METADATA: right}


def right_of_type(made: type) -> GraphRight | None:
    return _OF_TYPES.get(made)


def right_of_field(metadata: Mapping[object, object]) -> GraphRight | None:
    right = metadata.get(_METADATA)
    return right if isinstance(right, GraphRight) else None


def right_of_rows(model: ReadModel) -> GraphRight:
    """Return who may ask for rows of a read model."""
    seen = model.seen
    to_agencies = seen.to_agencies and not seen.withheld
    roles = {role for role in Role if role in seen.roles} | ({Role.AGENCY} if to_agencies else set())
    words = "; ".join(_words(seen)) if to_agencies else NONE
    return GraphRight(roles=frozenset(roles), agencies=words, read_model=model.name)


def _words(seen: Seen) -> Iterator[str]:
    """Say which rows an agency sees."""
    if seen.everybody:
        yield ALL
    if seen.parties:
        yield f"those that name it as {_or(seen.parties)}"
    if seen.numbers:
        yield f"those with its number as {_or(seen.numbers)}"
    if seen.owner is not None:
        where = "" if seen.delivered_at is None else ", where they were delivered or the person chose it"
        yield f"those of the person in a session there ({_or([seen.owner])}){where}"
    if seen.through is not None:
        yield f"those of {seen.through.table.name.rpartition('_v')[0].replace('_', ' ')} that it sees"


def _or(columns: Sequence[RowColumn]) -> str:
    *first, last = (f"`{column.name}`" for column in columns)
    return f"{', '.join(first)} or {last}" if first else last
