"""A database of a test's own, met by each role through a login of its own, as the embedded server has them."""

from __future__ import annotations

from infrastructure.database.addresses import Addresses
from infrastructure.database.embedded import EmbeddedPostgres


def addresses_of(postgres: EmbeddedPostgres, database_url: str) -> Addresses:
    """Return where each role reaches the database at this URL of the server."""
    name = database_url.rpartition("/")[2]
    return Addresses({role: f"{url.rpartition('/')[0]}/{name}" for role, url in postgres.addresses.of_log().items()})
