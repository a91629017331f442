"""Who sees which rows of a read model: one expression, for our own queries and for PostgreSQL.

A read model declares it as `Seen`. Our own queries put the values of the viewer into the expression; the policy of the
table reads them from the settings of the transaction, so a query in which our filter was forgotten shows no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from sqlalchemy import (
    ARRAY,
    Boolean,
    ClauseElement,
    Column,
    ColumnElement,
    Table,
    Text,
    and_,
    any_,
    cast,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.engine import Dialect, make_url

T = TypeVar("T")

ROLE = "kroniek.role"
ORGANISATION = "kroniek.organisation"
IDENTIFIERS = "kroniek.identifiers"
PERSON = "kroniek.person"
CHOSEN_BY = "kroniek.chosen_by"
"""The settings of PostgreSQL that name the viewer of a transaction; without them no row is seen."""

AGENCY = "agency"
AUDITOR = "auditor"
ADMINISTRATOR = "administrator"
SYSTEM = "system"
FIGURES = "figures"
"""The role that computes the published figures."""

STAFF = (AUDITOR, ADMINISTRATOR, SYSTEM)
OVERSEERS = (AUDITOR, ADMINISTRATOR)
ALL_SEEING = frozenset((*STAFF, FIGURES))

INDEXED_ELEMENTS = 8
"""How many elements of an array of parties have an index each in the order of a list. A list reads all rows with more:
they have an index of their own, which stays small where such rows are rare."""

DIALECT: Dialect = make_url("postgresql+psycopg://").get_dialect()()
"""In which expressions become the text of statements."""

# --- Declarations ---------------------------------------------------------------------------------------------------


class RowColumn(Protocol):
    """A column of a row class: its name and the column of its table."""

    name: str
    column: Column[Any]


def is_array(column: RowColumn) -> bool:
    return isinstance(column.column.type, ARRAY)


class HasRows(Protocol):
    """A read model, which has a table."""

    @property
    def table(self) -> Table: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Who sees the rows. `roles` see every row; agencies those that one of the other fields names, or none.

    - `everybody`: every row.
    - `parties`: rows that name the agency in one of these columns, of which some may be arrays; `numbers`: rows that
      name it by its number in a register; `named`: rows that are in no list, but in the answer to a query that names
      the value of this column.
    - `owner`: rows of the person whose id this column holds, while that person, or a mandatary of theirs, is in a
      session at the agency. With `delivered_at`, an array of agencies, only rows delivered at the agency, or at any if
      the person chose it.
    - `through`: rows whose column `key` holds the key of a row of another read model that the agency sees.

    Rows that are `withheld` decide which answers an agency gets, and are in none of them.
    """

    everybody: bool = False
    parties: Sequence[RowColumn] = ()
    numbers: Sequence[RowColumn] = ()
    named: RowColumn | None = None
    owner: RowColumn | None = None
    delivered_at: RowColumn | None = None
    through: HasRows | None = None
    key: RowColumn | None = None
    withheld: bool = False
    roles: Sequence[str] = STAFF

    def __post_init__(self) -> None:
        """Raise TypeError for a declaration that contradicts itself."""
        for sentence in _contradictions(self):
            raise TypeError(sentence)

    @property
    def columns(self) -> Sequence[RowColumn]:
        """The columns that decide who sees a row."""
        return (*self.parties, *self.numbers, *_given(self.named, self.owner, self.delivered_at, self.key))

    @property
    def to_agencies(self) -> bool:
        """Whether agencies see any row."""
        return (
            self.everybody or bool(self.parties or self.numbers) or self.owner is not None or self.through is not None
        )

    @property
    def in_session_only(self) -> bool:
        """Whether agencies see rows only while the person whom they are about is in a session."""
        return self.owner is not None and not (self.parties or self.numbers)


def _contradictions(seen: Seen) -> Iterator[str]:
    parent = None if seen.through is None else seen.through.table
    single = (*seen.numbers, *_given(seen.named, seen.owner, seen.key))
    ways = (seen.everybody, parent is not None, bool(seen.parties or seen.numbers) or seen.owner is not None)
    if ways.count(True) > 1:
        yield "rows are seen by everybody, through other rows, or by those whom they name: say one of these"
    if (parent is None) is not (seen.key is None):
        yield "`through` and `key` are said together"
    if parent is not None and len(parent.primary_key) != 1:
        yield "rows are seen through rows with a key of one column"
    if parent is not None and not seen_of(parent).to_agencies:
        yield "no agency sees the rows through which these are seen"
    if seen.named is not None and not (seen.parties or seen.numbers or seen.owner is not None):
        yield "`named` is said beside `parties`, `numbers` or `owner`"
    if seen.delivered_at is not None and (seen.owner is None or not is_array(seen.delivered_at)):
        yield "`delivered_at` is an array, and said beside `owner`"
    if any(map(is_array, single)):
        yield "only `parties` and `delivered_at` may be arrays"
    if seen.withheld and not seen.to_agencies:
        yield "only rows that agencies see are withheld"
    if not set(seen.roles) <= ALL_SEEING:
        yield "`roles` are those that see every row: agencies are not among them"


