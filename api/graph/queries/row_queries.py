"""Fields of `Query` that are answered with rows: one of them, a list in pages, or groups."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from inspect import Parameter, Signature
from types import GenericAlias
from typing import Annotated, Any, TypeAlias

import strawberry
from strawberry.types import get_object_definition

from api.graph.queries.connections import ConnectionQuery, Page, page_of
from api.graph.queries.filters import Filters, Keep, RowFilter
from api.graph.queries.groups import Grouping
from api.graph.queries.node_models import NodeKind, made_of, model_of
from api.graph.queries.query_context import Info, QueryContext
from api.graph.queries.values import Long, described
from api.rights.graph import PAGES, asked, asked_of, right_of_rows
from projections.read_model import ReadModel
from projections.row_security import Viewer

# --- Pages ----------------------------------------------------------------------------------------------------------


@asked_of(PAGES)
@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    query: strawberry.Private[ConnectionQuery]
    page: strawberry.Private[Page]

    @strawberry.field
    def start_cursor(self) -> str | None:
        return self._cursor(self.page.rows[:1])

    @strawberry.field
    def end_cursor(self) -> str | None:
        return self._cursor(self.page.rows[-1:])

    def _cursor(self, end: Sequence[object]) -> str | None:
        for row in end:
            self.query.context.disclosure.row(self.query.model, row)
        return self.query.order.cursor(end[0]) if end else None


@strawberry.type
class Connection:
    """What a page of rows is asked for, whatever their type."""

    query: strawberry.Private[ConnectionQuery]

    @strawberry.field
    async def page_info(self) -> PageInfo:
        page = await self.query.page()
        if page.more:
            self.query.note_narrowed()
        return PageInfo(has_next_page=page.has_next, has_previous_page=page.has_previous, query=self.query, page=page)

    @described("How many there are on all pages; counted only when asked for.")
    async def total_count(self) -> Long:
        return Long(await self.query.total())


# --- Lists ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a list beside its filter and its page, and what it keeps. One that is not required is optional."""

    python_name: str
    annotation: Any
    kept: Keep
    required: bool = False
    name: str | None = None


@dataclass(frozen=True, slots=True)
class RowAudience:
    """For whom a list is read, and what it keeps beside what was asked for."""

    viewer: Viewer
    filters: Filters = Filters()


Prepare: TypeAlias = Callable[[QueryContext, object], Awaitable[RowAudience]]
"""Decides for whom a list is read, by the context and the session that an argument names."""


class Listed:
    """The lists of one type of rows: its connection and edge, its filter, and its totals if it has any."""

    def __init__(self, node: type, filters: RowFilter | None = None, totals: Grouping | None = None) -> None:
        model = model_of(node)
        assert model is not None, f"{node.__name__} is not made of rows"
        self._model = model
        self._filters = filters
        self._connection = _connection_of(node, model, totals)

    def field(
        self,
        order: str,
        description: str | None = None,
        arguments: Sequence[Argument] = (),
        *,
        also: Filters = Filters(),  # noqa: B008 - it is frozen
        prepare: Prepare | None = None,
    ) -> Any:  # noqa: ANN401 - a field of Strawberry
        """Make a field of `Query` that lists rows in an order of the read model. `also` is kept beside the filter."""
        model, listed, connection = self._model, self._model.lists[order], self._connection

        async def resolve(info: Info, **given: Any) -> Any:  # noqa: ANN401 - the arguments below
            context = info.context
            page = page_of(*(given.pop(name, None) for name in PAGE_ARGUMENTS))
            audience = await (_usual(context, model) if prepare is None else prepare(context, given.get(SESSION)))
            filters = [audience.filters, also]
            if self._filters is not None:
                filters.append(self._filters.read(given.get("where")))
            filters += [it.kept(given[it.python_name]) for it in arguments if given.get(it.python_name) is not None]
            query = ConnectionQuery(
                context, model, order=listed, filters=Filters.all(filters), page=page, viewer=audience.viewer
            )
            return connection(query=query)

        parameters = [_parameter(it.python_name, it.annotation, it.name, required=it.required) for it in arguments]
        if self._filters is not None:
            parameters.append(_parameter("where", self._filters.input))
        parameters += [_parameter(name, of) for name, of in PAGE_ARGUMENTS.items()]
        return _field(resolve, parameters, connection, model, description)


SESSION = "session_id"
PAGE_ARGUMENTS: Mapping[str, type] = {"first": int, "after": str, "last": int, "before": str}


