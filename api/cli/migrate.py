"""`kroniek migrate`: bring the schema of the database up to date."""

from __future__ import annotations

import argparse

from api.cli.output import Output


def add_options(_parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no options of its own."""


def run(_options: argparse.Namespace, output: Output) -> None:
    from api.cli.common import database_errors_as_sentences, settings_of
    from infrastructure.database import migrate, open_database

    with database_errors_as_sentences(), open_database(settings_of()) as addresses:
        applied = migrate(addresses.owner)
    text = "\n".join(f"applied {name}" for name in applied) or "the schema is up to date"
    output.result({"applied": list(applied)}, text)
