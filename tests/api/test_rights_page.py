"""docs/rights.md is what the tables say, and so is `kroniek rights`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.cli import main
from api.cli.rights import rights_page
from api.graph.protocol.schema import RIGHTS
from api.rest.command_routes import COMMAND_ROUTES
from api.rights.relations import Relation

PAGE = Path(__file__).parents[2] / "docs" / "rights.md"


def test_the_page_says_what_the_tables_say() -> None:
    """If not: `.venv/bin/kroniek rights > docs/rights.md`."""
    assert PAGE.read_text(encoding="utf-8") == rights_page() + "\n"


def test_every_row_of_a_table_has_all_its_cells() -> None:
    tables = [part.splitlines() for part in rights_page().split("\n\n") if part.startswith("| ")]
    assert [len(table) - 2 for table in tables][:3] == [len(COMMAND_ROUTES), len(Relation), len(RIGHTS.rows())]
    for table in tables:
        assert len({line.count(" | ") for line in table}) == 1, table[0]


def test_it_is_printed_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rights"]) == 0
    assert capsys.readouterr().out == PAGE.read_text(encoding="utf-8")
    assert main(["rights", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {it["command"]: it["roles"] for it in told["commands"]}["answer-transaction"] == {"agency": "target"}
    assert {"relation": "target", "organisation": "The organisation that was asked.", "refusal": "not-the-target"} in (
        told["relations"]
    )
    assert {it["readModel"]: it["roles"] for it in told["graphql"]}["service_use"] == [
        "administrator",
        "auditor",
        "system",
    ]
    assert {it["door"]: it["roles"] for it in told["doors"]}["GET /health"] is None