def _given(*columns: RowColumn | None) -> Sequence[RowColumn]:
    return [column for column in columns if column is not None]


NOBODY = Seen(roles=())
INFO = "seen"
"""The name under which the information of a table has its `Seen`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """The reader of rows: set in the transaction of each query (`SET LOCAL`), until its end.

    `role` is that of the caller, or `figures`. An agency acts for `organisation_id`; `identifiers` are its numbers in
    registers, and the ids that its query names. `person_id` is the person in a session at the agency, or the person
    for whom that one may act; `chosen_by` the same person, if they chose the agency as their mailbox provider.
    """

    role: str
    organisation_id: str = ""
    identifiers: tuple[str, ...] = ()
    person_id: str = ""
    chosen_by: str = ""


VIEWER = "viewer"
"""The execution option of SQLAlchemy that names the viewer of a statement; without it no row is seen."""

SAVEPOINT = "SAVEPOINT statement"
RECOVER = "ROLLBACK TO SAVEPOINT statement"
"""Undoes a failed statement of a viewer in a transaction, which can go on then."""

# --- For our own queries --------------------------------------------------------------------------------------------


def seen_of(table: Table) -> Seen:
    """Return who sees the rows of a read model, by default nobody."""
    seen: Seen = table.info.get(INFO, NOBODY)
    return seen


def needs_numbers(table: Table) -> bool:
    """Return whether rows name organisations by their numbers in registers."""
    seen = seen_of(table)
    return bool(seen.numbers) or (seen.through is not None and needs_numbers(seen.through.table))


def sees_all(seen: Seen, viewer: Viewer) -> bool:
    return viewer.role in seen.roles or (seen.everybody and viewer.role == AGENCY)


def rows_seen(table: Table, viewer: Viewer) -> ColumnElement[bool]:
    """Return which rows of a read model the viewer sees."""
    seen = seen_of(table)
    if sees_all(seen, viewer):
        return true()
    if viewer.role != AGENCY or not viewer.organisation_id:
        return false()
    if seen.through is not None and seen.key is not None:
        parent = seen.through.table
        return exists(select(parent).where(_key_of(parent) == seen.key.column, rows_seen(parent, viewer)))
    return or_(false(), *_ways(seen, _named(viewer), lambda column: column.column))


def arms(table: Table, viewer: Viewer) -> Sequence[ColumnElement[bool]] | None:
    """Return a condition for each way in which an agency sees rows, which one index answers in the order of a list.

    A row may be seen in several ways. Return None where the viewer sees all rows.
    """
    seen = seen_of(table)
    if sees_all(seen, viewer):
        return None
    assert seen.through is None, "rows that are seen through others are not listed by themselves"
    return tuple(_arms(seen, viewer)) if viewer.role == AGENCY and viewer.organisation_id else ()


def _arms(seen: Seen, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
    for start in index_starts(seen.parties):
        yield and_(start.names == viewer.organisation_id, start.where)
    for identifier in viewer.identifiers:
        for start in index_starts(seen.numbers):
            yield and_(start.names == identifier, start.where)
    if viewer.person_id:
        yield from _of_owner(seen, _named(viewer), lambda column: column.column)


@dataclass(frozen=True, slots=True)
class IndexStart:
    """The first columns of an index, before those of a list's order, and the rows that the index has.

    `names` is the expression that equals an agency which the row names.
    """

    name: str
    first: Sequence[ColumnElement[Any]]
    names: ColumnElement[Any]
    where: ColumnElement[bool]


def index_starts(columns: Sequence[RowColumn]) -> Iterator[IndexStart]:
    """Yield the starts of the indexes by which rows that name an agency are found."""
    for column in columns:
        if is_array(column):
            for place in range(1, INDEXED_ELEMENTS + 1):
                element = column.column[literal_column(str(place))]
                yield IndexStart(f"{column.name}_{place}", (element,), element, element.is_not(None))
            more = func.cardinality(column.column) > literal_column(str(INDEXED_ELEMENTS))
            yield IndexStart(column.name, (), any_(column.column), more)
        else:
            # Most rows name no agency in such a column: those stay out of the index.
            yield IndexStart(column.name, (column.column,), column.column, column.column != literal_column("''"))


# --- The expression -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Named:
    """The parts of the viewer in an expression; NULL, which equals nothing, stands for none."""

    organisation: ColumnElement[Any]
    identifiers: ColumnElement[Any]
    person: ColumnElement[Any]
    chosen_by: ColumnElement[Any]


Place: TypeAlias = Callable[[RowColumn], ColumnElement[Any]]
"""Returns a column as the statement names it."""


def _named(viewer: Viewer) -> _Named:
    return _Named(
        literal(viewer.organisation_id or None, Text),
        literal(list(viewer.identifiers), ARRAY(Text)),
        literal(viewer.person_id or None, Text),
        literal(viewer.chosen_by or None, Text),
    )


def _ways(seen: Seen, by: _Named, place: Place) -> Iterator[ColumnElement[bool]]:
    for column in seen.parties:
        named = place(column)
        yield any_(named) == by.organisation if is_array(column) else named == by.organisation
    for column in (*seen.numbers, *_given(seen.named)):
        yield place(column) == any_(by.identifiers)
    yield from _of_owner(seen, by, place)


def _of_owner(seen: Seen, by: _Named, place: Place) -> Iterator[ColumnElement[bool]]:
    if seen.owner is None:
        return
    owned = place(seen.owner) == by.person
    if seen.delivered_at is None:
        yield owned
        return
    providers = place(seen.delivered_at)
    chosen = and_(place(seen.owner) == by.chosen_by, func.cardinality(providers) > literal_column("0"))
    yield and_(owned, or_(any_(providers) == by.organisation, chosen))


# --- The policy -----------------------------------------------------------------------------------------------------


def rows_of(table: Table) -> str:
    """Return the call of the function that gives the rows in use of a read model.

    A policy keeps to the very table that it was made with, also when a takeover has put another one in its place. The
    body of such a function is read for each query, and so finds the table by its name.
    """
    return f"{table.schema}.{table.name}_rows()"


def asked_by(table: Table) -> Sequence[Table]:
    """Return the other read models whose rows decide who sees the rows of this one."""
    through = seen_of(table).through
    return () if through is None else (through.table,)


def policy(definition: Table, table_name: str) -> str:
    """Return which rows of the table of that name, which is made from the definition, the reader sees: as SQL.

    `coalesce` keeps PostgreSQL from estimating how few rows pass: by such an estimate it would scan all rows. Parts
    that do not depend on the row are evaluated once for each query: for a role that sees all, nothing is left to do
    for a row.
    """
    seen, table = seen_of(definition), definition.alias(table_name)
    seeing_all = [*seen.roles, *([AGENCY] if seen.everybody else [])]
    ways = [_once(_is_one_of(seeing_all))] if seeing_all else []
    if seen.to_agencies and not seen.everybody:
        # An agency without an organisation sees only rows for everybody.
        acts = _once(and_(_is_one_of([AGENCY]), _setting(ORGANISATION).is_not(None)))
        ways.append(and_(acts, or_(*_policy_ways(seen, lambda column: table.columns[column.name]))))
    return sql_text(func.coalesce(or_(false(), *ways), false()))


def _policy_ways(seen: Seen, place: Place) -> Iterator[ColumnElement[bool]]:
    if seen.through is not None and seen.key is not None:
        # Row security limits the other table to the rows that the same viewer sees.
        parent = seen.through.table
        same = f"parent.{_key_of(parent).name} = {sql_text(place(seen.key))}"
        yield literal_column(f"EXISTS (SELECT FROM {rows_of(parent)} AS parent WHERE {same})")
    by = _Named(
        organisation=_once(_setting(ORGANISATION)),
        # Without the cast, ANY would take the sub-select for many rows instead of for one array.
        identifiers=cast(_once(cast(_setting(IDENTIFIERS), ARRAY(Text))), ARRAY(Text)),
        person=_once(_setting(PERSON)),
        chosen_by=_once(_setting(CHOSEN_BY)),
    )
    yield from _ways(seen, by, place)


def _once(expression: ColumnElement[T]) -> ColumnElement[T]:
    """Have PostgreSQL evaluate an expression once for a query, and not for each row."""
    return select(expression).scalar_subquery()


def _is_one_of(roles: Sequence[str]) -> ColumnElement[bool]:
    return _setting(ROLE).in_([literal_column(f"'{role}'") for role in roles])


def _setting(name: str) -> ColumnElement[str]:
    """Return a setting of the transaction, NULL where it is not set or empty."""
    current = func.current_setting(literal_column(f"'{name}'"), true(), type_=Text)
    return func.nullif(current, literal_column("''"), type_=Text)


def _key_of(table: Table) -> Column[Any]:
    (key,) = table.primary_key.columns
    return key


def written_out(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return a condition whose values stand in the text of a statement instead of beside it."""
    return literal_column(f"({sql_text(condition)})", Boolean)


def sql_text(expression: ClauseElement) -> str:
    """Return an expression or a query as text, with the values in it."""
    return str(expression.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
