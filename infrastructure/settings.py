"""The settings: environment variables that begin with KRONIEK_, checked at start. Documented in docs/operation.md."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from infrastructure.postgres.address_forms import ServerPlace, places_of, problem_of_address
from infrastructure.secret_files import SECRET_BYTES, stored_secret
from infrastructure.tokens.algorithms import ALGORITHMS

PREFIX = "KRONIEK_"
LOCAL_ISSUER = "kroniek-local"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Environment(StrEnum):
    """`production` demands what a laptop may go without: an identity provider and a key that outlives the machine."""

    LOCAL = "local"
    PRODUCTION = "production"


KeysProvider: TypeAlias = Literal["file", "pkcs11"]
"""Where new key-encryption keys are made: in files, or in a machine that does not give them away (PKCS #11)."""

LogFormat: TypeAlias = Literal["auto", "json", "console"]
"""`auto` is for people on a terminal and JSON everywhere else."""


# --- Kinds of values ------------------------------------------------------------------------------------------------


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _postgres_url(value: SecretStr) -> SecretStr:
    if problem := problem_of_address(value.get_secret_value()):
        raise ValueError(problem)
    return value


def _trustworthy_url(value: str) -> str:
    parts = urlsplit(value)
    is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or is_local):
        raise ValueError("must be an https address (http only on this machine): the keys decide who is let in")
    return value


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be the address at which clients reach the API, such as https://api.example.be")
    return value.rstrip("/")


def _algorithms(value: str) -> str:
    names = [name.strip() for name in value.split(",")]
    if not set(names) <= set(ALGORITHMS):
        raise ValueError(f"must be some of {', '.join(ALGORITHMS)}, with commas between them")
    return ",".join(names)


def _secret_key(value: SecretStr) -> SecretStr:
    try:
        length = len(bytes.fromhex(value.get_secret_value()))
    except ValueError:
        length = 0
    if length != SECRET_BYTES:
        raise ValueError(f"must be {SECRET_BYTES} bytes as {2 * SECRET_BYTES} hexadecimal digits")
    return value


Lower = BeforeValidator(_lower)
PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres_url)]


# --- Settings -------------------------------------------------------------------------------------------------------


