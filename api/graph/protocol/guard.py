"""Enforces the rights of GraphQL (`api.rights.graph`): the schema itself refuses what a role may not ask for.

It looks at the schema when it is made, so that a query or type without a row in the table is noticed at once and never
answered. What everybody may ask for costs nothing when it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, default_field_resolver

from api.rights.roles import EVERYBODY, RightsError, must_fit, must_have_role
from application.ports import Role

Roles = frozenset[Role]


def guard(schema: GraphQLSchema, rights: Mapping[str, Roles]) -> None:
    """Let each field of the schema answer the roles of its right only; raise RightsError where rights are missing.

    `rights` has a row for every type but the roots (`Person`), for every field of the roots (`Query.people`), and for
    any other field for which fewer roles may ask than for its type.
    """
    if schema.subscription_type is not None:
        raise RightsError("subscriptions are not guarded: nothing checks who may follow them")
    roots = {it.name for it in (schema.query_type, schema.mutation_type) if it is not None}
    types = _object_types(schema)
    fields = {f"{it.name}.{name}" for it in types for name in it.fields}
    needed = {it.name for it in types} - roots | {it for it in fields if it.partition(".")[0] in roots}
    must_fit("type or field of GraphQL", needed, rights.keys() - (fields - needed))
    for of in types:
        for name, field in of.fields.items():
            roles = _roles(rights, of.name, name)
            if roles != EVERYBODY:
                field.resolve = Guarded(roles, field.resolve or default_field_resolver)


def _roles(rights: Mapping[str, Roles], of: str, name: str) -> Roles:
    """Return who may ask for a field: whoever may ask for its type, and for the field itself if it has a row."""
    return rights.get(of, EVERYBODY) & rights.get(f"{of}.{name}", EVERYBODY)


def _object_types(schema: GraphQLSchema) -> Collection[GraphQLObjectType]:
    def ours() -> Iterator[GraphQLObjectType]:
        for name, it in schema.type_map.items():
            if isinstance(it, GraphQLObjectType) and not name.startswith("__"):
                yield it

    return list(ours())


@dataclass(frozen=True, slots=True)
class Guarded:
    """A field that answers some roles and refuses the others, before it looks at anything."""

    roles: Roles
    resolve: Callable[..., Any]

    def __call__(self, source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:  # noqa: ANN401 - any field
        must_have_role(info.context.caller, self.roles)
        return self.resolve(source, info, **arguments)
