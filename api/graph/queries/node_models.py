"""Which read model a GraphQL type is made of, and what its objects are to it."""

from __future__ import annotations

from enum import Enum, auto
from typing import TypeVar

from api.rights.graph import asked_of, right_of_rows
from projections.read_model import ReadModel

T = TypeVar("T", bound=type)


class NodeKind(Enum):
    """What the objects of a type are: rows, edges of pages of rows, or what is counted over many rows."""

    NODE = auto()
    EDGE = auto()
    WHOLE = auto()


_MADE_OF: dict[type, tuple[ReadModel, NodeKind]] = {}


def made_of(model: ReadModel, kind: NodeKind, made: T) -> T:
    """Note of which read model a type is made, give it the right to ask for its rows, and return it."""
    _MADE_OF[made] = (model, kind)
    return asked_of(right_of_rows(model))(made)


def model_of(made: type) -> ReadModel:
    """Return the read model of whose rows a type is made; a type made of no rows is a KeyError."""
    return _MADE_OF[made][0]


def model_and_kind_of(made: type) -> tuple[ReadModel, NodeKind] | None:
    return _MADE_OF.get(made)
