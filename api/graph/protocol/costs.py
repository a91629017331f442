"""What a query costs, told from its text and variables before anything is read.

One point is about one row of a read model. A page costs its rows, whether or not there are as many; a nested list
without pages is taken for ten. What counts or groups a whole table has a price of its own, whatever its answer's size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from api.graph.protocol.limits import fragments_of, refused
from api.graph.queries.connections import MAX_ROWS, PAGE_SIZE

ROW = 1
COUNT = 10
"""Counting the rows of a list."""

GROUPS = 50
"""Grouping and summing a table."""

FIGURES = 200
"""Figures that are computed when they are asked for."""

NESTED_ROWS = 10
"""For how many rows a nested list without pages is taken. The most there can be, 200, hardly ever are."""

MOST_UNKNOWN = 5
"""Fields that the schema does not have, until a document is refused without saying which."""

DECLARED: Mapping[tuple[str, str], int] = {
    ("Query", "__schema"): 1_000,
    ("Query", "__type"): GROUPS,
    ("Query", "activeConsents"): GROUPS,
    ("Query", "figure"): GROUPS,
    ("Query", "figures"): FIGURES,
    ("Query", "figureSeries"): FIGURES,
    ("Query", "openRates"): FIGURES,
    ("Query", "useIndex"): FIGURES,
    ("Query", "figureDefinitions"): ROW,
}
"""Fields whose price does not follow from their form; what lies below them is in it."""

Size: TypeAlias = Callable[[Mapping[str, Any]], int]
"""How many times something is read, by the variables of the request."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The cost of a field: its own, and that of what lies below it, so many times. No size stands for once."""

    own: int
    below: Sequence[Plan] = ()
    size: Size | None = None

    def cost(self, variables: Mapping[str, Any]) -> int:
        below = sum([plan.cost(variables) for plan in self.below]) if self.below else 0
        return self.own + below * (1 if self.size is None else self.size(variables))


def plan_of(document: DocumentNode, operation: OperationDefinitionNode, schema: GraphQLSchema) -> Plan:
    """Prepare the cost of an operation whose document is within its limits. It need not fit the schema."""
    assert schema.query_type is not None
    planner = _Planner(fragments_of(document), _defaults(operation))
    return Plan(0, planner.selected(operation.selection_set, schema.query_type, None, frozenset()))


def _defaults(operation: OperationDefinitionNode) -> Mapping[str, int]:
    return {
        it.variable.name.value: _literal(it.default_value)
        for it in operation.variable_definitions or ()
        if isinstance(it.default_value, IntValueNode)
    }


def _literal(value: IntValueNode) -> int:
    # As many digits as no page needs are not worth reading: such a number is refused later.
    return max(int(value.value), 0) if len(value.value) <= len(str(MAX_ROWS)) else MAX_ROWS


@dataclass(slots=True)
class _Planner:
    fragments: Mapping[str, FragmentDefinitionNode]
    defaults: Mapping[str, int]
    _unknown: set[tuple[str, str]] = field(default_factory=set)

    def selected(
        self, selections: SelectionSetNode, of: GraphQLObjectType, page: Size | None, open_: frozenset[str]
    ) -> Sequence[Plan]:
        plans: list[Plan] = []
        for selection in selections.selections:
            match selection:
                case FieldNode():
                    plans.extend(self._field(selection, of, page, open_))
                case InlineFragmentNode():
                    plans.extend(self.selected(selection.selection_set, of, page, open_))
                case FragmentSpreadNode(name=name) if name.value in self.fragments and name.value not in open_:
                    inner = self.fragments[name.value].selection_set
                    plans.extend(self.selected(inner, of, page, open_ | {name.value}))
                case _:
                    pass
        return plans

    def _field(
        self, node: FieldNode, of: GraphQLObjectType, page: Size | None, open_: frozenset[str]
    ) -> Sequence[Plan]:
        name = node.name.value
        if (of.name, name) in DECLARED:
            return [Plan(DECLARED[of.name, name])]
        known = of.fields.get(name)
        if known is None:
            self._note_unknown(of.name, name)
            return []
        named = get_named_type(known.type)
        if is_leaf_type(named) or node.selection_set is None:
            return [Plan(COUNT)] if name == "totalCount" else []
        if "by" in known.args:
            return [Plan(GROUPS)]
        if not isinstance(named, GraphQLObjectType):
            return []
        inner_page = self._page(node) if _is_paged(known) else None
        below = self.selected(node.selection_set, named, inner_page, open_)
        return [_plan(name, known, below, page)]

    def _note_unknown(self, of: str, name: str) -> None:
        """Give up where much is unknown: checking such a document takes long, to say the same."""
        if not name.startswith("__"):
            self._unknown.add((of, name))
        if len(self._unknown) > MOST_UNKNOWN:
            raise refused("graphql-invalid", f"More than {MOST_UNKNOWN} fields are not in the schema.")

    def _page(self, node: FieldNode) -> Size:
        given = {it.name.value: it.value for it in node.arguments or ()}
        asked = [self._asked(given[name]) for name in ("first", "last") if name in given]

        def size(variables: Mapping[str, Any]) -> int:
            sizes = [it for it in (read(variables) for read in asked) if it is not None]
            return min(max(sizes, default=PAGE_SIZE), MAX_ROWS)

        return size

    def _asked(self, value: ValueNode) -> Callable[[Mapping[str, Any]], int | None]:
        match value:
            case IntValueNode():
                literal = _literal(value)
                return lambda _: literal
            case VariableNode():
                name, default = value.name.value, self.defaults.get(value.name.value)
                return lambda variables: _whole(variables.get(name, default))
            case NullValueNode():
                return lambda _: None
            case _:
                return lambda _: MAX_ROWS


def _whole(value: object) -> int | None:
    """Read a variable: what is no number is refused later, and until then counts as much as can be."""
    if value is None:
        return None
    return max(value, 0) if isinstance(value, int) else MAX_ROWS


def _is_paged(field: GraphQLField) -> bool:
    return "first" in field.args


def _plan(name: str, field: GraphQLField, below: Sequence[Plan], page: Size | None) -> Plan:
    if page is not None:
        # Right below a connection: its edges are the rows of the page; the rest there is said once.
        return Plan(0, below, page) if name == "edges" else Plan(0, below)
    if is_list_type(get_nullable_type(field.type)):
        return Plan(NESTED_ROWS, below, lambda _: NESTED_ROWS)
    return Plan(ROW, below)
