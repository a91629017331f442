"""Access tokens: what is let in, and what is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from application.ports import Role
from application.token_refusals import TokenRefusedError
from infrastructure.tokens.issuer import LocalIssuer
from infrastructure.tokens.jose import MAX_TOKEN_LENGTH, SKEW_S
from infrastructure.tokens.jwks import JwksKeys
from infrastructure.tokens.verifier import Trust, Verifier
from tests.infrastructure.issuing import (
    AUDIENCE,
    CALLER,
    CLAIMS,
    HEADER,
    ISSUER,
    KEY,
    NEXT_KEY,
    NOW,
    TRUST,
    Check,
    Issuer,
    Seconds,
    bearer,
    encoded,
    token,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.stop()


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def verify(issuer: Issuer, seconds: Seconds) -> Check:
    return bearer(Verifier(JwksKeys(issuer.url, seconds), TRUST, lambda: NOW))


# --- Who is let in --------------------------------------------------------------------------------------------------


async def test_a_token_says_who_calls(verify: Check) -> None:
    assert await verify(token()) == CALLER
    assert await verify(token(aud=["other", AUDIENCE], nbf=CLAIMS["iat"], jti="1")) == CALLER
    assert await verify(token(header={"typ": "application/AT+JWT"})) == CALLER


@pytest.mark.parametrize("role", Role)
async def test_each_role_can_be_named(role: Role, verify: Check) -> None:
    assert (await verify(token(role=role.value))).role is role


async def test_what_the_platform_issues_it_lets_in(tmp_path: Path) -> None:
    issuer = LocalIssuer(tmp_path, ISSUER, AUDIENCE)
    verify = bearer(Verifier(issuer, TRUST, lambda: NOW))
    assert await verify(issuer.issue(CALLER, NOW, timedelta(minutes=5))) == CALLER
    scoped = replace(CALLER, scopes=frozenset({"graphql:ad-hoc", "other"}))
    assert await verify(issuer.issue(scoped, NOW, timedelta(minutes=5))) == scoped
    again = LocalIssuer(tmp_path, ISSUER, AUDIENCE)
    assert again.jwks() == issuer.jwks()
    assert "d" not in again.jwks()["keys"][0]
    assert (tmp_path / "token-key.json").stat().st_mode & 0o077 == 0


async def test_an_rsa_key_of_the_issuer_is_good_too(issuer: Issuer, verify: Check) -> None:
    key = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
    issuer.keys.append(key)
    for algorithm in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
        assert await verify(token(key, {"alg": algorithm, "kid": "rsa"})) == CALLER


async def test_a_key_of_another_curve_is_good_with_its_own_algorithm_only(issuer: Issuer, verify: Check) -> None:
    edwards = OKPKey.generate_key("Ed25519", {"kid": "ed"})
    longer = ECKey.generate_key("P-384", {"kid": "p384"})
    issuer.keys += [edwards, longer]
    for key, algorithm in ((edwards, "EdDSA"), (edwards, "Ed25519"), (longer, "ES384")):
        good = token(key, {"alg": algorithm, "kid": key.kid})
        assert await verify(good) == CALLER
        _, claims, signature = good.split(".")
        other = encoded(HEADER | {"alg": "ES256", "kid": key.kid})
        with pytest.raises(TokenRefusedError):
            await verify(f"{other}.{claims}.{signature}")


async def test_an_algorithm_that_is_not_pinned_is_refused_though_its_key_is_known(issuer: Issuer) -> None:
    issuer.keys.append(RSAKey.generate_key(2048, {"kid": "rsa"}))
    signed = token(issuer.keys[1], {"alg": "RS256", "kid": "rsa"})
    for algorithms, good in ((["ES256", "RS256"], True), (["ES256", "PS256"], False)):
        verify = bearer(Verifier(JwksKeys(issuer.url), Trust(ISSUER, AUDIENCE, algorithms), lambda: NOW))
        if good:
            assert await verify(signed) == CALLER
        else:
            with pytest.raises(TokenRefusedError):
                await verify(signed)


# --- Who is not -----------------------------------------------------------------------------------------------------

_ELSEWHERE = "https://attacker.example/keys"
HEADERS_REFUSED: tuple[dict[str, Any], ...] = (
    {"typ": "JWT"},
    {"typ": ""},
    {"typ": "id+jwt"},
    {"typ": "dpop+jwt"},
    {"kid": ""},
    {"kid": "x" * 256},
    {"jku": _ELSEWHERE},
    {"x5u": _ELSEWHERE},
    {"x5c": ["MIIB"]},
    {"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}},
    {"b64": True},
)


@pytest.mark.parametrize("header", HEADERS_REFUSED)
async def test_a_token_that_is_no_access_token_is_refused(header: dict[str, Any], verify: Check) -> None:
    with pytest.raises(TokenRefusedError):
        await verify(token(header=header))


CLAIMS_REFUSED: tuple[dict[str, Any], ...] = (
    *({name: ...} for name in CLAIMS),
    *({name: None} for name in CLAIMS),
    *({name: []} for name in CLAIMS),
    *({name: {}} for name in CLAIMS),
    {"cnf": {}},
    {"cnf": None},
    {"cnf": {"x5t#S256": "a"}},
    {"cnf": {"jkt": 7}},
    {"cnf": {"jkt": "a", "x5t#S256": "b"}},
    {"cnf": {"jkt": "of-a-key-that-was-not-shown"}},
    {"iss": "https://other.example"},
    {"iss": [ISSUER]},
    {"aud": "other"},
    {"aud": ["other", "another"]},
    {"aud": [AUDIENCE, 7]},
    {"exp": int(NOW.timestamp()) - SKEW_S},
    {"exp": "never"},
    {"exp": True},
    {"exp": 1 << 40},
    {"nbf": int(NOW.timestamp()) + SKEW_S + 1},
    {"nbf": "now"},
    {"iat": int(NOW.timestamp()) + SKEW_S + 1},
    {"role": "emperor"},
    {"role": "Agency"},
    {"role": ["agency"]},
    {"role": ["agency", "administrator"]},
    {"role": 7},
    {"sub": ""},
    {"sub": "Ann Janssens"},
    {"sub": "a\u0000"},
    {"sub": "x" * 256},
    {"sub": 7},
    {"organisation": ""},
    {"organisation": "a.b"},
    {"organisation": "a\u0000"},
    {"organisation": "a\n"},
    {"organisation": ["agency-1"]},
    {"organisation": 7},
    {"organisation": "x" * 81},
)


@pytest.mark.parametrize("claims", CLAIMS_REFUSED, ids=str)
async def test_a_token_that_says_something_else_is_refused(claims: dict[str, Any], verify: Check) -> None:
    with pytest.raises(TokenRefusedError):
        await verify(token(**claims))


async def test_a_token_is_good_until_its_time_is_over_and_a_little_skew(issuer: Issuer) -> None:
    over = NOW + timedelta(seconds=300 + SKEW_S)
    for now, good in ((over - timedelta(seconds=1), True), (over, False)):
        verify = bearer(Verifier(JwksKeys(issuer.url), TRUST, partial(_same, now)))
        if good:
            assert await verify(token()) == CALLER
        else:
            with pytest.raises(TokenRefusedError):
                await verify(token())


async def test_a_token_that_was_good_is_not_good_for_ever(issuer: Issuer) -> None:
    clock = [NOW]
    verify = bearer(Verifier(JwksKeys(issuer.url), TRUST, lambda: clock[0]))
    assert await verify(token()) == CALLER
    clock[0] += timedelta(seconds=300 + SKEW_S - 1)
    assert await verify(token()) == CALLER
    clock[0] += timedelta(seconds=1)
    for _ in range(2):
        with pytest.raises(TokenRefusedError):
            await verify(token())


async def test_no_more_tokens_are_remembered_than_the_bound(issuer: Issuer) -> None:
    verifier = Verifier(JwksKeys(issuer.url), TRUST, lambda: NOW, max_cached=2)
    tokens = [token(jti=str(number)) for number in range(5)]
    for each in (*tokens, *tokens):
        assert await bearer(verifier)(each) == CALLER
    assert len(verifier._verified) <= 2  # noqa: SLF001 - what is kept shows nowhere else


def _same(instant: datetime) -> datetime:
    return instant


async def test_the_skew_is_thirty_seconds_and_no_more(verify: Check) -> None:
    now = int(NOW.timestamp())
    edges: tuple[dict[str, Any], ...] = ({"iat": now + SKEW_S}, {"nbf": now + SKEW_S}, {"exp": now - SKEW_S + 1})
    for claims in edges:
        assert await verify(token(**claims)) == CALLER


def _unsigned(_good: str) -> str:
    return f"{encoded(HEADER | {'alg': 'none'})}.{encoded(CLAIMS)}."


def _signed_with_the_public_key(_good: str) -> str:
    """The oldest trick: an asymmetric key's public half, used as the secret of a symmetric one."""
    signing_input = f"{encoded(HEADER | {'alg': 'HS256'})}.{encoded(CLAIMS)}"
    digest = hmac.digest(KEY.as_pem(private=False), signing_input.encode(), hashlib.sha256)
    return f"{signing_input}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _with_its_own_key(_good: str) -> str:
    own = ECKey.generate_key("P-256", {"kid": "one"})
    return token(own, {"jwk": own.as_dict(private=False)})


