"""A little issuer for tests: its keys, its tokens, and a server that counts how often it was asked."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

from application.ports import Caller, Credentials, Role
from infrastructure.tokens.verifier import Trust, Verifier

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
CALLER = Caller(subject="official-7", role=Role.AGENCY, organisation_id="agency-1")
ISSUER, AUDIENCE = "https://login.example", "kroniek"
KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
NEXT_KEY = ECKey.generate_key("P-256", {"kid": "two", "use": "sig", "alg": "ES256"})
TRUST = Trust(ISSUER, AUDIENCE)


class _Anything(JWSRegistry):
    """Signs what no honest issuer would."""

    max_header_length = 4_096

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


ANY = _Anything(strict_check_header=False)
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
    return jwt.encode(marked, said, key, registry=ANY)


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
        self.location = ""
        self.wait_s = 0.0
        issuer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                time.sleep(issuer.wait_s)
                self.send_response(issuer.status)
                if issuer.location:
                    self.send_header("Location", issuer.location)
                self.end_headers()
                with contextlib.suppress(OSError):  # who asked may have given up
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


Check = Callable[[str], Awaitable[Caller]]


def bearer(verifier: Verifier) -> Check:
    """Show a token without any proof."""

    async def check(token: str) -> Caller:
        return await verifier(Credentials(token=token))

    return check
