"""The limits of a document, counted before it is planned or checked.

Fragments count as often as they are used, as if they were written out, and a cycle of them ends where it closes. All
operations of a document count together: it is checked as a whole. Fields below `__schema` and `__type` do not count for
the depth; they have limits of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
)

MAX_REPEATS = 15
"""Selections of one field in one place: comparing each with each takes time by the square."""

MAX_REPEATS_TOGETHER = 100
"""In all places of a document."""

MAX_DEFINITIONS = 30
"""Operations, fragments and variables of a document: each fragment is compared with each."""

MAX_ARGUMENTS = 20
"""Arguments of a field, and fields of an input object. None of ours has as many."""

MAX_LISTED = 100
"""Values in one list of a document, as many as a filter takes."""

MAX_INTROSPECTION_DEPTH = 15
"""The usual query goes 14 deep: `__schema`, a type, a field, an argument, its type, and nine `ofType`."""

MAX_VARIABLE_DEPTH = 10
MAX_VARIABLE_VALUES = 1_000

_INTROSPECTION = frozenset({"__schema", "__type"})
_LISTINGS = frozenset({"fields", "inputFields", "interfaces", "possibleTypes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one document. `cost` is in the points of `api.graph.protocol.costs`."""

    tokens: int = 1_000
    depth: int = 6
    aliases: int = 15
    directives: int = 50
    cost: int = 5_000


NESTING = frozenset({dict, list})


def refused(code: str, message: str, node: Node | None = None) -> GraphQLError:
    """Return the error that refuses a document, with the code that its answer has."""
    return GraphQLError(message, node, extensions={"code": code})


def measure(document: DocumentNode, limits: Limits) -> bool:
    """Return whether a document asks for the schema; raise the first limit that it passes as a GraphQLError."""
    variables = sum(len(getattr(definition, "variable_definitions", None) or ()) for definition in document.definitions)
    if len(document.definitions) + variables > MAX_DEFINITIONS:
        message = f"There are more than {MAX_DEFINITIONS} operations, fragments and variables."
        raise refused("too-many-definitions", message)
    walk = _Walk(limits, fragments_of(document))
    for definition in document.definitions:
        walk.directives(definition)
        if isinstance(definition, OperationDefinitionNode):
            walk.operation(definition)
    return walk.introspects


def fragments_of(document: DocumentNode) -> Mapping[str, FragmentDefinitionNode]:
    return {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}


def variables_fit(variables: Mapping[str, object]) -> bool:
    """Return whether the variables are few and flat enough to be read."""
    if NESTING.isdisjoint(map(type, variables.values())):
        return len(variables) <= MAX_VARIABLE_VALUES
    waiting: list[tuple[object, int]] = [(variables, 0)]
    seen = 0
    while waiting:
        value, depth = waiting.pop()
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        seen += len(inner)
        if seen > MAX_VARIABLE_VALUES or (inner and depth == MAX_VARIABLE_DEPTH):
            return False
        waiting.extend((inside, depth + 1) for inside in inner)
    return True


Place: TypeAlias = tuple[int, str]
"""A field by the number of the one around it and the name under which it is answered."""


@dataclass(frozen=True, slots=True)
class _Inside:
    """Where a selection stands: in which field, how deep, below which fragments, in which list of the schema."""

    field: int = 0
    depth: int = 0
    fragments: frozenset[str] = frozenset()
    schema_depth: int = 0
    listed: bool = False


