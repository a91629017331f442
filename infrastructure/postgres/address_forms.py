"""Addresses of PostgreSQL, in every form that libpq reads: its own parser reads them, several hosts among them.

Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING. No sentence about an address holds
a part of it: what stands there may be a piece of a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

FORM = "must be an address such as postgresql://user:password@host:5432/database"
DEFAULT_PORT = 5432
MAX_PORT = 65_535

CHOICES: Mapping[str, Sequence[str]] = {
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "load_balance_hosts": ("disable", "random"),
}
"""Parameters that libpq checks only when it connects, and what they may be."""

_TORN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SCHEMES = ("postgresql://", "postgres://")


class ServerPlace(NamedTuple):
    """A database on one server, as an address names it."""

    host: str
    port: int
    database: str


def problem_of_address(address: str) -> str:
    """Return what is wrong with an address, without any part of it; empty where it can be used."""
    is_uri = address.startswith(_SCHEMES)
    if "://" in address and not is_uri:
        return FORM
    try:
        parameters = _parameters(address)
    except psycopg.ProgrammingError as error:
        if is_uri and _TORN_ESCAPE.search(address):
            return "has a % without two hexadecimal digits behind it; a % of a password is written %25"
        if "query parameter" in str(error):
            return "has a parameter behind its ? that libpq does not know"
        return FORM
    return next(_wrong_values(parameters), "")


def places_of(address: str) -> frozenset[ServerPlace]:
    """Return the databases that an address may lead to, one for each of its hosts."""
    parameters = _parameters(address)
    hosts = (parameters.get("hostaddr") or parameters.get("host") or "").split(",")
    ports = (parameters.get("port") or "").split(",")
    database = parameters.get("dbname") or parameters.get("user", "")
    each = zip_longest(hosts, ports, fillvalue=ports[0]) if len(ports) == 1 else zip(hosts, ports, strict=True)
    return frozenset(ServerPlace(host, int(port or DEFAULT_PORT), database) for host, port in each)


def for_writing(address: str) -> str:
    """Return the address with which the primary is found among several hosts, unless it says itself what it wants."""
    if len(places_of(address)) == 1 or "target_session_attrs" in _parameters(address):
        return address
    return make_conninfo(address, target_session_attrs="read-write")


def _parameters(address: str) -> Mapping[str, str]:
    return {name: str(value) for name, value in conninfo_to_dict(address).items() if value is not None}


def _wrong_values(parameters: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each value that libpq would refuse when it connects."""
    hosts = (parameters.get("hostaddr") or parameters.get("host") or "").split(",")
    ports = (parameters.get("port") or "").split(",")
    if any(port and not (port.isascii() and port.isdigit() and 1 <= int(port) <= MAX_PORT) for port in ports):
        yield f"has a port that is no number from 1 to {MAX_PORT:,}; a / of a password is written %2F"
    if len(ports) not in (1, len(hosts)):
        yield f"has {len(ports)} ports for {len(hosts)} hosts: one for all of them is needed, or one for each"
    for name, choices in CHOICES.items():
        if parameters.get(name, choices[0]) not in choices:
            yield f"has a `{name}` that is none of {', '.join(choices)}"
    timeout = parameters.get("connect_timeout", "0")
    if not timeout.lstrip("-").isdigit():
        yield "has a `connect_timeout` that is no whole number of seconds"
