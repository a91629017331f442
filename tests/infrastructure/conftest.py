"""What the tests of adapters share: a token for keys, one for the process, since its module is loaded once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.infrastructure.hsm import Token, token_made


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Token]:
    with token_made(tmp_path_factory.mktemp("token")) as token:
        yield token
