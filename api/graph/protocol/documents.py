"""Documents on their way to execution: read, measured, priced, checked against the schema; and never twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

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

from api.graph.protocol.costs import Plan, plan_of
from api.graph.protocol.lexical_limits import scan
from api.graph.protocol.limits import Limits, measure, refused, variables_fit
from api.graph.protocol.selections import selects
from api.graph.queries.disclosure import NOTES
from api.web.errors import Problem

CACHED_DOCUMENTS = 512
MOST_ERRORS = 5
"""Told of one document: the names that were perhaps meant are looked for anew for each."""


class DocumentRefusedError(Exception):
    """The document is not executed."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__("refused")
        self.errors = errors


@dataclass(slots=True)
class Document:
    """A document within its limits. Whether it fits the schema is found out when it is first needed, once."""

    parsed: DocumentNode
    introspects: bool
    schema: GraphQLSchema
    _plans: dict[str | None, Plan] = field(default_factory=dict)
    _personal: dict[str | None, bool] = field(default_factory=dict)
    _errors: tuple[GraphQLError, ...] | None = None

    def plan(self, operation_name: str | None) -> Plan:
        """Return the price of one of its queries; refuse where there is none of that name, or it is no query."""
        if operation_name not in self._plans:
            query = self._query(operation_name)
            try:
                self._plans[operation_name] = plan_of(self.parsed, query, self.schema)
            except GraphQLError as error:
                raise DocumentRefusedError(error) from error
        return self._plans[operation_name]

    def check(self) -> None:
        """Refuse it if it does not fit the schema."""
        if self._errors is None:
            self._errors = tuple(validate(self.schema, self.parsed, max_errors=MOST_ERRORS))
        if self._errors:
            raise DocumentRefusedError(*self._errors)

    def personal(self, operation_name: str | None) -> bool:
        """Return whether the answer to one of its queries can hold personal data; it was checked before."""
        if operation_name not in self._personal:
            query = self._query(operation_name)
            self._personal[operation_name] = selects(NOTES, self.parsed, query, self.schema)
        return self._personal[operation_name]

    def _query(self, name: str | None) -> OperationDefinitionNode:
        operation = get_operation_ast(self.parsed, name)
        if operation is None:
            raise Problem(400, "operation-not-found", "The document has no operation with this name.")
        if operation.operation is not OperationType.QUERY:
            raise Problem(400, "operation-not-allowed", "Only queries are answered here; commands go over REST.")
        return operation


class Documents:
    """Reads documents under one set of limits, and keeps those that it read last."""

    def __init__(self, schema: GraphQLSchema, limits: Limits) -> None:
        self._schema = schema
        self.limits = limits
        # What is refused is not kept: it may not push out what is asked every day.
        self.read: Callable[[str], Document] = lru_cache(CACHED_DOCUMENTS)(self._read)

    def cost(self, document: Document, operation_name: str | None, variables: Mapping[str, Any]) -> int:
        """Return what a query costs, and refuse it if that is too much."""
        if not variables_fit(variables):
            raise Problem(413, "variables-too-large", "The variables hold too many values, or too deep ones.")
        cost = document.plan(operation_name).cost(variables)
        if cost > self.limits.cost:
            message = f"The query costs {cost} points; {self.limits.cost} are the most. Ask for smaller pages."
            raise DocumentRefusedError(refused("query-too-costly", message))
        return cost

    def _read(self, text: str) -> Document:
        try:
            scan(text, self.limits)
            parsed = parse(text, max_tokens=self.limits.tokens)
            return Document(parsed, measure(parsed, self.limits), self._schema)
        except GraphQLError as error:
            raise DocumentRefusedError(error) from error
