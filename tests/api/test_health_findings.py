"""What `/health` finds wrong with the log, the clocks and the keys; each time beside the same platform in health."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.composition.log_and_rules import utc_now
from api.health_checks.all_checks import CHECKS
from application.ports import Role
from infrastructure.keys.data_keys import KEY_BYTES
from infrastructure.keys.keyring import Keyring
from infrastructure.keys.providers import make_provider
from tests.api.world import InProcess, in_process, organisation
from tests.forked import environment, kroniek_done
from tests.infrastructure.emptying import lose_events
from tests.infrastructure.read_tables import be_at, looked_after, make_read_tables
from tests.waiting import wait_until

Connection = psycopg.Connection[Any]
DAY = timedelta(days=1)
SAID_WITHIN_S = 10


class SettableClock:
    """The clock of a platform, which a test can set."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture(scope="module")
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def platform(clock: SettableClock, folder: Path, module_database_url: str, module_keys_url: str) -> Iterator[InProcess]:
    """A platform with some events, one of them with sealed texts, and read models that are up to date."""
    make_read_tables(module_database_url)
    with in_process(folder, module_database_url, module_keys_url, machine_clock=clock, reacting=False) as platform:
        asyncio.run(_make_a_key(platform, module_keys_url))
        administrator = platform.caller(Role.ADMINISTRATOR)
        for number in (811, 812):
            administrator.does("/organisations", organisation(f"org-{number}", number))
        with looked_after(module_database_url), psycopg.connect(module_database_url, autocommit=True) as owner:
            be_at(module_database_url, 2)
            owner.execute("UPDATE reactor.progress SET position = log.head()")
            yield platform


async def _make_a_key(platform: InProcess, keys_url: str) -> None:
    async with Keyring(keys_url, make_provider(platform.settings)) as keys:
        await keys.named("a key of this test")


@pytest.fixture
def owner(module_database_url: str) -> Iterator[Connection]:
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        yield connection


def findings(platform: InProcess) -> tuple[int, dict[str, str]]:
    """Return the status code of `/health`, and what each check that does not pass says."""
    began = time.monotonic()
    answer = platform.anybody.reads("/health")
    assert time.monotonic() - began < SAID_WITHIN_S
    checks = answer.json()["checks"]
    return answer.status_code, {name: it["output"] for name, (it,) in checks.items() if it["status"] != "pass"}


@pytest.fixture(autouse=True)
def well_before_and_after(platform: InProcess) -> Iterator[None]:
    """The control of each test: the platform is well before, and again afterwards."""
    assert findings(platform) == (200, {})
    yield
    assert findings(platform) == (200, {})


def test_the_platform_runs_every_check(platform: InProcess) -> None:
    checks = platform.anybody.reads("/health").json()["checks"]
    assert list(checks) == [check.name for check in CHECKS]
    assert {result["status"] for (result,) in checks.values()} == {"pass"}


def test_a_database_that_hangs_holds_up_neither_health_nor_liveness(
    platform: InProcess, module_database_url: str
) -> None:
    with psycopg.connect(module_database_url) as owner:
        owner.execute("LOCK TABLE read.checkpoint IN ACCESS EXCLUSIVE MODE")
        code, found = findings(platform)
        assert (code, list(found)) == (503, ["read-models"])
        assert platform.anybody.reads("/livez").json() == {"status": "pass"}
        assert platform.anybody.reads("/readyz").status_code == 200


# --- The log --------------------------------------------------------------------------------------------------------


def test_an_append_of_any_process_that_waits(platform: InProcess, owner: Connection, module_database_url: str) -> None:
    def wait_for_the_log() -> None:
        with psycopg.connect(module_database_url) as other:
            other.execute("SELECT log.lock_appends()")

    with owner.transaction():
        owner.execute("SELECT log.lock_appends()")
        waiting = threading.Thread(target=wait_for_the_log)
        waiting.start()
        wait_until(lambda: findings(platform)[0] == 503, "an append that waits is not found")
        code, found = findings(platform)
    waiting.join()
    assert (code, list(found)) == (503, ["writing"])
    assert found["writing"].startswith("an append has waited for ")


def test_a_log_whose_newest_event_is_behind_its_head(platform: InProcess, owner: Connection) -> None:
    owner.execute("CREATE TABLE lost AS SELECT * FROM log.event_1 WHERE position = 2")
    lose_events(owner, 1)
    said = findings(platform)
    owner.execute("INSERT INTO log.event_1 SELECT * FROM lost")
    owner.execute("DROP TABLE lost")
    assert said == (503, {"log": "the newest event of the log is 1, and its head is 2"})


def test_read_models_that_are_ahead_of_the_log(platform: InProcess, module_database_url: str) -> None:
    be_at(module_database_url, 3)
    code, found = findings(platform)
    be_at(module_database_url, 2)
    assert (code, list(found)) == (503, ["read-models"])
    assert (
        "keys has stopped: its checkpoint 3 is of another log, or ahead of this one: rebuild it" in found["read-models"]
    )


# --- Clocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "code", "said"),
    [
        (-DAY, 503, "the clock of the database is 86,400 s ahead of that of the platform"),
        (DAY, 503, "the clock of the database is 86,400 s behind that of the platform"),
        (timedelta(seconds=30), 200, "the clock of the database is 30 s behind that of the platform"),
    ],
)
def test_the_clock_of_the_database_is_another(
    platform: InProcess, clock: SettableClock, ahead: timedelta, code: int, said: str
) -> None:
    clock.ahead = ahead
    found = findings(platform)
    clock.ahead = timedelta()
    assert found == (code, {"clocks": said})


def test_events_that_are_recorded_in_the_future(platform: InProcess, owner: Connection) -> None:
    owner.execute("UPDATE log.commit SET recorded_at = recorded_at + interval '1 day'")
    code, found = findings(platform)
    owner.execute("UPDATE log.commit SET recorded_at = recorded_at - interval '1 day'")
    assert (code, list(found)) == (503, ["clocks"])
    assert re.fullmatch(r"the last event is recorded 86,\d{3} s ahead of the clock of the database", found["clocks"])


# --- Keys -----------------------------------------------------------------------------------------------------------

WRONG = "the current key-encryption key opens no key: it is another one, or the keys were changed"
MISSING = "the current key-encryption key is not there, or cannot be read"


@pytest.mark.parametrize(("content", "said"), [(KEY_BYTES * "00", WRONG), ("torn", MISSING), (None, MISSING)])
def test_a_key_encryption_key_that_opens_nothing(
    platform: InProcess, folder: Path, content: str | None, said: str
) -> None:
    (file,) = (folder / "keys").glob("*.kek")
    right = file.read_text()
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    found = findings(platform)
    file.write_text(right)
    assert found == (503, {"key-encryption-key": said})


@pytest.mark.usefixtures("durable")
def test_the_list_of_keys_says_that_the_current_one_opens_nothing(
    folder: Path, module_database_url: str, module_keys_url: str
) -> None:
    settings = environment(
        KRONIEK_DATA_DIR=str(folder), KRONIEK_DATABASE_URL=module_database_url, KRONIEK_KEYS_URL=module_keys_url
    )

    def said() -> tuple[str, bool]:
        done = kroniek_done(settings, "keys", "list", "--json", within_s=60)
        return done.said["currentKek"], any(WRONG.partition(":")[0] in it.lower() for it in done.said["warnings"])

    (file,) = (folder / "keys").glob("*.kek")
    right = file.read_text()
    before = said()
    file.write_text(KEY_BYTES * "00")
    found = said()
    file.write_text(right)
    assert (before, found) == (("opens", False), ("wrong", True))
