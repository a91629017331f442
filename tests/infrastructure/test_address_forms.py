"""Addresses of PostgreSQL in the forms that its users write, and what is said of a wrong one."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from application.ports import Receipt
from infrastructure.codec import Codec
from infrastructure.database import _external
from infrastructure.database.addresses import Addresses, DatabaseRole, acting_as
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.address_forms import ServerPlace, for_writing, places_of, problem_of_address
from infrastructure.read_models.reading import ReadModels
from infrastructure.settings import Settings, SettingsError, load_settings
from tests.infrastructure.sample_counter import DECIDER, append

BOTH = frozenset({ServerPlace("one", 5432, "d"), ServerPlace("two", 5433, "d")})
SECRET = "s3cret"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:p@one:5432,two:5433/d",
        "postgres://u:p@one,two:5433/d?target_session_attrs=read-write",
        "postgresql://u:p@/d?host=one,two&port=5432,5433",
        "postgresql://u:p@/d?host=one,two&port=,5433&load_balance_hosts=random",
        "host=one,two port=5432,5433 dbname=d user=u password=p",
        "dbname=d host=one,two port=,5433 target_session_attrs=primary",
    ],
)
def test_an_address_of_two_hosts_is_read_as_libpq_reads_it(address: str) -> None:
    assert problem_of_address(address) == ""
    assert places_of(address) == BOTH
    assert places_of(acting_as(address, DatabaseRole.READER)) == BOTH


def test_one_port_is_that_of_all_hosts() -> None:
    assert places_of("postgresql://one,two:/d?port=6000") == {
        ServerPlace("one", 6000, "d"),
        ServerPlace("two", 6000, "d"),
    }


def test_who_writes_asks_for_the_primary_of_several_hosts_unless_the_address_says_what_it_wants() -> None:
    several = "postgresql://u:p@one,two/d"
    assert conninfo_to_dict(for_writing(several))["target_session_attrs"] == "read-write"
    for address in ("postgresql://u:p@one/d", f"{several}?target_session_attrs=any"):
        assert for_writing(address) == address


def test_who_reads_takes_any_of_the_hosts() -> None:
    settings = Settings.model_validate(
        {"database_url": "postgresql://u:p@one,two/d", "keys_url": "postgresql://u:p@one,two/k"}
    )
    found = _external(settings)
    assert found is not None
    asked = {role: conninfo_to_dict(url).get("target_session_attrs") for role, url in found.known.items()}
    reading = {DatabaseRole.READER, DatabaseRole.AUDITOR}
    assert asked == {role: None if role in reading else "read-write" for role in DatabaseRole}


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        (f"mysql://u:{SECRET}@h/d", "must be an address such as postgresql://user:password@host:5432/database"),
        (SECRET, "must be an address such as postgresql://user:password@host:5432/database"),
        (f"postgresql://u:{SECRET}%@h/d", "has a % without two hexadecimal digits behind it"),
        (f"postgresql://u:x@h/d?{SECRET}=1", "has a parameter behind its ? that libpq does not know"),
        (f"postgresql://u:{SECRET}/x@h/d", "has a port that is no number from 1 to 65,535; a / of a password"),
        (f"postgresql://u:{SECRET}@h:x5432/d", "has a port that is no number from 1 to 65,535"),
        (f"postgresql://u:{SECRET}@one:1,two:70000/d", "has a port that is no number from 1 to 65,535"),
        (f"postgresql://u:{SECRET}@/d?host=a,b,c&port=1,2", "has 2 ports for 3 hosts"),
        (f"postgresql://u:{SECRET}@a,b/d?target_session_attrs=master", "has a `target_session_attrs` that is none of"),
        (f"postgresql://u:{SECRET}@a/d?sslmode=on", "has a `sslmode` that is none of disable, allow"),
        (f"postgresql://u:{SECRET}@a/d?connect_timeout=soon", "has a `connect_timeout` that is no whole number"),
        (f"postgresql://u:{SECRET}@[::1/d", "must be an address such as"),
    ],
)
def test_a_wrong_address_is_named_with_what_is_wrong_and_without_its_value(
    address: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRONIEK_DATABASE_URL", address)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    (line,) = refused.value.lines
    assert line.startswith(f"KRONIEK_DATABASE_URL: {problem}")
    assert SECRET not in line


def test_the_keys_are_in_another_database_on_every_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRONIEK_DATABASE_URL", "postgresql://u:p@one,two:5433/d")
    monkeypatch.setenv("KRONIEK_KEYS_URL", "postgresql://k:p@/d?host=three,two&port=5432,5433")
    with pytest.raises(SettingsError, match="KRONIEK_KEYS_URL: must be another database than that of the log"):
        load_settings()
    monkeypatch.setenv("KRONIEK_KEYS_URL", "postgresql://k:p@/k?host=three,two&port=5432,5433")
    assert load_settings().keys_url is not None


@pytest.mark.anyio
async def test_queries_and_appends_find_the_host_that_answers(database_url: str) -> None:
    before, _, place = database_url.partition("@")
    addresses = Addresses.at(for_writing(f"{before}@127.0.0.1:1,{place}"))
    reads = ReadModels(addresses.reader, [])
    try:
        async with reads.engine.connect() as connection:
            assert (await connection.exec_driver_sql("SELECT current_user::text")).scalar() == "kroniek_reader"
    finally:
        await reads.aclose()
    async with PostgresLog(addresses.writer, Codec([DECIDER]), b"key") as log:
        assert [type(it) for it in await log.append([append("counter-a", 1, at=0)])] == [Receipt]
