"""`kroniek migrate`: bring the schema of the database up to date."""

from __future__ import annotations

import argparse

from api.cli.common import opened_database, settings_of
from api.cli.output import Output
from infrastructure.database.addresses import DatabaseRole
from infrastructure.database.migrations import migrate, migrate_keys
from infrastructure.projector.rows.row_security import secure_read_models


def run(_options: argparse.Namespace, output: Output) -> None:
    with opened_database(settings_of()) as addresses:
        applied = migrate(addresses.owner)
        secure_read_models(addresses.projector)
        applied_to_keys = migrate_keys(addresses.keys) if DatabaseRole.KEYS in addresses.known else []
    done = [f"applied {name}" for name in applied] + [f"applied keys/{name}" for name in applied_to_keys]
    output.result({"applied": applied, "appliedToKeys": applied_to_keys}, "\n".join(done) or "the schema is up to date")
