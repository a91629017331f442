"""The issuer's keys: fetched once for all, again when there is reason, and never for whoever invents keys."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from joserfc.jwk import ECKey

from application.token_refusals import IssuerUnavailableError, TokenRefusedError
from infrastructure.tokens.jwks import JWKS_MAX_AGE_S, JWKS_MIN_INTERVAL_S, JWKS_UNKNOWN_KEY_S, JwksKeys, JwksLimits
from infrastructure.tokens.verifier import Verifier
from tests.infrastructure.issuing import CALLER, KEY, NEXT_KEY, NOW, TRUST, Check, Issuer, Seconds, bearer, token
from tests.waiting import until

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


async def test_the_keys_are_fetched_once_and_kept(issuer: Issuer, verify: Check) -> None:
    for number in range(3):
        await verify(token(jti=str(number)))
    assert issuer.asked == 1


async def test_a_key_that_is_new_is_fetched_once(issuer: Issuer, verify: Check, seconds: Seconds) -> None:
    await verify(token())
    issuer.keys = [KEY, NEXT_KEY]
    seconds.now += JWKS_MIN_INTERVAL_S
    for _ in range(2):
        assert await verify(token(NEXT_KEY, {"kid": "two"})) == CALLER
    assert await verify(token()) == CALLER
    assert issuer.asked == 2


async def test_invented_keys_do_not_make_us_flood_the_issuer(issuer: Issuer, verify: Check, seconds: Seconds) -> None:
    for number in range(20):
        with pytest.raises(TokenRefusedError):
            await verify(token(NEXT_KEY, {"kid": f"invented-{number}"}))
    assert issuer.asked == 1
    seconds.now += JWKS_MIN_INTERVAL_S
    for number in range(20):
        with pytest.raises(TokenRefusedError):
            await verify(token(NEXT_KEY, {"kid": f"invented-{number}"}))
    assert issuer.asked == 2


async def test_a_wrong_signature_is_no_reason_to_ask_again(issuer: Issuer, verify: Check, seconds: Seconds) -> None:
    await verify(token())
    seconds.now += JWKS_MIN_INTERVAL_S
    with pytest.raises(TokenRefusedError):
        await verify(token(ECKey.generate_key("P-256", {"kid": "one"})))
    assert issuer.asked == 1


async def test_a_key_that_the_issuer_withdrew_loses_its_force(issuer: Issuer, verify: Check, seconds: Seconds) -> None:
    await verify(token())
    issuer.keys = [NEXT_KEY]
    good = token()
    assert await verify(good) == CALLER
    seconds.now += JWKS_MAX_AGE_S
    with pytest.raises(TokenRefusedError):
        await verify(good)


async def test_while_the_issuer_is_gone_known_keys_go_on_and_others_are_not_called_wrong(
    issuer: Issuer, verify: Check, seconds: Seconds
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
    answer: bytes, issuer: Issuer, verify: Check, seconds: Seconds
) -> None:
    issuer.answer = answer
    for _ in range(2):
        with pytest.raises(IssuerUnavailableError):
            await verify(token())
    assert issuer.asked == 1
    issuer.answer = None
    seconds.now += JWKS_MIN_INTERVAL_S
    assert await verify(token()) == CALLER


async def test_an_issuer_that_is_not_there_is_unavailable() -> None:
    gone = Issuer()
    gone.stop()
    with pytest.raises(IssuerUnavailableError):
        await bearer(Verifier(JwksKeys(gone.url), TRUST, lambda: NOW))(token())


# --- Many at once, and what leads nowhere ---------------------------------------------------------------------------


async def test_however_many_wait_there_is_one_fetch(issuer: Issuer, verify: Check, seconds: Seconds) -> None:
    issuer.wait_s = 0.2
    tokens = [token(jti=str(number)) for number in range(50)]
    assert await asyncio.gather(*map(verify, tokens)) == [CALLER] * 50
    assert issuer.asked == 1
    issuer.keys.append(NEXT_KEY)
    seconds.now += JWKS_MIN_INTERVAL_S
    tokens = [token(NEXT_KEY, {"kid": "two"}, jti=str(number)) for number in range(50)]
    assert await asyncio.gather(*map(verify, tokens)) == [CALLER] * 50
    assert issuer.asked == 2


async def test_who_goes_away_does_not_take_the_fetch_away_from_the_others(issuer: Issuer, verify: Check) -> None:
    issuer.wait_s = 0.2
    first = asyncio.ensure_future(verify(token()))
    await until(lambda: issuer.asked, "nothing is fetched")
    first.cancel()
    assert await verify(token()) == CALLER
    assert issuer.asked == 1


async def test_an_unknown_key_is_remembered_for_a_while(issuer: Issuer, verify: Check, seconds: Seconds) -> None:
    await verify(token())
    for _ in range(3):
        seconds.now += JWKS_MIN_INTERVAL_S
        with pytest.raises(TokenRefusedError):
            await verify(token(NEXT_KEY, {"kid": "two"}))
    assert issuer.asked == 2
    issuer.keys.append(NEXT_KEY)
    seconds.now += JWKS_UNKNOWN_KEY_S
    assert await verify(token(NEXT_KEY, {"kid": "two"})) == CALLER
    assert issuer.asked == 3


async def test_no_more_unknown_keys_are_remembered_than_the_bound(issuer: Issuer, seconds: Seconds) -> None:
    keys = JwksKeys(issuer.url, seconds, limits=JwksLimits(unknown_keys=3))
    for number in range(10):
        seconds.now += JWKS_MIN_INTERVAL_S
        await keys.key_set(lacking=f"invented-{number}")
    assert len(keys._unknown) == 3  # noqa: SLF001 - what is kept shows nowhere else


async def test_a_redirection_is_not_followed(issuer: Issuer, verify: Check) -> None:
    other = Issuer()
    issuer.status, issuer.location = 302, other.url
    with pytest.raises(IssuerUnavailableError):
        await verify(token())
    other.stop()
    assert other.asked == 0


@pytest.mark.parametrize(("limits", "wait_s"), [(JwksLimits(answer_bytes=100), 0.0), (JwksLimits(timeout_s=0.1), 0.3)])
async def test_an_endless_or_slow_answer_is_given_up(issuer: Issuer, limits: JwksLimits, wait_s: float) -> None:
    issuer.wait_s = wait_s
    verify = bearer(Verifier(JwksKeys(issuer.url, limits=limits), TRUST, lambda: NOW))
    with pytest.raises(IssuerUnavailableError):
        await verify(token())
    assert issuer.asked == 1


async def test_the_key_of_another_issuer_is_of_no_use_here(issuer: Issuer, verify: Check) -> None:
    other = Issuer()
    other.keys = [NEXT_KEY]
    theirs = bearer(Verifier(JwksKeys(other.url), TRUST, lambda: NOW))
    signed = token(NEXT_KEY, {"kid": "one"})
    for check in (verify, theirs):
        with pytest.raises(TokenRefusedError):
            await check(signed)
    other.stop()
    assert issuer.asked == other.asked == 1
