"""Histories of decided events: one suite for the log in PostgreSQL and its twin in memory."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from application.ports import Append, EventStore, Idempotency, OtherContent, Outcome, Receipt, StreamEvents
from domain.consent import ConsentGranted
from domain.contexts import DECIDERS
from domain.kernel import Claim, Context, Jurisdiction, Recorded
from infrastructure.codec import Codec
from infrastructure.event_log import LogReader, LogUnavailableError, MemoryLog, PostgresLog
from infrastructure.import_history import (
    Import,
    ImportReport,
    ImportStoppedError,
    Lines,
    OtherHistoryError,
    import_events,
    import_id_of,
    lines,
    run,
)
from infrastructure.system_events import ChunkImported, RefusedLine
from tests.infrastructure.examples import example

pytestmark = pytest.mark.anyio

CODEC = Codec(DECIDERS)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHUNK = 10
IMPORT = "import-history"


@dataclass(frozen=True, slots=True)
class Kept:
    """A log, and how to read all that it holds."""

    log: MemoryLog | PostgresLog
    recorded: Callable[[], Sequence[Recorded[Any]]]

    def imported(self) -> list[Recorded[Any]]:
        return [each for each in self.recorded() if not isinstance(each.event, ChunkImported)]


@pytest.fixture(params=["memory", "postgres"])
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[Kept]:
    if request.param == "memory":
        memory = MemoryLog(CODEC)
        yield Kept(memory, lambda: list(memory.recorded()))
        return
    url = request.getfixturevalue("database_url")
    async with PostgresLog(url, CODEC, b"claim key") as log:
        yield Kept(log, lambda: _read(url))


def _read(url: str) -> Sequence[Recorded[Any]]:
    reader = LogReader(CODEC)
    with psycopg.connect(url) as connection:
        return list(reader.read(connection, after=0, until=reader.head(connection)))


@pytest.fixture(autouse=True)
def small_chunks_and_no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "CHUNK_LINES", CHUNK)
    monkeypatch.setattr(run, "FIRST_PAUSE_S", 0.0)


# --- Histories ------------------------------------------------------------------------------------------------------


def granted(person: str = "p1", **more: Any) -> dict[str, Any]:
    data = {
        "person_id": person,
        "provider_id": "provider",
        "jurisdiction": "be",
        "grant_number": 1,
        "notice_version": "2021",
        "session_id": "s",
        "acting_person_id": person,
        "mandate_id": "",
    }
    line = {"stream": f"consent-{person}.provider", "event": "consent.granted.v1", "data": data}
    return {**line, "effectiveAt": "2021-11-03T09:30:00Z", **more}


def written(history: Sequence[Any]) -> bytes:
    return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in history)


def many(number: int) -> list[dict[str, Any]]:
    """Events of as many streams as fit, with three versions each."""
    return [granted(f"p{n // 3}", version=n % 3 + 1, commandId=f"command-{n}") for n in range(number)]


async def take(
    log: EventStore, history: Sequence[Any] | bytes, refused: list[RefusedLine] | None = None
) -> ImportReport:
    source = io.BytesIO(history if isinstance(history, bytes) else written(history))

    def watch(record: ChunkImported, _report: ImportReport) -> None:
        if refused is not None:
            refused.extend(record.refused)

    return await import_events(Import(log, "history", lambda: NOW), Lines(source), watch)


def commands_of(recorded: Sequence[Recorded[Any]]) -> list[str]:
    return [each.context.command_id for each in recorded]


# --- What is imported -----------------------------------------------------------------------------------------------


async def test_events_are_appended_in_order_with_their_times_and_contexts(kept: Kept) -> None:
    said = granted(
        version=1,
        effectiveAt="2021-11-03T10:30:00.123456+01:00",
        actingId="acting",
        subjectId="subject",
        organisationId="organisation",
        mandateId="mandate",
        activity="why",
        commandId="command",
        correlationId="correlation",
        causationId="cause",
        trace=f"00-{'a' * 32}-{'b' * 16}-01",
    )
    report = await take(kept.log, [said, granted("p2"), granted("p1")])
    assert (report.lines, report.events, report.refused) == (3, 3, 0)
    first, second, third = kept.imported()
    assert [each.position for each in (first, second, third)] == [2, 3, 4]
    assert [(each.stream, each.version) for each in (first, second, third)] == [
        ("consent-p1.provider", 1),
        ("consent-p2.provider", 1),
        ("consent-p1.provider", 2),
    ]
    assert first.event == ConsentGranted(
        person_id="p1",
        provider_id="provider",
        jurisdiction=Jurisdiction.BE,
        grant_number=1,
        notice_version="2021",
        session_id="s",
        acting_person_id="p1",
        mandate_id="",
    )
    assert first.context == Context(
        acting_id="acting",
        subject_id="subject",
        organisation_id="organisation",
        mandate_id="mandate",
        activity="why",
        command_id="command",
        correlation_id="correlation",
        causation_id="cause",
        trace=f"00-{'a' * 32}-{'b' * 16}-01",
        effective_at=datetime(2021, 11, 3, 9, 30, 0, 123456, tzinfo=UTC),
    )


async def test_what_a_line_does_not_say_is_that_an_administrator_imported_it(kept: Kept) -> None:
    await take(kept.log, [granted()])
    (event,) = kept.imported()
    context = event.context
    assert (context.acting_id, context.activity, context.correlation_id) == ("administrator", "history-import", IMPORT)


async def test_events_are_kept_as_the_bytes_that_we_would_have_written(kept: Kept) -> None:
    plain = granted()
    turned = granted("p2", data=dict(reversed(granted("p2")["data"].items())))
    await take(kept.log, [plain, turned])
    assert [each.event.person_id for each in kept.imported()] == ["p1", "p2"]
    if isinstance(kept.log, MemoryLog):
        assert [list(json.loads(row.payload)) for row in kept.log.rows[1:]] == [list(plain["data"])] * 2


async def test_instants_inside_events_are_kept_in_utc(kept: Kept) -> None:
    event = replace(example(CODEC.classes["identity.key-registered.v1"]), valid_until=None)
    data = json.loads(CODEC.encode(event)[1]) | {"valid_until": "2027-01-01T01:00:00+01:00"}
    line = {"stream": "key-k1", "event": "identity.key-registered.v1", "data": data}
    await take(kept.log, [{**line, "effectiveAt": "2021-11-03T09:30:00Z"}])
    (imported,) = kept.imported()
    assert imported.event == replace(event, valid_until=datetime(2027, 1, 1, tzinfo=UTC))
    assert imported.event.valid_until.utcoffset() == timedelta(0)


async def test_an_event_without_a_version_comes_after_what_its_stream_holds(kept: Kept) -> None:
    await live(kept.log, "p1", at=0)
    report = await take(kept.log, [granted("p1"), granted("p1"), granted("p2")])
    assert (report.events, report.refused) == (3, 0)
    versions = [(each.stream, each.version) for each in kept.imported()]
    assert versions == [(f"consent-{person}.provider", n) for person, n in (("p1", 1), ("p1", 2), ("p1", 3), ("p2", 1))]


# --- What is refused ------------------------------------------------------------------------------------------------

WRONG: Mapping[str, tuple[str, Any]] = {
    "no JSON": ("malformed-line", b"{not json"),
    "nothing": ("malformed-line", b""),
    "no object": ("malformed-line", b"[1]"),
    "not UTF-8": ("malformed-line", b'{"stream":"\xff"}'),
    "a field too many": ("malformed-line", granted(position=7)),
    "an instant without an offset": ("malformed-line", granted(effectiveAt="2021-11-03T09:30:00")),
    "a year that cannot be right": ("malformed-line", granted(effectiveAt="0001-01-01T00:00:00+14:00")),
    "a version before the first": ("malformed-line", granted(version=0)),
    "a trace of no known form": ("malformed-line", granted(trace="00-1-2-3")),
    "a context that is too long": ("malformed-line", granted(subjectId="x" * 201)),
    "a character that cannot be kept": ("malformed-line", granted(subjectId="\0")),
    "a line that is too long": ("line-too-long", granted(subjectId="x" * lines.MAX_LINE_BYTES)),
    "an instant to come": ("instant-in-future", granted(effectiveAt="2026-01-01T00:00:01Z")),
    "an unknown event": ("unknown-event", granted(event="consent.granted.v9")),
    "an event of the machinery": ("unknown-event", granted(event="history.chunk-imported.v1", stream=IMPORT)),
    "an event of another kind of stream": ("malformed-stream", granted(stream="mailbox-p1")),
    "a stream without an id": ("malformed-stream", granted(stream="consent-")),
    "an id of three parts": ("malformed-stream", granted(stream="consent-a.b.c")),
    "an id with a line feed": ("malformed-stream", granted(stream="consent-a\n")),
    "a person's number as an id": ("personal-number-in-stream", granted(stream="consent-85073003328.provider")),
    "data that lack a field": ("malformed-data", granted(data={"person_id": "p1"})),
    "data with a field too many": ("malformed-data", granted(data={**granted()["data"], "name": "An"})),
    "data of a wrong type": ("malformed-data", granted(data={**granted()["data"], "grant_number": "85073003328"})),
    "data with an unknown word": ("malformed-data", granted(data={**granted()["data"], "jurisdiction": "An"})),
    "a version not yet due": ("stream-version-mismatch", granted(version=3)),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_line_is_refused_by_itself_and_nothing_of_it_is_repeated(kept: Kept, what: str) -> None:
    code, line = WRONG[what]
    refused: list[RefusedLine] = []
    report = await take(kept.log, [granted(version=1), line, granted("p2")], refused)
    assert [(each.line, each.code) for each in refused] == [(2, code)]
    assert (report.lines, report.events, report.refused) == (3, 2, 1)
    assert [each.context.command_id for each in kept.imported()] == ["", ""]
    for value in ("xxx", "85073003328", "An ", "An."):
        assert value not in refused[0].sentence


async def test_a_refusal_says_where_in_the_line_the_fault_is(kept: Kept) -> None:
    refused: list[RefusedLine] = []
    await take(kept.log, [granted(data={**granted()["data"], "grant_number": "1"}), granted(version="1")], refused)
    assert "$.grant_number" in refused[0].sentence
    assert "$.version" in refused[1].sentence


async def test_versions_that_others_have_written_since_are_refused(kept: Kept) -> None:
    await live(kept.log, "p1", at=0)
    refused: list[RefusedLine] = []
    history = [granted("p1", version=1), granted("p1", version=2), granted("p2", version=1), granted("p1", version=4)]
    report = await take(kept.log, history, refused)
    assert [(each.line, each.code) for each in refused] == [
        (1, "stream-version-mismatch"),
        (4, "stream-version-mismatch"),
    ]
    assert report.events == 2


async def live(log: EventStore, person: str, at: int) -> Outcome:
    """Append an event as the platform does in its daily work."""
    event = CODEC.decode("consent.granted.v1", json.dumps(granted(person)["data"]).encode())
    stream = f"consent-{person}.provider"
    context = Context(acting_id="somebody", effective_at=NOW)
    (outcome,) = await log.append([Append(stream=stream, events=[event], expected={stream: at}, context=context)])
    return outcome


# --- Claims ---------------------------------------------------------------------------------------------------------


def claiming(person: str, value: str, **more: Any) -> dict[str, Any]:
    return granted(person, claims=[{"kind": "label", "value": value, **more}])


async def test_a_value_is_claimed_once_until_it_is_released(kept: Kept) -> None:
    refused: list[RefusedLine] = []
    history = [claiming("p1", "x"), claiming("p2", "x"), claiming("p1", "x"), claiming("p3", "y")]
    await take(kept.log, history, refused)
    assert [(each.line, each.code) for each in refused] == [(2, "label-taken")]
    assert await kept.log.holder(Claim("label", "x")) == "consent-p1.provider"
    assert await kept.log.holder(Claim("label", "y")) == "consent-p3.provider"


async def test_a_value_that_is_released_can_be_claimed_by_another(kept: Kept) -> None:
    refused: list[RefusedLine] = []
    history = [claiming("p1", "x"), claiming("p2", "x", release=True), claiming("p2", "x")]
    history += [claiming("p1", "x", release=True), claiming("p2", "x")]
    await take(kept.log, history, refused)
    assert [each.line for each in refused] == [3]
    assert await kept.log.holder(Claim("label", "x")) == "consent-p2.provider"


async def test_a_value_that_somebody_holds_in_the_log_is_refused_and_one_s_own_is_not(kept: Kept) -> None:
    await take(kept.log, [claiming("p1", "x")])
    refused: list[RefusedLine] = []
    more = [claiming("p1", "x"), claiming("p2", "x"), claiming("p1", "x"), claiming("p2", "z", release=True)]
    report = await take(kept.log, more, refused)
    assert [each.line for each in refused] == [2]
    assert report.events == 3


# --- Once and no more -----------------------------------------------------------------------------------------------


async def test_a_repeated_import_does_nothing_and_tells_the_same(kept: Kept) -> None:
    history = [*many(25), b"wrong", *many(3)]
    refused, refused_again = list[RefusedLine](), list[RefusedLine]()
    first = await take(kept.log, history, refused)
    held = kept.recorded()
    again = await take(kept.log, history, refused_again)
    assert kept.recorded() == held
    assert refused_again == refused
    assert again == replace(first, skipped_lines=29, seconds=again.seconds)
    assert (first.lines, first.events, first.refused) == (29, 25, 4)


class Flaky:
    """A log whose answers get lost from time to time: before anything was written, or after."""

    def __init__(self, log: MemoryLog | PostgresLog, lost: Mapping[int, str]) -> None:
        self.log = log
        self.lost = lost
        self.appends = 0

    async def append(self, appends: Sequence[Append]) -> Sequence[Outcome]:
        self.appends += 1
        if (lost := self.lost.get(self.appends)) == "killed":
            raise KilledError
        if lost == "before":
            raise LogUnavailableError(lost)
        outcomes = await self.log.append(appends)
        if lost == "after":
            raise LogUnavailableError(lost)
        if lost == "killed after":
            raise KilledError
        return outcomes

    async def read(self, streams: Sequence[str]) -> Mapping[str, StreamEvents]:
        return await self.log.read(streams)

    async def read_prefixes(self, prefixes: Sequence[str]) -> Mapping[str, Mapping[str, StreamEvents]]:
        return await self.log.read_prefixes(prefixes)

    async def receipts(self, keys: Sequence[Idempotency]) -> Mapping[Idempotency, Receipt | OtherContent]:
        return await self.log.receipts(keys)

    async def holder(self, claim: Claim) -> str | None:
        return await self.log.holder(claim)

    async def log_id(self) -> str:
        return await self.log.log_id()


class KilledError(Exception):
    """The end of the process that imports."""


@pytest.mark.parametrize("at", range(1, 6))
@pytest.mark.parametrize("lost", ["before", "after"])
async def test_a_lost_answer_is_found_out_and_nothing_is_lost_or_doubled(kept: Kept, lost: str, at: int) -> None:
    report = await take(Flaky(kept.log, {at: lost}), many(45))
    assert (report.lines, report.events, report.refused) == (45, 45, 0)
    assert commands_of(kept.imported()) == [f"command-{n}" for n in range(45)]


@pytest.mark.parametrize("at", range(1, 6))
@pytest.mark.parametrize("killed", ["killed", "killed after"])
async def test_a_killed_import_goes_on_where_it_was(kept: Kept, killed: str, at: int) -> None:
    history = [*many(44), granted("p0", version=7)]
    with pytest.raises(KilledError):
        await take(Flaky(kept.log, {at: killed}), history)
    report = await take(kept.log, history)
    assert (report.lines, report.events, report.refused) == (45, 44, 1)
    assert report.skipped_lines >= (at - 1) * CHUNK
    assert commands_of(kept.imported()) == [f"command-{n}" for n in range(44)]


async def test_an_import_gives_up_on_a_log_that_stays_away(kept: Kept) -> None:
    with pytest.raises(ImportStoppedError):
        await take(Flaky(kept.log, dict.fromkeys(range(2, 50), "before")), many(45))
    assert len(kept.imported()) == CHUNK
    assert (await take(kept.log, many(45))).events == 45


async def test_two_imports_of_one_history_at_once_import_it_once(kept: Kept) -> None:
    history = [*many(80), b"wrong", *many(5)]
    first, second = await asyncio.gather(take(kept.log, history), take(kept.log, history))
    assert (first.lines, first.events, first.refused) == (second.lines, second.events, second.refused) == (86, 80, 6)
    assert commands_of(kept.imported()) == [f"command-{n}" for n in range(80)]


async def test_two_processes_that_import_one_history_import_it_once(database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as one, PostgresLog(database_url, CODEC, b"key") as other:
        first, second = await asyncio.gather(take(one, many(200)), take(other, many(200)))
    assert (first.events, second.events) == (200, 200)
    recorded = _read(database_url)
    assert [each.position for each in recorded] == list(range(1, 221))
    imported = [each for each in recorded if not isinstance(each.event, ChunkImported)]
    assert commands_of(imported) == [f"command-{n}" for n in range(200)]


async def test_what_others_write_meanwhile_stays_and_is_reckoned_with(kept: Kept) -> None:
    history = [granted("busy" if n % 9 == 8 else f"p{n}", commandId=f"command-{n}") for n in range(60)]
    report, _ = await asyncio.gather(take(kept.log, history), daily_work(kept.log, "busy", events=8))
    assert (report.events, report.refused) == (60, 0)
    found = [each for each in kept.imported() if each.context.acting_id == "administrator"]
    assert commands_of(found) == [f"command-{n}" for n in range(60)]
    busy = [each.version for each in kept.imported() if each.stream == "consent-busy.provider"]
    assert busy == list(range(1, 6 + 8 + 1))


async def daily_work(log: EventStore, person: str, events: int) -> None:
    """Append events one by one; a lost race is tried again on what the stream holds then."""
    done = 0
    for _ in range(100 * events):
        version = (await log.read([f"consent-{person}.provider"]))[f"consent-{person}.provider"].version
        done += isinstance(await live(log, person, at=version), Receipt)
        await asyncio.sleep(0)
        if done == events:
            return
    raise AssertionError("an import lets nobody else come in between")


# --- The same history -----------------------------------------------------------------------------------------------


async def test_a_changed_history_is_refused_and_nothing_more_is_imported(kept: Kept) -> None:
    await take(kept.log, many(25))
    held = kept.recorded()
    for changed in (many(25)[::-1] + many(5), [*many(12), *many(12), granted()], many(19)):
        with pytest.raises(OtherHistoryError):
            await take(kept.log, changed)
    assert kept.recorded() == held


async def test_a_history_that_has_grown_goes_on(kept: Kept) -> None:
    await take(kept.log, written(many(25)).removesuffix(b"\n"))
    report = await take(kept.log, many(45))
    assert (report.skipped_lines, report.lines, report.events) == (25, 45, 45)
    assert commands_of(kept.imported()) == [f"command-{n}" for n in range(45)]


async def test_the_log_says_which_lines_were_imported_and_what_they_were(kept: Kept) -> None:
    await take(kept.log, many(15))
    records = [each for each in kept.recorded() if isinstance(each.event, ChunkImported)]
    assert [(each.stream, each.position) for each in records] == [(IMPORT, 1), (IMPORT, 12)]
    sha256 = hashlib.sha256(written(many(15)[10:])).hexdigest()
    assert records[1].event == ChunkImported(first_line=11, last_line=15, sha256=sha256, events=5, refused=())


# --- Lines and names ------------------------------------------------------------------------------------------------


def test_lines_that_are_too_long_are_not_kept_and_the_next_one_is_read() -> None:
    long = b"x" * (3 * lines.MAX_LINE_BYTES)
    chunk = Lines(io.BytesIO(b"a\n" + long + b"\nb\n")).next()
    assert chunk is not None
    assert chunk.lines == [b"a", None, b"b"]
    assert chunk.sha256 == hashlib.sha256(b"a\n" + long + b"\nb\n").hexdigest()
    assert chunk.bytes_done == len(long) + 5


@pytest.mark.parametrize("beyond", [-1, 0, 1, 2])
def test_a_line_may_have_so_many_bytes_and_not_one_more(beyond: int) -> None:
    line = b"x" * (lines.MAX_LINE_BYTES + beyond)
    for content in (line, line + b"\n", line + b"\nb"):
        chunk = Lines(io.BytesIO(content)).next()
        assert chunk is not None
        assert chunk.lines[0] == (line if beyond <= 0 else None)
        assert chunk.lines[1:] == ([b"b"] if content.endswith(b"b") else [])
        assert chunk.bytes_done == len(content)


def test_a_chunk_of_long_lines_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "CHUNK_BYTES", 6)
    reader = Lines(io.BytesIO(b"aaa\nbbb\nccc\n"))
    assert [chunk.lines for chunk in iter(reader.next, None)] == [[b"aaa", b"bbb"], [b"ccc"]]


def test_looking_at_the_first_line_reads_nothing() -> None:
    reader = Lines(io.BytesIO(b"a\nb\n"))
    assert reader.first() == b"a\n"
    chunk = reader.next()
    assert chunk is not None
    assert (chunk.first_line, chunk.lines, chunk.bytes_done) == (1, [b"a", b"b"], 4)


def test_the_name_of_an_import_is_that_of_its_file() -> None:
    names = ["history.ndjson", "my history (2).jsonl", "consents_2014.json", "été", "...", f"{'x' * 99}"]
    assert [import_id_of(name) for name in names] == ["history", "my-history-2", "consents_2014", "t", "", "x" * 80]
