"""Marked people on a real platform, half of them erased: nothing is left of those, all of the others.

Nobody's data is anywhere in clear, whether they were erased or not: not in tables and indexes, the write-ahead log,
dumps, logs, exports or temporary files. The same search finds what was written in clear on purpose.
"""

from __future__ import annotations

import asyncio
import html
import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.ports import Sealed
from domain.contexts import DECIDERS
from infrastructure.codec import Codec
from infrastructure.database.data_folder import KEYS, NAME
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.event_log.log_reader import LogReader
from infrastructure.keys.keyring import Keyring
from infrastructure.keys.providers import make_provider
from infrastructure.sealing import open_all, personal_fields
from infrastructure.settings import Settings
from tests import forked
from tests.api.world import SHA256_BASE64URL, Client, Processes, as_processes, organisation
from tests.api.world.marked_people import Marked, found_in_files, found_in_tables, marked, marker
from tests.check_digits import enterprise_number
from tests.lengths import runs_longer, sized
from tests.waiting import wait_until

PEOPLE = sized(20, long=200)
ERASED = PEOPLE // 2
pytestmark = [runs_longer, pytest.mark.timeout(sized(300, long=1_800))]
WITHIN_S = 180.0
CODEC = Codec(DECIDERS)
CONTROL = marker(random.Random(1))
BACKUP = "backup"
MOST_EXPORTS = 20


@dataclass(slots=True)
class PlatformWithPosition:
    """A platform that runs, with a token for whoever asks it; `position` is that of the last command."""

    running: Processes
    environment: Mapping[str, str]
    tokens: dict[tuple[str, str], str]
    position: int = 0

    def caller(self, role: str, organisation_id: str = "platform") -> Client:
        if (role, organisation_id) not in self.tokens:
            said = run(self.environment, "token", "--role", role, "--organisation", organisation_id, "--json")
            self.tokens[role, organisation_id] = json.loads(said)["token"]
        return self.running.with_token(self.tokens[role, organisation_id])

    def must(self, role: str, organisation_id: str, *lines: Mapping[str, Any]) -> Sequence[str]:
        """Let somebody send commands that must be accepted; return the ids of what they are about."""
        answers = self.caller(role, organisation_id).sends_all(lines)
        assert {it["status"] for it in answers} == {"accepted"}, answers
        self.position = max(self.position, *(it["position"] for it in answers), 0)
        return [it["id"] for it in answers]

    def query(self, document: str, role: str = "auditor", *, up_to_date: bool = True) -> Any:
        """Ask GraphQL; without `up_to_date`, of read models that may be behind the last command."""
        headers = {"Processing-Activity": "data-protection-review"}
        position = self.position if up_to_date else 0
        return self.caller(role).asks(document, headers=headers, position=position).data


def command(name: str, ids: Mapping[str, str] | None = None, **body: Any) -> dict[str, Any]:
    return {"command": name, "ids": ids or {}, "body": body}


def run(environment: Mapping[str, str], *arguments: str) -> str:
    done = forked.kroniek_done(environment, *arguments)
    assert done.code == 0, done.err
    return done.out.decode()


