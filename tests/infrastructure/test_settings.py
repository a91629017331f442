from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest

from infrastructure.secret_files import stored_secret
from infrastructure.settings import (
    Environment,
    Settings,
    SettingsError,
    blind_index_key,
    load_settings,
)

KEY = "0f" * 32
PAGE = Path(__file__).parents[2] / "docs" / "operation.md"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("KRONIEK_"):
            monkeypatch.delenv(name)


def _set(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"KRONIEK_{name}", value)


def _wrong(monkeypatch: pytest.MonkeyPatch, **values: str) -> list[str]:
    _set(monkeypatch, **values)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    return refusal.value.lines


def test_nothing_needs_to_be_set() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8000, Path(".kroniek"))
    assert settings.database_url is None
    assert settings.environment is Environment.LOCAL


def test_the_environment_is_read_and_the_command_line_overrules_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, PORT="9000", HOST="0.0.0.0", LOG_FORMAT="JSON", DATA_DIR="")  # noqa: S104 - never bound
    settings = load_settings(port=9001)
    assert (settings.host, settings.port, settings.log_format) == ("0.0.0.0", 9001, "json")  # noqa: S104
    assert settings.data_dir == Path(".kroniek")


def test_everything_that_is_wrong_is_said_at_once_and_no_value_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = _wrong(
        monkeypatch, PORT="s3cret", DATABASE_URL="mysql://u:s3cret@h/d", BLIND_INDEX_KEY="s3cret", LOG_LEVEL="s3cret"
    )
    assert {line.split(":")[0] for line in lines} == {
        "KRONIEK_PORT",
        "KRONIEK_DATABASE_URL",
        "KRONIEK_BLIND_INDEX_KEY",
        "KRONIEK_LOG_LEVEL",
    }
    assert "s3cret" not in str(SettingsError(lines))


def test_a_typing_error_in_a_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = _wrong(monkeypatch, DATBASE_URL="postgresql://h/d")
    assert line.startswith("KRONIEK_DATBASE_URL: is not a setting")


@pytest.mark.parametrize(
    "url", ["http://login.example/keys", "ftp://login.example/keys", "login.example", "https:///x"]
)
def test_keys_come_over_https_or_from_this_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    (line,) = _wrong(monkeypatch, JWKS_URL=url, TOKEN_ISSUER="https://login.example")
    assert line.startswith("KRONIEK_JWKS_URL: must be an https address")
    _set(monkeypatch, JWKS_URL="http://localhost:8080/keys")
    assert load_settings().jwks_url == "http://localhost:8080/keys"


def test_the_keys_of_an_issuer_need_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = _wrong(monkeypatch, JWKS_URL="https://login.example/keys")
    assert line.startswith("KRONIEK_TOKEN_ISSUER")


@pytest.mark.parametrize("names", ["none", "HS256", "ES256,HS256", "ES256K", "es256", "ES256,", ","])
def test_only_signatures_with_a_public_key_can_be_pinned(monkeypatch: pytest.MonkeyPatch, names: str) -> None:
    (line,) = _wrong(monkeypatch, TOKEN_ALGORITHMS=names)
    assert line.startswith("KRONIEK_TOKEN_ALGORITHMS: must be some of ES256")
    _set(monkeypatch, TOKEN_ALGORITHMS="ES256, PS384")
    assert load_settings().token_algorithms == "ES256,PS384"


