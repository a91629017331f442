"""What a document selects, once its fragments and directives are resolved as the specification says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    Undefined,
    VariableNode,
    Visitor,
    get_named_type,
    visit,
)
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.schema.config import StrawberryConfig
from strawberry.types import get_object_definition
from strawberry.types.base import StrawberryList, StrawberryOptional
from strawberry.types.field import StrawberryField

from api.graph.planned.parameters import NotPlannedError
from api.graph.queries.guard import DEFINITION, Guarded
from api.graph.queries.sources import Arguments
from application.ports import Role

NAMES = StrawberryConfig().name_converter
TYPENAME = "__typename"


@dataclass(frozen=True, slots=True)
class Selected:
    """A field that is selected, under the key of an answer. Its definition is None for `__typename`."""

    key: str
    nodes: FieldDetailsList
    field: GraphQLField | None

    @property
    def node(self) -> FieldNode:
        return self.nodes[0].node

    @property
    def schema_field(self) -> GraphQLField:
        assert self.field is not None
        return self.field

    @property
    def definition(self) -> StrawberryField:
        definition: StrawberryField = self.schema_field.extensions[DEFINITION]
        return definition

    @property
    def object_type(self) -> GraphQLObjectType:
        """The type of the objects of the field; raises NotPlannedError where it has none."""
        named = get_named_type(self.schema_field.type)
        if not isinstance(named, GraphQLObjectType):
            raise NotPlannedError
        return named

    def arguments(self, variables: VariableValues) -> Arguments:
        """Return the arguments by their Python names; raises GraphQLError for values that do not fit."""
        given = get_argument_values(self.schema_field, self.node, variables)
        known = _arguments_of(self.definition)
        return {known[name].python_name: known[name].convert(value) for name, value in given.items()}

    def bare_variables(self) -> BareVariables | None:
        """Return what reads the arguments, if each is a variable by itself, and none that is left out has a value."""
        given = {it.name.value: it.value for it in self.node.arguments or ()}
        variables = {name: value.name.value for name, value in given.items() if isinstance(value, VariableNode)}
        left_out = [argument for name, argument in self.schema_field.args.items() if name not in given]
        if len(variables) < len(given) or any(is_defined(argument) for argument in left_out):
            return None
        known = _arguments_of(self.definition)
        return BareVariables([(variable, known[name]) for name, variable in variables.items()])

    @property
    def names_variables(self) -> bool:
        return bool(self.node.arguments) and _variables_in(*(self.node.arguments or ())) != set()


# --- Values of arguments --------------------------------------------------------------------------------------------

Convert: TypeAlias = Callable[..., object]


@dataclass(frozen=True, slots=True)
class _Argument:
    """An argument of a field, or a field of an input type: its Python name, and what makes its value of the given."""

    python_name: str
    convert: Convert


@dataclass(frozen=True, slots=True)
class BareVariables:
    """Arguments of a field that are variables by themselves."""

    arguments: Sequence[tuple[str, _Argument]]

    def values(self, variables: VariableValues) -> Arguments | None:
        """Return the arguments by their Python names, as `Selected.arguments` does; None where one has no value."""
        coerced = variables.coerced
        if any(coerced.get(variable) is None for variable, _ in self.arguments):
            return None
        return {argument.python_name: argument.convert(coerced[variable]) for variable, argument in self.arguments}


def is_defined(argument: GraphQLArgument) -> bool:
    """Return whether an argument has a value where none is given."""
    return argument.default is not None or argument.default_value is not Undefined


@cache
def _arguments_of(field: StrawberryField) -> Mapping[str, _Argument]:
    """Return the arguments of a field by the names that they have in GraphQL."""
    return {NAMES.from_argument(it): _Argument(it.python_name, _converter(it.type)) for it in field.arguments}


def _converter(of: object) -> Convert:
    """Return what makes the Python value of a type; what graphql-core gives for scalars and enums is that already."""
    if isinstance(of, StrawberryOptional):
        inner = _converter(of.of_type)
        return lambda value: None if value is None else inner(value)
    if isinstance(of, StrawberryList):
        inner = _converter(of.of_type)
        return lambda values: [inner(value) for value in values]
    definition = get_object_definition(of)
    if definition is None:
        return lambda value: value
    made = definition.origin
    fields = {
        NAMES.from_field(it): _Argument(it.python_name, _converter(it.resolve_type(type_definition=definition)))
        for it in definition.fields
    }
    return lambda given: made(**{fields[name].python_name: fields[name].convert(it) for name, it in given.items()})


# --- Selections -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Selections:
    """The selections of an operation for a role and values of the variables that decide what is selected."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    variables: VariableValues
    role: Role

    @classmethod
    def of(
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: VariableValues,
        role: Role,
    ) -> Selections:
        definitions = (it for it in document.definitions if isinstance(it, FragmentDefinitionNode))
        fragments = {it.name.value: FragmentDetails(it) for it in definitions}
        return cls(schema, operation, fragments, variables, role)

    @property
    def query_type(self) -> GraphQLObjectType:
        query = self.schema.query_type
        assert query is not None
        return query

    def roots(self) -> Iterator[Selected]:
        query = self.query_type
        found = collect_fields(self.schema, self.fragments, self.variables, query, self.operation)
        return self._selected(query, found.grouped_field_set)

    def below(self, selected: Selected) -> Iterator[Selected]:
        """Yield the fields below one, of the objects that it has."""
        of = selected.object_type
        found = collect_subfields(self.schema, self.fragments, self.variables, self.operation, of, selected.nodes)
        return self._selected(of, found.grouped_field_set)

    def _selected(self, of: GraphQLObjectType, grouped: Mapping[str, FieldDetailsList]) -> Iterator[Selected]:
        for key, nodes in grouped.items():
            name = nodes[0].node.name.value
            if name == TYPENAME:
                yield Selected(key, nodes, None)
                continue
            field = of.fields.get(name)
            if field is None or (isinstance(field.resolve, Guarded) and self.role not in field.resolve.roles):
                raise NotPlannedError
            yield Selected(key, nodes, field)


# --- Variables that decide what is selected -------------------------------------------------------------------------


def deciding_variables(document: DocumentNode, roots: Sequence[str]) -> frozenset[str]:
    """Return the variables that may decide what is selected: those outside the arguments of fields with these names.

    Dimensions `by` which rows are grouped decide it too, wherever they stand.
    """
    found: set[str] = set()

    class Finder(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: object) -> None:
            found.update(_variables_in(node))

        def enter_field(self, node: FieldNode, *_: object) -> None:
            arguments = node.arguments or ()
            if node.name.value in roots:
                arguments = tuple(it for it in arguments if it.name.value == "by")
            found.update(_variables_in(*arguments))

    visit(document, Finder())
    return frozenset(found)


def _variables_in(*nodes: Node) -> set[str]:
    found: set[str] = set()

    class Finder(Visitor):
        def enter_variable(self, node: VariableNode, *_: object) -> None:
            found.add(node.name.value)

    for node in nodes:
        visit(node, Finder())
    return found