class _Walk:
    """Goes through a document with a list of open selections instead of recursion; stops at the first limit."""

    def __init__(self, limits: Limits, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._limits = limits
        self._fragments = fragments
        self._selections = self._aliases = self._directives = 0
        self._repeats: Counter[Place] = Counter()
        self._repeated = 0
        self._numbers: dict[Place, int] = {}
        self.introspects = False

    def operation(self, operation: OperationDefinitionNode) -> None:
        for variable in operation.variable_definitions or ():
            self.directives(variable)
        # A number of its own for each operation: fields of different ones are not compared.
        waiting = [(operation.selection_set, _Inside(field=self._number((0, f"operation {id(operation)}"))))]
        while waiting:
            selections, inside = waiting.pop()
            for selection in selections.selections:
                waiting.extend(self._selected(selection, inside))

    def directives(self, node: Node) -> None:
        found: tuple[DirectiveNode, ...] = getattr(node, "directives", None) or ()
        self._directives += len(found)
        if self._directives > self._limits.directives:
            raise refused("too-many-directives", f"There are more than {self._limits.directives} directives.", node)

    def _selected(self, selection: SelectionNode, inside: _Inside) -> Iterator[tuple[SelectionSetNode, _Inside]]:
        self._selections += 1
        if self._selections > self._limits.tokens:
            message = f"With its fragments written out it selects more than {self._limits.tokens} fields."
            raise refused("too-many-fields", message, selection)
        self.directives(selection)
        if isinstance(selection, FieldNode):
            within = self._field(selection, inside)
            if selection.selection_set is not None:
                yield selection.selection_set, within
        elif isinstance(selection, InlineFragmentNode):
            yield selection.selection_set, inside
        elif isinstance(selection, FragmentSpreadNode):
            name = selection.name.value
            if name in self._fragments and name not in inside.fragments:
                yield self._fragments[name].selection_set, replace(inside, fragments=inside.fragments | {name})

    def _field(self, field: FieldNode, inside: _Inside) -> _Inside:
        _count_arguments(field)
        self._aliases += field.alias is not None
        if self._aliases > self._limits.aliases:
            raise refused("too-many-aliases", f"There are more than {self._limits.aliases} aliases.", field)
        name = field.name.value
        place = (inside.field, field.alias.value if field.alias else name)
        self._count_repeat(place, field)
        if inside.schema_depth or name in _INTROSPECTION:
            return self._of_schema(field, inside, self._number(place))
        depth = inside.depth + (not name.startswith("__"))
        if depth > self._limits.depth:
            raise refused("query-too-deep", f"Fields are nested more than {self._limits.depth} deep.", field)
        return _Inside(self._number(place), depth, inside.fragments)

    def _of_schema(self, field: FieldNode, inside: _Inside, number: int) -> _Inside:
        self.introspects = True
        depth, lists = inside.schema_depth + 1, field.name.value in _LISTINGS
        if depth > MAX_INTROSPECTION_DEPTH or (lists and inside.listed):
            raise refused("introspection-too-deep", "The schema is asked for in rounds.", field)
        return _Inside(number, inside.depth, inside.fragments, depth, inside.listed or lists)

    def _count_repeat(self, place: Place, field: FieldNode) -> None:
        self._repeats[place] += 1
        self._repeated += self._repeats[place] > 1
        if self._repeats[place] > MAX_REPEATS or self._repeated > MAX_REPEATS_TOGETHER:
            message = f"The same field is asked for in the same place more than {MAX_REPEATS} times, or too many are."
            raise refused("too-many-repeats", message, field)

    def _number(self, place: Place) -> int:
        return self._numbers.setdefault(place, len(self._numbers) + 1)


def _count_arguments(field: FieldNode) -> None:
    waiting: list[ValueNode] = [argument.value for argument in field.arguments or ()]
    fits = len(waiting) <= MAX_ARGUMENTS
    while waiting and fits:
        value = waiting.pop()
        if isinstance(value, ObjectValueNode):
            fits = len(value.fields) <= MAX_ARGUMENTS
            waiting.extend(field.value for field in value.fields)
        elif isinstance(value, ListValueNode):
            fits = len(value.values) <= MAX_LISTED
            waiting.extend(value.values)
    if not fits:
        raise refused("too-many-arguments", "A field has too many arguments, or too many values in one.", field)
