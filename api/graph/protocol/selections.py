"""What a document selects, told from its text: whether objects of some types can be in its answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)

from api.graph.protocol.limits import fragments_of


def selects(
    types: Collection[str], document: DocumentNode, operation: OperationDefinitionNode, schema: GraphQLSchema
) -> bool:
    """Return whether objects of some types can be in the answer to a query, which is within its limits and fits."""
    assert schema.query_type is not None
    return _selects(types, operation.selection_set, schema.query_type, fragments_of(document))


def _selects(
    types: Collection[str],
    selections: SelectionSetNode,
    of: GraphQLObjectType,
    fragments: Mapping[str, FragmentDefinitionNode],
) -> bool:
    for selection in selections.selections:
        within: GraphQLObjectType | None = of
        below: SelectionSetNode | None = None
        match selection:
            case FieldNode():
                within, below = _named_in(of, selection.name.value), selection.selection_set
            case InlineFragmentNode():
                below = selection.selection_set
            case FragmentSpreadNode():
                below = fragments[selection.name.value].selection_set
            case _:
                pass
        if within is None or below is None:
            continue
        if within.name in types or _selects(types, below, within, fragments):
            return True
    return False


def _named_in(of: GraphQLObjectType, name: str) -> GraphQLObjectType | None:
    """Return the type of the objects in a field: there is none in a leaf, or in what tells of the schema."""
    field = of.fields.get(name)
    named = None if field is None else get_named_type(field.type)
    return named if isinstance(named, GraphQLObjectType) else None
