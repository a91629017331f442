"""The one schema over all read models."""

from __future__ import annotations

from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import AddValidationRules, MaxTokensLimiter, ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from api.graph.activity import ActivityQueries
from api.graph.bus import BusQueries
from api.graph.consent import ConsentQueries
from api.graph.figures import FigureQueries
from api.graph.identity import IdentityQueries
from api.graph.invoicing import InvoicingQueries
from api.graph.limits import MOST_TOKENS, RULES
from api.graph.mailbox import MailboxQueries
from api.graph.operation import OperationQueries
from api.graph.organisations import OrganisationQueries
from api.graph.values import SCALARS

CACHED_DOCUMENTS = 512


@strawberry.type
class Query(
    OrganisationQueries,
    IdentityQueries,
    ConsentQueries,
    MailboxQueries,
    BusQueries,
    InvoicingQueries,
    FigureQueries,
    ActivityQueries,
    OperationQueries,
):
    pass


class Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leave the log to the endpoint, which knows what an error may say."""


def _field(source: Any, name: str) -> Any:  # noqa: ANN401 - of any row
    """Read a column of a row. An empty text says "none" in a table, and nothing in an answer."""
    value = getattr(source, name)
    return None if value == "" else value


# The rules are the same classes for every request: the cache of validations would never hit otherwise.
SCHEMA = Schema(
    query=Query,
    config=StrawberryConfig(scalar_map=SCALARS, default_resolver=_field),
    extensions=[
        lambda: MaxTokensLimiter(max_token_count=MOST_TOKENS),
        lambda: ParserCache(maxsize=CACHED_DOCUMENTS),
        lambda: AddValidationRules(RULES),
        lambda: ValidationCache(maxsize=CACHED_DOCUMENTS),
    ],
)
