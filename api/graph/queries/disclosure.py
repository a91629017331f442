"""Whose data an answer holds: noted where GraphQL makes its objects, each time that one of them is made.

An object stands in an answer if, and only if, the executor completes it: rows that were read ahead, or for a loader, or
that a directive left out, are never completed. A cursor holds the key of its row, and so counts as the row. A count of
what a filter narrows to one person counts as an access to their data, unless nothing was counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from api.graph.queries.node_models import NodeKind, kind_of, model_of
from api.web.access_record import AccessedSubjects
from projections.read_model import About, ReadModel


@dataclass(slots=True)
class Disclosure:
    """What an answer holds of which persons, while it is being made.

    `parties` are persons or organisations, and only persons are accessed. `named` are ids that the caller wrote, and
    may be of nobody: nothing of them is kept unless a person is registered under it.
    """

    accessed: AccessedSubjects = field(default_factory=AccessedSubjects)
    parties: AccessedSubjects = field(default_factory=AccessedSubjects)
    named: AccessedSubjects = field(default_factory=AccessedSubjects)

    def row(self, model: ReadModel, row: object) -> None:
        """Note a row that the answer holds, or of which it holds the key."""
        for column, said in model.about.items():
            about = said if isinstance(said, About) else About(said)
            subject_id = getattr(row, column.name)
            if subject_id and all(getattr(row, it.name) == value for it, value in about.where.items()):
                noted = self.parties if about.or_organisation else self.accessed
                noted.note(subject_id, about.category)

    def narrowed(self, model: ReadModel, filters: Iterable[tuple[str, object]]) -> None:
        """Note that rows were found, or counted, of those to whom filters (columns with their value) narrow a list."""
        about = {column.name: said for column, said in model.about.items()}
        for name, value in filters:
            if isinstance(value, str) and name in about:
                said = about[name]
                self.parties.note(value, said.category if isinstance(said, About) else said)


Note: TypeAlias = Callable[[Any, Disclosure], None]
"""Notes whom an object of a type is about."""

NOTES: dict[str, Note] = {}
"""By the name of a type: whom an object of it is about. `learn_notes` fills it when the schema is made."""


class Discloses:
    """What a type derives from whose objects are no rows, and yet say something of persons."""

    def disclose(self, disclosure: Disclosure) -> None:
        raise NotImplementedError


def learn_notes(schema: GraphQLSchema) -> None:
    """Find out of which types of a schema the objects are about persons: rows, and the edges of pages of rows."""
    for name, it in schema.type_map.items():
        definition = it.extensions.get("strawberry-definition")
        note = _note_of(definition.origin) if definition is not None and isinstance(it, GraphQLObjectType) else None
        if note is not None:
            NOTES[name] = note


def _note_of(made: type) -> Note | None:
    if issubclass(made, Discloses):
        return lambda answer, disclosure: answer.disclose(disclosure)
    model = model_of(made)
    if model is None or not model.about:
        return None
    match kind_of(made):
        case NodeKind.NODE:
            return lambda row, disclosure: disclosure.row(model, row)
        case NodeKind.EDGE:
            return lambda edge, disclosure: disclosure.row(model, edge.node)
        case _:
            return None


class NotingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes as the specification says, and notes whose data the objects of the answer are."""

    def complete_object_value(  # noqa: PLR0917 - as the executor has it
        self,
        return_type: GraphQLObjectType,
        field_details_list: Any,  # noqa: ANN401 - the executor's own, as below
        info: GraphQLResolveInfo[Any],
        path: Any,  # noqa: ANN401
        result: Any,  # noqa: ANN401
        position_context: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        note = NOTES.get(return_type.name)
        if note is not None:
            note(result, self.context_value.disclosure)
        return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)
