"""Sealed texts at the doors: opened for an answer, and what is answered where that cannot be done."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from fastapi import FastAPI, Request, Response

from api.web.errors import Problem, answer_problem
from application.ports import Sealed
from infrastructure.keys import KeyBrokenError, Keys, KeysUnavailableError, UnknownKeyError
from infrastructure.sealing import SealBrokenError, open_all

LOG = structlog.get_logger()

RETRY_AFTER_S = 1
DAMAGE = (UnknownKeyError, KeyBrokenError, SealBrokenError)
"""A key or a text is not what was once written. Nobody was erased by that, and nobody is shown as erased."""


class OpeningForAnswers:
    """Opens sealed texts; a text of somebody who was erased is None. Raises a problem where one cannot be opened."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def __call__(self, sealed: Sequence[Sealed]) -> Sequence[str | None]:
        try:
            return await open_all(sealed, self._keys)
        except (KeysUnavailableError, *DAMAGE) as error:
            raise _problem(error) from error


def answer_trouble_with_keys(app: FastAPI) -> None:
    for error in (KeysUnavailableError, *DAMAGE):
        app.add_exception_handler(error, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    return await answer_problem(request, _problem(error))


def _problem(error: Exception) -> Problem:
    """Return what is answered; note in the log what it was, which says nothing of anybody."""
    if isinstance(error, KeysUnavailableError):
        LOG.warning("keys_unavailable", error=str(error))
        detail = "The keys of personal data cannot be reached just now. Send the same request again."
        return Problem(503, "keys-unavailable", detail, headers={"Retry-After": str(RETRY_AFTER_S)})
    LOG.error("personal_data_damaged", kind=type(error).__name__, error=str(error))
    return Problem(500, "personal-data-damaged", "A personal text here is damaged. It is not shown as erased.")
