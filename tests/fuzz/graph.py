"""Random documents over the GraphQL schema: valid ones, ones with one fault, with variables, and torn texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import graphql
import orjson
import schemathesis
from httpx2 import Response
from hypothesis import strategies as st
from schemathesis import GenerationMode

from api.graph.protocol.schema import GRAPHQL_SCHEMA
from tests.api.world import World
from tests.fuzz.callers import Callers, Headers
from tests.fuzz.described import Operation, operations
from tests.fuzz.documents import hostile_texts, hostile_values, shallow, with_known_values, with_variables
from tests.fuzz.findings import Sent
from tests.fuzz.graph_answers import wrong_in_graphql
from tests.fuzz.promises import EVERY_ANSWER
from tests.fuzz.sending import Sender

JSON, GRAPHQL = "application/json", "application/graphql-response+json"
ACCEPTS = (JSON, GRAPHQL, f"{GRAPHQL};q=0.9, {JSON};q=0.1", "*/*", "", "text/plain", "q=x;;,")
POSITIONS = ("0", "1", "-1", "x", "9" * 30)
OPERATION_NAMES = (None, "", "A", 7, "\u0000")
MOST_URL = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request to the endpoint. `is_valid` says that the document fits the schema, and so must be understood."""

    field_name: str
    kind: str
    body: Any
    headers: Headers
    by_url: bool = False
    is_valid: bool = False
    more: Headers = field(default_factory=dict)


class Graph:
    """Makes questions for each root field, sends them and holds the answers against the specifications."""

    def __init__(self, world: World) -> None:
        self._sender = Sender(world)
        self._ids = sorted(set(world.id.values()))
        self._headers = Callers(world).headers()
        introspection: Any = graphql.introspection_from_schema(GRAPHQL_SCHEMA)
        schema = schemathesis.graphql.from_dict(introspection)
        self.fields = operations(schema)

    def questions(self, root: Operation) -> Sequence[st.SearchStrategy[Question]]:
        """Return what can be asked of a root field, each in a way of its own."""
        valid = self._documents(root, GenerationMode.POSITIVE)
        wrong = root.as_strategy(generation_mode=GenerationMode.NEGATIVE).map(lambda case: str(case.body))
        return [
            self._asked(root, "graphql, valid", valid.map(_of_text), is_valid=True),
            self._asked(root, "graphql, with variables", valid.flatmap(_of_variables)),
            self._asked(root, "graphql, one fault", wrong.map(_of_text)),
            self._asked(root, "graphql, torn", valid.flatmap(hostile_texts).map(_of_text)),
            self._asked(root, "graphql, any body", valid.flatmap(_bodies)),
        ]

    def _documents(self, root: Operation, mode: GenerationMode) -> st.SearchStrategy[graphql.DocumentNode]:
        """Draw documents that are not too deep, most of whose ids are those of something that there is."""
        known = st.lists(st.sampled_from(self._ids), min_size=4, max_size=4)
        return st.builds(
            lambda case, ids, pages: with_known_values(shallow(graphql.parse(case.body)), ids, pages),
            root.as_strategy(generation_mode=mode),
            known,
            st.booleans(),
        )

    def _asked(
        self, root: Operation, kind: str, bodies: st.SearchStrategy[Any], *, is_valid: bool = False
    ) -> st.SearchStrategy[Question]:
        more = st.fixed_dictionaries(
            {"Accept": st.sampled_from(ACCEPTS[:4])},
            optional={"X-Position": st.sampled_from(POSITIONS[:1] if is_valid else POSITIONS)},
        )
        return st.builds(
            Question,
            field_name=st.just(root.label),
            kind=st.just(kind),
            body=bodies,
            headers=self._headers,
            by_url=st.integers(0, 5).map(lambda drawn: drawn == 5),
            is_valid=st.just(is_valid),
            more=more if is_valid else more | st.sampled_from(ACCEPTS).map(lambda accept: {"Accept": accept}),
        )

    def send(self, question: Question) -> tuple[Sent, Response, Iterator[str]]:
        """Send a question; return it, the answer, and what is wrong with the answer."""
        headers = {name.lower(): value for name, value in {**question.headers, **question.more}.items()}
        method, url, content = _written(question)
        if method == "POST":
            headers["content-type"] = JSON
        sent = Sent(
            door=question.field_name, kind=question.kind, method=method, url=url, headers=headers, content=content
        )
        answer = self._sender.send(sent)
        return sent, answer, self._wrong(question, sent, answer)

    def _wrong(self, question: Question, sent: Sent, answer: Response) -> Iterator[str]:
        for promise in EVERY_ANSWER:
            yield from promise(sent, answer)
        yield from wrong_in_graphql(answer, is_valid=question.is_valid)


def _written(question: Question) -> tuple[str, str, bytes]:
    body = question.body
    if question.by_url and isinstance(body, Mapping):
        given = {name: value for name, value in body.items() if value is not None}
        texts = {name: value if isinstance(value, str) else _dumped(value).decode() for name, value in given.items()}
        query = urlencode(texts, errors="replace")
        if len(query) < MOST_URL:
            return "GET", f"/graphql?{query}", b""
    return "POST", "/graphql", body if isinstance(body, bytes) else _dumped(body)


def _dumped(body: Any) -> bytes:
    try:
        return orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError):
        # A half of a surrogate pair, or a number that has no place in 64 bits.
        return repr(body).encode(errors="replace")


def _of_text(document: graphql.DocumentNode | str) -> Mapping[str, Any]:
    return {"query": document if isinstance(document, str) else graphql.print_ast(document)}


def _of_variables(document: graphql.DocumentNode) -> st.SearchStrategy[Mapping[str, Any]]:
    """Draw what becomes of a document whose values are given apart: most as they were, some as no schema has them."""
    text, variables = with_variables(GRAPHQL_SCHEMA, document)
    changed = st.dictionaries(st.sampled_from([*variables, "other"]), hostile_values(), max_size=2)
    return changed.map(lambda given: {"query": text, "variables": {**variables, **given}})


def _bodies(document: graphql.DocumentNode) -> st.SearchStrategy[Any]:
    parts = st.fixed_dictionaries(
        {"query": st.just(graphql.print_ast(document))},
        optional={
            "variables": hostile_values(),
            "operationName": st.sampled_from(OPERATION_NAMES),
            "extensions": hostile_values() | st.just({"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}),
            "documentId": st.sampled_from(["sha256:" + "0" * 64, "sha256:", 7, "\u0000", "../x"]),
        },
    )
    return parts | parts | hostile_values() | st.binary(max_size=30)
