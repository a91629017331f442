"""Access tokens: what is let in, what is not, and where the keys come from."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from application.ports import Caller, Role
from infrastructure.tokens import (
    JWKS_MAX_AGE_S,
    JWKS_PAUSE_S,
    MAX_TOKEN_LENGTH,
    SKEW_S,
    IssuerUnavailableError,
    JwksKeys,
    LocalIssuer,
    TokenRefusedError,
    Verifier,
)

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
CALLER = Caller(subject="official-7", role=Role.AGENCY, organisation_id="agency-1")
ISSUER, AUDIENCE = "https://login.example", "kroniek"
KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
NEXT_KEY = ECKey.generate_key("P-256", {"kid": "two", "use": "sig", "alg": "ES256"})
HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": "one"}
CLAIMS = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": CALLER.subject,
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 300,
    "role": "agency",
    "organisation": CALLER.organisation_id,
}


def token(key: Any = KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
    said = {name: value for name, value in (CLAIMS | claims).items() if value is not ...}
    marked = HEADER | (header or {})
    return jwt.encode(marked, said, key, algorithms=[marked["alg"]])


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


# --- A little issuer ------------------------------------------------------------------------------------------------


class Issuer:
    """Serves a key set on this machine; counts how often it was asked for it."""

    def __init__(self) -> None:
        self.keys: list[Any] = [KEY]
        self.answer: bytes | None = None
        self.status = 200
        self.asked = 0
        issuer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                self.send_response(issuer.status)
                self.end_headers()
                self.wfile.write(issuer.body())

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def body(self) -> bytes:
        if self.answer is not None:
            return self.answer
        return json.dumps({"keys": [key.as_dict(private=False) for key in self.keys]}).encode()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Seconds:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.stop()


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def verify(issuer: Issuer, seconds: Seconds) -> Verifier:
    return Verifier(JwksKeys(issuer.url, seconds), ISSUER, AUDIENCE, lambda: NOW)


# --- Who is let in --------------------------------------------------------------------------------------------------


async def test_a_token_says_who_calls(verify: Verifier) -> None:
    assert await verify(token()) == CALLER
    assert await verify(token(aud=["other", AUDIENCE], nbf=CLAIMS["iat"], jti="1", scope="x")) == CALLER
    assert await verify(token(header={"typ": "application/AT+JWT"})) == CALLER


@pytest.mark.parametrize("role", Role)
async def test_each_role_can_be_named(role: Role, verify: Verifier) -> None:
    assert (await verify(token(role=role.value))).role is role


async def test_what_the_platform_issues_it_lets_in(tmp_path: Path) -> None:
    issuer = LocalIssuer(tmp_path, ISSUER, AUDIENCE)
    verify = Verifier(issuer, ISSUER, AUDIENCE, lambda: NOW)
    assert await verify(issuer.issue(CALLER, NOW, timedelta(minutes=5))) == CALLER
    again = LocalIssuer(tmp_path, ISSUER, AUDIENCE)
    assert again.jwks() == issuer.jwks()
    assert "d" not in again.jwks()["keys"][0]
    assert (tmp_path / "token-key.json").stat().st_mode & 0o077 == 0


async def test_an_rsa_key_of_the_issuer_is_good_too(issuer: Issuer, verify: Verifier) -> None:
    key = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
    issuer.keys.append(key)
    for algorithm in ("RS256", "PS256"):
        assert await verify(token(key, {"alg": algorithm, "kid": "rsa"})) == CALLER


# --- Who is not -----------------------------------------------------------------------------------------------------

HEADERS_REFUSED: tuple[dict[str, Any], ...] = ({"typ": "JWT"}, {"typ": ""}, {"typ": "id+jwt"})


@pytest.mark.parametrize("header", HEADERS_REFUSED)
async def test_a_token_that_is_no_access_token_is_refused(header: dict[str, Any], verify: Verifier) -> None:
    with pytest.raises(TokenRefusedError):
        await verify(token(header=header))


CLAIMS_REFUSED: tuple[dict[str, Any], ...] = (
    *({name: ...} for name in CLAIMS),
    *({name: None} for name in CLAIMS),
    *({name: []} for name in CLAIMS),
    *({name: {}} for name in CLAIMS),
    {"iss": "https://other.example"},
    {"iss": [ISSUER]},
    {"aud": "other"},
    {"aud": ["other", "another"]},
    {"aud": [AUDIENCE, 7]},
    {"exp": int(NOW.timestamp()) - SKEW_S},
    {"exp": "never"},
    {"exp": True},
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
async def test_a_token_that_says_something_else_is_refused(claims: dict[str, Any], verify: Verifier) -> None:
    with pytest.raises(TokenRefusedError):
        await verify(token(**claims))


async def test_a_token_is_good_until_its_time_is_over_and_a_little_skew(issuer: Issuer) -> None:
    over = NOW + timedelta(seconds=300 + SKEW_S)
    for now, good in ((over - timedelta(seconds=1), True), (over, False)):
        verify = Verifier(JwksKeys(issuer.url), ISSUER, AUDIENCE, partial(_same, now))
        if good:
            assert await verify(token()) == CALLER
        else:
            with pytest.raises(TokenRefusedError):
                await verify(token())


async def test_a_token_that_was_good_is_not_good_for_ever(issuer: Issuer) -> None:
    clock = [NOW]
    verify = Verifier(JwksKeys(issuer.url), ISSUER, AUDIENCE, lambda: clock[0])
    assert await verify(token()) == CALLER
    clock[0] += timedelta(seconds=300 + SKEW_S - 1)
    assert await verify(token()) == CALLER
    clock[0] += timedelta(seconds=1)
    for _ in range(2):
        with pytest.raises(TokenRefusedError):
            await verify(token())


async def test_no_more_tokens_are_remembered_than_the_bound(verify: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infrastructure.tokens.MAX_VERIFIED", 2)
    tokens = [token(jti=str(number)) for number in range(5)]
    for each in (*tokens, *tokens):
        assert await verify(each) == CALLER
    assert len(verify._verified) <= 2  # noqa: SLF001 - what is kept shows nowhere else


def _same(instant: datetime) -> datetime:
    return instant


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
async def test_a_token_that_proves_nothing_is_refused(trick: Callable[[str], str], verify: Verifier) -> None:
    with pytest.raises(TokenRefusedError):
        await verify(trick(token()))


# --- The issuer's keys ----------------------------------------------------------------------------------------------


async def test_the_keys_are_fetched_once_and_kept(issuer: Issuer, verify: Verifier) -> None:
    for number in range(3):
        await verify(token(jti=str(number)))
    assert issuer.asked == 1


async def test_a_key_that_is_new_is_fetched_once(issuer: Issuer, verify: Verifier, seconds: Seconds) -> None:
    await verify(token())
    issuer.keys = [KEY, NEXT_KEY]
    seconds.now += JWKS_PAUSE_S
    for _ in range(2):
        assert await verify(token(NEXT_KEY, {"kid": "two"})) == CALLER
    assert await verify(token()) == CALLER
    assert issuer.asked == 2


async def test_invented_keys_do_not_make_us_flood_the_issuer(
    issuer: Issuer, verify: Verifier, seconds: Seconds
) -> None:
    for number in range(20):
        with pytest.raises(TokenRefusedError):
            await verify(token(NEXT_KEY, {"kid": f"invented-{number}"}))
    assert issuer.asked == 1
    seconds.now += JWKS_PAUSE_S
    for number in range(20):
        with pytest.raises(TokenRefusedError):
            await verify(token(NEXT_KEY, {"kid": f"invented-{number}"}))
    assert issuer.asked == 2


async def test_a_wrong_signature_is_no_reason_to_ask_again(issuer: Issuer, verify: Verifier, seconds: Seconds) -> None:
    await verify(token())
    seconds.now += JWKS_PAUSE_S
    with pytest.raises(TokenRefusedError):
        await verify(_signed_by_another(""))
    assert issuer.asked == 1


async def test_a_key_that_the_issuer_withdrew_loses_its_force(
    issuer: Issuer, verify: Verifier, seconds: Seconds
) -> None:
    await verify(token())
    issuer.keys = [NEXT_KEY]
    good = token()
    assert await verify(good) == CALLER
    seconds.now += JWKS_MAX_AGE_S
    with pytest.raises(TokenRefusedError):
        await verify(good)


async def test_while_the_issuer_is_gone_known_keys_go_on_and_others_are_not_called_wrong(
    issuer: Issuer, verify: Verifier, seconds: Seconds
) -> None:
    await verify(token())
    issuer.status = 503
    seconds.now += JWKS_MAX_AGE_S
    for _ in range(3):
        assert await verify(token()) == CALLER
        with pytest.raises(IssuerUnavailableError):
            await verify(token(NEXT_KEY, {"kid": "two"}))
    assert issuer.asked == 2


@pytest.mark.parametrize(
    "answer",
    [b"", b"not json", b"[]", b"7", b"{}", b'{"keys":[]}', b'{"keys":7}', b'{"keys":[7]}', b'{"keys":[{"kty":"EC"}]}'],
)
async def test_without_keys_nothing_can_be_said_about_a_token(
    answer: bytes, issuer: Issuer, verify: Verifier, seconds: Seconds
) -> None:
    issuer.answer = answer
    for _ in range(2):
        with pytest.raises(IssuerUnavailableError):
            await verify(token())
    assert issuer.asked == 1
    issuer.answer = None
    seconds.now += JWKS_PAUSE_S
    assert await verify(token()) == CALLER


async def test_an_issuer_that_is_not_there_is_unavailable() -> None:
    gone = Issuer()
    gone.stop()
    with pytest.raises(IssuerUnavailableError):
        await Verifier(JwksKeys(gone.url), ISSUER, AUDIENCE, lambda: NOW)(token())
