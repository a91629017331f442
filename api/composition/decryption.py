"""Opening sealed texts for an answer, and the problems if that fails."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from api.web.errors import Problem
from application.ports import Opener, Sealed
from infrastructure.keys.data_keys import KeyBrokenError, Keys, KeysUnavailableError, UnknownKeyError
from infrastructure.sealing import SealBrokenError, open_all

LOG = structlog.get_logger()

RETRY_AFTER_S = 1
DAMAGE = (UnknownKeyError, KeyBrokenError, SealBrokenError)
"""A key or a sealed text was changed after it was written: damage, which is never shown as an erasure."""


def opener_for_answers(keys: Keys) -> Opener:
    """Return what opens sealed texts; it raises a Problem if one cannot be opened."""

    async def opened(sealed: Sequence[Sealed]) -> Sequence[str | None]:
        try:
            return await open_all(sealed, keys)
        except (KeysUnavailableError, *DAMAGE) as error:
            raise keys_problem(error) from error

    return opened


def keys_problem(error: Exception) -> Problem:
    """Return the problem of an error, and log the error itself, whose text holds nothing personal."""
    if isinstance(error, KeysUnavailableError):
        LOG.warning("keys_unavailable", error=str(error))
        detail = "The keys of personal data cannot be reached just now. Send the same request again."
        return Problem(503, "keys-unavailable", detail, retry_after_s=RETRY_AFTER_S)
    LOG.error("personal_data_damaged", kind=type(error).__name__, error=str(error))
    return Problem(500, "personal-data-damaged", "A personal text here is damaged. It is not shown as erased.")
