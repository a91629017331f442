"""The strongest peer: UmaDB, an event store written in Rust, server and client from its package on PyPI.

Its server runs with its defaults, which sync the data before they confirm, on the same disk as ours. Its Python
client is synchronous and lets other threads run while it waits: one client shared by 128 threads was its fastest form
that we found (4, 16 and 128 clients and two processes of 64 threads were as fast or slower; so were the server's memory
mapped reads, its pipelined writer and its page cache). Each append checks what its users would for a new stream, that
no event bears the tag of that stream yet, and spares itself what is not needed for this: no event id, no metadata.

The clients run in a process of their own, this module, so that they have an interpreter to themselves.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.log.work import EVENT, EVENT_NAME, WARM_UP, drive_threads, new_id

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 20
CLIENT_TIMEOUT_S = 300
_PAUSE_S = 0.05


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Run a server with its data in the folder; yield its address."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    program = Path(sysconfig.get_path("scripts")) / "umadb"
    command = [str(program), f"--listen={HOST}:{port}", f"--db-path={folder / 'uma.db'}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _listens(port):
        if time.monotonic() > deadline:
            raise TimeoutError(f"UmaDB does not listen within {START_TIMEOUT_S} seconds.")
        time.sleep(_PAUSE_S)


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=_PAUSE_S).close()
    except OSError:
        return False
    return True


def uma(url: str, total: int, in_flight: int) -> float:
    """Return events a second of one-event appends to new streams, in a process of the clients' own."""
    command = [sys.executable, "-m", "benchmarks.log.uma", url, str(total), str(in_flight)]
    finished = subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=CLIENT_TIMEOUT_S
    )
    return float(finished.stdout)


def clients(url: str, total: int, in_flight: int) -> float:
    """Do the appends here; return events a second."""
    # Imported by the process of the clients only: the package takes over the interrupt signal of whoever imports it.
    from umadb import AppendCondition, Client, Event, Query, QueryItem  # noqa: PLC0415

    streams = iter([f"benchmark-{new_id()}" for _ in range(total + in_flight * WARM_UP)])
    with closing(Client(url)) as client:

        def work() -> None:
            tags = [next(streams)]
            no_such_stream = AppendCondition(Query([QueryItem(tags=tags)]))
            client.append([Event(EVENT_NAME, EVENT, tags)], no_such_stream)

        drive_threads(work, in_flight * WARM_UP, in_flight)
        return total / drive_threads(work, total, in_flight)


if __name__ == "__main__":
    print(clients(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