async def _usual(context: QueryContext, model: ReadModel) -> RowAudience:
    context.must_have_session(model.table)
    return RowAudience(await context.viewer_of(model.table))


def _connection_of(node: type, model: ReadModel, totals: Grouping | None) -> Any:  # noqa: ANN401 - a class of its own
    name = get_object_definition(node, strict=True).name
    fields = {"__annotations__": {"cursor": str, "node": node}}
    edge: Any = made_of(model, NodeKind.EDGE, strawberry.type(type(f"{name}Edge", (), fields)))

    async def edges(root: Connection) -> list[object]:
        cursor = root.query.order.cursor
        return [edge(cursor=cursor(row), node=row) for row in (await root.query.page()).rows]

    members: dict[str, object] = {
        "edges": strawberry.field(
            resolver=_with(edges, [_parameter("root", Connection, required=True)], GenericAlias(list, edge))
        )
    }
    if totals is not None:
        members["totals"] = _totals_field(totals)
    return made_of(model, NodeKind.WHOLE, strawberry.type(type(f"{name}Connection", (Connection,), members)))


def _totals_field(totals: Grouping) -> Any:  # noqa: ANN401 - a field of Strawberry
    async def resolve(root: Connection, by: Sequence[Enum]) -> Any:  # noqa: ANN401 - rows stand for groups
        return await root.query.totals(totals, by)

    parameters = [_parameter("root", Connection), _parameter("by", GenericAlias(list, totals.by), required=True)]
    resolver = _with(resolve, parameters, GenericAlias(list, totals.group))
    return strawberry.field(resolver=resolver, description="All pages together, in groups.")


# --- One row, and groups --------------------------------------------------------------------------------------------


def one_of(node: type, *, together: bool = False) -> Any:  # noqa: ANN401 - a field of Strawberry
    """Make a field of `Query` that finds a row by its key, `together` with others that the request links to."""
    model = model_of(node)
    assert model is not None
    (key,) = (column.column for column in model.row.__columns__.values() if column.is_key)

    async def resolve(info: Info, key_value: str) -> Any:  # noqa: ANN401 - a row stands for its GraphQL type
        if together:
            return await info.context.load_linked(node, key, key_value)
        return await info.context.load_one(node, key, key_value)

    return _field(resolve, [_parameter("key_value", strawberry.ID, "id", required=True)], node | None, model, None)


def groups_of(group: type, grouping: Grouping, filters: RowFilter, description: str) -> Any:  # noqa: ANN401 - a field
    """Make a field of `Query` that sums rows in groups."""
    model = model_of(group)
    assert model is not None

    async def resolve(info: Info, by: Sequence[Enum], where: object = None) -> Any:  # noqa: ANN401 - rows stand for groups
        viewer = await info.context.viewer_of(model.table)
        return await grouping.read(info.context, model.table, viewer, filters.read(where).conditions, by)

    parameters = [_parameter("by", GenericAlias(list, grouping.by), required=True), _parameter("where", filters.input)]
    return _field(resolve, parameters, GenericAlias(list, group), model, description)


# --- Signatures that Strawberry reads -------------------------------------------------------------------------------


def _parameter(
    python_name: str,
    annotation: Any,  # noqa: ANN401 - any GraphQL type
    name: str | None = None,
    *,
    required: bool = False,
) -> Parameter:
    """Return a parameter, shown under a name of its own if it has one; one that is not required is None without."""
    of = annotation if required else annotation | None
    shown = of if name is None else Annotated[of, strawberry.argument(name=name)]
    return Parameter(
        python_name, Parameter.KEYWORD_ONLY, default=Parameter.empty if required else None, annotation=shown
    )


def _field(
    resolve: Callable[..., Any],
    parameters: Sequence[Parameter],
    returned: object,
    model: ReadModel,
    description: str | None,
) -> Any:  # noqa: ANN401 - a field of Strawberry
    info = Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=Info)
    resolver = _with(resolve, [info, *parameters], returned)
    return strawberry.field(resolver=resolver, description=description, metadata=asked(right_of_rows(model)))


def _with(resolve: Callable[..., Any], parameters: Sequence[Parameter], returned: object) -> Callable[..., Any]:
    """Tell Strawberry, which reads it from the signature, what a resolver takes and returns."""
    resolve.__signature__ = Signature(parameters, return_annotation=returned)  # type: ignore[attr-defined]
    return resolve
