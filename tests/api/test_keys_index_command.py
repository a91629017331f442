"""`kroniek keys index` adds whoever is missing to the index, and is content to find nothing to do."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from api.composition.log_and_rules import make_keyring, make_log
from application.ports import Append
from domain.identity.person import PERSON
from infrastructure.database import make_ready
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.settings import Settings
from tests.forked import environment, kroniek_done
from tests.infrastructure.test_indexing import CONTEXT, person

pytestmark = pytest.mark.anyio


def run(folder: Path, *arguments: str) -> str:
    done = kroniek_done(environment(KRONIEK_DATA_DIR=str(folder)), "keys", "index", *arguments, within_s=60)
    assert done.code == 0, done.err
    return done.out.decode()


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
        assert run(folder) == "Everybody of 3 registrations is in the index, but erased people.\n"
        assert run(folder, "--json") == '{"registrations": 3}\n'
        with psycopg.connect(server.addresses.keys) as connection:
            query = "SELECT person_id, count(*) FROM keys.blind_index GROUP BY person_id ORDER BY person_id"
            assert connection.execute(query).fetchall() == [("p1", 2), ("p2", 2), ("p3", 2)]
    finally:
        server.stop()
