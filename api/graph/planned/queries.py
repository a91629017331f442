"""The plans of documents: made once for a class of viewers, and answered in one round trip to PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, get_operation_ast
from graphql.execution.values import VariableValues

from api.graph.planned.lists import PlannedList
from api.graph.planned.parameters import NotPlannedError, class_key, class_of
from api.graph.planned.roots import FieldReading, PlannedField, PlannedGroups, PlannedRow, PlannedTypename, made_once
from api.graph.planned.row_text import RowWriter
from api.graph.planned.selections import BareVariables, Selected, Selections, deciding_variables
from api.graph.planned.variables import Coercion, Variables
from api.graph.queries.query_context import QueryContext
from api.graph.queries.sources import GroupsSource, ListSource, RowSource, source_of
from api.web.door_bounds import Bounds
from api.web.errors import Problem, too_slow
from application.fair_turns import BusyError
from application.ports import Role
from projections.prepared_statements import ReadStatements, StatementFailedError
from projections.row_security import Viewer

LOG = structlog.get_logger()

MAX_PLANS = 32
"""Plans of one document: for classes of viewers and values of the variables that decide what is selected."""


@dataclass(frozen=True, slots=True)
class _Root:
    """A field of `Query` in a plan. What it reads is known, or None where its arguments name variables.

    `bare` reads arguments that are nothing but variables.
    """

    selected: Selected
    planned: PlannedField
    known: FieldReading | None
    bare: BareVariables | None = None

    def reading(self, variables: VariableValues) -> FieldReading:
        if self.known is not None:
            return self.known
        arguments = None if self.bare is None else self.bare.values(variables)
        return self.planned.reading(self.selected.arguments(variables) if arguments is None else arguments)


@dataclass(slots=True)
class PlannedQueries:
    """The plans of the queries of one document; None where a query is not planned."""

    schema: GraphQLSchema
    document: DocumentNode
    bounds: Bounds
    _plans: dict[tuple[object, ...], Sequence[_Root] | None] = field(default_factory=dict)
    _coercions: dict[str | None, Coercion] = field(default_factory=dict)
    _deciding: frozenset[str] | None = None

    async def answer(
        self, operation_name: str | None, variables: Variables, context: QueryContext, read: ReadStatements
    ) -> bytes | None:
        """Return the JSON of `data`; None where the standard executor has to answer.

        Notes the persons in the answer. Raises BusyError, and a Problem where PostgreSQL took too long.
        """
        coercion = self._coercion(operation_name)
        if coercion is None:
            return None
        try:
            return await self._answered(coercion.operation, coercion(variables), context, read)
        except BusyError:
            raise
        except StatementFailedError as error:
            if (problem := too_slow(error.sqlstate)) is not None:
                raise problem from error
            return None
        except (NotPlannedError, GraphQLError, Problem):
            # The standard executor finds the words of the error.
            return None
        except Exception as error:
            # A fault of ours in a plan costs time, and no answer.
            LOG.exception("plan_failed", error=type(error).__name__)
            return None

    async def _answered(
        self, operation: OperationDefinitionNode, coerced: VariableValues, context: QueryContext, read: ReadStatements
    ) -> bytes:
        viewer = context.viewer
        roots = self._plan(operation, coerced, viewer)
        for model in [root.planned.model for root in roots if root.planned.model is not None]:
            context.must_have_session(model.table)
            viewer = max(viewer, await context.viewer_of(model.table), key=lambda it: len(it.identifiers))
        if viewer is not context.viewer:
            roots = self._plan(operation, coerced, viewer)
        readings = [root.reading(coerced) for root in roots]
        statements = [it for reading in readings for it in reading.bound(viewer)]
        results = await read(context.request.caller.organisation_id, viewer, statements) if statements else []
        parts, at = [], 0
        for root, reading in zip(roots, readings, strict=True):
            end = at + len(reading.statements)
            found = reading.answer(results[at:end], context.disclosure)
            parts.append(b'"' + root.selected.key.encode() + b'":' + found)
            at = end
        return b"{" + b",".join(parts) + b"}"

    def _coercion(self, operation_name: str | None) -> Coercion | None:
        """Return the operation of a name with what coerces its variables; None where there is none."""
        if operation_name not in self._coercions:
            operation = get_operation_ast(self.document, operation_name)
            if operation is None:
                return None
            self._coercions[operation_name] = Coercion(self.schema, operation)
        return self._coercions[operation_name]

    # --- Making plans -----------------------------------------------------------------------------------------------

    def _plan(self, operation: OperationDefinitionNode, variables: VariableValues, viewer: Viewer) -> Sequence[_Root]:
        if self._deciding is None:
            query = self.schema.query_type
            self._deciding = frozenset() if query is None else deciding_variables(self.document, list(query.fields))
        deciding = [(name, repr(value)) for name, value in variables.coerced.items() if name in self._deciding]
        key = (None if operation.name is None else operation.name.value, *class_key(viewer), *deciding)
        plan = made_once(self._plans, MAX_PLANS, key, lambda: self.made(operation, variables, class_of(viewer)))
        if plan is None:
            raise NotPlannedError
        return plan

    def made(
        self, operation: OperationDefinitionNode, variables: VariableValues, viewer: Viewer
    ) -> Sequence[_Root] | None:
        """Make the plan of an operation for a class of viewers; None where the standard executor has to answer."""
        selections = Selections.of(self.schema, self.document, operation, variables, Role(viewer.role))
        writer = RowWriter(selections, viewer, self.bounds.children)
        try:
            return [self._root(selected, writer) for selected in selections.roots()]
        except (NotPlannedError, GraphQLError, Problem):
            return None

    def _root(self, selected: Selected, writer: RowWriter) -> _Root:
        planned = self._planned(selected, writer)
        if selected.field is None:
            return _Root(selected, planned, planned.reading({}))
        if selected.names_variables:
            return _Root(selected, planned, None, selected.bare_variables())
        return _Root(selected, planned, planned.reading(selected.arguments(writer.selections.variables)))

    def _planned(self, selected: Selected, writer: RowWriter) -> PlannedField:
        if selected.field is None:
            return PlannedTypename(writer.selections.query_type.name)
        match source_of(selected.definition):
            case RowSource() as source:
                return PlannedRow(source, selected, writer)
            case GroupsSource() as source:
                return PlannedGroups(source, selected, writer, self.bounds.groups)
            case ListSource() as source:
                return PlannedList(source, selected, writer, self.bounds.groups)
            case _:
                raise NotPlannedError
