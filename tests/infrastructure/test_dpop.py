"""Tokens that are bound to a key: good only with a fresh proof for this very request (RFC 9449)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from application.ports import Credentials
from application.token_refusals import ProofRefusedError, TokenRefusedError
from infrastructure.tokens.dpop import PROOF_MAX_AGE_S, normal
from infrastructure.tokens.issuer import LocalIssuer
from infrastructure.tokens.jose import SKEW_S
from infrastructure.tokens.used_ids import UsedIds
from infrastructure.tokens.verifier import Verifier
from tests.infrastructure.issuing import ANY, AUDIENCE, CALLER, ISSUER, NOW, TRUST, encoded
from tests.infrastructure.proving import ADDRESS, METHOD, OTHER_KEY, PROOF_KEY, proof

pytestmark = pytest.mark.anyio

NOW_S = int(NOW.timestamp())


class Bound:
    """A verifier at a standing clock, and a token that is bound to a key."""

    def __init__(self, folder: Path, key: Any = PROOF_KEY) -> None:
        self.now = NOW
        issuer = LocalIssuer(folder, ISSUER, AUDIENCE)
        self.verifier = Verifier(issuer, TRUST, self._now)
        self.unbound = issuer.issue(CALLER, NOW, timedelta(hours=1))
        self.token = issuer.issue(CALLER, NOW, timedelta(hours=1), thumbprint=key.thumbprint())

    def _now(self) -> datetime:
        return self.now

    def shown(self, *proofs: str, **other: Any) -> Credentials:
        shown = Credentials(token=self.token, scheme="dpop", proofs=proofs, method=METHOD, address=ADDRESS)
        return replace(shown, **other)


@pytest.fixture
def bound(tmp_path: Path) -> Bound:
    return Bound(tmp_path)


async def test_a_bound_token_is_good_with_its_proof(bound: Bound) -> None:
    for _ in range(3):
        assert await bound.verifier(bound.shown(proof(bound.token))) == CALLER


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSAKey.generate_key(2048), "PS256"),
        (ECKey.generate_key("P-384"), "ES384"),
        (OKPKey.generate_key("Ed25519"), "EdDSA"),
        (OKPKey.generate_key("Ed25519"), "Ed25519"),
    ],
    ids=["RSA", "P-384", "EdDSA", "Ed25519"],
)
async def test_keys_of_each_kind_can_prove(tmp_path: Path, key: Any, algorithm: str) -> None:
    bound = Bound(tmp_path, key)
    assert await bound.verifier(bound.shown(proof(bound.token, key, {"alg": algorithm}))) == CALLER


async def test_a_bound_token_as_bearer_is_refused(bound: Bound) -> None:
    for proofs in ((), (proof(bound.token),)):
        with pytest.raises(TokenRefusedError):
            await bound.verifier(bound.shown(*proofs, scheme="bearer"))


async def test_an_unbound_token_as_bound_is_refused(bound: Bound) -> None:
    with pytest.raises(TokenRefusedError):
        await bound.verifier(bound.shown(proof(bound.unbound), token=bound.unbound))


async def test_a_proof_is_good_once(bound: Bound) -> None:
    used = proof(bound.token)
    assert await bound.verifier(bound.shown(used)) == CALLER
    for seconds in (0, PROOF_MAX_AGE_S, PROOF_MAX_AGE_S + 1):
        bound.now = NOW + timedelta(seconds=seconds)
        with pytest.raises(ProofRefusedError):
            await bound.verifier(bound.shown(used))


async def test_a_proof_from_the_time_ahead_is_good_once_too(bound: Bound) -> None:
    used = proof(bound.token, iat=NOW_S + SKEW_S)
    assert await bound.verifier(bound.shown(used)) == CALLER
    for seconds in range(PROOF_MAX_AGE_S + SKEW_S + 2):
        bound.now = NOW + timedelta(seconds=seconds)
        with pytest.raises(ProofRefusedError):
            await bound.verifier(bound.shown(used))


async def test_a_refused_proof_is_not_used_up(bound: Bound) -> None:
    unused = proof(bound.token)
    with pytest.raises(ProofRefusedError):
        await bound.verifier(bound.shown(unused, method="GET"))
    assert await bound.verifier(bound.shown(unused)) == CALLER


async def test_a_proof_is_good_for_a_minute_and_the_skew(bound: Bound) -> None:
    for age, good in ((PROOF_MAX_AGE_S, True), (PROOF_MAX_AGE_S + 1, False), (-SKEW_S, True), (-SKEW_S - 1, False)):
        shown = bound.shown(proof(bound.token, iat=NOW_S - age))
        if good:
            assert await bound.verifier(shown) == CALLER
        else:
            with pytest.raises(ProofRefusedError):
                await bound.verifier(shown)


CLAIMS_REFUSED: Sequence[dict[str, Any]] = (
    *({name: ...} for name in ("htm", "htu", "iat", "jti", "ath")),
    *({name: None} for name in ("htm", "htu", "iat", "jti", "ath")),
    *({name: []} for name in ("htm", "htu", "iat", "jti", "ath")),
    *({name: ""} for name in ("htm", "htu", "iat", "jti", "ath")),
    {"htm": "GET"},
    {"htm": "post"},
    {"htu": "https://api.example.be/services"},
    {"htu": "https://api.example.be/organisations/"},
    {"htu": "http://api.example.be/organisations"},
    {"htu": "https://api.example.be:8443/organisations"},
    {"htu": "https://other.example.be/organisations"},
    {"htu": "https://api.example.be@other.example/organisations"},
    {"htu": "https://user@api.example.be/organisations"},
    {"htu": "https://api.example.be:port/organisations"},
    {"htu": "https://[/organisations"},
    {"htu": "/organisations"},
    {"iat": str(NOW_S)},
    {"iat": True},
    {"iat": 10**400},
    {"jti": "x" * 256},
    {"jti": 7},
    {"ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"},
)


@pytest.mark.parametrize("claims", CLAIMS_REFUSED, ids=lambda claims: str(claims)[:60])
async def test_a_proof_of_something_else_is_refused(bound: Bound, claims: dict[str, Any]) -> None:
    with pytest.raises(ProofRefusedError):
        await bound.verifier(bound.shown(proof(bound.token, **claims)))


_PUBLIC = PROOF_KEY.as_dict(private=False)
HEADERS_REFUSED: Sequence[dict[str, Any]] = (
    {"typ": ...},
    {"typ": "JWT"},
    {"typ": "at+jwt"},
    {"jwk": ...},
    {"jwk": PROOF_KEY.as_dict(private=True)},
    {"jwk": OTHER_KEY.as_dict(private=False)},
    {"jwk": {**_PUBLIC, "d": ""}},
    {"jwk": {**_PUBLIC, "crv": "P-384"}},
    {"jwk": {**_PUBLIC, "crv": "secp256k1"}},
    {"jwk": {**_PUBLIC, "x": "AA"}},
    {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
    {"jwk": {"kty": "RSA", "n": 7, "e": 7}},
    {"jwk": {"kty": "EC"}},
    {"jwk": {"kty": ["EC"]}},
    {"jwk": {}},
    {"jku": "https://attacker.example/keys"},
    {"x5u": "https://attacker.example/keys"},
    {"x5c": ["MIIB"]},
    {"b64": True},
)


@pytest.mark.parametrize("header", HEADERS_REFUSED, ids=range(len(HEADERS_REFUSED)))
async def test_a_proof_of_another_make_is_refused(bound: Bound, header: dict[str, Any]) -> None:
    with pytest.raises(ProofRefusedError):
        await bound.verifier(bound.shown(_made(bound.token, header)))


def _made(token: str, header: dict[str, Any]) -> str:
    """Sign a good proof, then put another header before it where the library would not sign such a one."""
    good = proof(token)
    said = {"typ": "dpop+jwt", "alg": "ES256", "jwk": _PUBLIC} | header
    _, claims, _ = good.split(".")
    begun = f"{encoded({name: value for name, value in said.items() if value is not ...})}.{claims}"
    signature = ANY.get_alg("ES256").sign(begun.encode(), PROOF_KEY)
    return f"{begun}.{_base64url(signature)}"


def _base64url(content: bytes) -> str:
    from joserfc.util import urlsafe_b64encode  # noqa: PLC0415

    return urlsafe_b64encode(content).decode()


def _of_another_key(bound: Bound) -> Sequence[str]:
    return [proof(bound.token, OTHER_KEY)]


def _of_a_secret(bound: Bound) -> Sequence[str]:
    secret = OctKey.generate_key(256)
    return [proof(bound.token, secret, {"alg": "HS256", "jwk": {"kty": "oct", "k": "AA"}})]


def _of_a_weak_key(bound: Bound) -> Sequence[str]:
    return [_made(bound.token, {"alg": "RS256", "jwk": {"kty": "RSA", "n": "_" * 171, "e": "AQAB"}})]


def _of_a_huge_key(bound: Bound) -> Sequence[str]:
    return [_made(bound.token, {"alg": "RS256", "jwk": {"kty": "RSA", "n": "_" * 1_366, "e": "AQAB"}})]


def _unsigned(bound: Bound) -> Sequence[str]:
    return [_made(bound.token, {"alg": "none"}).rpartition(".")[0] + "."]


def _of_another_token(bound: Bound) -> Sequence[str]:
    return [proof(bound.unbound)]


WRONG: Sequence[Callable[[Bound], Sequence[str]]] = (
    _of_another_key,
    _of_a_secret,
    _of_a_weak_key,
    _of_a_huge_key,
    _unsigned,
    _of_another_token,
    lambda _bound: [],
    lambda _bound: [""],
    lambda _bound: [".."],
    lambda _bound: ["x" * 100_000],
    lambda bound: [proof(bound.token), proof(bound.token)],
    lambda bound: [bound.token],
    lambda bound: [proof(bound.token)[:-1]],
    lambda bound: [proof(bound.token, jti=["a"])],
)


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
async def test_what_proves_nothing_is_refused(bound: Bound, wrong: Callable[[Bound], Sequence[str]]) -> None:
    with pytest.raises(ProofRefusedError):
        await bound.verifier(bound.shown(*wrong(bound)))


@pytest.mark.parametrize(
    "address",
    [
        "HTTPS://API.example.BE/organisations",
        "https://api.example.be:443/organisations",
        "https://api.example.be/organisations?page=2",
        "https://api.example.be/organisations#top",
        "https://api.example.be/%6frganisations",
    ],
)
async def test_an_address_can_be_written_in_more_than_one_way(bound: Bound, address: str) -> None:
    assert normal(address) == normal(ADDRESS)
    assert await bound.verifier(bound.shown(proof(bound.token, htu=address))) == CALLER


def test_what_is_reserved_in_an_address_stays_as_it_is() -> None:
    assert normal("http://[::1]:80") == "http://[::1]/"
    assert normal("http://h/a%2fb") == "http://h/a%2Fb" != normal("http://h/a/b")


def test_what_cannot_be_remembered_is_not_let_in() -> None:
    seen = UsedIds(max_seen=2)
    assert [seen.is_first(name, now=0, until=10) for name in ("a", "b", "c", "a")] == [True, True, False, False]
    assert [seen.is_first(name, now=10, until=20) for name in ("c", "a", "b")] == [True, True, False]
