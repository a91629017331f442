"""Enforces the rights of GraphQL (`api.rights.graph`): the schema itself refuses a role that may not ask for a field.

The schema is checked when it is made, so that a type or a field of `Query` without a right is noticed at once. A field
that everybody may ask for costs nothing more when it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from graphql import GraphQLField, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, default_field_resolver
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from api.graph.queries.query_context import QueryContext
from api.rights.graph import GraphRight, right_of_field, right_of_type
from api.rights.roles import EVERYBODY, RightsError, must_have_role
from application.ports import Role

DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF
"""The name under which Strawberry attaches its own definitions to those of the schema."""


@dataclass(slots=True)
class GraphRights:
    """The rights of a schema: of each type by its name, and of each field that has one of its own (`Query.people`)."""

    types: dict[str, GraphRight] = field(default_factory=dict)
    fields: dict[str, GraphRight] = field(default_factory=dict)

    def roles(self, of: str, name: str) -> frozenset[Role]:
        """Return the roles allowed on both the type and, if it has a right of its own, the field."""
        rights = (self.types.get(of), self.fields.get(f"{of}.{name}"))
        return EVERYBODY.intersection(*(right.roles for right in rights if right is not None))

    def rows(self) -> Sequence[tuple[GraphRight, Sequence[str], Sequence[str]]]:
        """Return each right with the fields (those of `Query` without it) and the types that have it."""
        rights = dict.fromkeys((*self.fields.values(), *self.types.values()))
        return [(right, _named(self.fields, right), _named(self.types, right)) for right in rights]


def _named(rights: Mapping[str, GraphRight], right: GraphRight) -> Sequence[str]:
    return sorted(name.removeprefix("Query.") for name, own in rights.items() if own == right)


def rights_of(schema: GraphQLSchema) -> GraphRights:
    """Return the rights that a schema declares; raise RightsError where a type or a field of a root has none."""
    if schema.subscription_type is not None:
        raise RightsError("subscriptions are not guarded: nothing checks who may follow them")
    roots = {root.name for root in (schema.query_type, schema.mutation_type) if root is not None}
    rights, missing = GraphRights(), []
    for of in _object_types(schema):
        right = _right_of_type(of)
        if right is not None:
            rights.types[of.name] = right
        elif of.name not in roots:
            missing.append(of.name)
        for name, schema_field in of.fields.items():
            own = _right_of_field(schema_field)
            if own is not None:
                rights.fields[f"{of.name}.{name}"] = own
            elif of.name in roots:
                missing.append(f"{of.name}.{name}")
    if missing:
        raise RightsError(f"types or fields of GraphQL of which nothing says who may ask: {', '.join(sorted(missing))}")
    return rights


def guard(schema: GraphQLSchema, rights: GraphRights) -> None:
    """Let each field of the schema answer the roles of its right only."""
    for of in _object_types(schema):
        for name, schema_field in of.fields.items():
            roles = rights.roles(of.name, name)
            if roles != EVERYBODY:
                schema_field.resolve = Guarded(roles, schema_field.resolve or default_field_resolver)


def _object_types(schema: GraphQLSchema) -> Iterator[GraphQLObjectType]:
    for name, named_type in schema.type_map.items():
        if isinstance(named_type, GraphQLObjectType) and not name.startswith("__"):
            yield named_type


def _right_of_type(of: GraphQLObjectType) -> GraphRight | None:
    definition: StrawberryObjectDefinition | None = of.extensions.get(DEFINITION)
    return None if definition is None else right_of_type(definition.origin)


def _right_of_field(schema_field: GraphQLField) -> GraphRight | None:
    definition: StrawberryField | None = schema_field.extensions.get(DEFINITION)
    return None if definition is None else right_of_field(definition.metadata)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A field that answers some roles and refuses the others, before it reads anything."""

    roles: frozenset[Role]
    resolve: Callable[..., object]

    def __call__(self, source: object, info: GraphQLResolveInfo[QueryContext], **arguments: object) -> object:
        must_have_role(info.context.request.caller, self.roles)
        return self.resolve(source, info, **arguments)
