"""Marked people, and the search for what is left of them: in files, and in every row of every table."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.check_digits import national_number

PREFIX = "QZX7"
"""With which every marker but a national number begins, so that one search finds all."""

NUMBER_PREFIX = national_number(1)[:6]
_MARKER = re.compile(
    b"|".join(
        each
        for prefix, length in ((PREFIX, 12), (NUMBER_PREFIX, 11))
        for each in (
            re.escape(prefix.encode()) + b"[A-Z0-9]{%d}" % (length - len(prefix)),
            # As dumps write bytes: in hexadecimal.
            re.escape(prefix.encode().hex().encode()) + b"[0-9a-f]{%d}" % (2 * (length - len(prefix))),
        )
    )
)
_CHUNK = 1 << 24
_OVERLAP = 64
_SIGNS = "ABCDEFGHJKLMNPRSTUVWY0123456789"


@dataclass(frozen=True, slots=True)
class Marked:
    """Somebody of whom everything personal is a marker: short, so that nothing compresses it, and nobody else's."""

    number: str
    subject: str
    reference: str
    contact: str
    national: bool

    @property
    def markers(self) -> Sequence[str]:
        return [found.decode() for text in self.texts for found in _MARKER.findall(text.encode())]

    @property
    def texts(self) -> Sequence[str]:
        return [self.number, self.subject, self.reference, self.contact]


def marked(count: int, seed: int = 7) -> Sequence[Marked]:
    """Make people; every other one has a Belgian national number, the others an eIDAS identifier."""
    chance = random.Random(seed)
    return [_somebody(serial, chance) for serial in range(1, count + 1)]


def marker(chance: random.Random) -> str:
    return PREFIX + "".join(chance.choices(_SIGNS, k=8))


def _somebody(serial: int, chance: random.Random) -> Marked:
    national = serial % 2 == 0
    somebody = Marked(
        number=national_number(serial) if national else f"ES/BE/{marker(chance)}",
        subject=f"Dossier {marker(chance)}",
        reference=_creditor_reference(marker(chance)),
        contact=f"{marker(chance)}, 02 123 45 67",
        national=national,
    )
    assert len(somebody.markers) == 4
    return somebody


def _creditor_reference(reference: str) -> str:
    """Give a reference its check digits (ISO 11649)."""
    digits = "".join(str(int(sign, 36)) for sign in f"{reference}RF00")
    return f"RF{98 - int(digits) % 97:02d}{reference}"


# --- Searching ------------------------------------------------------------------------------------------------------


def found_in(chunks: Iterable[bytes]) -> set[str]:
    """Return what looks like a marker in a stream of bytes, also in hexadecimal."""
    found: set[str] = set()
    before = b""
    for chunk in chunks:
        for hit in _MARKER.findall(before + chunk):
            in_hex = hit.startswith((PREFIX.encode().hex().encode(), NUMBER_PREFIX.encode().hex().encode()))
            found.add(bytes.fromhex(hit.decode()).decode("latin-1") if in_hex else hit.decode())
        before = chunk[-_OVERLAP:]
    return found


def found_in_files(folder: Path) -> dict[str, set[str]]:
    """Return what was found in each file below a folder."""
    hits = {str(path): found_in(_chunks(path)) for path in folder.rglob("*") if path.is_file()}
    return {path: found for path, found in hits.items() if found}


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def found_in_tables(url: str) -> dict[str, set[str]]:
    """Return what was found in each table of a database, row by row and as a dump would have it."""
    hits: dict[str, set[str]] = {}
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"
        ).fetchall()
        assert tables
        for schema, table in tables:
            for form in ("binary", "text"):
                query = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT {})").format(
                    sql.Identifier(schema, table), sql.SQL(form)
                )
                with connection.cursor().copy(query) as copied:
                    hits.setdefault(f"{schema}.{table}", set()).update(found_in(map(bytes, copied)))
    return {table: found for table, found in hits.items() if found}
