"""Writers, servers and connections killed at random moments under load, and the control, in which the log has to lose.

Every run returns the check of the whole log at its end; it ends early when it has found something.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import psycopg

from infrastructure.database.data_folder import HOST
from tests.torture import cuts
from tests.torture.check import LogCheck
from tests.torture.fleet import PROCESSES, Fleet
from tests.torture.load import Progress, finish, loaded, tell, wait_for_more
from tests.torture.notes import Notes
from tests.torture.server import Server

WRITER_LIVES_S = (0.02, 0.4)
SERVER_LIVES_S = (0.1, 0.8)
"""How long a life lasts, from and to: a kill may come while the writers are still connecting."""

CHECK_EVERY_CUTS = 10
CUT_WITHIN_S = 60
BURST_S = 0.4
MAX_BURSTS = 5

# The log sees to it that a commit is durable, whatever the server is set to. This comes after that, at the very commit.
CONFIRM_EARLY = """
CREATE FUNCTION public.confirm_early() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM set_config('synchronous_commit', 'off', true); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER confirm_early AFTER INSERT ON log.commit
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.confirm_early();
"""


def kill_writers(server: Server, seed: int, times: int, progress: Progress) -> LogCheck:
    """Kill one of several writers again and again; it is started again and goes on with what it was not answered."""
    chance = random.Random(seed)
    with loaded(Fleet(server.new_log(), seed)) as fleet:
        check = LogCheck(fleet.notes)
        for number in range(1, times + 1):
            time.sleep(chance.uniform(*WRITER_LIVES_S))
            fleet.kill(chance.randrange(len(fleet.writers)))
            check.go_on(fleet.url)
            tell(progress, "a writer killed", number, times, check)
            if check.wounds:
                break
        return finish(fleet, check, fleet.url)


def kill_postgres(server: Server, seed: int, times: int, progress: Progress) -> LogCheck:
    """Kill the server again and again; its writers live on, and have to find out what became of their wishes."""
    chance = random.Random(seed)
    with loaded(Fleet(server.new_log(), seed)) as fleet:
        check = LogCheck(fleet.notes)
        for number in range(1, times + 1):
            time.sleep(chance.uniform(*SERVER_LIVES_S))
            server.kill(chance)
            check.go_on(fleet.url)
            wait_for_more(fleet)
            tell(progress, "PostgreSQL killed", number, times, check)
            if check.wounds:
                break
        return finish(fleet, check, fleet.url)


def cut_connections(server: Server, seed: int, times: int, progress: Progress) -> LogCheck:
    """Cut connections between the writers and the server again and again, while both live on."""
    direct = server.new_log()
    with _proxy(server, seed) as (port, cut):
        before, after = direct.split(f"@{HOST}:{server.data.server().port}")
        with loaded(Fleet(f"{before}@{HOST}:{port}{after}", seed)) as fleet:
            check = LogCheck(fleet.notes)
            for number in range(1, times + 1):
                assert cut.poll(CUT_WITHIN_S), "nothing was cut any more"
                cut.recv()
                fleet.alive()
                if number % CHECK_EVERY_CUTS == 0:
                    check.go_on(direct)
                tell(progress, "a connection cut", number, times, check)
                if check.wounds:
                    break
            return finish(fleet, check, direct)


def lose_on_purpose(server: Server, seed: int) -> LogCheck:
    """The control: confirm before it is on disk, kill, and look for the loss; return the check that found one.

    The same writers, notes and check as above must see that acknowledged events are gone. If they never do, what they
    say of the real log is worth nothing. The server is of no use after this.
    """
    with server.superuser() as connection:
        # The journal stays in the memory of the server for long: killed, it has lost what it had confirmed.
        connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        connection.execute("ALTER SYSTEM SET wal_writer_flush_after = '1GB'")
        connection.execute("SELECT pg_reload_conf()")
    check = LogCheck(Notes())
    for burst in range(MAX_BURSTS):
        url = server.new_log()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(CONFIRM_EARLY)
        with server.superuser() as connection:
            connection.execute("CHECKPOINT")  # the tables themselves are not to be lost
        with loaded(Fleet(url, seed + burst, processes=1)) as fleet:
            time.sleep(BURST_S)
            server.kill_all()
        server.start()
        check = LogCheck(fleet.notes)
        check.go_on(fleet.url)
        if check.wounds["lost"]:
            break
    return check


@contextmanager
def _proxy(server: Server, seed: int) -> Iterator[tuple[int, Connection]]:
    """Start the proxy; give its port, and what tells of every cut."""
    hears, says = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=cuts.proxy, args=(server.data.server().port, seed, says))
    process.start()
    says.close()
    try:
        yield hears.recv(), hears
    finally:
        process.kill()
        process.join()
        hears.close()
