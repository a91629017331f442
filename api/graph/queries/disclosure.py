"""The persons whose data an answer holds: noted where GraphQL makes its objects, each time that one of them is made.

An object stands in an answer if, and only if, the executor completes it: rows that were read ahead, or for a loader, or
that a directive left out, are never completed. A cursor holds the key of its row, and so counts as the row. A count of
rows that a filter narrows to one person counts as an access to their data, unless nothing was counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, Protocol, TypeAlias, runtime_checkable

from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import AwaitableOrValue, Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from api.graph.queries.node_models import NodeKind, model_and_kind_of
from api.web.access_record import AccessedSubjects
from domain.access.access import Category
from projections.read_model import About, ReadModel


@dataclass(slots=True)
class Disclosure:
    """The persons whose data an answer holds, with the categories of the data, while the answer is being made.

    `parties` are persons or organisations; only persons are recorded. `named` are ids that the caller wrote and that
    may be nobody's: such an id is recorded only if a person is registered under it.
    """

    accessed: AccessedSubjects = field(default_factory=AccessedSubjects)
    parties: AccessedSubjects = field(default_factory=AccessedSubjects)
    named: AccessedSubjects = field(default_factory=AccessedSubjects)

    def row(self, model: ReadModel, row: object) -> None:
        """Note a row that the answer holds, or whose key it holds."""
        for column, declared in model.about.items():
            about = _about(declared)
            subject_id = getattr(row, column.name)
            if subject_id and all(getattr(row, condition.name) == value for condition, value in about.where.items()):
                noted = self.parties if about.or_organisation else self.accessed
                noted.note(subject_id, about.category)

    def narrowed(self, model: ReadModel, filters: Iterable[tuple[str, object]]) -> None:
        """Note that rows were found or counted in a list that filters (columns with their value) narrow to persons."""
        about = {column.name: _about(declared) for column, declared in model.about.items()}
        for name, value in filters:
            if isinstance(value, str) and name in about:
                self.parties.note(value, about[name].category)


def _about(declared: Category | About) -> About:
    return declared if isinstance(declared, About) else About(declared)


Note: TypeAlias = Callable[[Any, Disclosure], None]
"""Notes the persons that an object of a type is about."""

NOTES: dict[str, Note] = {}
"""By the name of a type. `learn_notes` fills it when the schema is made."""


@runtime_checkable
class Discloses(Protocol):
    """A type whose objects are no rows, and yet say something about persons."""

    def disclose(self, disclosure: Disclosure) -> None:
        """Note the persons about whom the object says something, and what."""


def learn_notes(schema: GraphQLSchema) -> None:
    """Find the types of a schema whose objects are about persons: rows, and the edges of pages of rows."""
    for name, named_type in schema.type_map.items():
        definition = named_type.extensions.get("strawberry-definition")
        if (
            definition is not None
            and isinstance(named_type, GraphQLObjectType)
            and (note := _note_of(definition.origin))
        ):
            NOTES[name] = note


def _note_of(made: type) -> Note | None:
    if issubclass(made, Discloses):
        return lambda answer, disclosure: answer.disclose(disclosure)
    match model_and_kind_of(made):
        case (model, NodeKind.NODE) if model.about:
            return lambda row, disclosure: disclosure.row(model, row)
        case (model, NodeKind.EDGE) if model.about:
            return lambda edge, disclosure: disclosure.row(model, edge.node)
        case _:
            return None


_Object: TypeAlias = tuple[GraphQLObjectType, FieldDetailsList, GraphQLResolveInfo[Any], Path, object, Any]
"""An object to be completed, as the executor has it; the fifth part is the resolved value."""


class NotingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes as the specification says, notes the persons whom the objects of the answer are about, and pauses."""

    def complete_object_value(  # noqa: PLR0917 - as the executor has it
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: object,
        position_context: Any,  # noqa: ANN401 - the executor's own
    ) -> AwaitableOrValue[dict[str, Any]]:
        of = (return_type, field_details_list, info, path, result, position_context)
        context = self.context_value
        context.objects += 1
        if context.objects > context.slices.free_objects and context.slices.over:
            return self._after_a_pause(of)
        return self._noted(of)

    async def _after_a_pause(self, of: _Object) -> dict[str, Any]:
        await self.context_value.slices.wait(self.context_value.request.caller.organisation_id)
        completed = self._noted(of)
        return await completed if isawaitable(completed) else completed

    def _noted(self, of: _Object) -> AwaitableOrValue[dict[str, Any]]:
        note = NOTES.get(of[0].name)
        if note is not None:
            note(of[4], self.context_value.disclosure)
        return super().complete_object_value(*of)
