"""`kroniek rights`: the tables of rights that the platform itself uses, as docs/rights.md and for programs."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence

from api.cli.output import Output
from api.graph.protocol.schema import RIGHTS
from api.rest.command_route import CommandRoute
from api.rest.command_routes import COMMAND_ROUTES
from api.rights.doors import DOORS
from api.rights.graph import ALL
from api.rights.relations import Relation
from application.ports import Role

NOBODY = "-"

_HEAD = """# Rights

Who may do what, by role and organisation. `kroniek rights` prints this page (`--json` for programs) from what the
platform itself goes by: the routes of commands in `api/rest/`, and the tables in `api/rights/`. To renew it:
`.venv/bin/kroniek rights > docs/rights.md`. Everything else is open to nobody, and `tests/api/test_rights_*.py` prove
each cell.

Role and organisation come from the [token](api.md#who-you-are). A role without the right is refused with
`role-not-allowed`."""
_COMMANDS = """## Commands

`-` is not let in. Otherwise the cell says what the organisation of the caller has to be to the thing that the command
is about."""
_RELATIONS = """### What an organisation has to be

Any other organisation is refused, with status 403 and the code in the last column, and nothing is written."""
_GRAPH = """## GraphQL

Fields of `Query`, and types, with the rows that a role sees; `-` may not ask. A row that one does not see is as one
that does not exist. Where the schema is kept to some, or documents that are on no list
([GraphQL](graphql.md#trusted-documents)), those are administrators and auditors."""
_DOORS = """## Other doors

`all` are all roles; `anybody` needs no token."""


def run(_options: argparse.Namespace, output: Output) -> None:
    output.result(_rights_shown(), rights_page())


# --- For programs ---------------------------------------------------------------------------------------------------


def _rights_shown() -> Mapping[str, object]:
    """Return the tables for programs; the names of roles, commands and relations are as callers see them."""
    return {
        "commands": [{"command": route.intent, "roles": dict(_cells(route))} for route in COMMAND_ROUTES],
        "relations": [
            {"relation": relation, "organisation": relation.words, "refusal": relation.refusal or None}
            for relation in Relation
        ],
        "graphql": [
            {
                "fields": list(fields),
                "types": list(types),
                "roles": sorted(right.roles),
                "agencies": right.agencies,
                "readModel": right.read_model or None,
            }
            for right, fields, types in RIGHTS.rows()
        ],
        "doors": [
            {"door": door, "roles": None if right.roles is None else sorted(right.roles), "shows": right.shows}
            for door, right in DOORS.items()
        ],
    }


def _cells(route: CommandRoute) -> Iterator[tuple[Role, str]]:
    yield from ((role, route.right[role].value) for role in Role if role in route.right)


# --- As a page ------------------------------------------------------------------------------------------------------


def rights_page() -> str:
    """Return the tables as a page of Markdown, without a line break at its end."""
    parts = (
        _HEAD,
        _COMMANDS,
        _table(("command", *Role), (_command_row(route) for route in COMMAND_ROUTES)),
        _RELATIONS,
        _table(
            ("relation", "the organisation", "others get"),
            ((relation, relation.words, _code(relation.refusal)) for relation in Relation),
        ),
        _GRAPH,
        _table(("fields", "types", *Role), _graph_rows()),
        _DOORS,
        _table(("door", "roles", "shows"), _door_rows()),
    )
    return "\n\n".join(parts)


def _command_row(route: CommandRoute) -> Sequence[str]:
    cells = dict(_cells(route))
    return (_code(route.intent), *(cells.get(role, NOBODY) for role in Role))


def _graph_rows() -> Iterator[Sequence[str]]:
    for right, fields, types in RIGHTS.rows():
        seen = {role: right.agencies if role is Role.AGENCY else ALL for role in right.roles}
        names = (" ".join(map(_code, it)) for it in (fields, types))
        yield (*names, *(seen.get(role, NOBODY) for role in Role))


def _door_rows() -> Iterator[Sequence[str]]:
    for door, right in DOORS.items():
        yield _code(door), _who(right.roles), right.shows


def _who(roles: frozenset[Role] | None) -> str:
    if roles is None:
        return "anybody"
    return "all" if roles == frozenset(Role) else ", ".join(sorted(roles))


def _code(name: str) -> str:
    return f"`{name}`" if name else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
