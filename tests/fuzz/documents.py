"""Changes to GraphQL documents: cut to what is allowed, filled with what is there, torn where it hurts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any, TypeVar

import graphql
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    IntValueNode,
    NameNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    value_from_ast_untyped,
)
from hypothesis import strategies as st

N = TypeVar("N", bound=Node)

MOST_DEEP = 5
PAGE = "10"
BACKWARDS = frozenset({"last", "before", "after"})
MOST_VARIABLES = 4
LONG = 40_000

TEARS = (*"{}()$!:#", "...", "...{", "@", "@skip(if: 1)", "@include(if: $x)", '"', '"""', "\u0000")
INSTEAD = ("null", "-0", "1e400", "9" * 40, '"\\ud800"', '"\\u0000"', "[]", "[[[[]]]]", "{a: {a: 1}}", "$v", "TRUE")
LEAVES = (None, True, 0, -1, 2**31, 2**63, 1e308, "", "\u0000", "9999-12-31", "2022-02-30T25:00:00Z", "x" * LONG, "BE")
TEXTS = (
    "",
    " ",
    "\ufeff",
    "{",
    "query",
    "{ __schema { types { name fields { name } } } }",
    '{ __type(name: "Person") { kind } __typename }',
    "mutation { a }",
    "subscription { a }",
    "query A { __typename } query B { __typename }",
    "query A { ...F } fragment F on Query { ...F }",
    "{ ...F ...F } fragment F on Person { id }",
    "query ($a: [[Int!]!]! = [[1]]) { __typename @skip(if: $a) }",
    "type A { a: Int }",
    "{" + "a{" * 300 + "}" * 300 + "}",
    "{ a(b: " + "[" * 500 + "]" * 500 + ") }",
    "{ __typename " + "a: __typename " * 200 + "}",
    "#" + "x" * LONG,
    '{ person(id: "' + "x" * LONG + '") { id } }',
)


def shallow(document: DocumentNode) -> DocumentNode:
    """Cut a document where fields are nested deeper than is usually allowed."""
    return graphql.visit(document, _Cutting())  # type: ignore[no-any-return]  # a document stays one


class _Cutting(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def enter_field(self, node: FieldNode, *_: Any) -> Node | None:
        self._depth += 1
        if self._depth < MOST_DEEP or node.selection_set is None:
            return None
        return _with(node, selection_set=SelectionSetNode(selections=(_typename(),)))

    def leave_field(self, *_: Any) -> None:
        self._depth -= 1


def with_known_values(document: DocumentNode, ids: Sequence[str], pages: bool) -> DocumentNode:
    """Let ids be those of something that there is; with `pages`, ask for a first page that fits."""
    return graphql.visit(document, _Filling(ids, pages=pages))  # type: ignore[no-any-return]  # as above


class _Filling(Visitor):
    def __init__(self, ids: Sequence[str], *, pages: bool) -> None:
        super().__init__()
        self._ids = cycle(ids)
        self._pages = pages

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        name = node.name.value
        if name == "id" or name.endswith("Id"):
            return _with(node, value=StringValueNode(value=next(self._ids)))
        if self._pages and name == "first":
            return _with(node, value=IntValueNode(value=PAGE))
        return graphql.REMOVE if self._pages and name in BACKWARDS else None


def with_variables(schema: graphql.GraphQLSchema, document: DocumentNode) -> tuple[str, Mapping[str, Any]]:
    """Give the values of some arguments apart, as variables of the types that the schema names."""
    info = TypeInfo(schema)
    lifting = _Lifting(info)
    lifted: DocumentNode = graphql.visit(document, TypeInfoVisitor(info, lifting))
    operation = next(it for it in lifted.definitions if isinstance(it, OperationDefinitionNode))
    named = _with(operation, variable_definitions=tuple(lifting.definitions))
    return graphql.print_ast(DocumentNode(definitions=(named,))), lifting.values


class _Lifting(Visitor):
    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self._info = info
        self.definitions: list[VariableDefinitionNode] = []
        self.values: dict[str, Any] = {}

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Node | None:
        wanted = self._info.get_input_type()
        if wanted is None or len(self.definitions) == MOST_VARIABLES:
            return None
        name = f"v{len(self.definitions)}"
        variable = VariableNode(name=NameNode(value=name))
        self.values[name] = value_from_ast_untyped(node.value)
        self.definitions.append(VariableDefinitionNode(variable=variable, type=graphql.parse_type(str(wanted))))
        return _with(node, value=variable)


def hostile_texts(document: DocumentNode) -> st.SearchStrategy[str]:
    """Draw texts that begin as a valid document and are torn, or are none at all."""
    text = graphql.print_ast(document)
    places = st.integers(0, len(text))
    torn = st.builds(lambda at, tear: text[:at] + tear + text[at:], places, st.sampled_from(TEARS + INSTEAD))
    cut = places.map(lambda at: text[:at])
    again = st.integers(2, 30).map(lambda times: text * times)
    return torn | cut | again | st.sampled_from(TEXTS) | st.text(max_size=30)


def hostile_values() -> st.SearchStrategy[Any]:
    """Draw any JSON, and numbers and texts that scalars do not take."""
    return st.recursive(
        st.sampled_from(LEAVES) | st.text(max_size=8) | st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=8,
    )


def _typename() -> FieldNode:
    return FieldNode(name=NameNode(value="__typename"))


def _with(node: N, **changed: Any) -> N:
    """Return a node like this one, with some of its parts changed."""
    return type(node)(**{key: changed.get(key, getattr(node, key, None)) for key in node.keys if key != "loc"})
