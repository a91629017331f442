"""Fields that are answered with rows: a row by its key, a list in pages, groups of rows, the children of a row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import GenericAlias
from typing import TypeAlias

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.unset import UNSET

from api.graph.queries.connections import ConnectionQuery, Page
from api.graph.queries.filters import Filters
from api.graph.queries.groups import Dimension, Grouping, Measures
from api.graph.queries.node_models import NodeKind, made_of, model_of
from api.graph.queries.query_context import Info, QueryContext
from api.graph.queries.row_types import (
    Columns,
    filter_on,
    grouping_of,
    grouping_of_counts,
    name_of,
    optional,
)
from api.graph.queries.sources import (
    PAGE_ARGUMENTS,
    Argument,
    ChildrenSource,
    GroupsSource,
    ListSource,
    RowSource,
    Source,
    TotalsSource,
    comes_from,
)
from api.graph.queries.values import Long, described
from api.rights.graph import PAGES, asked, asked_of, right_of_rows
from api.web.request_reads import Rows
from projections.read_model import ReadModel
from projections.row_security import RowColumn, Viewer

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
    """A page of rows, whatever their type."""

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


Prepare: TypeAlias = Callable[[QueryContext, object], Awaitable[tuple[Viewer, Filters]]]
"""Returns for whom a list is read, and filters beside those asked for, given the session that an argument names."""

SESSION = "session_id"


class Listed:
    """The lists of one type of rows: its connection and edge, its filter, and its totals in groups if it has any.

    Rows are filtered by a value of `filters`, or by some of `any_of`. `totals` are counted and summed `by` dimensions;
    `descriptions` are those of some totals.
    """

    def __init__(
        self,
        node: type,
        filters: Columns = (),
        any_of: Columns = (),
        *,
        by: Sequence[Dimension] = (),
        totals: Measures | None = None,
        descriptions: Mapping[str, str | None] | None = None,
    ) -> None:
        self._model = model_of(node)
        self._filter = filter_on(node, f"{name_of(node)}Filter", filters, any_of) if filters or any_of else None
        members = {"edges": _edges_of(node, self._model)}
        if totals is not None:
            members["totals"] = _totals_by(grouping_of(node, by, totals, descriptions or {}))
        connection = type(f"{name_of(node)}Connection", (Connection,), members)
        self._connection = made_of(self._model, NodeKind.WHOLE, strawberry.type(connection))

    def field(
        self,
        order: str,
        description: str | None = None,
        arguments: Sequence[Argument] = (),
        *,
        also: Filters = Filters(),  # noqa: B008 - it is frozen
        prepare: Prepare | None = None,
    ) -> object:
        """Make a field of `Query` that lists rows in an order of the read model. `also` is kept beside the filter."""
        model, row_filter = self._model, self._filter
        source = ListSource(
            model=model, listed=model.lists[order], row_filter=row_filter, arguments=arguments, also=also
        )

        async def resolve(info: Info, **given: object) -> object:
            context = info.context
            page, filters = source.wanted(given)
            viewer, own = await (_usual(context, model) if prepare is None else prepare(context, given.get(SESSION)))
            kept = Filters.all([own, filters])
            return self._connection(query=ConnectionQuery(context, model, source.listed, kept, page, viewer))

        shown = [_argument(one.python_name, one.annotation, one.name, required=one.required) for one in arguments]
        if row_filter is not None:
            shown.append(_argument("where", row_filter.input))
        shown += [_argument(name, of) for name, of in PAGE_ARGUMENTS.items()]
        return _field(
            resolve, shown, self._connection, description, _of_query(model, source if prepare is None else None)
        )


async def _usual(context: QueryContext, model: ReadModel) -> tuple[Viewer, Filters]:
    context.must_have_session(model.table)
    return await context.viewer_of(model.table), Filters()


def _edges_of(node: type, model: ReadModel) -> object:
    edge_type = type(f"{name_of(node)}Edge", (), {"__annotations__": {"cursor": str, "node": node}})
    edge = made_of(model, NodeKind.EDGE, strawberry.type(edge_type))

    async def edges(root: Connection) -> list[object]:
        cursor = root.query.order.cursor
        return [edge(cursor=cursor(row), node=row) for row in (await root.query.page()).rows]

    return _field(edges, (), GenericAlias(list, edge))


def _totals_by(grouping: Grouping) -> object:
    async def totals(root: Connection, info: Info, by: Sequence[object]) -> Rows:
        return await root.query.totals(info, grouping, by)

    described = "All pages together, in groups."
    return _field(
        totals, [_by(grouping)], GenericAlias(list, grouping.group), described, comes_from(TotalsSource(grouping))
    )


# --- One row, and groups --------------------------------------------------------------------------------------------


def one_of(node: type, *, together: bool = False) -> object:
    """Make a field of `Query` that finds a row by its key, `together` with others that the request links to."""
    model = model_of(node)
    (key,) = (column for column in model.row.__columns__.values() if column.is_key)

    async def resolve(info: Info, key_value: str) -> object:
        load = info.context.load_linked if together else info.context.load_one
        return await load(node, key, key_value)

    arguments = [_argument("key_value", strawberry.ID, "id", required=True)]
    return _field(resolve, arguments, optional(node), None, _of_query(model, RowSource(model, key, together)))


def groups_of(
    group: type,
    description: str,
    filters: Columns,
    any_of: Columns = (),
    *,
    months: RowColumn,
    by_name: str = "",
    filter_name: str = "",
) -> object:
    """Make a field of `Query` that sums rows in groups of a type made by `of_counts`, filtered as a list is.

    The enumeration of dimensions and the input type are called `<type>Dimension` and `<type>Filter` if not by a name.
    """
    model = model_of(group)
    grouping = grouping_of_counts(group, by_name or f"{name_of(group)}Dimension")
    row_filter = filter_on(group, filter_name or f"{name_of(group)}Filter", filters, any_of, months)

    async def resolve(info: Info, by: Sequence[object], where: object = None) -> Rows:
        viewer = await info.context.viewer_of(model.table)
        return await grouping.read(info, model.table, viewer, row_filter.read(where).conditions, by)

    arguments = [_by(grouping), _argument("where", row_filter.input)]
    source = GroupsSource(model, grouping, row_filter)
    return _field(resolve, arguments, GenericAlias(list, group), description, _of_query(model, source))


# --- Rows of a row -------------------------------------------------------------------------------------------------


def children_of(node: type, key: RowColumn, description: str, *order: RowColumn) -> object:
    """Make a field of the rows that name their parent in a column, which has the name of the parent's own key."""

    async def resolve(root: object, info: Info) -> list[object]:
        return await info.context.load_many(node, key, getattr(root, key.name), *order)

    source = ChildrenSource(model_of(node), key, order)
    return _field(resolve, (), GenericAlias(list, node), description, comes_from(source))


# --- Fields with arguments of their own -----------------------------------------------------------------------------


def _argument(python_name: str, of: object, name: str | None = None, *, required: bool = False) -> StrawberryArgument:
    """Return an argument, shown under a name of its own if it has one; one that is not required is null by default."""
    annotation = StrawberryAnnotation(of if required else optional(of))
    return StrawberryArgument(python_name, name, annotation, default=UNSET if required else None)


def _by(grouping: Grouping) -> StrawberryArgument:
    return _argument("by", GenericAlias(list, grouping.by), required=True)


def _field(
    resolve: Callable[..., Awaitable[object]],
    arguments: Iterable[StrawberryArgument],
    returned: object,
    description: str | None = None,
    metadata: Mapping[object, object] | None = None,
) -> object:
    field = strawberry.field(resolver=resolve, description=description, metadata=metadata, graphql_type=returned)
    field.arguments = list(arguments)
    return field


def _of_query(model: ReadModel, source: Source | None) -> Mapping[object, object]:
    """Return the metadata of a field of `Query`, which has the right to ask for rows of its read model."""
    return {**asked(right_of_rows(model)), **({} if source is None else comes_from(source))}
