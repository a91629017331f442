"""One reader for each kind of value at every door over HTTP: what one door refuses, every other refuses too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response

from application.ports import Role
from tests.api.world import SHA256_BASE64URL, SHA256_HEX, Request, World, must_be_refused, problem_code
from tests.api.world.wrong_bodies import with_value
from tests.check_digits import national_number

JSON = {"Content-Type": "application/json"}


def in_bulk(world: World, example: Request, body: Any, **more: Any) -> Mapping[str, Any]:
    """Send the example with another body as a line; return the answer to it."""
    ids = {_camel(name): value for name, value in example.ids.items()}
    line = {"command": example.intent, "idempotencyKey": str(uuid4()), "ids": ids, "body": body} | more
    if example.if_match is not None:
        line = {"ifMatch": example.if_match} | line
    return send_line(world, example, json.dumps(line).encode())


def send_line(world: World, example: Request, line: bytes) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = world.caller(example.role, example.organisation).sends_lines([line]).json()
    return answer


def code_in(answer: Mapping[str, Any]) -> str:
    return str(answer["problem"]["type"]).rpartition(":")[2] if "problem" in answer else ""


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


# --- Values of commands ---------------------------------------------------------------------------------------------

RLO, ZERO_WIDTH = "Stad \u202eneg\u202c", "\u200b"
VALUES: tuple[tuple[str, tuple[str | int, ...], Any, str], ...] = (
    ("accept-transaction", ("legalBasis",), ZERO_WIDTH, "legal-basis-missing"),
    ("accept-transaction", ("legalBasis",), "law\nof 2019", "hidden-character"),
    ("accept-transaction", ("activity",), "\ufe0f\u200d", "processing-activity-missing"),
    ("accept-transaction", ("activity",), "a\u2028b", "hidden-character"),
    ("accept-transaction", ("requestSha256",), SHA256_BASE64URL[:-1] + "V", "invalid-digest"),
    ("register-organisation", ("names", "nl"), RLO, "hidden-character"),
    ("register-organisation", ("names", "fr"), "a\u200bb", "hidden-character"),
    ("register-organisation", ("names", "nl"), "\u3164", "name-missing"),
    ("register-organisation", ("enterpriseNumber",), "0000009700", "invalid-check-digits"),
    ("register-organisation", ("enterpriseNumber",), "0000000198", "invalid-check-digits"),
    ("rename-organisation", ("names", "en"), "A\u2066B\u2069", "hidden-character"),
    ("register-service", ("names", "nl"), "Lo\u00adket", "hidden-character"),
    ("register-service-family", ("names", "nl"), "\u2800", "name-missing"),
    ("grant-recognition", ("checkedBy",), "\u200e", "decision-missing"),
    ("grant-recognition", ("conditionsVersion",), "v" * 201, "decision-missing"),
    ("suspend-recognition", ("reason",), "\u202e", "reason-missing"),
    ("suspend-recognition", ("reason",), "because \u202e", "hidden-character"),
    ("confirm-mandate", ("ground",), "x" * 401, "ground-missing"),
    ("confirm-mandate", ("ground",), "\u2060", "ground-missing"),
    ("suppress-accesses", ("ground",), "\ufeff", "suppression-ground-missing"),
    ("pause-projection", ("why",), "\u200b\n", "reason-missing"),
    ("show-impact-notice", ("noticeVersion",), "2026\t01", "hidden-character"),
    ("show-impact-notice", ("language",), "xx", "unknown-language"),
    ("show-impact-notice", ("noticeSha256",), SHA256_HEX[:-1], "invalid-digest"),
    ("send-message", ("subject",), "\u200c\u200d", "subject-missing"),
    ("send-message", ("subject",), "Uw\r\nBcc: aanslag", "hidden-character"),
    ("send-message", ("subject",), "x" * 401, "subject-too-long"),
    ("send-message", ("payment", "currency"), "ZZZ", "invalid-currency"),
    ("send-message", ("payment", "reference"), "000000000198", "invalid-payment-reference"),
    ("send-message", ("payment", "reference"), "000000000000", "invalid-payment-reference"),
    ("send-message", ("payment", "reference"), "RF01" + "0" * 20, "invalid-payment-reference"),
    ("send-message", ("contents", 0, "sha256"), "a" * 43, "invalid-digest"),
    ("receive-invoice", ("currency",), "ZZZ", "invalid-currency"),
    ("receive-invoice", ("currency",), "BEF", "invalid-currency"),
    ("receive-invoice", ("sellerContact",), "Ann\u202eAdams", "hidden-character"),
    ("receive-invoice", ("number",), "Fac\u200b7", "hidden-character"),
    ("receive-invoice", ("supplierNumber",), "0203201341", "invalid-check-digits"),
    ("respond-to-invoice", ("clarificationSha256",), "short", "invalid-digest"),
    ("register-person-from-national-register", ("nationalNumber",), "85051700049", "impossible-national-number"),
    ("register-person-from-national-register", ("nationalNumber",), "85023100192", "impossible-national-number"),
    ("register-person-by-registration-authority", ("nationalNumber",), "85451799909", "impossible-national-number"),
    ("register-person-by-eidas", ("eidasIdentifier",), "ZZ/BE/1", "invalid-eidas-identifier"),
    ("register-person-by-eidas", ("memberState",), "zz", "not-another-member-state"),
    ("record-notification", ("code",), "bounced to ann@example.org", "invalid-failure-code"),
    ("place-legal-hold", ("reference",), "file 7", "invalid-reference"),
)


@pytest.mark.parametrize(("intent", "path", "value", "code"), VALUES, ids=lambda it: ascii(it)[:40])
@pytest.mark.usefixtures("nothing_changes")
def test_a_value_that_is_not_of_its_kind_is_refused_at_the_single_and_at_the_bulk_door(
    world: World, example: Request, path: tuple[str | int, ...], value: Any, code: str
) -> None:
    body = with_value(example.body, path, value)
    answer = world.sends(example, body=body)
    must_be_refused(answer, 422, code)
    assert code_in(in_bulk(world, example, body)) == code


@pytest.mark.usefixtures("nothing_changes")
def test_a_refused_value_is_told_with_its_place(world: World, example_of: dict[str, Request]) -> None:
    example = example_of["send-message"]
    answer = world.sends(example, body=with_value(example.body, ("contents", 0, "sha256"), "x"))
    (issue,) = answer.json()["issues"]
    assert (issue["location"], issue["code"]) == ("/contents/0/sha256", "invalid-digest")


def test_people_write_their_own_languages(world: World, example_of: dict[str, Request]) -> None:
    names = {"nl": "Gent 👩\u200d💻", "fr": "می\u200cخواهم", "de": "क्\u200dष", "en": "Cafe\u0301 – 5 €"}  # noqa: RUF001
    body = {**example_of["register-service"].body, "names": names}
    assert world.sends(example_of["register-service"], body=body).is_success


def test_a_supplier_is_named_in_any_scheme_in_use(world: World) -> None:
    for scheme, number in (("9930", "DE123456788"), ("0088", "5412345000013"), ("0192", "991825827")):
        body = world.invoice(supplierScheme=scheme, supplierNumber=number)
        world.does("receive-invoice", "sender", **body)


@pytest.mark.usefixtures("nothing_changes")
def test_a_supplier_is_named_in_no_other_scheme(world: World) -> None:
    for scheme, number, status in (("9956", "0203201340", 400), ("1234", "1", 400), ("9930", "FR123456788", 422)):
        body = world.invoice(supplierScheme=scheme, supplierNumber=number)
        request = Request(intent="receive-invoice", organisation="sender", body=body)
        assert world.sends(request).status_code == status, scheme


def test_a_digest_in_hexadecimal_digits_is_kept_in_base64url(world: World, example_of: dict[str, Request]) -> None:
    example, headers = example_of["show-impact-notice"], {"Idempotency-Key": str(uuid4())}
    first = world.sends(example, body={**example.body, "noticeSha256": SHA256_HEX}, headers=headers)
    again = world.sends(example, body={**example.body, "noticeSha256": SHA256_BASE64URL}, headers=headers)
    assert first.is_success, first.text
    assert again.json() == first.json(), "the same digest is the same request"


# --- JSON -----------------------------------------------------------------------------------------------------------


def twice(body: Mapping[str, Any]) -> bytes:
    """Write a body with its first field said twice."""
    name, value = next(iter(body.items()))
    return f"{json.dumps(body)[:-1]}, {json.dumps(name)} : {json.dumps(value)}}}".encode()


@pytest.mark.parametrize("intent", ["register-organisation", "send-message", "activate-key"])
@pytest.mark.usefixtures("nothing_changes")
def test_a_body_that_says_a_field_twice_is_refused(world: World, example: Request) -> None:
    must_be_refused(world.sends(example, content=twice(example.body)), 400, "said-twice")
    line = {"command": example.intent, "idempotencyKey": str(uuid4()), "body": example.body}
    said = json.dumps(line)
    assert code_in(send_line(world, example, twice(line))) == "said-twice"
    assert code_in(send_line(world, example, said.replace('"body": {', '"body": {"x": 1, "x": 1, ', 1).encode())) == (
        "said-twice"
    )


@pytest.mark.usefixtures("nothing_changes")
def test_what_is_said_twice_within_a_body_is_refused(world: World, example_of: dict[str, Request]) -> None:
    example = example_of["register-organisation"]
    said = json.dumps(example.body).replace('"names": {', '"names": {"\\u006el": "X", ', 1).encode()
    must_be_refused(world.sends(example, content=said), 400, "said-twice")


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe"], ids=["UTF-8", "UTF-16"])
@pytest.mark.usefixtures("nothing_changes")
def test_a_byte_order_mark_is_told_as_what_it_is(world: World, example_of: dict[str, Request], mark: bytes) -> None:
    example = example_of["register-organisation"]
    answer = world.sends(example, content=mark + json.dumps(example.body).encode())
    must_be_refused(answer, 400, "byte-order-mark")
    assert "byte order mark" in answer.json()["detail"]
    assert code_in(send_line(world, example, mark + b'{"command": "register-organisation"}')) == "byte-order-mark"


def query(world: World, content: bytes) -> Response:
    return world.caller(Role.AUDITOR).requests("POST", "/graphql", JSON, content=content)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"query": "{ __typename }", "query": "{ __typename }"}', "said-twice"),
        (b'{"query": "{ __typename }", "variables": {"a": 1, "a": 2}}', "said-twice"),
        (b'\xef\xbb\xbf{"query": "{ __typename }"}', "byte-order-mark"),
    ],
)
def test_a_query_is_read_in_the_same_way(world: World, content: bytes, code: str) -> None:
    answer = query(world, content)
    assert answer.json()["errors"][0]["extensions"]["code"] == code


def test_variables_in_the_address_are_read_in_the_same_way(world: World) -> None:
    asked = {"query": "{ __typename }", "variables": '{"a": 1, "a": 2}'}
    answer = world.caller(Role.AUDITOR).reads("/graphql", params=asked)
    assert answer.json()["errors"][0]["extensions"]["code"] == "said-twice"


@pytest.mark.usefixtures("nothing_changes")
def test_a_look_up_is_read_in_the_same_way(world: World) -> None:
    number = national_number(1)
    sender = world.caller(Role.AGENCY, "sender", activity="sending-letters")
    said = f'{{"purpose": "mailbox", "jurisdiction": "be", "nationalNumber": "{number}", "nationalNumber": "{number}"}}'
    must_be_refused(sender.requests("POST", "/persons/lookups", JSON, content=said.encode()), 400, "said-twice")
    asked = {"purpose": "mailbox", "jurisdiction": "be"}
    for value, code in (("85051700049", "impossible-national-number"), ("85051700149", "invalid-check-digits")):
        answer = sender.requests("POST", "/persons/lookups", json=asked | {"nationalNumber": value})
        must_be_refused(answer, 422, code, [value])
    answer = sender.requests("POST", "/persons/lookups", json=asked | {"eidasIdentifier": "ZZ/BE/1"})
    must_be_refused(answer, 422, "invalid-eidas-identifier")


# --- Headers and addresses ------------------------------------------------------------------------------------------

TWICE = ("Idempotency-Key", "If-Match", "Processing-Activity", "Session-Id", "X-Position", "X-Log-Id", "Content-Type")


@pytest.mark.parametrize("name", [*TWICE, "X-Road-UserId", "X-Correlation-Id", "traceparent"])
@pytest.mark.usefixtures("nothing_changes")
def test_a_header_that_is_said_twice_is_refused(world: World, example_of: dict[str, Request], name: str) -> None:
    example = example_of["rename-organisation"]
    caller = world.caller(example.role, example.organisation)
    sent = caller.headers(JSON | {"Idempotency-Key": str(uuid4()), "If-Match": '"1"'})
    value = sent.pop(name, "x")
    headers = [*sent.items(), (name, value), (name.lower(), value)]
    answer = caller.http.post(example.path, json=example.body, headers=headers)
    must_be_refused(answer, 400, "said-twice")
    assert answer.json()["issues"][0]["location"] == name.lower()


@pytest.mark.parametrize("name", ["Authorization", "DPoP"])
@pytest.mark.usefixtures("nothing_changes")
def test_who_calls_is_shown_once(world: World, example_of: dict[str, Request], name: str) -> None:
    example = example_of["rename-organisation"]
    caller = world.caller(example.role, example.organisation)
    sent = caller.headers(JSON | {"Idempotency-Key": str(uuid4()), "If-Match": '"1"'})
    value = sent.pop(name, "proof")
    if name == "DPoP":
        sent["Authorization"] = sent["Authorization"].replace("Bearer", "DPoP")
    answer = caller.http.post(example.path, json=example.body, headers=[*sent.items(), (name, value), (name, value)])
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "address",
    [
        *("/findUsage?limit=1&limit=2", "/findUsage?periodStart=2026-01-01T00:00:00Z&periodStart="),
        *("/projections/messages/parked-events?after=1&after=1", "/graphql?query={__typename}&query={__typename}"),
        *("/dashboard/en?jurisdiction=be&jurisdiction=nl", "/findUsage?limit=1&%6Cimit=2"),
    ],
)
def test_a_parameter_that_is_said_twice_is_refused(world: World, address: str) -> None:
    must_be_refused(world.caller(Role.AUDITOR).reads(address), 400, "said-twice")


KEYS = ("clé-1", "a b", " ", "a\u00a0b", "a\u007f", "k" * 201)


@pytest.mark.parametrize("key", KEYS, ids=ascii)
@pytest.mark.usefixtures("nothing_changes")
def test_a_key_is_the_same_text_in_a_header_and_in_a_line(
    world: World, example_of: dict[str, Request], key: str
) -> None:
    example = example_of["register-service"]
    answer = in_bulk(world, example, example.body, idempotencyKey=key)
    assert code_in(answer) == "malformed-idempotency-key"
    caller, content = world.caller(example.role, "agency"), json.dumps(example.body).encode()
    headers = [(name.encode(), value.encode()) for name, value in caller.headers(JSON).items()]
    for written in (key.encode(), key.encode("latin-1")):
        answered = caller.http.post(example.path, content=content, headers=[*headers, (b"Idempotency-Key", written)])
        assert problem_code(answered) in {"malformed-idempotency-key", "idempotency-key-missing"}


# --- Versions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tags", ['W/"1"', '"2"', '"01"', '"three"', '""', '"1.0"', 'W/"1", "9"', '"9999999999"', '"2","3"']
)
@pytest.mark.usefixtures("nothing_changes")
def test_a_tag_that_is_not_that_of_the_current_version_is_stale(
    world: World, example_of: dict[str, Request], tags: str
) -> None:
    example = example_of["rename-organisation"]
    must_be_refused(world.sends(example, headers={"If-Match": tags}), 412, "stale-version")
    assert code_in(in_bulk(world, example, example.body, ifMatch=tags)) == "stale-version"


@pytest.mark.parametrize("tags", ["*", ' "7" , "{}"', 'W/"{}", "{}"', '"{}",'])
def test_a_list_with_the_current_tag_and_an_asterisk_are_accepted(world: World, tags: str) -> None:
    organisation_id = world.id["outsider"]
    body = {"names": {"nl": f"Genoemd {tags}"}}
    version = _version_of(world, organisation_id)
    request = Request(
        intent="rename-organisation",
        role=Role.ADMINISTRATOR,
        ids={"organisation_id": organisation_id},
        body=body,
        if_match=tags.replace("{}", str(version)),
    )
    assert world.sends(request).json()["version"] == version + 1


@pytest.mark.usefixtures("nothing_changes")
def test_of_what_does_not_exist_yet_there_is_no_version(world: World, example_of: dict[str, Request]) -> None:
    must_be_refused(world.sends(example_of["register-service"], headers={"If-Match": "*"}), 412, "stale-version")


def _version_of(world: World, organisation_id: str) -> int:
    row = world.log.execute(
        "SELECT version FROM log.stream WHERE stream = %s", (f"organisation-{organisation_id}",)
    ).fetchone()
    assert row is not None
    return int(row[0])


# --- Instants and numbers in addresses ------------------------------------------------------------------------------

INSTANTS = (
    "1700000000",
    "2026-01-01",
    "2026-01-01T00:00:00",
    "20260101T000000Z",
    "2026-01-01 00:00:00Z",
    "0001-01-01T00:00:00Z",
)


@pytest.mark.parametrize("written", INSTANTS)
@pytest.mark.usefixtures("nothing_changes")
def test_instants_are_written_in_one_dialect(world: World, example_of: dict[str, Request], written: str) -> None:
    provider = world.caller(Role.AGENCY, "provider", activity="own-data")
    for name in ("periodStart", "periodEnd"):
        answer = provider.reads("/findUsage", {"Session-Id": world.id["ann.session"]}, params={name: written})
        must_be_refused(answer, 400, "malformed-request")
        assert answer.json()["issues"][0]["code"] in {"not-rfc3339", "out-of-range"}
    example = example_of["send-message"]
    must_be_refused(world.sends(example, body={**example.body, "expiresAt": written}), 400, "malformed-request")
    asked = "query Q($at: DateTime) { messages(where: {publishedAt: {since: $at}}, first: 1) { totalCount } }"
    content = json.dumps({"query": asked, "variables": {"at": written}}).encode()
    found = query(world, content).json()
    assert "data" not in found or found["data"] is None, found


@pytest.mark.parametrize("written", ["+5", " 5", "5.0", "1_0", "\u0665", "0x5", "", "-0"])
def test_whole_numbers_are_written_in_digits(world: World, written: str) -> None:
    for name in ("after", "limit"):
        answer = world.caller(Role.ADMINISTRATOR).reads("/projections/messages/parked-events", params={name: written})
        must_be_refused(answer, 400, "malformed-request")


# --- Addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/organisations/", "/findUsage/", "/dashboard/", "/graphql/", "/commands/"])
def test_an_address_with_a_slash_too_many_sends_nobody_elsewhere(world: World, path: str) -> None:
    headers = {**JSON, "Idempotency-Key": str(uuid4()), "Host": "elsewhere.example"}
    for method in ("GET", "POST"):
        answer = world.caller(Role.ADMINISTRATOR).requests(method, path, headers, follow_redirects=False)
        assert answer.status_code in {404, 405}
        assert "location" not in answer.headers
