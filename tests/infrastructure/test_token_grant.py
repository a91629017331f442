"""Tokens for programs: a registered client, a signed assertion that is good once, and nothing else (RFC 7523)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from application.ports import Caller, Credentials, Role
from application.token_refusals import GrantRefusedError
from infrastructure.tokens.clients import ClientError, Clients
from infrastructure.tokens.grant import ASSERTION_MAX_S, ASSERTION_TYPE, ClientCredentials
from infrastructure.tokens.issuer import LocalIssuer
from infrastructure.tokens.jose import SKEW_S
from infrastructure.tokens.verifier import Verifier
from tests.infrastructure.issuing import ANY, AUDIENCE, ISSUER, NOW, TRUST
from tests.infrastructure.proving import OTHER_KEY, PROOF_KEY, proof

pytestmark = pytest.mark.anyio

ENDPOINT = "https://api.example.be/oauth2/token"
CLIENT = Caller(subject="tax-office", role=Role.AGENCY, organisation_id="org-1", supplier_id="software-house")
CLIENT_KEY = ECKey.generate_key("P-256")
NOW_S = int(NOW.timestamp())


class Given:
    """A local issuer with one client, at a clock that stands until it is moved."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.clients = Clients(folder)
        self.clients.add(CLIENT, CLIENT_KEY.as_dict(private=False))
        self.issuer = LocalIssuer(folder, ISSUER, AUDIENCE)
        self.grant = ClientCredentials(self.issuer, self.clients, lambda: self.now)

    def ask(self, *proofs: str, **fields: str | None) -> dict[str, Any]:
        usual = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
        said = usual | {"client_assertion": assertion()} | fields
        kept = {name: value for name, value in said.items() if value is not None}
        answer: dict[str, Any] = asyncio.run(self.grant(kept, proofs, ENDPOINT))
        return answer


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return Given(tmp_path)


def assertion(key: Any = CLIENT_KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
    made = {"iss": "tax-office", "sub": "tax-office", "aud": ENDPOINT, "exp": NOW_S + 60, "jti": str(uuid4())}
    said = {name: value for name, value in (made | claims).items() if value is not ...}
    return jwt.encode({"alg": "ES256"} | (header or {}), said, key, registry=ANY)


async def test_a_client_gets_a_token_that_is_let_in(given: Given) -> None:
    answer = await asyncio.to_thread(given.ask)
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
    verifier = Verifier(given.issuer, TRUST, lambda: NOW)
    assert await verifier(Credentials(token=answer["access_token"])) == CLIENT


async def test_with_a_proof_the_token_is_bound_to_its_key(given: Given) -> None:
    answer = await asyncio.to_thread(given.ask, proof(htu=ENDPOINT))
    assert answer["token_type"] == "DPoP"
    verifier = Verifier(given.issuer, TRUST, lambda: NOW)
    shown = Credentials(token=answer["access_token"], scheme="dpop", method="GET", address="https://api.example.be/x")
    right = proof(answer["access_token"], PROOF_KEY, htm="GET", htu="https://api.example.be/x")
    assert await verifier(_with(shown, right)) == CLIENT


def _with(shown: Credentials, proved: str) -> Credentials:
    return Credentials(
        token=shown.token, scheme=shown.scheme, method=shown.method, address=shown.address, proofs=[proved]
    )


@pytest.mark.parametrize("audience", [ENDPOINT, ISSUER, ["https://other.example", ISSUER]], ids=str)
def test_an_assertion_is_for_the_issuer_or_its_endpoint(given: Given, audience: Any) -> None:
    assert given.ask(client_assertion=assertion(aud=audience), client_id="tax-office")["access_token"]


def test_an_assertion_is_good_once(given: Given) -> None:
    used = assertion(exp=NOW_S + 60)
    given.ask(client_assertion=used)
    for seconds in (0, 59, 60, 60 + SKEW_S, 60 + SKEW_S + 1):
        given.now = NOW + timedelta(seconds=seconds)
        assert _refused(given, client_assertion=used) == "invalid_client"


def test_times_have_thirty_seconds_of_skew(given: Given) -> None:
    edges: tuple[dict[str, Any], ...] = (
        {"exp": NOW_S - SKEW_S + 1},
        {"exp": NOW_S + ASSERTION_MAX_S + SKEW_S},
        {"iat": NOW_S + SKEW_S},
        {"nbf": NOW_S + SKEW_S},
    )
    for claims in edges:
        assert given.ask(client_assertion=assertion(**claims))["access_token"]


CLAIMS_REFUSED: Sequence[dict[str, Any]] = (
    *({name: ...} for name in ("iss", "sub", "aud", "exp", "jti")),
    *({name: None} for name in ("iss", "sub", "aud", "exp", "jti")),
    *({name: []} for name in ("iss", "sub", "aud", "exp", "jti")),
    *({name: {}} for name in ("iss", "sub", "aud", "exp", "jti")),
    {"iss": "other"},
    {"sub": "other"},
    {"iss": "other", "sub": "other"},
    {"iss": "../token-key", "sub": "../token-key"},
    {"iss": "tax-office.private.jwk", "sub": "tax-office.private.jwk"},
    {"aud": "https://other.example/oauth2/token"},
    {"aud": [{}]},
    {"exp": NOW_S - SKEW_S},
    {"exp": NOW_S + ASSERTION_MAX_S + SKEW_S + 1},
    {"exp": True},
    {"exp": str(NOW_S + 60)},
    {"iat": NOW_S + SKEW_S + 1},
    {"iat": "now"},
    {"nbf": NOW_S + SKEW_S + 1},
    {"jti": "x" * 256},
)


@pytest.mark.parametrize("claims", CLAIMS_REFUSED, ids=lambda claims: str(claims)[:60])
def test_an_assertion_of_something_else_is_refused(given: Given, claims: dict[str, Any]) -> None:
    assert _refused(given, client_assertion=assertion(**claims)) == "invalid_client"


WRONG: Sequence[Callable[[], str]] = (
    lambda: assertion(OTHER_KEY),
    lambda: assertion(OctKey.generate_key(256), {"alg": "HS256"}),
    lambda: assertion(OTHER_KEY, {"jwk": OTHER_KEY.as_dict(private=False)}),
    lambda: assertion(header={"jku": "https://attacker.example"}),
    lambda: assertion(header={"typ": "at+jwt"}),
    lambda: assertion(header={"typ": "dpop+jwt"}),
    lambda: assertion()[:-1],
    lambda: assertion().rpartition(".")[0] + ".",
    lambda: "x",
    lambda: "é.é.é",
    lambda: "x" * 100_000,
)


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
def test_what_proves_nothing_is_refused(given: Given, wrong: Callable[[], str]) -> None:
    assert _refused(given, client_assertion=wrong()) == "invalid_client"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"client_assertion": None}, "invalid_client"),
        ({"client_assertion": None, "client_secret": "s", "client_id": "tax-office"}, "invalid_client"),
        ({"client_secret": "s"}, "invalid_client"),
        ({"client_assertion_type": None}, "invalid_request"),
        ({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, "invalid_request"),
        ({"client_id": "other"}, "invalid_client"),
        ({"scope": "everything"}, "invalid_scope"),
    ],
    ids=str,
)
def test_another_form_is_refused_by_its_code(given: Given, fields: dict[str, str | None], code: str) -> None:
    assert _refused(given, **fields) == code


