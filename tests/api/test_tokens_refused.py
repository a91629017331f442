"""Whatever is wrong with a token or its proof: 401 with the documented code, nothing written, nothing told on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import structlog
from httpx2 import Response
from joserfc import jwt
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode

from application.ports import Caller, Role
from infrastructure.tokens.dpop import PROOF_MAX_AGE_S
from infrastructure.tokens.jose import SKEW_S
from tests.api.world import BEGIN, PLATFORM, World, must_be_refused, organisation
from tests.infrastructure.issuing import ANY, encoded
from tests.infrastructure.proving import OTHER_KEY, PROOF_KEY, proof

PATH = "/organisations"
ADDRESS = f"http://testserver{PATH}"
BEGIN_S = int(BEGIN.timestamp())
CALLER = Caller(subject="official-7", role=Role.ADMINISTRATOR, organisation_id=PLATFORM)
SIGNED_BY_NOBODY = ECKey.generate_key("P-256", {"kid": "nobody"})


def bound(world: World) -> str:
    return world.issue(CALLER, BEGIN, timedelta(days=365), thumbprint=PROOF_KEY.thumbprint())


def proved(world: World, token: str, key: Any = PROOF_KEY, header: Any = None, **claims: Any) -> str:
    return proof(token, key, header, now=world.clock.now.timestamp(), **({"htu": ADDRESS} | claims))


def send(world: World, authorization: str, *proofs: str, serial: int = 901) -> Response:
    headers = [
        ("authorization", authorization),
        ("idempotency-key", str(uuid4())),
        ("content-type", "application/json"),
        *(("dpop", each) for each in proofs),
    ]
    return world.anybody.http.post(PATH, content=json.dumps(organisation("new", serial)), headers=headers)


# --- Tokens ---------------------------------------------------------------------------------------------------------


def _changed(token: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """Say something else over the signature of a good token."""
    parts = [json.loads(urlsafe_b64decode(part.encode())) for part in token.split(".")[:2]]
    return f"{encoded(parts[0] | dict(header))}.{encoded(parts[1] | dict(claims))}.{token.rpartition('.')[2]}"


def _forged() -> str:
    said = {"iss": "kroniek-local", "aud": "kroniek", "sub": "x", "iat": BEGIN_S, "exp": BEGIN_S + 60, "jti": "1"}
    said |= {"role": "administrator", "organisation": PLATFORM}
    return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": "nobody"}, said, SIGNED_BY_NOBODY, registry=ANY)


def _issued(world: World, begun_s: float, lifetime_s: float) -> str:
    begin = world.clock.now + timedelta(seconds=begun_s)
    return world.issue(CALLER, begin, timedelta(seconds=lifetime_s))


WRONG_TOKENS: Mapping[str, Callable[[World, str], str]] = {
    "none": lambda _world, good: _changed(good, {"alg": "none"}, {}).rpartition(".")[0] + ".",
    "hmac": lambda _world, good: _changed(good, {"alg": "HS256"}, {}),
    "other algorithm": lambda _world, good: _changed(good, {"alg": "ES384"}, {}),
    "type": lambda _world, good: _changed(good, {"typ": "JWT"}, {}),
    "jku": lambda _world, good: _changed(good, {"jku": "http://127.0.0.1:9/"}, {}),
    "crit": lambda _world, good: _changed(good, {"crit": ["exp"]}, {}),
    "unknown key": lambda _world, good: _changed(good, {"kid": "unknown"}, {}),
    "role": lambda _world, good: _changed(good, {}, {"role": "system"}),
    "issuer": lambda _world, good: _changed(good, {}, {"iss": "other"}),
    "audience": lambda _world, good: _changed(good, {}, {"aud": "other"}),
    "another's key": lambda _world, _good: _forged(),
    "cut": lambda _world, good: good[:-4],
    "twice": lambda _world, good: f"{good}, {good}",
    "expired": lambda world, _good: _issued(world, -7_200, 3_600),
    "skew over": lambda world, _good: _issued(world, -3_600, 3_600 - SKEW_S),
    "not yet": lambda world, _good: _issued(world, SKEW_S + 1, 3_600),
    "bound, without proof": lambda world, _good: bound(world),
}


@pytest.mark.parametrize("name", WRONG_TOKENS)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "DPoP"])
def test_a_wrong_token_is_refused_and_changes_nothing(world: World, name: str, scheme: str) -> None:
    token = WRONG_TOKENS[name](world, world.token(Role.ADMINISTRATOR, PLATFORM))
    before = world.holdings()
    with structlog.testing.capture_logs() as lines:
        answer = send(world, f"{scheme} {token}")
    code = "invalid-dpop-proof" if (name, scheme) == ("bound, without proof", "DPoP") else "invalid-token"
    must_be_refused(answer, 401, code, [token])
    assert answer.headers["www-authenticate"].startswith(f"{'DPoP' if scheme == 'DPoP' else 'Bearer'} error=")
    assert world.holdings() == before
    assert not any(part in str(lines) for part in token.split(".") if len(part) > 8)


# --- Proofs ---------------------------------------------------------------------------------------------------------


def _with_private_key(world: World, token: str) -> str:
    said = {"typ": "dpop+jwt", "alg": "ES256", "jwk": PROOF_KEY.as_dict(private=True)}
    begun = f"{encoded(said)}.{proved(world, token).split('.')[1]}"
    signature = ANY.get_alg("ES256").sign(begun.encode(), PROOF_KEY)
    return f"{begun}.{signature.hex()}"


WRONG_PROOFS: Mapping[str, Callable[[World, str], Sequence[str]]] = {
    "none": lambda _world, _token: [],
    "two": lambda world, token: [proved(world, token), proved(world, token)],
    "another key": lambda world, token: [proved(world, token, OTHER_KEY)],
    "private key": lambda world, token: [_with_private_key(world, token)],
    "type": lambda world, token: [proved(world, token, PROOF_KEY, {"typ": "JWT"})],
    "no key": lambda world, token: [proved(world, token, PROOF_KEY, {"jwk": ...})],
    "method": lambda world, token: [proved(world, token, htm="GET")],
    "address": lambda world, token: [proved(world, token, htu="http://testserver/services")],
    "host": lambda world, token: [proved(world, token, htu=f"https://other.example{PATH}")],
    "another token": lambda world, _token: [proved(world, world.token(Role.ADMINISTRATOR, PLATFORM))],
    "no token": lambda world, token: [proved(world, token, ath=...)],
    "old": lambda world, token: [proved(world, token, iat=int(world.clock.now.timestamp()) - PROOF_MAX_AGE_S - 1)],
    "ahead": lambda world, token: [proved(world, token, iat=int(world.clock.now.timestamp()) + SKEW_S + 1)],
    "no id": lambda world, token: [proved(world, token, jti=...)],
    "cut": lambda world, token: [proved(world, token)[:-4]],
    "the token itself": lambda _world, token: [token],
}


@pytest.mark.parametrize("name", WRONG_PROOFS)
def test_a_wrong_proof_is_refused_and_changes_nothing(world: World, name: str) -> None:
    token = bound(world)
    proofs = WRONG_PROOFS[name](world, token)
    before = world.holdings()
    with structlog.testing.capture_logs() as lines:
        answer = send(world, f"DPoP {token}", *proofs)
    must_be_refused(answer, 401, "invalid-dpop-proof", [token, *proofs])
    assert answer.headers["www-authenticate"].startswith('DPoP error="invalid_dpop_proof", algs="ES256')
    assert world.holdings() == before
    assert not any(each.rpartition(".")[2] in str(lines) for each in proofs)


@pytest.mark.parametrize(("named", "status"), [("HEAD", 200), ("GET", 401)])
def test_the_proof_of_a_head_names_head(world: World, named: str, status: int) -> None:
    token = bound(world)
    shown = proved(world, token, htm=named, htu="http://testserver/projections")
    headers = {"authorization": f"DPoP {token}", "dpop": shown}
    assert world.anybody.http.head("/projections", headers=headers).status_code == status


def test_a_right_proof_is_let_in_once(world: World) -> None:
    token = bound(world)
    right = proved(world, token)
    with structlog.testing.capture_logs() as lines:
        assert send(world, f"DPoP {token}", right, serial=902).status_code == 201
    must_be_refused(send(world, f"DPoP {token}", right, serial=903), 401, "invalid-dpop-proof")
    assert token not in str(lines)
    assert right not in str(lines)


def test_two_tokens_are_none(world: World) -> None:
    good = f"Bearer {world.token(Role.ADMINISTRATOR, PLATFORM)}"
    answer = world.anybody.http.post(PATH, content=b"{}", headers=[("authorization", good), ("authorization", good)])
    must_be_refused(answer, 401, "unauthenticated")


def test_who_acts_on_behalf_is_kept_in_the_log(world: World) -> None:
    caller = Caller(subject="system-7", role=Role.ADMINISTRATOR, organisation_id=PLATFORM, supplier_id="software-house")
    answer = send(world, f"Bearer {world.issue(caller, BEGIN, timedelta(days=365))}", serial=904)
    assert world.actor_at(answer.json()["position"]) == ("system-7 via software-house", PLATFORM)


def test_a_consumer_is_the_organisation_registered_under_its_number(world: World) -> None:
    """The number of an organisation in a token leads to the same organisation as its id does."""
    registered = organisation("consumer", 905)
    caller = Caller(subject="system-7", role=Role.ADMINISTRATOR, organisation_id=PLATFORM)
    made = world.caller(Role.ADMINISTRATOR).does(PATH, registered)
    consumer = {"authority": "iso6523-actorid-upis", "ID": f"0208:{registered['enterpriseNumber']}"}
    token = world.issue(caller, consumer=consumer)
    answer = send(world, f"Bearer {token}", serial=906)
    assert world.actor_at(answer.json()["position"]) == ("system-7", made["id"])