class SettingsError(Exception):
    """Settings are wrong. One readable line for each variable, without any value: a value may be a secret."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("The settings are wrong:\n" + "\n".join(f"- {line}" for line in lines))


class Settings(BaseSettings):
    """All settings; each has a default with which the platform runs on one machine."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    environment: Annotated[Environment, Lower] = Environment.LOCAL
    data_dir: Path = Path(".kroniek")
    database_url: PostgresUrl | None = None
    database_url_writer: PostgresUrl | None = None
    database_url_projector: PostgresUrl | None = None
    database_url_reader: PostgresUrl | None = None
    keys_url: PostgresUrl | None = None
    database_wait_s: float = Field(default=60.0, ge=0, le=3_600)
    keys_provider: Annotated[KeysProvider, Lower] = "file"
    keys_folder: Path | None = None
    pkcs11_module: Path | None = None
    pkcs11_token: str | None = Field(default=None, min_length=1, max_length=32)
    pkcs11_pin: SecretStr | None = None
    pkcs11_key_label: str = Field(default="kroniek", pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    host: str = Field(default="127.0.0.1", min_length=1, pattern=r"^\S+$")
    port: int = Field(default=8000, ge=0, le=65_535)
    jwks_url: Annotated[str, AfterValidator(_trustworthy_url)] | None = None
    token_issuer: str = Field(default=LOCAL_ISSUER, min_length=1)
    token_audience: str = Field(default="kroniek", min_length=1)
    token_algorithms: Annotated[str, AfterValidator(_algorithms)] = ",".join(ALGORITHMS)
    token_role_claim: str = Field(default="role", pattern=r"^[!-~]{1,80}$")
    public_url: Annotated[str, AfterValidator(_base_url)] | None = None
    blind_index_key: Annotated[SecretStr, AfterValidator(_secret_key)] | None = None
    graphql_tokens: int = Field(default=1_000, ge=10, le=10_000)
    graphql_depth: int = Field(default=6, ge=1, le=20)
    graphql_aliases: int = Field(default=15, ge=0, le=1_000)
    graphql_directives: int = Field(default=50, ge=0, le=1_000)
    graphql_cost: int = Field(default=5_000, ge=1)
    graphql_cost_per_minute: int = Field(default=500_000, ge=0)
    graphql_documents: Path | None = None
    graphql_ad_hoc: Annotated[Literal["allowed", "scope", "refused"] | None, Lower] = None
    graphql_introspection: Annotated[Literal["allowed", "overseers", "refused"] | None, Lower] = None
    query_connections: int = Field(default=16, ge=1, le=500)
    query_share: int | None = Field(default=None, ge=1)
    query_waiting: int = Field(default=100, ge=0, le=10_000)
    query_wait_s: float = Field(default=3.0, ge=0.01, le=60)
    figures_licence: str = Field(default="CC0-1.0", pattern=r"^[A-Za-z0-9.+-]{1,80}$")
    query_timeout_s: float = Field(default=5.0, ge=0.01, le=600)
    request_timeout_s: float = Field(default=60.0, ge=0.1, le=600)
    requests_per_minute: int = Field(default=60_000, ge=0)
    pages_per_minute: int = Field(default=1_200, ge=0)
    trusted_proxies: str = Field(default="127.0.0.1", pattern=r"^[0-9A-Fa-f.:/, ]*$|^\*$")
    erasure_cooling_off_days: int = Field(default=14, ge=0, le=30)
    lookups_per_minute: int = Field(default=600, ge=0)
    lookup_misses_per_minute: int = Field(default=60, ge=0)
    log_format: Annotated[LogFormat, Lower] = "auto"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Lower] = "info"

    @property
    def names_a_database(self) -> bool:
        """Whether the database is at an address that is set here, for all roles or for some; else it is embedded."""
        return any(self._urls_of_log)

    @property
    def documents_folder(self) -> Path:
        """The folder of the trusted documents: the one set, else one in the data folder."""
        return self.graphql_documents or self.data_dir / "documents"

    @property
    def _urls_of_log(self) -> Sequence[SecretStr | None]:
        return self.database_url, self.database_url_writer, self.database_url_projector, self.database_url_reader

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if contradiction := next(self._contradictions(), None):
            raise ValueError(contradiction)
        return self

    def _contradictions(self) -> Iterator[str]:
        """Yield a sentence for each contradiction between settings; it begins with the setting to change."""
        if 0 < self.graphql_cost_per_minute < self.graphql_cost:
            yield f"{PREFIX}GRAPHQL_COST_PER_MINUTE: must be 0, for none, or let one query pass"
        if self.query_share is not None and self.query_share > self.query_connections:
            yield f"{PREFIX}QUERY_SHARE: must be no more than {PREFIX}QUERY_CONNECTIONS"
        if self.keys_url is not None and _places([self.keys_url]) & _places(self._urls_of_log):
            yield f"{PREFIX}KEYS_URL: must be another database than that of the log"
        token = {"MODULE": self.pkcs11_module, "TOKEN": self.pkcs11_token, "PIN": self.pkcs11_pin}
        missing = [f"{PREFIX}PKCS11_{name}" for name, value in token.items() if value is None]
        if missing and (len(missing) < len(token) or self.keys_provider == "pkcs11"):
            yield f"{missing[0]}: a token is reached with {', '.join(f'{PREFIX}PKCS11_{name}' for name in token)}"
        if self.jwks_url is not None and self.token_issuer == LOCAL_ISSUER:
            yield f"{PREFIX}TOKEN_ISSUER: must name the issuer whose keys are at {PREFIX}JWKS_URL"
        # A worker that only fills read models neither writes nor answers: it needs no keys.
        has_no_keys = not (self.database_url or self.database_url_writer or self.database_url_reader)
        has_folder = self.keys_folder is not None or self.keys_provider != "file"
        needed = {
            "JWKS_URL": self.jwks_url is not None,
            "DATABASE_URL": self.names_a_database,
            "BLIND_INDEX_KEY": self.blind_index_key is not None,
            "KEYS_URL": self.keys_url is not None or has_no_keys,
            "KEYS_FOLDER": has_folder or has_no_keys,
        }
        missing = [PREFIX + name for name, there in needed.items() if not there]
        if self.environment is Environment.PRODUCTION and missing:
            yield f"{PREFIX}ENVIRONMENT: `production` also needs {', '.join(missing)}"


def load_settings(**given: Any) -> Settings:  # noqa: ANN401 - checked by the model
    """Return the settings of the environment, overruled by the given ones; raise SettingsError with every mistake.

    A variable that begins with KRONIEK_ and is not a setting is wrong too: a typing error that silence would hide.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    lines = [f"{name}: is not a setting; see docs/operation.md" for name in unknown]
    try:
        settings = Settings(**given)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        lines += [_line(problem["loc"], problem["msg"]) for problem in problems]
    if lines:
        raise SettingsError(lines)
    return settings


def blind_index_key(settings: Settings) -> bytes:
    """Return the key under which personal identifiers are hashed for uniqueness: the one set, else a stored one.

    The stored one is made at the first call, in the data folder, readable by this user alone. Losing it means that a
    national number that is registered already would be taken for a new one.
    """
    if settings.blind_index_key is not None:
        return bytes.fromhex(settings.blind_index_key.get_secret_value())
    return stored_secret(settings.data_dir / "blind-index.key")


def _places(urls: Sequence[SecretStr | None]) -> frozenset[ServerPlace]:
    return frozenset(place for url in urls if url is not None for place in places_of(url.get_secret_value()))


def _line(place: tuple[int | str, ...], message: str) -> str:
    message = message.removeprefix("Value error, ")
    return f"{PREFIX}{str(place[0]).upper()}: {message}" if place else message
