"""`kroniek migrate`: bring the schema of the database up to date."""

from __future__ import annotations

import argparse

from api.cli.output import Output


def add_options(_parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no options of its own."""


def run(_options: argparse.Namespace, output: Output) -> None:
    from api.cli.common import database_errors_as_sentences, settings_of
    from infrastructure.database import DatabaseRole, migrate, migrate_keys, open_database
    from infrastructure.projector import secure_read_models

    with database_errors_as_sentences(), open_database(settings_of()) as addresses:
        applied = migrate(addresses.owner)
        secure_read_models(addresses.projector)
        applied_to_keys = migrate_keys(addresses.keys) if DatabaseRole.KEYS in addresses.known else []
    done = [f"applied {name}" for name in applied] + [f"applied keys/{name}" for name in applied_to_keys]
    output.result({"applied": applied, "appliedToKeys": applied_to_keys}, "\n".join(done) or "the schema is up to date")
