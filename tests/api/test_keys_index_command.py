"""`kroniek keys index` adds whoever is missing to the index, and is content to find nothing to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from api.composition.bootstrap import make_keyring, make_log
from application.ports import Append
from domain.identity.person import PERSON
from infrastructure.database import make_ready
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.settings import Settings
from tests.infrastructure.test_indexing import CONTEXT, person

pytestmark = pytest.mark.anyio


def run(folder: Path, *arguments: str) -> str:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("KRONIEK_")}
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "keys", "index", *arguments],
        env=bare | {"KRONIEK_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_whoever_is_missing_is_added(open_tmp_folder: Path) -> None:
    folder = open_tmp_folder / "keys-index"
    settings = Settings(data_dir=folder)
    server = EmbeddedPostgres(folder)
    server.start()
    try:
        make_ready(server.addresses)
        async with make_keyring(settings, server.addresses) as keys, make_log(settings, server.addresses, keys) as log:
            for serial in (1, 2, 3):
                stream = PERSON.stream(f"p{serial}")
                await log.append(
                    [Append(stream=stream, events=[person(serial)], expected={stream: 0}, context=CONTEXT)]
                )
        assert run(folder) == "Everybody of 3 registrations is in the index, but who was erased.\n"
        assert run(folder, "--json") == '{"registrations": 3}\n'
        with psycopg.connect(server.addresses.keys) as connection:
            query = "SELECT person_id, count(*) FROM keys.blind_index GROUP BY person_id ORDER BY person_id"
            assert connection.execute(query).fetchall() == [("p1", 2), ("p2", 2), ("p3", 2)]
    finally:
        server.stop()