@pytest.mark.parametrize(
    "url", ["api.example.be", "ftp://api.example.be", "https://", "https://h/?a=b", "https://h/#a"]
)
def test_the_public_address_is_one(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    (line,) = _wrong(monkeypatch, PUBLIC_URL=url)
    assert line.startswith("KRONIEK_PUBLIC_URL: must be the address")
    _set(monkeypatch, PUBLIC_URL="https://api.example.be/")
    assert load_settings().public_url == "https://api.example.be"


def test_production_needs_more(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = _wrong(monkeypatch, ENVIRONMENT="production")
    assert line == (
        "KRONIEK_ENVIRONMENT: `production` also needs KRONIEK_JWKS_URL, KRONIEK_DATABASE_URL, KRONIEK_BLIND_INDEX_KEY"
    )
    _set(monkeypatch, JWKS_URL="https://login.example/keys", TOKEN_ISSUER="https://login.example")
    (line,) = _wrong(monkeypatch, DATABASE_URL="postgresql://u:p@h/d", BLIND_INDEX_KEY=KEY)
    assert line == "KRONIEK_ENVIRONMENT: `production` also needs KRONIEK_KEYS_URL, KRONIEK_KEYS_FOLDER"
    _set(monkeypatch, KEYS_URL="postgresql://u:p@h/k", KEYS_FOLDER="/keys")
    assert load_settings().environment is Environment.PRODUCTION


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@h/d", "postgresql://other:p@h:5432/d", "postgres://u:p@h/d?sslmode=require"]
)
def test_keys_are_kept_in_another_database_than_the_log(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    _set(monkeypatch, DATABASE_URL_WRITER="postgresql://w:p@h:5432/d", DATABASE_URL="postgresql://u:p@h/d")
    (line,) = _wrong(monkeypatch, KEYS_URL=url)
    assert line == "KRONIEK_KEYS_URL: must be another database than that of the log"
    _set(monkeypatch, KEYS_URL="postgresql://u:p@h/keys")
    assert load_settings().keys_url is not None


def test_no_share_is_more_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = _wrong(monkeypatch, QUERY_CONNECTIONS="4", QUERY_SHARE="5")
    assert line == "KRONIEK_QUERY_SHARE: must be no more than KRONIEK_QUERY_CONNECTIONS"
    _set(monkeypatch, QUERY_SHARE="4")
    assert load_settings().query_share == 4


def test_a_token_is_named_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = _wrong(monkeypatch, KEYS_PROVIDER="pkcs11")
    assert line.startswith("KRONIEK_PKCS11_MODULE: a token is reached with KRONIEK_PKCS11_MODULE")
    (line,) = _wrong(monkeypatch, KEYS_PROVIDER="file", PKCS11_MODULE="/module.so", PKCS11_TOKEN="kroniek")
    assert line.startswith("KRONIEK_PKCS11_PIN: ")
    _set(monkeypatch, PKCS11_PIN="s3cret", KEYS_PROVIDER="PKCS11")
    assert "s3cret" not in repr(load_settings())


def test_production_does_without_the_owner_where_each_task_has_its_own_login(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, ENVIRONMENT="production", JWKS_URL="https://login.example/keys", BLIND_INDEX_KEY=KEY)
    _set(monkeypatch, TOKEN_ISSUER="https://login.example", DATABASE_URL_PROJECTOR="postgresql://u:s3cret@h/d")
    settings = load_settings()
    assert settings.names_a_database
    assert "s3cret" not in repr(settings)


def test_secrets_are_not_shown() -> None:
    settings = Settings.model_validate({"database_url": "postgresql://u:s3cret@h/d", "blind_index_key": KEY})
    assert "s3cret" not in repr(settings)
    assert KEY not in str(settings)


def test_the_key_for_identifiers_is_the_one_set_or_one_kept_for_good(tmp_path: Path) -> None:
    kept = Settings(data_dir=tmp_path / "data")
    key = blind_index_key(kept)
    assert len(key) == 32
    assert blind_index_key(kept) == key
    assert (tmp_path / "data" / "blind-index.key").stat().st_mode & 0o777 == 0o600
    given = Settings.model_validate({"data_dir": tmp_path, "blind_index_key": KEY})
    assert blind_index_key(given) == bytes.fromhex(KEY)


def test_a_secret_made_by_many_at_once_is_one(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(stored_secret(tmp_path / "key"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_the_page_on_operation_names_every_setting_and_no_other() -> None:
    documented = set(re.findall(r"^\| `(KRONIEK_[A-Z0-9_]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert documented == {f"KRONIEK_{name.upper()}" for name in Settings.model_fields}
