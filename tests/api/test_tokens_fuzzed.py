"""Whatever stands in the headers that say who calls, the answer is a refusal."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.ports import Caller, Role
from tests.api.world import BEGIN, PLATFORM, World
from tests.infrastructure.issuing import encoded
from tests.infrastructure.proving import PROOF_KEY
from tests.lengths import runs_longer, sized

CALLER = Caller(subject="official-7", role=Role.ADMINISTRATOR, organisation_id=PLATFORM)
WORDS = st.sampled_from(["P-256", "P-384", "Ed25519", "AQAB", "AA", "A" * 43, "_" * 342])

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
MADE_UP_KEYS = st.fixed_dictionaries(
    {"kty": st.sampled_from(["EC", "RSA", "OKP", "oct"]) | ANY_JSON},
    optional=dict.fromkeys(("crv", "x", "y", "n", "e", "use", "alg", "key_ops", "kid"), WORDS | ANY_JSON),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from(["ES256", "RS256", "EdDSA", "none", "HS256"]) | ANY_JSON,
        "typ": st.sampled_from(["at+jwt", "dpop+jwt"]) | ANY_JSON,
        "kid": ANY_JSON,
        "crit": ANY_JSON,
        "jwk": st.just(PROOF_KEY.as_dict(private=False)) | MADE_UP_KEYS | ANY_JSON,
    },
)
PROOF_HEADERS = st.fixed_dictionaries(
    {"typ": st.just("dpop+jwt"), "alg": st.sampled_from(["ES256", "RS256", "PS384", "EdDSA"]), "jwk": MADE_UP_KEYS}
)
SIGNED = st.builds(
    lambda header, claims, signature: f"{encoded(header)}.{encoded(claims)}.{signature}".encode(),
    HEADERS | PROOF_HEADERS | ANY_JSON,
    ANY_JSON,
    st.sampled_from(["", "AAAA", "A" * 86]),
)
BYTES = st.binary(max_size=200).map(lambda raw: raw.translate(None, b"\r\n\0"))
TOKENS = SIGNED | BYTES
SCHEMES = st.sampled_from([b"Bearer ", b"DPoP ", b"dpop  ", b"Basic ", b""])
AUTHORIZATIONS = st.lists(st.builds(lambda scheme, token: scheme + token, SCHEMES, TOKENS), max_size=2)

REFUSALS = {"unauthenticated", "invalid-token", "invalid-dpop-proof"}


@runs_longer
@runs_longer
@settings(max_examples=sized(150, long=6_000), deadline=None, suppress_health_check=list(HealthCheck))
@given(authorization=AUTHORIZATIONS, proofs=st.lists(TOKENS, max_size=2), is_bound=st.booleans())
def test_whatever_the_headers_are_the_answer_is_a_refusal(
    world: World, authorization: list[bytes], proofs: list[bytes], is_bound: bool
) -> None:
    if is_bound:
        good = world.issue(CALLER, BEGIN, timedelta(days=365), thumbprint=PROOF_KEY.thumbprint())
        authorization = [b"DPoP " + good.encode()]
    headers = [(b"authorization", each) for each in authorization] + [(b"dpop", each) for each in proofs]
    answer = world.anybody.http.post("/organisations", content=b"{}", headers=headers)
    assert answer.status_code == 401, answer.text
    assert answer.json()["type"].rpartition(":")[2] in REFUSALS


@runs_longer
@settings(max_examples=sized(100, long=3_000), deadline=None, suppress_health_check=list(HealthCheck))
@given(assertion=TOKENS, proofs=st.lists(TOKENS, max_size=2))
def test_whatever_is_asked_of_the_issuer_no_token_is_given(world: World, assertion: bytes, proofs: list[bytes]) -> None:
    usual = b"grant_type=client_credentials&client_assertion_type="
    kind = b"urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion="
    headers = [(b"content-type", b"application/x-www-form-urlencoded"), *((b"dpop", each) for each in proofs)]
    answer = world.anybody.http.post("/oauth2/token", content=usual + kind + assertion, headers=headers)
    assert answer.status_code in {400, 401}, answer.text
    assert answer.json().keys() == {"error", "error_description"}
