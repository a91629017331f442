"""A client library of OAuth 2 against the platform, over real HTTP; and what the endpoint answers to others."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

import pytest
from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped]
from authlib.oauth2.rfc7523 import PrivateKeyJWT  # type: ignore[import-untyped]
from joserfc.jwk import ECKey

from application.ports import Caller, Role
from tests.api.world import OnAPort, in_process, on_a_port, organisation
from tests.forked import Done, environment, kroniek_done
from tests.infrastructure.proving import PROOF_KEY, proof

ROOT = Path(__file__).parents[2]
WELL_KNOWN = "/.well-known/oauth-authorization-server"


@pytest.fixture(scope="module")
def served(
    module_database_url: str, module_keys_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OnAPort]:
    with on_a_port(tmp_path_factory.mktemp("data"), module_database_url, module_keys_url) as served:
        yield served


def client_command(folder: Path, *arguments: str) -> Done:
    return kroniek_done(environment(KRONIEK_DATA_DIR=str(folder)), "client", "--json", "add", *arguments, within_s=60)


@pytest.fixture(scope="module")
def client_key(served: OnAPort) -> ECKey:
    """The key of a client that was registered by the command while the platform runs."""
    made = client_command(
        served.settings.data_dir,
        "platform-client",
        "--organisation",
        "platform",
        "--role",
        "administrator",
        "--generate",
    )
    assert made.code == 0, made.err
    return ECKey.import_key(json.loads(Path(made.said["privateKey"]).read_text()))


@pytest.fixture
def session(served: OnAPort, client_key: ECKey) -> Iterator[Any]:
    metadata = served.anybody.reads(WELL_KNOWN).json()
    session = OAuth2Session(
        "platform-client",
        client_key,
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint=metadata["token_endpoint"],
        grant_type="client_credentials",
    )
    session.register_client_auth_method(PrivateKeyJWT(metadata["token_endpoint"], alg="ES256"))
    with session:
        yield session


def test_a_client_library_gets_a_token_and_sends_a_command(served: OnAPort, session: Any) -> None:
    token = session.fetch_token()
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 600)
    answer = session.post(
        f"{served.address}/organisations", json=organisation("new", 801), headers={"Idempotency-Key": str(uuid4())}
    )
    assert answer.status_code == 201, answer.text


def test_a_bound_token_sends_a_command_with_its_proof_only(served: OnAPort, session: Any) -> None:
    now, address = time(), f"{served.address}/organisations"
    token = session.fetch_token(headers={"DPoP": proof(htu=f"{served.address}/oauth2/token", now=now)})
    assert token["token_type"] == "DPoP"
    text = token["access_token"]
    used = proof(text, PROOF_KEY, htu=address, now=now)
    tries = (
        ("Bearer", used, 401),
        ("DPoP", proof(text, PROOF_KEY, htu=f"{served.address}/services", now=now), 401),
        ("DPoP", used, 201),
        ("DPoP", used, 401),
    )
    for scheme, shown, status in tries:
        headers = {"Authorization": f"{scheme} {text}", "DPoP": shown}
        assert served.anybody.sends("/organisations", organisation("bound", 802), headers).status_code == status


def test_the_metadata_say_where_and_how(served: OnAPort) -> None:
    metadata = served.anybody.reads(WELL_KNOWN).json()
    assert metadata["issuer"] == served.settings.token_issuer
    assert metadata["token_endpoint"] == f"{served.address}/oauth2/token"
    assert served.anybody.reads(metadata["jwks_uri"]).json()["keys"]
    assert metadata["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert "none" not in metadata["dpop_signing_alg_values_supported"]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"", FORM, 400, "invalid_request"),
        (b"grant_type=", FORM, 400, "invalid_request"),
        (b"grant_type=client_credentials&grant_type=client_credentials", FORM, 400, "invalid_request"),
        (b"grant_type=%ff", FORM, 400, "invalid_request"),
        (b"\xff", FORM, 400, "invalid_request"),
        (b"&".join(b"a%d=1" % number for number in range(50)), FORM, 400, "invalid_request"),
        (b"x" * 40_000, FORM, 400, "invalid_request"),
        (b"{}", {"Content-Type": "application/json"}, 400, "invalid_request"),
        (b"grant_type=client_credentials", FORM | {"Authorization": "Basic YTpi"}, 400, "invalid_request"),
        (b"grant_type=password", FORM, 400, "unsupported_grant_type"),
        (b"grant_type=client_credentials", FORM, 401, "invalid_client"),
    ],
    ids=range(11),
)
def test_what_is_no_request_for_a_token_is_told_so(
    served: OnAPort, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = served.anybody.requests("POST", "/oauth2/token", headers, content=content)
    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    assert answer.json().keys() == {"error", "error_description"}
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")


def test_a_client_of_another_issuer_finds_none_here(database_url: str, keys_url: str, tmp_path: Path) -> None:
    jwks_url, name = "http://127.0.0.1:9/jwks.json", "https://login.example"
    with in_process(tmp_path, database_url, keys_url, jwks_url=jwks_url, token_issuer=name) as platform:
        anybody = platform.anybody
        for answer in (anybody.requests("POST", "/oauth2/token", FORM, content=b""), anybody.reads(WELL_KNOWN)):
            assert answer.status_code == 404
    assert not (tmp_path / "token-key.json").exists()


def test_a_client_is_registered_with_a_key_of_its_own_once(tmp_path: Path) -> None:
    file = tmp_path / "client.jwk"
    file.write_text(json.dumps(PROOF_KEY.as_dict(private=False)))
    given = ("other", "--organisation", "org-1", "--role", "agency", "--key", str(file))
    assert [client_command(tmp_path, *given).code for _ in range(2)] == [0, 2]
    for wrong in ("not json", "[]", json.dumps(PROOF_KEY.as_dict(private=True))):
        file.write_text(wrong)
        refused = client_command(tmp_path, "third", *given[1:])
        assert refused.code == 2
        assert str(PROOF_KEY.as_dict(private=True)["d"]).encode() not in refused.out + refused.err


def test_a_proof_names_the_address_that_clients_see(database_url: str, keys_url: str, tmp_path: Path) -> None:
    caller = Caller(subject="official-7", role=Role.ADMINISTRATOR, organisation_id="platform")
    tries = (("http://testserver", 401), ("https://api.example.be", 401), ("https://api.example.be/kroniek", 201))
    public = "https://api.example.be/kroniek/"
    with in_process(tmp_path, database_url, keys_url, public_url=public) as platform:
        anybody = platform.anybody
        assert anybody.reads(WELL_KNOWN).json()["token_endpoint"] == f"{public}oauth2/token"
        issued = platform.issuer.issue(
            caller, datetime.now(UTC), timedelta(minutes=5), thumbprint=PROOF_KEY.thumbprint()
        )
        for base, status in tries:
            shown = proof(issued, htu=f"{base}/organisations", now=time())
            headers = {"Authorization": f"DPoP {issued}", "DPoP": shown}
            answer = anybody.sends("/organisations", organisation("new", 803), headers)
            assert answer.status_code == status, answer.text


def test_the_example_of_the_page_gets_a_token(served: OnAPort) -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    part = page[page.index("### A program that gets") : page.index("## One intent")]
    script = "\n".join(re.findall(r"```sh\n(.*?)```", part, re.DOTALL))
    script = script.replace(".venv/bin/kroniek", "$PYTHON -m api.cli").replace(".venv/bin/python", "$PYTHON")
    known = {"PYTHON": sys.executable, "KRONIEK_DATA_DIR": str(served.settings.data_dir), "API": served.address}
    ran = subprocess.run(
        ["bash", "-euc", script],  # noqa: S607 - the one in the path
        env={**os.environ, **known},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer = json.loads(ran.stdout)
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
