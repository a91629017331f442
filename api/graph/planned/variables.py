"""The variables of a query, coerced as the specification says; what does not change with their values is done once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    get_nullable_type,
    is_leaf_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.utilities import coerce_input_value

from api.graph.planned.parameters import NotPlannedError

Variables: TypeAlias = Mapping[str, object]

NO_VARIABLES = VariableValues({}, {})


@dataclass(frozen=True)
class Coercion:
    """Coerces the variables of one operation."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode

    def __call__(self, given: Variables) -> VariableValues:
        """Return the values; raises NotPlannedError for ones that do not fit."""
        if not self._definitions:
            return NO_VARIABLES
        leaves = self._leaves
        if leaves is None or not given.keys() >= leaves.keys():
            return self._of_any_type(given)
        values = {name: coerce_input_value(given[name], leaf.type) for name, leaf in leaves.items()}
        if any(value is Undefined for value in values.values()):
            raise NotPlannedError
        return VariableValues({name: VariableValueSource(leaf, given[name]) for name, leaf in leaves.items()}, values)

    @property
    def _definitions(self) -> Sequence[VariableDefinitionNode]:
        return self.operation.variable_definitions or ()

    def _of_any_type(self, given: Variables) -> VariableValues:
        coerced = get_variable_values(self.schema, self._definitions, dict(given))
        if isinstance(coerced, list):
            raise NotPlannedError
        return coerced

    @cached_property
    def _leaves(self) -> Mapping[str, GraphQLVariableSignature] | None:
        """All variables by name, if all of them are scalars or enums."""
        signatures = [get_variable_signature(self.schema, it) for it in self._definitions]
        leaves = {
            it.name: it
            for it in signatures
            if not isinstance(it, GraphQLError) and is_leaf_type(get_nullable_type(it.type))
        }
        return leaves if len(leaves) == len(signatures) else None
