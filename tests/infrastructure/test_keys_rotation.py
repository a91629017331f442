"""Key-encryption keys come and go; keys of people, and what is sealed with them, stay."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infrastructure.keys.keks import BATCH, KekRefusedError, count_keys, list_keks, retire, rotate
from infrastructure.keys.keyring import Keyring
from tests.forked import environment, kroniek_done
from tests.infrastructure.hsm import Token
from tests.infrastructure.keyrings import ANN, BOB, Place, holds, person

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("durable")]

MANY = 4 * BATCH
KILLS = 6
WITHIN_S = 60
AsyncConnection = psycopg.AsyncConnection[Any]

ROTATING = """
import asyncio, sys
from pathlib import Path
import psycopg
from infrastructure.keys.file_provider import FileProvider
from infrastructure.keys.keks import rotate

async def main():
    async with await psycopg.AsyncConnection.connect(sys.argv[1], autocommit=True) as connection:
        print("begun", flush=True)
        await rotate(connection, FileProvider(Path(sys.argv[2])), lambda done, total: print(done, flush=True))

asyncio.run(main())
"""


@pytest.fixture
def place(keys_url: str, tmp_path: Path) -> Place:
    return Place(keys_url, tmp_path)


@pytest.fixture
async def connection(keys_url: str) -> AsyncIterator[AsyncConnection]:
    async with await psycopg.AsyncConnection[Any].connect(keys_url, autocommit=True) as connection:
        yield connection


def quiet(_done: int, _total: int) -> None:
    """Tell nobody."""


async def ids_of_all(place: Place, number: int) -> Sequence[bytes]:
    """Return the ids of the keys of so many people, as a process finds them that has none at hand."""
    async with place.opened() as keyring:
        return [key.key_id for key in (await keyring.for_sealing([person(at) for at in range(number)])).values()]


def rotation_killed(place: Place, *, lines: int, pause_s: float) -> None:
    """Let a process of its own rotate, and kill it a while after it has told so much."""
    command = [sys.executable, "-c", ROTATING, place.url, str(place.folder / "keys")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        time.sleep(pause_s)
        process.kill()


async def wraps(connection: AsyncConnection) -> Mapping[str, int]:
    return {kek.kek_id: kek.wraps for kek in await list_keks(connection) if kek.wraps}


async def test_processes_that_begin_at_once_share_the_first_key_encryption_key(
    place: Place, connection: AsyncConnection
) -> None:
    async with place.opened() as one, place.opened() as two, place.opened() as three:
        await asyncio.gather(*[it.for_sealing([person(at)]) for at, it in enumerate((one, two, three))])
    ((kek_id, wrapped),) = (await wraps(connection)).items()
    assert (wrapped, holds(place.provider(), kek_id)) == (3, True)


async def test_all_keys_are_wrapped_anew_and_stay_the_same_keys(place: Place, connection: AsyncConnection) -> None:
    async with place.opened() as keyring:
        before = await keyring.for_sealing([ANN, *[person(at) for at in range(BATCH + 1)]])
        named = await keyring.named("index")
        (old,) = await wraps(connection)
        told: list[tuple[int, int]] = []
        new = await rotate(connection, place.provider(), lambda done, total: told.append((done, total)))
        assert await wraps(connection) == {new: len(before) + 1}
        assert told[-1] == (len(before) + 1, len(before) + 1)
        await retire(connection, place.provider(), old)
    async with place.opened() as keyring:
        after = await keyring.for_opening([key.key_id for key in before.values()])
        sealed = before[ANN].cipher.encrypt(b"\0" * 12, b"text", b"")
        assert after[before[ANN].key_id].cipher.decrypt(b"\0" * 12, sealed, b"") == b"text"
        assert len(after) == len(before)
        assert await keyring.named("index") == named
    assert not holds(place.provider(), old)


async def test_people_come_and_go_while_keys_are_wrapped_anew(place: Place, connection: AsyncConnection) -> None:
    await ids_of_all(place, MANY)
    async with place.opened() as here, place.opened(max_cached=1) as there:
        rotating = asyncio.create_task(rotate(connection, place.provider(), quiet))
        at = MANY
        while not rotating.done():
            at += 1
            await asyncio.gather(
                here.for_sealing([person(at)]), there.for_sealing([person(at % MANY)]), here.destroy([person(at % 100)])
            )
        new = await rotating
        assert await there.for_sealing([person(at % 100)]) == {}
        alive = (await count_keys(connection)).alive
    assert await rotate(connection, place.provider(), quiet) in {
        new,
        *[kek.kek_id for kek in await list_keks(connection)],
    }
    assert list((await wraps(connection)).values()) == [alive]


async def test_a_rotation_that_is_killed_leaves_every_key_usable_and_goes_on(
    place: Place, connection: AsyncConnection
) -> None:
    known = await ids_of_all(place, MANY)
    chance = random.Random(7)
    for _ in range(KILLS):
        await asyncio.to_thread(rotation_killed, place, lines=chance.randint(1, 4), pause_s=chance.uniform(0, 0.02))
        assert await ids_of_all(place, MANY) == known
    new = await rotate(connection, place.provider(), quiet)
    assert await wraps(connection) == {new: MANY}
    assert await ids_of_all(place, MANY) == known


async def test_a_rotation_that_was_broken_off_is_ended_before_another_is_begun(
    place: Place, connection: AsyncConnection
) -> None:
    await ids_of_all(place, 3)
    (first,) = await wraps(connection)
    begun = place.provider().new_id()
    await connection.execute("INSERT INTO keys.kek (kek_id) VALUES (%s)", (begun,))
    assert await rotate(connection, place.provider(), quiet) == begun
    await connection.execute("UPDATE keys.kek SET is_current = false WHERE is_current")
    await connection.execute("UPDATE keys.kek SET is_current = true WHERE kek_id = %s", (first,))
    assert await rotate(connection, place.provider(), quiet) == first
    assert await wraps(connection) == {first: 3}


async def test_only_a_key_encryption_key_that_wraps_nothing_is_retired_and_it_stays_so(
    place: Place, connection: AsyncConnection
) -> None:
    provider = place.provider()
    async with place.opened() as keyring:
        await keyring.for_sealing([ANN, BOB])
    (old,) = await wraps(connection)
    with pytest.raises(KekRefusedError, match="is the current"):
        await retire(connection, provider, old)
    with pytest.raises(KekRefusedError, match="There is no"):
        await retire(connection, provider, "file-0000000000000000")
    new = await rotate(connection, provider, quiet)
    await connection.execute(
        "UPDATE keys.secret SET kek_id = %s WHERE key_id = (SELECT min(key_id) FROM keys.secret)", (old,)
    )
    with pytest.raises(KekRefusedError, match="still wraps 1"):
        await retire(connection, provider, old)
    await connection.execute("UPDATE keys.secret SET kek_id = %s", (new,))
    for _ in range(2):
        await retire(connection, provider, old)
    for statement in (
        "UPDATE keys.secret SET kek_id = %s",
        "UPDATE keys.kek SET retired_at = NULL WHERE kek_id = %s",
        "INSERT INTO keys.named_secret (name, kek_id, wrapped) VALUES ('a', %s, decode(repeat('00', 60), 'hex'))",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(statement.encode(), (old,))


# --- The command line -----------------------------------------------------------------------------------------------


def kroniek(settings: Mapping[str, str], *arguments: str) -> tuple[int, Any]:
    done = kroniek_done(environment(**settings), "keys", *arguments, "--json", within_s=WITHIN_S)
    return done.code, done.said


async def test_keys_move_from_files_into_a_token_by_a_rotation(
    place: Place, database_url: str, keys_url: str, token: Token
) -> None:
    async with place.opened() as keyring:
        before = await keyring.for_sealing([ANN, BOB])
        await keyring.destroy([BOB])
    settings = {"KRONIEK_DATA_DIR": str(place.folder), "KRONIEK_DATABASE_URL": database_url}
    settings["KRONIEK_KEYS_URL"] = keys_url
    code, listed = kroniek(settings, "list")
    ((old, state),) = [(kek["kek_id"], (kek["is_current"], kek["wraps"])) for kek in listed["keks"]]
    assert (code, state, listed["keys"]) == (0, (True, 1), {"alive": 1, "destroyed": 1, "shredded": 0, "named": 0})
    settings |= {f"KRONIEK_{name.upper()}": str(value) for name, value in token.settings().items()}
    code, rotated = kroniek(settings, "rotate")
    (new,) = [kek["kek_id"] for kek in rotated["keks"] if kek["is_current"]]
    assert (code, new.partition("-")[0]) == (0, "pkcs11")
    code, refused = kroniek(settings, "retire", new)
    assert (code, "is the current" in refused["error"]) == (2, True)
    code, retired = kroniek(settings, "retire", old)
    assert (code, [kek["wraps"] for kek in retired["keks"]]) == (0, [0, 1])
    assert list((place.folder / "keys").iterdir()) == []
    async with Keyring(keys_url, token.provider()) as keyring:
        assert (await keyring.for_sealing([ANN, BOB])).keys() == {ANN}
        assert (await keyring.for_sealing([ANN]))[ANN].key_id == before[ANN].key_id
