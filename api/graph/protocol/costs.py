"""The cost of a query, computed from its text and variables before anything is read; and whether it is about persons.

One point is about one row of a read model. A page costs its rows, whether or not there are as many; a nested list
without pages counts as ten. A field that counts or groups the rows that its caller sees costs a share of them, as
PostgreSQL estimates their number, and at least a price of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
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
    is_list_type,
)
from sqlalchemy import Table

from api.graph.protocol.limits import fragments_of, refused
from api.graph.queries.connections import MAX_ROWS, PAGE_SIZE
from api.graph.queries.disclosure import NOTES
from api.graph.queries.guard import DEFINITION
from api.graph.queries.node_models import model_and_kind_of
from api.graph.queries.sources import reads_of
from projections.read_model import ReadModel

ROW = 1
COUNT = 10
GROUPS = 50
"""Counting the rows of a list, and grouping and summing them: the least that it costs."""

COUNTED_A_POINT = 200
GROUPED_A_POINT = 25
"""Rows that are counted, or grouped and summed, in the time of a row that is answered."""

MOST_COUNTED = 2_500
"""What counting or grouping costs at most, however many rows there are: everybody may ask for it once at a time."""

FIGURES = 200
"""Figures that are computed when they are asked for."""

NESTED_ROWS = 10
"""The rows that a nested list without pages counts as. It has 200 at most, and hardly ever."""

MAX_UNKNOWN = 5
"""Fields that the schema does not have, until a document is refused without listing them."""

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
"""Fields whose price does not follow from their form; the price covers the fields below them."""

FIGURE_FIELDS = frozenset({"figure", "figures", "figureSeries", "openRates", "useIndex"})
"""Fields of `Query` that are computed from the read models of the figures."""

Variables: TypeAlias = Mapping[str, object]
Size: TypeAlias = Callable[[Variables], int]
"""How many times something is read, by the variables of the request."""

SeenRows: TypeAlias = Mapping[Table, int]
"""About how many rows the caller sees of tables."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows of a table of which all that the caller sees are counted, so many for a point."""

    table: Table
    a_point: int

    def points(self, rows: SeenRows) -> int:
        return min(rows.get(self.table, 0) // self.a_point, MOST_COUNTED)


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a field: its own, and that of the fields below it times a size; no size means once.

    A field that counts rows costs as many points as they are worth, and no less than its own.
    """

    own: int
    below: Sequence[Cost] = ()
    size: Size | None = None
    counted: Counted | None = None

    def points(self, variables: Variables, rows: SeenRows) -> int:
        own = self.own if self.counted is None else max(self.own, self.counted.points(rows))
        below = sum([cost.points(variables, rows) for cost in self.below]) if self.below else 0
        return own + below * (1 if self.size is None else self.size(variables))


@dataclass(frozen=True, slots=True)
class Plan:
    """A query as far as it is known before it runs: its cost, whether its answer can be about persons, what it reads.

    It counts rows of `counted`, and reads rows of `models`, and with `figures` those of the figures, unless a directive
    or an error leaves them out.
    """

    cost: Cost
    counted: frozenset[Table]
    personal: bool
    models: Sequence[ReadModel]
    figures: bool


def plan_of(document: DocumentNode, operation: OperationDefinitionNode, schema: GraphQLSchema) -> Plan:
    """Plan an operation whose document is within its limits. It need not fit the schema."""
    assert schema.query_type is not None
    planner = _Planner(fragments_of(document), _defaults(operation))
    costs = planner.selected(operation.selection_set, schema.query_type, None, frozenset())
    return Plan(
        cost=Cost(0, costs),
        counted=frozenset(planner.counted),
        personal=planner.personal,
        models=list(planner.models.values()),
        figures=planner.figures,
    )


def _defaults(operation: OperationDefinitionNode) -> Mapping[str, int]:
    return {
        variable.variable.name.value: _literal(variable.default_value)
        for variable in operation.variable_definitions or ()
        if isinstance(variable.default_value, IntValueNode)
    }


def _literal(value: IntValueNode) -> int:
    # A number of more digits than any page size is not read: it is refused later.
    return max(int(value.value), 0) if len(value.value) <= len(str(MAX_ROWS)) else MAX_ROWS


@dataclass(slots=True)
class _Planner:
    fragments: Mapping[str, FragmentDefinitionNode]
    defaults: Mapping[str, int]
    personal: bool = False
    figures: bool = False
    models: dict[str, ReadModel] = field(default_factory=dict)
    counted: set[Table] = field(default_factory=set)
    _unknown: set[tuple[str, str]] = field(default_factory=set)

    def selected(
        self, selections: SelectionSetNode, of: GraphQLObjectType, page: Size | None, open_: frozenset[str]
    ) -> Sequence[Cost]:
        costs: list[Cost] = []
        for selection in selections.selections:
            match selection:
                case FieldNode():
                    costs.extend(self._field(selection, of, page, open_))
                case InlineFragmentNode():
                    costs.extend(self.selected(selection.selection_set, of, page, open_))
                case FragmentSpreadNode(name=name) if name.value in self.fragments and name.value not in open_:
                    inner = self.fragments[name.value].selection_set
                    costs.extend(self.selected(inner, of, page, open_ | {name.value}))
                case _:
                    pass
        return costs

    def _field(
        self, node: FieldNode, of: GraphQLObjectType, page: Size | None, open_: frozenset[str]
    ) -> Sequence[Cost]:
        name = node.name.value
        known, declared = of.fields.get(name), DECLARED.get((of.name, name))
        if known is None and declared is None:
            self._note_unknown(of.name, name)
        if known is None:
            return [] if declared is None else [Cost(declared)]
        self._note_read(of, name, known)
        named, below = get_named_type(known.type), None
        if node.selection_set is not None and isinstance(named, GraphQLObjectType):
            self.personal = self.personal or named.name in NOTES
            below = self.selected(node.selection_set, named, _page(node, known, self.defaults), open_)
        if declared is not None:
            return [Cost(declared)]
        if below is None:
            return [self._counting(COUNT, COUNTED_A_POINT, of)] if name == "totalCount" else []
        if "by" in known.args:
            return [self._counting(GROUPS, GROUPED_A_POINT, of, named)]
        return [_cost(name, known, below, page)]

    def _counting(self, own: int, a_point: int, *types: GraphQLNamedType) -> Cost:
        """Return the cost of counting the rows that one of these types is made of."""
        table = next((it for it in map(_table_of, types) if it is not None), None)
        if table is None:
            return Cost(own)
        self.counted.add(table)
        return Cost(own, counted=Counted(table, a_point))

    def _note_read(self, of: GraphQLObjectType, name: str, known: GraphQLField) -> None:
        self.figures = self.figures or (of.name == "Query" and name in FIGURE_FIELDS)
        definition = get_named_type(known.type).extensions.get(DEFINITION)
        found = None if definition is None else model_and_kind_of(getattr(definition, "origin", None))
        models = [] if found is None else [found[0]]
        if (schema_field := known.extensions.get(DEFINITION)) is not None:
            models += reads_of(schema_field)
        self.models.update({it.name: it for it in models})

    def _note_unknown(self, of: str, name: str) -> None:
        """Refuse a document with many unknown fields at once: checking it against the schema would take long."""
        if not name.startswith("__"):
            self._unknown.add((of, name))
        if len(self._unknown) > MAX_UNKNOWN:
            raise refused("graphql-invalid", f"More than {MAX_UNKNOWN} fields are not in the schema.")


def _table_of(of: GraphQLNamedType) -> Table | None:
    definition = of.extensions.get(DEFINITION)
    made = None if definition is None else model_and_kind_of(definition.origin)
    return None if made is None else made[0].table


def _page(node: FieldNode, known: GraphQLField, defaults: Mapping[str, int]) -> Size | None:
    """Return how many rows the page of a connection has; None where the field is no connection."""
    if "first" not in known.args:
        return None
    asked = [argument.value for argument in node.arguments or () if argument.name.value in {"first", "last"}]

    def rows(variables: Variables) -> int:
        sizes = [size for value in asked if (size := _asked(value, variables, defaults)) is not None]
        return min(max(sizes, default=PAGE_SIZE), MAX_ROWS)

    return rows


def _asked(value: ValueNode, variables: Variables, defaults: Mapping[str, int]) -> int | None:
    match value:
        case IntValueNode():
            return _literal(value)
        case VariableNode():
            name = value.name.value
            return _whole(variables.get(name, defaults.get(name)))
        case NullValueNode():
            return None
        case _:
            return MAX_ROWS


def _whole(value: object) -> int | None:
    """Read a variable: a value that is no number is refused later, and until then counts as the most."""
    if value is None:
        return None
    return max(value, 0) if isinstance(value, int) else MAX_ROWS


def _cost(name: str, known: GraphQLField, below: Sequence[Cost], page: Size | None) -> Cost:
    if page is not None:
        # Right below a connection: its edges are the rows of the page; the rest there is read once.
        return Cost(0, below, page) if name == "edges" else Cost(0, below)
    if is_list_type(get_nullable_type(known.type)):
        return Cost(NESTED_ROWS, below, lambda _: NESTED_ROWS)
    return Cost(ROW, below)
