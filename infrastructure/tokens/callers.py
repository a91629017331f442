"""Reads the caller from the claims of a token: role, organisation, and the organisation that acts for it."""

from __future__ import annotations

import math
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from application.ports import Caller, Role
from application.token_refusals import TokenRefusedError
from domain.kernel.kinds import ID_PATTERN, SUBJECT_PATTERN
from domain.kernel.participants import SCHEMES

AUTHORITY = "iso6523-actorid-upis"
"""The authority of ISO/IEC 6523 identifiers in `consumer` and `supplier`. Source: Maskinporten."""

FOUND_MAX_AGE_S = 900
NOT_FOUND_MAX_AGE_S = 30
MAX_CACHED_ORGANISATIONS = 4_096

# Names in a token go into the log for ever: they are plain identifiers, nothing else.
_SUBJECT = re.compile(SUBJECT_PATTERN)
_ORGANISATION = re.compile(ID_PATTERN)
_ISO_6523 = re.compile(r"([0-9]{4}):([A-Za-z0-9_-]{1,60})")

_SCOPE = re.compile(r"([!#-\[\]-~]+( [!#-\[\]-~]+)*)?")

LookUp = Callable[[str], Awaitable[str | None]]
"""Returns the id of the organisation with this number in a register, if the platform knows it."""


class NamedOrganisation(NamedTuple):
    """An organisation as a token names it; `number` is its number in a register, if any."""

    organisation_id: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSubject:
    """The caller as the claims of a token name them, and the numbers of their organisations in a register, if any."""

    caller: Caller
    organisation_number: str
    supplier_number: str


def subject_of(claims: Mapping[str, object], role_claim: str) -> TokenSubject:
    """Return the caller; raise TokenRefusedError unless the claims name exactly one."""
    subject, role = claims.get("sub"), claims.get(role_claim)
    if not (isinstance(subject, str) and _SUBJECT.fullmatch(subject)):
        raise TokenRefusedError("sub is not a plain identifier")
    if not (isinstance(role, str) and role in tuple(Role)):
        raise TokenRefusedError("no role")
    if ("organisation" in claims) == ("consumer" in claims):
        raise TokenRefusedError("exactly one claim names the organisation")
    own = _organisation(claims["organisation"]) if "organisation" in claims else _numbered(claims["consumer"])
    supplier = _organisation(claims["supplier"]) if "supplier" in claims else NamedOrganisation()
    caller = Caller(
        subject=subject,
        role=Role(role),
        organisation_id=own.organisation_id,
        supplier_id=supplier.organisation_id,
        scopes=_scopes(claims.get("scope", "")),
    )
    return TokenSubject(caller=caller, organisation_number=own.number, supplier_number=supplier.number)


def _organisation(claim: object) -> NamedOrganisation:
    """Read an organisation: its id on this platform, or its number in a register."""
    if isinstance(claim, str) and _ORGANISATION.fullmatch(claim):
        return NamedOrganisation(claim)
    return _numbered(claim)


def _numbered(claim: object) -> NamedOrganisation:
    """Read the number of an organisation: {"authority": "iso6523-actorid-upis", "ID": "0208:..."}."""
    if not isinstance(claim, Mapping) or claim.get("authority") != AUTHORITY:
        raise TokenRefusedError("not an organisation")
    match = _ISO_6523.fullmatch(str(claim.get("ID")))
    if match is None:
        raise TokenRefusedError("not an identifier of ISO 6523")
    code, value = match.groups()
    scheme = SCHEMES.get(code)
    if scheme is None or not scheme.takes(value):
        raise TokenRefusedError("not a number of a participant scheme")
    # Ids have no colon.
    return NamedOrganisation(f"{code}-{value}", scheme.number_in_register(value) or "")


def _scopes(claim: object) -> frozenset[str]:
    """Read `scope`: names with single spaces between them (RFC 8693, section 4.2)."""
    if not (isinstance(claim, str) and _SCOPE.fullmatch(claim)):
        raise TokenRefusedError("scope is not a list of names")
    return frozenset(claim.split())


async def nobody_known(_number: str) -> str | None:
    """Look up nothing: organisations are known by the id in their token only."""
    return None


class OrganisationDirectory:
    """Finds the platform's id of an organisation in a token, and caches it."""

    def __init__(
        self,
        look_up: LookUp = nobody_known,
        clock: Callable[[], float] = time.monotonic,
        *,
        max_cached: int = MAX_CACHED_ORGANISATIONS,
    ) -> None:
        self._look_up = look_up
        self._clock = clock
        self._max_cached = max_cached
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()

    async def caller(self, named: TokenSubject) -> Caller:
        """Return the caller with the ids under which the platform knows the numbers, if it does."""
        if not (named.organisation_number or named.supplier_number):
            return named.caller
        return replace(
            named.caller,
            organisation_id=await self._id(named.organisation_number) or named.caller.organisation_id,
            supplier_id=await self._id(named.supplier_number) or named.caller.supplier_id,
        )

    async def _id(self, number: str) -> str:
        if not number:
            return ""
        found, until = self._known.get(number, ("", -math.inf))
        if self._clock() >= until:
            found = await self._look_up(number) or ""
            self._known[number] = (found, self._clock() + (FOUND_MAX_AGE_S if found else NOT_FOUND_MAX_AGE_S))
            self._known.move_to_end(number)
            while len(self._known) > self._max_cached:
                self._known.popitem(last=False)
        return found
