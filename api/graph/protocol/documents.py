"""Documents before their execution: parsed, measured, planned and checked against the schema, each once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import lru_cache

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    parse,
    validate,
)

from api.graph.planned.queries import PlannedQueries
from api.graph.protocol.costs import Plan, SeenRows, Variables, plan_of
from api.graph.protocol.lexical_limits import scan
from api.graph.protocol.limits import Limits, measure, refused, variables_fit
from api.graph.queries.query_context import tables_read
from api.web.door_bounds import BOUNDS, Bounds
from api.web.errors import Problem
from projections.row_security import Viewer

CACHED_DOCUMENTS = 512
MAX_ERRORS = 5
"""Errors reported of one document: for each, the checker searches for similar names."""


class DocumentRefusedError(Exception):
    """The document is not executed."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__("refused")
        self.errors = errors


UNKNOWN: SeenRows = {}
"""As long as the database was not asked: counting has its lowest price."""


@dataclass(slots=True)
class Document:
    """A document within its limits. It is planned and checked against the schema when first needed, once."""

    parsed: DocumentNode
    introspects: bool
    schema: GraphQLSchema
    planned: PlannedQueries
    _plans: dict[str | None, Plan] = field(default_factory=dict)
    _tables: dict[tuple[int, str, bool], frozenset[str]] = field(default_factory=dict)
    _errors: tuple[GraphQLError, ...] | None = None

    def plan(self, operation_name: str | None) -> Plan:
        """Plan one of its queries; refuse where there is none of that name, or it is no query."""
        if operation_name not in self._plans:
            query = self._query(operation_name)
            try:
                self._plans[operation_name] = plan_of(self.parsed, query, self.schema)
            except GraphQLError as error:
                raise DocumentRefusedError(error) from error
        return self._plans[operation_name]

    def tables(self, plan: Plan, viewer: Viewer, of_figures: Collection[str]) -> frozenset[str]:
        """Return the tables that a query reads for a viewer, with those that decide who sees their rows."""
        key = (id(plan), viewer.role, bool(viewer.organisation_id))
        if key not in self._tables:
            read = {name for model in plan.models for name in tables_read(model.table, viewer)}
            self._tables[key] = frozenset(read.union(of_figures if plan.figures else ()))
        return self._tables[key]

    def check(self) -> None:
        """Refuse it if it does not fit the schema."""
        if self._errors is None:
            self._errors = tuple(validate(self.schema, self.parsed, max_errors=MAX_ERRORS))
        if self._errors:
            raise DocumentRefusedError(*self._errors)

    def _query(self, name: str | None) -> OperationDefinitionNode:
        operation = get_operation_ast(self.parsed, name)
        if operation is None:
            raise Problem(400, "operation-not-found", "The document has no operation with this name.")
        if operation.operation is not OperationType.QUERY:
            raise Problem(400, "operation-not-allowed", "Only queries are answered here; commands go over REST.")
        return operation


class Documents:
    """Reads documents under one set of limits, and caches those that it read last."""

    def __init__(self, schema: GraphQLSchema, limits: Limits, bounds: Bounds = BOUNDS) -> None:
        self._schema = schema
        self._bounds = bounds
        self.limits = limits
        # Refused documents are not cached: they may not evict those that are sent every day.
        self.read: Callable[[str], Document] = lru_cache(CACHED_DOCUMENTS)(self._read)

    def cost(
        self, document: Document, operation_name: str | None, variables: Variables, rows: SeenRows = UNKNOWN
    ) -> int:
        """Return the cost of a query in points, by the rows that its caller sees; refuse it if that is too much."""
        if not variables_fit(variables):
            raise Problem(413, "variables-too-large", "The variables hold too many values, or too deep ones.")
        cost = document.plan(operation_name).cost.points(variables, rows)
        if cost > self.limits.cost:
            message = f"The query costs {cost} points; {self.limits.cost} are the most. Ask for smaller pages."
            raise DocumentRefusedError(refused("query-too-costly", message))
        return cost

    def _read(self, text: str) -> Document:
        try:
            scan(text, self.limits)
            parsed = parse(text, max_tokens=self.limits.tokens)
            return Document(
                parsed, measure(parsed, self.limits), self._schema, PlannedQueries(self._schema, parsed, self._bounds)
            )
        except GraphQLError as error:
            raise DocumentRefusedError(error) from error
