"""Every command of the command line ends with the exit code that the administrator's page names for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from api.cli import COMMANDS
from api.cli.output import NOTHING, Exit
from tests.api.world import as_processes
from tests.forked import Done, environment, kroniek_done

UNKNOWN = "0" * 64
NO_DATABASE = {
    "KRONIEK_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "KRONIEK_KEYS_URL": "postgresql://127.0.0.1:1/x",
    "KRONIEK_DATABASE_WAIT_S": "0",
}
OWN_ISSUER = {"KRONIEK_JWKS_URL": "https://issuer.example/jwks", "KRONIEK_TOKEN_ISSUER": "x"}
NO_NUMBER = {"KRONIEK_PORT": "many"}

ENDS: Sequence[tuple[Exit, str]] = [
    (Exit.DONE, "projections list"),
    (Exit.DONE, "projections explain consents"),
    (Exit.DONE, "projections parked list"),
    (Exit.DONE, "projections parked retry consents --why nothing"),
    (Exit.DONE, "projections verify open_rates"),
    (Exit.DONE, "documents list"),
    (Exit.DONE, "log partitions"),
    (Exit.DONE, "log check"),
    (Exit.DONE, "log repair"),
    (Exit.DONE, "keys list"),
    (Exit.DONE, "erasures list"),
    (Exit.DONE, "reactors list"),
    (Exit.DONE, "deadlines list"),
    (Exit.DONE, "erasures repeat"),
    (Exit.DONE, "rights"),
    (Exit.DONE, "address auditor"),
    (Exit.DONE, "token --role auditor --organisation kroniek"),
    (Exit.DONE, "client add desk --organisation kroniek --role agency --generate"),
    (Exit.DONE, "sample --scale 0.001"),
    (Exit.WRONG_USAGE, "unheard-of"),
    (Exit.WRONG_USAGE, "projections rebuild"),
    (Exit.WRONG_USAGE, "projections verify consents --all"),
    (Exit.WRONG_USAGE, "projections rebuild consents --as-of yesterday"),
    (Exit.WRONG_USAGE, "projections pause projection_acts --why nothing"),
    (Exit.WRONG_USAGE, "projections parked skip consents --position 0 --why nothing"),
    (Exit.WRONG_USAGE, "documents add {folder}/no-document"),
    (Exit.WRONG_USAGE, "documents remove nonsense"),
    (Exit.WRONG_USAGE, "documents list --organisation .."),
    (Exit.WRONG_USAGE, "log detach 1"),
    (Exit.WRONG_USAGE, "log attach 1"),
    (Exit.WRONG_USAGE, "log detach none"),
    (Exit.WRONG_USAGE, "log repair --accept-loss 1"),
    (Exit.WRONG_USAGE, "keys retire {kek}"),
    (Exit.WRONG_USAGE, "erasures"),
    (Exit.WRONG_USAGE, "rights --whatever"),
    (Exit.WRONG_USAGE, "address owner"),
    (Exit.WRONG_USAGE, "migrate now"),
    (Exit.WRONG_USAGE, "token --role auditor --organisation kroniek --hours 0"),
    (Exit.WRONG_USAGE, "client add desk --organisation kroniek --role agency --key {folder}/no-document"),
    (Exit.WRONG_USAGE, "sample --scale 0"),
    (Exit.WRONG_USAGE, "demo --scale 0"),
    (Exit.WRONG_USAGE, "import -"),
    (Exit.WRONG_USAGE, "import {folder}/no-document"),
    (Exit.NOT_FOUND, "projections rebuild nonsense"),
    (Exit.NOT_FOUND, "projections explain nonsense"),
    (Exit.NOT_FOUND, "projections rebuild consents --as-of 999999999"),
    (Exit.NOT_FOUND, "projections undo people"),
    (Exit.NOT_FOUND, "projections pause nonsense --why nothing"),
    (Exit.NOT_FOUND, "projections parked list nonsense"),
    (Exit.NOT_FOUND, "projections parked skip consents --position 1 --why nothing"),
    (Exit.NOT_FOUND, "projections parked retry consents --position 1 --why nothing"),
    (Exit.NOT_FOUND, "documents add {folder}/gone"),
    (Exit.NOT_FOUND, f"documents remove {UNKNOWN}"),
    (Exit.NOT_FOUND, "log detach 99"),
    (Exit.NOT_FOUND, "log attach 99"),
    (Exit.NOT_FOUND, "keys retire nonsense"),
    (Exit.NOT_FOUND, "client add desk --organisation kroniek --role agency --key {folder}/gone"),
    (Exit.NOT_FOUND, "import {folder}/gone"),
    (Exit.BUSY, "serve --port {port}"),
    (Exit.REFUSED, "import {folder}/refused.ndjson"),
    (Exit.CHANGED, "sample --scale 0.002"),
]
WRONG_SETTINGS = [
    *((NO_NUMBER, name) for name in ("demo", "serve", "worker", "migrate", "projections list", "keys list", "sample")),
    *((NO_NUMBER, f"{name} list") for name in ("documents", "erasures")),
    (NO_NUMBER, "log partitions"),
    (NO_NUMBER, "import {folder}/refused.ndjson"),
    (OWN_ISSUER, "token --role auditor --organisation kroniek"),
    (OWN_ISSUER, "client add desk --organisation kroniek --role agency --generate"),
]
DATABASE_GONE = [
    *(f"{name} list" for name in ("projections", "keys", "erasures")),
    *("serve", "worker", "migrate", "sample", "log partitions", "address auditor", "import {folder}/refused.ndjson"),
]


class Place:
    """A platform that runs in a folder, and what commands about it name."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.environment = environment(KRONIEK_DATA_DIR=str(folder / "data"))
        self.named = {"folder": folder, "port": port}
        (folder / "no-document").write_text("{ nonsense", encoding="utf-8")
        (folder / "refused.ndjson").write_text('{"event": "no.such-event.v1"}\n', encoding="utf-8")
        self.named["kek"] = self.done("keys list").said["keks"][-1]["kek_id"]

    def done(self, command: str, **settings: str) -> Done:
        arguments = [word.format(**self.named) for word in command.split()]
        return kroniek_done(self.environment | settings, *arguments, "--json", within_s=100)


