"""The read model that a GraphQL type is made of, and the kind of its objects."""

from __future__ import annotations

from enum import Enum, auto
from typing import TypeVar

from api.rights.graph import asked_of, right_of_rows
from projections.read_model import ReadModel

T = TypeVar("T", bound=type)


class NodeKind(Enum):
    """The objects of a type: rows, edges of pages of rows, or counts and pages of many rows."""

    NODE = auto()
    EDGE = auto()
    WHOLE = auto()


_MADE_OF: dict[object, tuple[ReadModel, NodeKind]] = {}


def made_of(model: ReadModel, kind: NodeKind, made: T) -> T:
    """Note of which read model a type is made, give it the right to ask for its rows, and return it."""
    _MADE_OF[made] = (model, kind)
    return asked_of(right_of_rows(model))(made)


def model_of(made: type) -> ReadModel:
    """Return the read model that a type is made of; a KeyError where it is made of none."""
    return _MADE_OF[made][0]


def model_and_kind_of(made: object) -> tuple[ReadModel, NodeKind] | None:
    return _MADE_OF.get(made)