@contextmanager
def running(environment: Mapping[str, str], log: Path) -> Iterator[PlatformWithPosition]:
    with log.open("a") as errors, as_processes(environment, "serve", errors=errors) as served:
        yield PlatformWithPosition(served, environment, {})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the test, with the ids that the platform gave."""

    marked: Marked
    person_id: str
    message_id: str
    invoice_id: str
    trader_id: str
    """Their enterprise: they are a sole trader too, under the name of the contact."""

    @property
    def subjects(self) -> Sequence[str]:
        return self.person_id, self.trader_id

    @property
    def texts(self) -> Sequence[str]:
        return [*self.marked.texts, self.marked.contact]


# --- The story ------------------------------------------------------------------------------------------------------


def registered(platform: PlatformWithPosition, people: Sequence[Marked]) -> Sequence[Person]:
    """Register everybody; each gets a letter and stands on an invoice. One organisation has the control's name."""
    sender, buyer = platform.must(
        "administrator",
        "platform",
        command("register-organisation", **organisation(f"dienst {CONTROL}", 1)),
        command("register-organisation", **organisation("gemeente", 2)),
    )
    platform.must("agency", sender, command("enrol-as-sender", {"organisationId": sender}))
    enrolled = command("enrol-organisation", {"organisationId": buyer}, enrolment="invoice_receiver")
    platform.must("administrator", "platform", enrolled)
    ids = platform.must("system", "platform", *map(registration, people))
    letters = platform.must("agency", sender, *(letter(it, owner) for it, owner in zip(people, ids, strict=True)))
    traders = platform.must("administrator", "platform", *(trader(it, n) for n, it in enumerate(people, 10)))
    named = enumerate(zip(people, ids, strict=True), 1)
    invoices = platform.must("system", "platform", *(invoice(it, owner, buyer, n) for n, (it, owner) in named))
    return [Person(*each) for each in zip(people, ids, letters, invoices, traders, strict=True)]


def registration(somebody: Marked) -> dict[str, Any]:
    if somebody.national:
        about: dict[str, Any] = {"nationalNumber": somebody.number, "jurisdiction": "be"}
        return command("register-person-from-national-register", **about)
    about = {"memberState": "es", "eidasIdentifier": somebody.number, "level": "high", "jurisdiction": "be"}
    return command("register-person-by-eidas", **about)


def trader(somebody: Marked, serial: int) -> dict[str, Any]:
    number = enterprise_number(serial)
    return command("register-sole-trader", traderName=somebody.contact, enterpriseNumber=number, jurisdiction="be")


def letter(somebody: Marked, owner: str) -> dict[str, Any]:
    main = {"mediaType": "application/pdf", "sizeBytes": 4_096, "sha256": SHA256_BASE64URL, "main": True}
    payment = {"amountCents": 1_000, "currency": "EUR", "reference": somebody.reference}
    about: dict[str, Any] = {
        "mailboxId": owner,
        "messageType": "tax_assessment",
        "subject": somebody.subject,
        "contents": [main],
    }
    return command("send-message", **about, payment=payment, requiresPayment=True, expiresAt="2090-01-01T00:00:00Z")


def invoice(somebody: Marked, owner: str, buyer: str, serial: int) -> dict[str, Any]:
    return command(
        "receive-invoice",
        kind="invoice",
        supplierScheme="0208",
        supplierNumber=enterprise_number(9),
        buyerId=buyer,
        number=f"F-{serial}",
        issueDate="2026-01-05",
        payableCents=100,
        currency="EUR",
        documentSha256=SHA256_BASE64URL,
        mediaType="application/xml",
        sellerContactId=owner,
        sellerContact=somebody.contact,
    )


def erase(platform: PlatformWithPosition, people: Sequence[Person]) -> None:
    """Erase them: what the tax law holds only after an administrator has lifted the hold."""
    held = command("order-erasure", {"personId": people[0].person_id}, ground="objection", groups=["invoicing"])
    wait_until(lambda: holds(platform) == PEOPLE, "the tax law does not hold what it should", WITHIN_S)
    (refused,) = platform.caller("administrator").sends_all([held])
    assert refused["problem"]["type"].endswith(":legal-hold")
    ids = [{"personId": it.person_id} for it in people]
    lifted = (command("lift-legal-hold", {**it, "holdId": "invoice-retention"}) for it in ids)
    platform.must("administrator", "platform", *lifted)
    subjects = [{"personId": subject} for person in people for subject in person.subjects]
    platform.must("administrator", "platform", *(command("order-erasure", it, ground="objection") for it in subjects))
    wait_until(lambda: len(erased(platform)) == len(subjects), "not all are erased", WITHIN_S)


