"""Who sends: tokens of every role and of several organisations, none, wrong ones; and the headers beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

from hypothesis import strategies as st

from application.ports import Caller, Role
from tests.api.world import BEGIN, PLATFORM, World
from tests.fuzz.sending import RIGHT
from tests.infrastructure.proving import PROOF_KEY, proof

OFFICES = ("provider", "agency", "stranger", "identity-provider", "sender", "authority", "target")
WHO: Sequence[tuple[Role, str]] = (
    *((Role.AGENCY, office) for office in OFFICES),
    *((role, PLATFORM) for role in (Role.ADMINISTRATOR, Role.AUDITOR, Role.SYSTEM)),
)
NO_TOKENS = ("", "Bearer", "Bearer  ", "Basic YTpi", "Bearer a.b.c", "DPoP x", "bearer \u00e9", "Bearer " + "a" * 9_000)
ACTIVITIES = ("case-handling", "https://register.example.be/activities/7", "", "7", "a b", "x" * 300, "a\u0000b")
VERSIONS = ('"1"', '"2"', '"0"', "*", 'W/"1"', '"1", "2"', '"99999999999999999999"', "", "1")
KEYS = ("", "a\u0007b", "k" * 201, "used-often-1", "used-often-2", "\u00e9")

Headers = Mapping[str, str]
_serials = count(1)


@dataclass(frozen=True, slots=True)
class Callers:
    """Draws the headers of requests to a world."""

    world: World

    def headers(self, *, as_a_rule: tuple[Role, str] | None = None, version: str = "") -> st.SearchStrategy[Headers]:
        """Draw headers: mostly of somebody who may ask, as a rule of the one who is named, about that version."""
        who = st.sampled_from(WHO) if as_a_rule is None else st.one_of(st.just(as_a_rule), st.sampled_from(WHO))
        return st.builds(
            _together,
            # One branch in eight each is a wrong one: what lies behind a header is reached by most.
            _mostly(who.map(self._bearer), st.sampled_from(NO_TOKENS).map(_authorization) | self._bound()),
            _mostly(st.builds(_fresh_key), st.sampled_from(KEYS).map(_key) | st.just({})),
            _mostly(st.just(_version(version) if version else {}), st.sampled_from(VERSIONS).map(_version)),
            _mostly(st.just({"Processing-Activity": ACTIVITIES[0]}), st.sampled_from(ACTIVITIES).map(_activity)),
        )

    def _bearer(self, who: tuple[Role, str]) -> Headers:
        return _authorization(f"Bearer {self.world.token(*who)}")

    def _bound(self) -> st.SearchStrategy[Headers]:
        """Draw a token that is bound to a key, with the right proof or a wrong one."""
        caller = Caller(subject="official-7", role=Role.SYSTEM, organisation_id=PLATFORM)
        token = self.world.issue(caller, BEGIN, timedelta(days=365), thumbprint=PROOF_KEY.thumbprint())
        wrong = st.sampled_from(["", "a.b.c", proof(token), proof(token, htm="TRACE"), proof(token, jti=7)])
        schemes = st.sampled_from(["DPoP", "DPoP", "Bearer"])
        return st.builds(
            lambda scheme, shown: {"Authorization": f"{scheme} {token}", "DPoP": shown},
            schemes,
            st.just(RIGHT) | wrong,
        )


def _mostly(usual: st.SearchStrategy[Headers], seldom: st.SearchStrategy[Headers]) -> st.SearchStrategy[Headers]:
    # The simplest case is tried first, and often: it is a usual one.
    return st.integers(0, 7).flatmap(lambda drawn: seldom if drawn == 7 else usual)


def _together(*parts: Headers) -> Headers:
    return {name: value for part in parts for name, value in part.items()}


def _authorization(value: str) -> Headers:
    return {"Authorization": value}


def _key(value: str) -> Headers:
    return {"Idempotency-Key": value}


def _version(value: str) -> Headers:
    return {"If-Match": value}


def _activity(value: str) -> Headers:
    return {"Processing-Activity": value}


def _fresh_key() -> Headers:
    return _key(f"fuzz-{next(_serials)}")
