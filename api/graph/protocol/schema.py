"""The one schema over all read models."""

from __future__ import annotations

from collections.abc import Iterator

import strawberry
from graphql import GraphQLError, GraphQLNonNull, GraphQLSchema
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from api.graph.queries.disclosure import NotingExecutor, learn_notes
from api.graph.queries.guard import guard, rights_of
from api.graph.queries.values import SCALARS
from api.graph.types.access import AccessQueries
from api.graph.types.activity import ActivityQueries
from api.graph.types.bus import BusQueries
from api.graph.types.consent import ConsentQueries
from api.graph.types.deadlines import DeadlineQueries
from api.graph.types.erasure import ErasureQueries
from api.graph.types.figures import FigureQueries
from api.graph.types.identity import IdentityQueries
from api.graph.types.invoicing import InvoicingQueries
from api.graph.types.mailbox import MailboxQueries
from api.graph.types.operation import OperationQueries
from api.graph.types.organisations import OrganisationQueries


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
    ErasureQueries,
    DeadlineQueries,
    AccessQueries,
):
    pass


class Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leave the log to the endpoint, which knows what may be logged of an error."""


def _field(source: object, name: str) -> object:
    """Read a column of a row. An empty text stands for none in a table, and is null in an answer."""
    value: object = getattr(source, name)
    return None if value == "" else value


def answer_in_part(schema: GraphQLSchema) -> None:
    """Let each field of `Query` be null: where one fails, those beside it are answered all the same."""
    assert schema.query_type is not None
    for field in schema.query_type.fields.values():
        if isinstance(field.type, GraphQLNonNull):
            field.type = field.type.of_type


class Checked(SchemaExtension):
    """Executes the document that `api.graph.protocol.documents` has read and checked, instead of reading it again."""

    def on_operation(self) -> Iterator[None]:
        self.execution_context.graphql_document = self.execution_context.context.document
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = []
        yield


SCHEMA = Schema(
    query=Query,
    config=StrawberryConfig(scalar_map=SCALARS, default_resolver=_field),
    extensions=[Checked],
    execution_context_class=NotingExecutor,
)
GRAPHQL_SCHEMA: GraphQLSchema = SCHEMA._schema  # noqa: SLF001 - Strawberry shows its own in no other way
answer_in_part(GRAPHQL_SCHEMA)
RIGHTS = rights_of(GRAPHQL_SCHEMA)
guard(GRAPHQL_SCHEMA, RIGHTS)
learn_notes(GRAPHQL_SCHEMA)
