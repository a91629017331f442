"""`kroniek projections explain` says of each column which events make it, and of what."""

from __future__ import annotations

import json

import pytest

from api.cli import main


def test_the_columns_of_a_read_model_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    main(["projections", "explain", "consents"])
    said = capsys.readouterr().out
    assert "status\n    consent.granted.v1 (put): 'granted'\n    consent.withdrawn.v1 (set): 'withdrawn'\n" in said
    assert "withdrawn_at\n    consent.granted.v1 (put): none\n    consent.withdrawn.v1 (set): @effective_at" in said


def test_conditions_and_loops_are_part_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    main(["projections", "explain", "open_rates", "--json"])
    opened = json.loads(capsys.readouterr().out)["effects"][1]
    assert (opened["event"], opened["effect"]) == ("mailbox.message-opened.v1", "add")
    assert opened["if"] == (
        "@effective_at <= publication.published_at in zone publication.sender_time_zone + 21 days, 0:00:00 in UTC"
    )
    main(["projections", "explain", "accesses"])
    said = capsys.readouterr().out
    assert "category\n    access.recorded.v1 (put, for each looks and looks.categories): looks.categories" in said