def holds(platform: PlatformWithPosition) -> int:
    return int(platform.query("{ legalHolds { totalCount } }")["legalHolds"]["totalCount"])


def erased(platform: PlatformWithPosition) -> Sequence[str]:
    """Return the people and the sole traders who are erased to the end, as the platform itself says."""
    return [*erased_of(platform, "people"), *erased_of(platform, "soleTraders")]


def erased_of(platform: PlatformWithPosition, connection: str) -> Sequence[str]:
    found: list[str] = []
    after = ""
    while True:
        page = platform.query(
            f"{{ {connection}(first: 50{after}) {{ edges {{ node {{ id erasure {{ status }} }} }}"
            " pageInfo { hasNextPage endCursor } } }",
            up_to_date=False,  # while keys are shredded, everything waits for the disk
        )[connection]
        nodes = [edge["node"] for edge in page["edges"]]
        found += [node["id"] for node in nodes if (node["erasure"] or {}).get("status") == "SHREDDED"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = f', after: "{page["pageInfo"]["endCursor"]}"'


def read(platform: PlatformWithPosition, person: Person) -> Sequence[Mapping[str, Any]]:
    """Read all that there is of somebody over the API: number, subject, reference, contact, name of the enterprise."""
    text = "{ text erased }"
    answer = platform.query(
        f'{{ person(id: "{person.person_id}") {{ number {text} }}'
        f' message(id: "{person.message_id}") {{ subject {text} paymentReference {text} }}'
        f' invoice(id: "{person.invoice_id}") {{ sellerContact {text} }}'
        f' soleTrader(id: "{person.trader_id}") {{ traderName {text} }} }}',
        role="system",
    )
    letter_read = answer["message"]
    return [
        answer["person"]["number"],
        letter_read["subject"],
        letter_read["paymentReference"],
        answer["invoice"]["sellerContact"],
        answer["soleTrader"]["traderName"],
    ]


def exports(platform: PlatformWithPosition, folder: Path) -> None:
    """Keep what the platform gives away to anybody: the tables of the dashboard, its pages, health and metrics."""
    anybody = platform.running.anybody
    page = anybody.reads("/dashboard/en?jurisdiction=be").text
    tables = sorted(set(re.findall(r'href="([^"]+\.csv[^"]*)"', page)))[:MOST_EXPORTS]
    assert tables
    others = ("/health", "/metrics", "/openapi.json", "/dashboard/en")
    for number, address in enumerate((*tables, *others)):
        (folder / f"{number}.txt").write_text(anybody.reads(html.unescape(address)).text)


# --- The test -------------------------------------------------------------------------------------------------------


@pytest.fixture
def environment(open_tmp_folder: Path) -> dict[str, str]:
    folder = open_tmp_folder / "residue"
    for name in ("", "tmp", "exports"):
        (folder / name).mkdir(mode=0o755)
    (folder / "tmp").chmod(0o777)
    return forked.environment(
        KRONIEK_DATA_DIR=str(folder / "data"),
        KRONIEK_LOG_FORMAT="json",
        KRONIEK_LOG_LEVEL="debug",
        TMPDIR=str(folder / "tmp"),
    )


def test_of_the_erased_nothing_is_left_and_of_the_others_everything(environment: dict[str, str]) -> None:
    folder = Path(environment["KRONIEK_DATA_DIR"]).parent
    log = folder / "serve.log"
    with running(environment, log) as platform:
        people = registered(platform, marked(PEOPLE))
        for person in people[:: PEOPLE // 10]:
            assert [it["text"] for it in read(platform, person)] == person.texts
    gone, there = people[:ERASED], people[ERASED:]
    server = EmbeddedPostgres(folder / "data")
    with started(server):
        take_backup(server)
    with running(environment, log) as platform:
        erase(platform, gone)
        for person in gone:
            assert read(platform, person) == [{"text": None, "erased": True}] * 5
        for person in there:
            assert [it["text"] for it in read(platform, person)] == person.texts
        assert set(erased(platform)) == {subject for it in gone for subject in it.subjects}
        the_command_line_says_so(environment)
        rebuilt = json.loads(run(environment, "projections", "rebuild", "--all", "--why", "a test", "--json"))
        verified = json.loads(run(environment, "projections", "verify", "--all", "--json"))
        assert rebuilt
        assert verified
        exports(platform, folder / "exports")
    with started(server):
        nothing_of_it_is_in_the_tables(server)
        asyncio.run(the_backup_tells_nothing_of_the_erased(server, environment, gone, there))
    nothing_of_it_is_in_the_files(folder)


def the_command_line_says_so(environment: Mapping[str, str]) -> None:
    assert json.loads(run(environment, "erasures", "list", "--json")) == {"erasures": [], "waiting": []}
    listed = json.loads(run(environment, "erasures", "list", "--all", "--json"))["erasures"]
    assert {it["status"] for it in listed} == {"shredded"}
    assert len(listed) == 2 * ERASED
    assert json.loads(run(environment, "erasures", "repeat", "--json"))["erasures"] == 2 * ERASED


@contextmanager
def started(server: EmbeddedPostgres) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        server.stop()


def take_backup(server: EmbeddedPostgres) -> None:
    """Keep the database of the events as it is before anybody is erased."""
    with psycopg.connect(at(server.superuser_url, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {BACKUP} TEMPLATE {NAME} STRATEGY file_copy".encode())
        assert connection.execute("SHOW wal_compression").fetchone() == ("off",)


def at(url: str, database: str) -> str:
    return url.rpartition("/")[0] + "/" + database


def nothing_of_it_is_in_the_tables(server: EmbeddedPostgres) -> None:
    for database in (NAME, BACKUP, KEYS):
        found = found_in_tables(at(server.superuser_url, database))
        assert {hit for hits in found.values() for hit in hits} <= {CONTROL}, found
        assert bool(found) == (database != KEYS), "the control is not found: the search finds nothing"


def nothing_of_it_is_in_the_files(folder: Path) -> None:
    found = found_in_files(folder)
    assert {hit for hits in found.values() for hit in hits} == {CONTROL}, found
    places = {place for path in found for place in ("pg_wal", "base") if f"/{place}/" in path}
    assert places == {"pg_wal", "base"}, "the control is not found in tables and in the write-ahead log"
    assert (folder / "serve.log").stat().st_size > 0
    assert len(list((folder / "exports").iterdir())) >= 4


async def the_backup_tells_nothing_of_the_erased(
    server: EmbeddedPostgres, environment: Mapping[str, str], gone: Sequence[Person], there: Sequence[Person]
) -> None:
    settings = Settings(data_dir=Path(environment["KRONIEK_DATA_DIR"]))
    async with Keyring(server.addresses.keys, make_provider(settings)) as keys:
        texts = await opened(at(server.superuser_url, BACKUP), keys)
    assert {text for it in gone for text in it.marked.texts}.isdisjoint(texts)
    assert {text for it in there for text in it.marked.texts} <= texts


async def opened(url: str, keys: Keyring) -> set[str]:
    """Open whatever can be opened of all personal texts of a log."""
    sealed: list[Sealed] = []
    reader = LogReader(CODEC)
    with psycopg.connect(url, autocommit=True) as connection:
        for recorded in reader.read(connection, after=0, until=reader.head(connection)):
            for each in personal_fields(type(recorded.event)):
                value = getattr(recorded.event, each.name)
                text = getattr(value, each.declared.within, "") if each.declared.within else value
                if text:
                    sealed.append(Sealed(text, recorded.stream, CODEC.names[type(recorded.event)], each.path))
    assert len(sealed) == 5 * PEOPLE
    return {text for text in await open_all(sealed, keys) if text is not None}
