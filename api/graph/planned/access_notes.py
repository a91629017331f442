"""The persons whom the rows of an answer are about, read beside the rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Text, and_, case, literal

from api.graph.planned.field_text import Expression
from api.graph.planned.row_text import Columns
from api.graph.queries.disclosure import Disclosure
from projections.prepared_statements import Cells
from projections.read_model import About, ReadModel


@dataclass(frozen=True, slots=True)
class AccessNotes:
    """Where the ids of persons stand in the rows of a statement: from a column on, one for each declaration."""

    first: int
    declared: Sequence[About]

    def note(self, rows: Iterable[Cells], disclosure: Disclosure) -> None:
        """Note the persons of rows that an answer holds."""
        if not self.declared:
            return
        shown = list(rows)
        for place, about in enumerate(self.declared, self.first):
            noted = disclosure.parties if about.or_organisation else disclosure.accessed
            for subject_id in {row[place] for row in shown}:
                if subject_id:
                    noted.note(subject_id.decode(), about.category)


def noted_columns(model: ReadModel, columns: Columns, first: int) -> tuple[AccessNotes, Sequence[Expression]]:
    """Return the notes of rows of a read model, and the columns that they read, of which the first has that place."""
    declared = [it if isinstance(it, About) else About(it) for it in model.about.values()]
    noted = [
        columns[column.name] if not about.where else case((_holds(about, columns), columns[column.name]))
        for column, about in zip(model.about, declared, strict=True)
    ]
    return AccessNotes(first, declared), noted


def _holds(about: About, columns: Columns) -> Expression:
    return and_(*(columns[column.name] == literal(value, Text) for column, value in about.where.items()))