@pytest.fixture(scope="module")
def place(open_tmp_folder: Path) -> Iterator[Place]:
    folder = open_tmp_folder / "exit-codes"
    folder.mkdir(mode=0o755)
    with as_processes(environment(KRONIEK_DATA_DIR=str(folder / "data")), "demo", "--scale", "0.001") as running:
        yield Place(folder, int(running.addresses["graphql"].split(":")[2].partition("/")[0]))


@pytest.mark.parametrize(("code", "command"), ENDS, ids=lambda it: it.name if isinstance(it, Exit) else it)
def test_a_command_ends_with_the_code_of_what_became_of_it(code: Exit, command: str, place: Place) -> None:
    done = place.done(command)
    assert done.code == code, done
    _says_why(done, code)


@pytest.mark.parametrize(("settings", "command"), WRONG_SETTINGS, ids=str)
def test_wrong_settings_are_told_before_anything_else(settings: dict[str, str], command: str, place: Place) -> None:
    done = place.done(command, **settings)
    assert done.code == Exit.WRONG_SETTINGS, done
    _says_why(done, Exit.WRONG_SETTINGS)


@pytest.mark.parametrize("command", DATABASE_GONE)
def test_a_database_that_does_not_answer_has_a_code_of_its_own(command: str, place: Place) -> None:
    done = place.done(command, **NO_DATABASE)
    assert done.code == Exit.NO_DATABASE, done
    _says_why(done, Exit.NO_DATABASE)


def _says_why(done: Done, code: Exit) -> None:
    """Check that a sentence says why; what argparse refuses says so as argparse does."""
    if code not in (Exit.DONE, Exit.REFUSED) and not (code is Exit.WRONG_USAGE and not done.out):
        said = json.loads(done.out)
        assert said if isinstance(said, list) else said["exitCode"] == code
        assert b"Traceback" not in done.err


def test_every_command_is_tried() -> None:
    tried = {command.split()[0] for _, command in (*ENDS, *WRONG_SETTINGS)} | {it.split()[0] for it in DATABASE_GONE}
    assert tried >= set(COMMANDS)


@pytest.mark.parametrize("command", ["documents list", "projections parked list"])
def test_a_list_of_nothing_says_so(command: str, place: Place) -> None:
    done = kroniek_done(place.environment, *command.split())
    assert (done.code, done.out.decode().strip()) == (Exit.DONE, NOTHING)
