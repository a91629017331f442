"""What is asked, in the words of each contender: the same fields under the same names, so that answers can be compared.

A stranger to row-level security has to be told whose rows an agency means: PostGraphile as superuser is, by the
condition `party`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from benchmarks.graphql.history import Asked

PAGE = 50

Rows = Callable[[Any], Sequence[Any]]
"""Finds the rows in the data of an answer."""


class Kind(StrEnum):
    """The questions that contenders are compared by."""

    PAGE = "page of 50 transactions"
    ROW = "one transaction"
    AGGREGATE = "transactions summed in groups"
    NESTED = "page of 50 messages with sender and timeline"
    MESSAGES = "page of 50 messages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A document, the variables that are sent with it in turn, and where the rows of its answer are."""

    document: str
    rows: Rows
    variables: Sequence[Mapping[str, Any]] = ({},)


def nodes(name: str) -> Rows:
    return lambda data: [edge["node"] for edge in data[name]["edges"]]


def _in_order(groups: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return sorted(groups, key=lambda it: str(it["serviceFamily"]))


def _ids(asked: Asked) -> Sequence[Mapping[str, Any]]:
    return [{"id": it} for it in asked.ids]


def _between(asked: Asked) -> Sequence[Mapping[str, Any]]:
    return [{"since": asked.since, "until": asked.until}]


# --- Kroniek --------------------------------------------------------------------------------------------------------

TRANSACTION = "status sourceId targetId serviceFamily acceptedAt"
MESSAGE = "id status senderId channel messageType sentAt"
STEPS = "timeline { version happening happenedAt }"

OUR_PAGE = f"{{ busTransactions(first: {PAGE}) {{ edges {{ node {{ id {TRANSACTION} }} }} }} }}"
OUR_ROW = f"query($id: ID!) {{ busTransaction(id: $id) {{ id {TRANSACTION} }} }}"
OUR_AGGREGATE = """
query($since: DateTime!, $until: DateTime!) {
  busTransactions(where: {acceptedAt: {since: $since, until: $until}}) {
    totals(by: [SERVICE_FAMILY]) { serviceFamily requestSizeBytes responseSizeBytes }
  }
}
"""
OUR_MESSAGES = f"{{ messages(first: {PAGE}) {{ edges {{ node {{ {MESSAGE} }} }} }} }}"
OUR_NESTED = f"""{{ messages(first: {PAGE}) {{ edges {{ node {{
    id status sentAt sender {{ id level enterpriseNumber }} {STEPS}
}} }} }} }}"""


def ours(asked: Asked) -> Mapping[Kind, Question]:
    return {
        Kind.PAGE: Question(document=OUR_PAGE, rows=nodes("busTransactions")),
        Kind.ROW: Question(document=OUR_ROW, rows=lambda data: [data["busTransaction"]], variables=_ids(asked)),
        Kind.AGGREGATE: Question(
            document=OUR_AGGREGATE,
            rows=lambda data: _in_order(data["busTransactions"]["totals"]),
            variables=_between(asked),
        ),
        Kind.NESTED: Question(document=OUR_NESTED, rows=nodes("messages")),
        Kind.MESSAGES: Question(document=OUR_MESSAGES, rows=nodes("messages")),
    }


# --- PostGraphile ---------------------------------------------------------------------------------------------------

THEIR_TRANSACTION = f"id: transactionId {TRANSACTION}"
THEIR_MESSAGES = "orderBy: [SENT_AT_DESC, MESSAGE_ID_DESC]"


def postgraphile(asked: Asked, party: str = "") -> Mapping[Kind, Question]:
    """Return its questions; of one party only, where the superuser asks for an agency."""
    own = f'condition: {{party: "{party}"}}' if party else ""
    conditions = f"acceptedSince: $since, acceptedUntil: $until{f', party: {chr(34)}{party}{chr(34)}' if party else ''}"
    page = f"""{{ allBusTransactions(first: {PAGE}, orderBy: [ACCEPTED_AT_DESC, TRANSACTION_ID_DESC] {own}) {{
        edges {{ node {{ {THEIR_TRANSACTION} }} }}
    }} }}"""
    aggregate = f"""query($since: String!, $until: String!) {{
      allBusTransactions(condition: {{{conditions}}}) {{
        groupedAggregates(groupBy: [SERVICE_FAMILY]) {{ keys sum {{ requestSizeBytes responseSizeBytes }} }}
      }}
    }}"""
    row = f"query($id: String!) {{ busTransactionByTransactionId(transactionId: $id) {{ {THEIR_TRANSACTION} }} }}"
    message = MESSAGE.replace("id ", "id: messageId ", 1)
    messages = f"{{ allMessages(first: {PAGE}, {THEIR_MESSAGES}) {{ edges {{ node {{ {message} }} }} }} }}"
    nested = f"""{{ allMessages(first: {PAGE}, {THEIR_MESSAGES}) {{ edges {{ node {{
        id: messageId status sentAt sender {{ id: organisationId level enterpriseNumber }}
        timeline(orderBy: [VERSION_ASC]) {{ nodes {{ version happening happenedAt }} }}
    }} }} }} }}"""
    return {
        Kind.PAGE: Question(document=page, rows=nodes("allBusTransactions")),
        Kind.ROW: Question(
            document=row, rows=lambda data: [data["busTransactionByTransactionId"]], variables=_ids(asked)
        ),
        Kind.AGGREGATE: Question(document=aggregate, rows=_their_groups, variables=_between(asked)),
        Kind.NESTED: Question(document=nested, rows=_their_nested),
        Kind.MESSAGES: Question(document=messages, rows=nodes("allMessages")),
    }


def _their_groups(data: Any) -> Sequence[Any]:  # noqa: ANN401 - any JSON
    groups = data["allBusTransactions"]["groupedAggregates"]
    return _in_order([{"serviceFamily": it["keys"][0], **it["sum"]} for it in groups])


def _their_nested(data: Any) -> Sequence[Any]:  # noqa: ANN401 - any JSON
    return [{**node, "timeline": node["timeline"]["nodes"]} for node in nodes("allMessages")(data)]


# --- Stock strawberry -----------------------------------------------------------------------------------------------


def stock(asked: Asked) -> Mapping[Kind, Question]:
    page = f"{{ busTransactions(first: {PAGE}) {{ id {TRANSACTION} }} }}"
    aggregate = """query($since: DateTime!, $until: DateTime!) {
        transactionTotals(since: $since, until: $until) { serviceFamily requestSizeBytes responseSizeBytes }
    }"""
    return {
        Kind.PAGE: Question(document=page, rows=lambda data: list(data["busTransactions"])),
        Kind.ROW: Question(document=OUR_ROW, rows=lambda data: [data["busTransaction"]], variables=_ids(asked)),
        Kind.AGGREGATE: Question(
            document=aggregate, rows=lambda data: _in_order(data["transactionTotals"]), variables=_between(asked)
        ),
    }
