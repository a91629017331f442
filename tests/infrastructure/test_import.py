"""Histories of decided events: one suite for the log in PostgreSQL and its twin in memory."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from application.ports import Append, EventStore, Outcome, Receipt
from domain.consent import ConsentGranted
from domain.identity.key import KeyRegistered
from domain.identity.values import Means
from domain.kernel import Claim, Context, Jurisdiction, LevelOfAssurance, Recorded
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.import_history import import_events, lines
from infrastructure.import_history.lines import Lines
from infrastructure.import_history.record import Import, import_id_of
from infrastructure.import_history.run import ImportReport, ImportStoppedError, OtherHistoryError
from infrastructure.sealing import owners
from infrastructure.system_events import ChunkImported, RefusedLine
from tests.infrastructure.importing import CODEC, Flaky, Kept, KilledError, kept_log, read_all  # noqa: F401 - a fixture
from tests.memory_keys import MemoryKeys
from tests.memory_log import MemoryLog

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHUNK = 10
IMPORT = "import-history"


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

    small = Lines(source, chunk_lines=CHUNK)
    return await import_events(Import(log, "history", lambda: NOW), small, watch, first_pause_s=0.0)


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
    report = await take(kept.log, [said, granted("p2"), granted("p1", effectiveAt="2021-11-03T09:30:00.123456Z")])
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
    event = KeyRegistered(
        key_id="k1",
        person_id="p1",
        provider_id="provider",
        means=Means.EID,
        level=LevelOfAssurance.HIGH,
        jurisdiction=Jurisdiction.BE,
        valid_until=None,
    )
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
    "an event that names another person": ("malformed-stream", granted(stream="consent-p2.provider")),
    "a person's number as an id": ("personal-number-in-stream", granted(stream="consent-85073003328.provider")),
    "data that lack a field": ("malformed-data", granted(data={"person_id": "p1"})),
    "data with a field too many": ("malformed-data", granted(data={**granted()["data"], "name": "Anneke"})),
    "data of a wrong type": ("malformed-data", granted(data={**granted()["data"], "grant_number": "85073003328"})),
    "data with an unknown word": ("malformed-data", granted(data={**granted()["data"], "jurisdiction": "Anneke"})),
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
    for value in ("xxx", "85073003328", "Anneke"):
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
    context = Context(acting_id="somebody", effective_at=datetime(2021, 11, 3, 9, 30, tzinfo=UTC))
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


# --- What no door would take ----------------------------------------------------------------------------------------

SHA256 = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
PARTIES = {"jurisdiction": "be", "source_id": "town", "target_id": "register", "service_family": "person"}
ACCEPTED = {
    **PARTIES,
    "source_reference": "case-1",
    "service": "person.address.get",
    "request_sha256": SHA256,
    "request_size_bytes": 2_048,
    "activity": "social housing allocation",
    "legal_basis": "decree of 15 July 1997, article 95",
    "timeout_s": 86_400,
    "times_out_at": "2021-11-04T09:30:00Z",
}
SENT = {
    "mailbox_id": "ann",
    "owner_kind": "person",
    "jurisdiction": "be",
    "sender_id": "town",
    "sender_type": "municipality",
    "outside_government": False,
    "double_channel_until": None,
    "sender_time_zone": "Europe/Brussels",
    "message_type": "tax_assessment",
    "subject": "Uw aanslagbiljet",
    "contents": [{"media_type": "application/pdf", "size_bytes": 1, "sha256": SHA256, "main": True}],
    "payment": {"amount_cents": 12_345, "currency": "EUR", "reference": "090933755493"},
    "requires_payment": True,
    "notification_only": False,
    "reply_allowed": False,
    "in_reply_to": "",
    "on_behalf_of": "",
    "expires_at": None,
    "channel": "paper",
    "reason": "no_digital_user",
    "provider_ids": [],
    "consents": [],
}
INVOICE = {"jurisdiction": "be", "buyer_id": "town", "supplier_scheme": "0208", "supplier_number": "0203201340"}
RECEIVED = {
    **INVOICE,
    "received_from": "access-point",
    "kind": "invoice",
    "number": "F-7",
    "issue_date": "2021-11-03",
    "due_date": None,
    "payable_cents": 12_100,
    "currency": "EUR",
    "document_sha256": SHA256,
    "media_type": "application/xml",
    "response_due_on": "2021-11-08",
}
PERSON = {"person_id": "ann", "jurisdiction": "be", "route": "national_register", "registrar_id": "platform"}
REGISTERED = {
    "organisation_id": "town",
    "names": {"nl": "Stad", "fr": "", "de": "", "en": ""},
    "organisation_type": "municipality",
    "level": "local",
    "enterprise_number": "0203201340",
    "jurisdiction": "be",
    "outside_government": False,
}
EVENTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "bus.transaction-accepted.v1": ("transaction-t", ACCEPTED),
    "bus.transaction-forwarded.v1": ("transaction-t", {**PARTIES, "attempt": 1}),
    "bus.transaction-faulted.v1": ("transaction-t", {**PARTIES, "origin": "target", "fault_code": "none-found"}),
    "mailbox.message-sent.v1": ("message-m", SENT),
    "invoicing.invoice-received.v1": ("invoice-i", RECEIVED),
    "identity.person-registered.v1": ("person-ann", PERSON),
    "organisations.organisation-registered.v1": ("organisation-town", REGISTERED),
    "consent.granted.v1": ("consent-p1.provider", granted()["data"]),
}


def event_line(name: str, change: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    stream, data = EVENTS[name]
    line = {"stream": stream, "event": name, "data": {**data, **change}, "effectiveAt": "2021-11-03T09:30:00Z"}
    return {**line, **more}


BUS, LETTER, BILL = "bus.transaction-accepted.v1", "mailbox.message-sent.v1", "invoicing.invoice-received.v1"
WHO, TOWN = "identity.person-registered.v1", "organisations.organisation-registered.v1"
PAYMENT, ATTACHMENT = dict(SENT["payment"]), dict(SENT["contents"][0])  # type: ignore[call-overload, index]
NAMES = dict(REGISTERED["names"])  # type: ignore[call-overload]
NO_DOOR_TAKES: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    (BUS, {"service_family": "x" * 9_000}, "malformed-data", "$.service_family"),
    (BUS, {"source_id": "town hall"}, "malformed-data", "$.source_id"),
    (BUS, {"source_reference": "a b"}, "invalid-source-reference", "$.source_reference"),
    (BUS, {"request_sha256": "short"}, "invalid-digest", "$.request_sha256"),
    (BUS, {"request_size_bytes": 2**31}, "invalid-size", "$.request_size_bytes"),
    (BUS, {"request_size_bytes": -1}, "invalid-size", "$.request_size_bytes"),
    (BUS, {"timeout_s": 10**12}, "invalid-timeout", "$.timeout_s"),
    (BUS, {"activity": "\u200b"}, "processing-activity-missing", "$.activity"),
    (BUS, {"legal_basis": "x" * 401}, "legal-basis-missing", "$.legal_basis"),
    (BUS, {"legal_basis": "law\u202e"}, "hidden-character", "$.legal_basis"),
    (BUS, {"legal_basis": "law\u0007"}, "malformed-data", "$.legal_basis"),
    (BUS, {"times_out_at": "9999-12-31T23:59:59Z"}, "malformed-data", "$.times_out_at"),
    (BUS, {"times_out_at": "2021-11-04 09:30:00Z"}, "malformed-data", ""),
    (BUS, {"timeout_s": 86_400.0}, "malformed-data", ""),
    ("bus.transaction-forwarded.v1", {"attempt": 11}, "number-out-of-range", "$.attempt"),
    ("bus.transaction-faulted.v1", {"fault_code": "no such person"}, "invalid-fault-code", "$.fault_code"),
    ("consent.granted.v1", {"grant_number": 2**40}, "number-out-of-range", "$.grant_number"),
    ("consent.granted.v1", {"grant_number": 0}, "number-out-of-range", "$.grant_number"),
    ("consent.granted.v1", {"notice_version": "v" * 81}, "notice-version-missing", "$.notice_version"),
    (LETTER, {"subject": "x" * 401}, "subject-too-long", "$.subject"),
    (LETTER, {"sender_type": "a b"}, "malformed-data", "$.sender_type"),
    (LETTER, {"contents": []}, "not-one-main-content", "$.contents"),
    (LETTER, {"contents": [ATTACHMENT] * 7}, "too-many-attachments", "$.contents"),
    (LETTER, {"contents": [ATTACHMENT | {"size_bytes": 0}]}, "empty-attachment", "$.contents[0].size_bytes"),
    (LETTER, {"payment": PAYMENT | {"currency": "ZZZ"}}, "invalid-currency", "$.payment.currency"),
    (LETTER, {"payment": PAYMENT | {"reference": "000000000198"}}, "invalid-payment-reference", "$.payment.reference"),
    (LETTER, {"payment": PAYMENT | {"amount_cents": 0}}, "invalid-amount", "$.payment.amount_cents"),
    (LETTER, {"provider_ids": ["p"] * 201}, "too-many-items", "$.provider_ids"),
    (BILL, {"supplier_number": "0203201341"}, "invalid-check-digits", ""),
    (BILL, {"supplier_scheme": "0106"}, "invalid-supplier-number", ""),
    (BILL, {"supplier_scheme": "9956"}, "malformed-data", "$.supplier_scheme"),
    (BILL, {"number": "F\n7"}, "hidden-character", "$.number"),
    (BILL, {"payable_cents": 10**16}, "invalid-amount", "$.payable_cents"),
    (BILL, {"currency": "BEF"}, "invalid-currency", "$.currency"),
    (BILL, {"issue_date": "0001-01-01"}, "malformed-data", "$.issue_date"),
    (WHO, {"number": "85051700049"}, "impossible-national-number", ""),
    (WHO, {"number": "85051700149"}, "invalid-check-digits", ""),
    (WHO, {"number": "111222333"}, "wrong-national-number", ""),
    (WHO, {"number": "22010100179"}, "impossible-national-number", ""),
    (WHO, {"member_state": "zz", "number": "ZZ/BE/1"}, "not-another-member-state", "$.member_state"),
    (TOWN, {"names": NAMES | {"nl": ""}}, "name-missing", "$.names"),
    (TOWN, {"names": NAMES | {"fr": "Ville\u200b"}}, "hidden-character", "$.names.fr"),
    (TOWN, {"enterprise_number": "12345678"}, "wrong-enterprise-number", ""),
)


@pytest.mark.parametrize("name", EVENTS)
async def test_an_event_as_a_door_would_have_led_to_it_is_imported(name: str) -> None:
    report = await take(MemoryLog(CODEC), [event_line(name, {})])
    assert (report.events, report.refused) == (1, 0)


@pytest.mark.parametrize(("name", "change", "code", "place"), NO_DOOR_TAKES, ids=lambda it: ascii(it)[:60])
async def test_an_event_that_no_door_would_have_led_to_is_refused(
    name: str, change: dict[str, Any], code: str, place: str
) -> None:
    refused: list[RefusedLine] = []
    log = MemoryLog(CODEC)
    report = await take(log, [event_line(name, change), granted()], refused)
    assert (report.events, [each.code for each in refused]) == (1, [code])
    assert place in refused[0].sentence


async def test_an_event_of_somebody_who_was_erased_is_refused_and_nothing_else() -> None:
    keys = MemoryKeys()
    log = MemoryLog(CODEC, keys=keys)
    letter = event_line(LETTER, {})
    await keys.destroy(owners([CODEC.decode(LETTER, json.dumps(letter["data"]).encode())]))
    history = [*many(12), letter, *many(14)[12:]]
    refused: list[RefusedLine] = []
    report = await take(log, history, refused)
    assert (report.lines, report.events) == (15, 14)
    assert [(each.line, each.code) for each in refused] == [(13, "person-erased")]
    again: list[RefusedLine] = []
    await take(log, history, again)
    assert again == refused


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ([{"kind": "national-number", "value": "85051700049"}], "impossible-national-number"),
        ([{"kind": "national-number", "value": "85.05.17-001.48"}], "invalid-check-digits"),
        ([{"kind": "enterprise-number", "value": "0203201341"}], "invalid-check-digits"),
    ],
)
async def test_a_claim_is_a_number_that_somebody_can_have(claims: list[dict[str, Any]], code: str) -> None:
    refused: list[RefusedLine] = []
    await take(MemoryLog(CODEC), [event_line(WHO, {}, claims=claims)], refused)
    assert [each.code for each in refused] == [code]


CONTEXTS: tuple[dict[str, Any], ...] = (
    {"actingId": "\u00e9"},
    {"actingId": ""},
    {"actingId": "two words"},
    {"subjectId": "a.b"},
    {"organisationId": "town hall"},
    {"mandateId": "-m"},
    {"activity": "7 lives"},
    {"correlationId": "x" * 201},
    {"causationId": "a\u200bb"},
    *({name: "85051700148"} for name in ("actingId", "subjectId", "mandateId", "commandId", "correlationId")),
    {"trace": f"00-{'0' * 32}-{'b' * 16}-01"},
    {"effectiveAt": 1_700_000_000},
    {"effectiveAt": "2021-11-03 09:30:00Z"},
    {"effectiveAt": "20211103T093000Z"},
)


@pytest.mark.parametrize("context", CONTEXTS, ids=str)
async def test_what_stands_beside_an_event_is_written_as_at_the_doors(context: dict[str, Any]) -> None:
    refused: list[RefusedLine] = []
    await take(MemoryLog(CODEC), [granted(**context)], refused)
    assert [each.code for each in refused] == ["malformed-line"]


def test_whoever_acted_through_a_supplier_is_named_with_it() -> None:
    report = asyncio.run(take(MemoryLog(CODEC), [granted(actingId="official-7 via software-house")]))
    assert report.events == 1


async def test_a_digest_in_hexadecimal_digits_is_kept_in_base64url() -> None:
    log = MemoryLog(CODEC)
    hexadecimal = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    await take(log, [event_line(BUS, {"request_sha256": hexadecimal})])
    assert [row.event.request_sha256 for row in log.recorded() if not isinstance(row.event, ChunkImported)] == [SHA256]


# --- What is said twice, and byte order marks -----------------------------------------------------------------------

LINE = json.dumps(granted())
TWICE = (
    LINE.replace('"event":', '"stream": "consent-p9.provider", "event":'),
    LINE.replace('"event":', '"stream" : "consent-p9.provider", "event":'),
    LINE.replace('"grant_number": 1', '"grant_number": 1, "grant_number": 2'),
    LINE.replace('"grant_number": 1', '"grant_number" : 1, "grant_number" :2'),
    LINE.replace('"grant_number": 1', '"grant_number": 1, "\\u0067rant_number": 1'),
    json.dumps(granted(claims=[{"kind": "label", "value": "x"}])).replace('"value":', '"kind": "label", "value":'),
    json.dumps(granted(), separators=(",", ":")).replace('"grant_number":1', '"grant_number":1,"grant_number":1'),
)


@pytest.mark.parametrize("line", TWICE)
async def test_a_line_that_says_a_field_twice_is_refused(line: str) -> None:
    refused: list[RefusedLine] = []
    report = await take(MemoryLog(CODEC), [line.encode(), granted("p2")], refused)
    assert (report.events, [each.code for each in refused]) == (1, ["said-twice"])


@pytest.mark.parametrize("spaced", [str, lambda line: line.replace('":', '" : ')], ids=["tight", "spaced"])
async def test_colons_and_quotes_in_texts_say_nothing_twice(spaced: Callable[[str], str]) -> None:
    line = json.dumps(event_line(TOWN, {"names": {"nl": 'a":b "": c\\', "fr": '" :', "de": "", "en": ""}}))
    log = MemoryLog(CODEC)
    assert (await take(log, [spaced(line).encode()])).events == 1


async def test_a_byte_order_mark_is_told_as_what_it_is() -> None:
    refused: list[RefusedLine] = []
    await take(MemoryLog(CODEC), [b"\xef\xbb\xbf" + LINE.encode()], refused)
    assert [each.code for each in refused] == ["byte-order-mark"]


# --- The order of instants ------------------------------------------------------------------------------------------


async def test_the_instants_of_a_stream_do_not_run_backwards(kept: Kept) -> None:
    refused: list[RefusedLine] = []
    at = ("2021-11-03T09:30:00Z", "2021-11-03T09:30:00Z", "2021-11-03T10:29:59+01:00", "2021-11-03T09:30:00.000001Z")
    report = await take(kept.log, [granted(effectiveAt=instant) for instant in at], refused)
    assert (report.events, [(each.line, each.code) for each in refused]) == (3, [(3, "instant-runs-backwards")])


@pytest.mark.parametrize("version", [None, 2])
@pytest.mark.parametrize("gone", [(), (2,)], ids=["there", "gone"])
async def test_nor_do_they_run_back_before_what_the_log_holds(
    kept: Kept, version: int | None, gone: tuple[int, ...]
) -> None:
    await live(kept.log, "p1", at=0)
    refused: list[RefusedLine] = []
    early = granted("p1", effectiveAt="2021-11-03T09:29:59Z", version=version)
    late = granted("p1", effectiveAt="2021-11-03T09:30:00Z", version=version)
    log = Flaky(kept.log, dict.fromkeys(gone, "before"))
    report = await take(log, [early, granted("p2"), late], refused)
    assert (report.events, [(each.line, each.code) for each in refused]) == (2, [(1, "instant-runs-backwards")])


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
    recorded = read_all(database_url)
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


def test_a_chunk_of_long_lines_ends_early() -> None:
    reader = Lines(io.BytesIO(b"aaa\nbbb\nccc\n"), chunk_bytes=6)
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