def test_a_wrong_proof_is_refused_and_does_not_use_up_the_assertion(given: Given) -> None:
    unused, used = assertion(), proof(htu=ENDPOINT)
    given.ask(used)
    for proofs in ([used], [proof()], [proof(htu=ENDPOINT, iat=NOW_S - 61)], [proof(htu=ENDPOINT)] * 2, [""]):
        assert _refused(given, *proofs, client_assertion=unused) == "invalid_dpop_proof"
    assert given.ask(client_assertion=unused)["access_token"]


def _refused(given: Given, *proofs: str, **fields: str | None) -> str:
    with pytest.raises(GrantRefusedError) as refusal:
        given.ask(*proofs, **fields)
    return refusal.value.code


# --- Registering ----------------------------------------------------------------------------------------------------


def test_a_client_is_registered_once_with_a_public_key(given: Given, tmp_path: Path) -> None:
    public = CLIENT_KEY.as_dict(private=False)
    wrong: Sequence[tuple[str, Any]] = (
        ("tax-office", public),
        ("../other", public),
        ("", public),
        ("a b", public),
        ("other", CLIENT_KEY.as_dict(private=True)),
        ("other", {"kty": "oct", "k": "AAAA"}),
        ("other", {}),
    )
    for name, jwk in wrong:
        with pytest.raises(ClientError):
            given.clients.add(Caller(subject=name, role=Role.AGENCY, organisation_id="org-1"), jwk)
    assert [path.name for path in (tmp_path / "clients").iterdir()] == ["tax-office.json"]


def test_a_key_that_is_made_is_kept_for_its_owner_alone(given: Given) -> None:
    public, path = given.clients.generate("new-client")
    assert path.stat().st_mode & 0o077 == 0
    private = json.loads(path.read_text())
    assert "d" not in public
    assert {name: value for name, value in private.items() if name != "d"} == public
    with pytest.raises(ClientError):
        given.clients.generate("new-client")