def _signed_by_another(_good: str) -> str:
    return token(ECKey.generate_key("P-256", {"kid": "one"}))


def _of_an_unknown_key(_good: str) -> str:
    return token(NEXT_KEY, {"kid": "two"})


def _with_other_claims(good: str) -> str:
    header, _, signature = good.split(".")
    return f"{header}.{encoded(CLAIMS | {'role': 'administrator'})}.{signature}"


def _with_a_critical_extension(_good: str) -> str:
    _, claims, signature = token().split(".")
    return f"{encoded(HEADER | {'crit': ['x'], 'x': 1})}.{claims}.{signature}"


TRICKS: tuple[Callable[[str], str], ...] = (
    _unsigned,
    _signed_with_the_public_key,
    _with_its_own_key,
    _signed_by_another,
    _of_an_unknown_key,
    _with_other_claims,
    _with_a_critical_extension,
    lambda good: good[:-1],
    lambda good: good + "A",
    lambda good: good.rpartition(".")[0],
    lambda good: good.replace(".", ".."),
    lambda good: f"{good}.{good}",
    lambda good: good.rpartition(".")[0] + ".",
    lambda good: good.partition(".")[2],
    lambda _good: "",
    lambda _good: "..",
    lambda _good: "....",
    lambda _good: "é.é.é",
    lambda _good: "\u0000",
    lambda _good: "x" * (MAX_TOKEN_LENGTH + 1),
    lambda _good: f"{encoded({})}.{encoded({})}.AAAA",
    lambda _good: f"{base64.urlsafe_b64encode(b'[' * 3_000).decode()}.e30.AAAA",
    lambda _good: f"{base64.urlsafe_b64encode(b'7').decode().rstrip('=')}.e30.AAAA",
)


@pytest.mark.parametrize("trick", TRICKS, ids=range(len(TRICKS)))
async def test_a_token_that_proves_nothing_is_refused(trick: Callable[[str], str], verify: Check) -> None:
    with pytest.raises(TokenRefusedError):
        await verify(trick(token()))
