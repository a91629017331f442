"""Random queries over all that is personal, and an oracle that reads from the answer alone whose data it holds.

The oracle knows nothing of how looks are noted. Each object is asked for the ids of its persons under names of the
oracle's own; a cursor is taken apart and its row looked up among those that the test wrote.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.api.world.access_rows import NOBODY, ORGANISATIONS, PERSONS, Rows

Pairs = set[tuple[str, str]]

MARK = "o_"


@dataclass(frozen=True)
class Kind:
    """A type: its category, where its persons stand, the end of its cursors' names, and what else can be asked.

    `whose` are fields with the id of a person, or of an organisation. `named` are fields of its filter that name one.
    """

    category: str
    whose: tuple[str, ...]
    cursor: str
    leaves: tuple[str, ...]
    nested: Mapping[str, str] = field(default_factory=dict)
    named: tuple[str, ...] = ()
    dimension: str = ""


KINDS: Mapping[str, Kind] = {
    "Person": Kind(
        "identification",
        ("id",),
        "registered_at,person_id",
        ("route", "registeredAt", "jurisdiction"),
        {"keys": "Key"},
    ),
    "Key": Kind(
        "keys", ("personId",), "registered_at,key_id", ("id", "means", "status", "level"), {}, ("personId",), "MEANS"
    ),
    "Consent": Kind(
        "consents",
        ("personId", "actingPersonId"),
        "granted_at,consent_id,grant_number",
        ("id", "status", "grantedAt"),
        {},
        ("personId",),
        "STATUS",
    ),
    "Mandate": Kind(
        "mandates",
        ("mandatorId", "mandataryId", "grantorId"),
        "began_at,mandate_id,period",
        ("id", "kind", "status", "serviceIds"),
        {},
        ("mandatorId", "mandataryId"),
    ),
    "Mailbox": Kind("mailbox", ("id",), "opened_at,mailbox_id", ("addressStatus", "exclusiveDigital", "ownerKind")),
    "Message": Kind(
        "messages",
        ("mailboxId",),
        "sent_at,message_id",
        ("id", "channel", "status", "timeline { happening }", "sender { level }"),
        {},
        ("mailboxId",),
        "CHANNEL",
    ),
    "Invoice": Kind("invoices", ("sellerContactId",), "received_at,invoice_id", ("id", "number", "payableCents")),
    "Erasure": Kind("erasures", ("id",), "began_at,person_id", ("status", "ground")),
    "LegalHold": Kind("erasures", ("personId",), "placed_at,person_id,hold_id", ("ground", "until"), {}, ("personId",)),
    "Access": Kind(
        "accesses",
        ("personId",),
        "accessed_at,access_id,subject_id,category",
        ("accessId", "category", "activity", "actingId"),
        {},
        ("personId",),
    ),
    "AccessSuppression": Kind(
        "accesses", ("personId",), "ordered_at,suppression_id", ("id", "until", "ground"), {}, ("personId",)
    ),
}
LISTS: Mapping[str, str] = {
    "people": "Person",
    "keys": "Key",
    "consents": "Consent",
    "mandates": "Mandate",
    "mailboxes": "Mailbox",
    "messages": "Message",
    "missedLetters": "Message",
    "inbox": "Message",
    "invoices": "Invoice",
    "erasures": "Erasure",
    "legalHolds": "LegalHold",
    "accesses": "Access",
    "accessSuppressions": "AccessSuppression",
}
ONES: Mapping[str, tuple[str, str]] = {
    "person": ("Person", "person"),
    "key": ("Key", "key"),
    "mailbox": ("Mailbox", "person"),
    "message": ("Message", "message"),
    "invoice": ("Invoice", "invoice"),
}
IMPERSONAL = (
    "organisations(first: 2) { totalCount edges { node { id } } }",
    "activeConsents(jurisdiction: BE) { consents persons }",
    "busTransactions { totals(by: [STATUS]) { transactions } }",
    "__typename",
)


@dataclass
class Asked:
    """A document, and what the oracle has to know of each of its fields: by its name in the answer."""

    text: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    named: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    mandates: dict[str, tuple[str, str]] = field(default_factory=dict)
    backwards: set[str] = field(default_factory=set)


class Queries:
    """Makes random queries; each is valid, and none asks for more than the limits allow."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def make(self) -> Asked:
        asked = Asked()
        self._asked, self._fragments = asked, list[str]()
        fields = [self._field(f"f{at}") for at in range(self._random.randint(1, 3))]
        body = f"query Q($yes: Boolean = true, $no: Boolean = false) {{ {' '.join(fields)} t: __typename"
        body += " @include(if: $yes) @skip(if: $no) }"
        asked.text = "\n".join([body, *self._fragments])
        return asked

    def _field(self, alias: str) -> str:
        match self._random.choice(("list", "list", "list", "one", "mayAct", "history", "impersonal")):
            case "list":
                return self._list(alias)
            case "one":
                name, (kind, ids) = self._random.choice(list(ONES.items()))
                wanted = self._random.choice(
                    (*PERSONS, *ORGANISATIONS) if ids == "person" else (f"{ids}-3", f"{ids}-8")
                )
                return f'{alias}: {name}(id: "{wanted}") {self._maybe()} {{ {self._object(kind)} }}'
            case "mayAct":
                return self._may_act(alias)
            case "history":
                mandate = self._random.randint(0, 13)
                return f'{alias}: mandateHistory(mandateId: "mandate-{mandate}") {{ {self._object("Mandate")} }}'
            case _:
                return f"{alias}: {self._random.choice(IMPERSONAL)}"

    def _list(self, alias: str) -> str:
        name, kind = self._random.choice(list(LISTS.items()))
        arguments = [f"{self._random.choice(('first', 'first', 'last'))}: {self._random.choice((0, 1, 2, 5, 30))}"]
        if arguments[0].startswith("last"):
            self._asked.backwards.add(alias)
        named: list[str] = []
        if name == "inbox":
            named.append(self._party())
            arguments.append(f'mailboxId: "{named[0]}"')
        elif KINDS[kind].named and self._random.random() < 0.5:
            column, party = self._random.choice(KINDS[kind].named), self._party()
            named.append(party)
            arguments.append(f'where: {{ {column}: "{party}" }}')
        self._asked.named[alias] = (KINDS[kind].category, tuple(named))
        parts = [make(kind) for make in (self._edges, self._page_info, self._counts) if self._random.random() < 0.7]
        return f"{alias}: {name}({', '.join(arguments)}) {self._maybe()} {{ __typename {' '.join(parts)} }}"

    def _edges(self, kind: str) -> str:
        match self._random.choice(("cursor", "node", "both")):
            case "cursor":
                return "edges { cursor }"
            case "node":
                return f"edges {{ node {{ {self._object(kind)} }} }}"
            case _:
                return f"edges {{ cursor node {{ {self._object(kind)} }} }}"

    def _page_info(self, _kind: str) -> str:
        ends = self._random.choice(("", "endCursor", "startCursor", "startCursor endCursor"))
        return f"pageInfo {{ hasNextPage hasPreviousPage {ends} }}"

    def _counts(self, kind: str) -> str:
        if KINDS[kind].dimension and self._random.random() < 0.5:
            by = self._random.choice(("[]", f"[{KINDS[kind].dimension}]"))
            return f"totals(by: {by}) {{ counted: {counted(kind)} }}"
        return "totalCount"

    def _object(self, kind: str) -> str:
        of = KINDS[kind]
        own = [f"{MARK}{kind}_{name}: {name}" for name in of.whose]
        leaves = [f"{it} {self._maybe() if '{' not in it else ''}" for it in of.leaves if self._random.random() < 0.4]
        nested = [
            f"{name} {self._maybe()} {{ {self._object(inner)} }}"
            for name, inner in of.nested.items()
            if self._random.random() < 0.5
        ]
        text = " ".join([*own, *leaves, *nested])
        match self._random.random():
            case chance if chance < 0.2:
                return f"... on {kind} {self._maybe(always=True)} {{ {text} }}"
            case chance if chance < 0.4:
                name = f"F{len(self._fragments)}"
                self._fragments.append(f"fragment {name} on {kind} {{ {text} }}")
                return f"...{name}"
            case _:
                return text

    def _may_act(self, alias: str) -> str:
        mandatary, mandator = self._party(), self._party()
        self._asked.mandates[alias] = (mandatary, mandator)
        inner = f"mandates {{ {self._object('Mandate')} }}" if self._random.random() < 0.5 else "at"
        service = f"service-{self._random.choice(ORGANISATIONS)}"
        given = f'mandataryId: "{mandatary}", mandatorId: "{mandator}", serviceId: "{service}"'
        return f"{alias}: mayAct({given}) {{ allowed {inner} }}"

    def _party(self) -> str:
        return self._random.choice((*PERSONS, *PERSONS, *ORGANISATIONS, NOBODY))

    def _maybe(self, *, always: bool = False) -> str:
        stays = ("@include(if: $yes)", "@skip(if: $no)", "", "", "")
        return self._random.choice(stays if always else (*stays, "@skip(if: $yes)"))


def counted(kind: str) -> str:
    return {"Key": "keys", "Consent": "consents", "Message": "messages"}[kind]


# --- The oracle -----------------------------------------------------------------------------------------------------


class Oracle:
    """Reads from an answer whose data it holds."""

    def __init__(self, written: Rows) -> None:
        self._by_key: dict[str, tuple[str, tuple[str, ...]]] = {}
        for table, row in written:
            for kind, of in KINDS.items():
                if table.name.rpartition("_v")[0] == TABLES[kind]:
                    key = [str(row.get(name, DEFAULTS.get(name, ""))) for name in KEYS[kind]]
                    whose = tuple(str(row.get(name, "")) for name in COLUMNS[kind])
                    self._by_key[f"{of.cursor}:{'|'.join(key)}"] = (of.category, whose)

    def pairs(self, asked: Asked, data: Mapping[str, Any]) -> Pairs:
        return {(who, what) for who, what in self._all(asked, data) if who and who not in ORGANISATIONS}

    def _all(self, asked: Asked, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield from self._walk(data)
        for alias, (category, parties) in asked.named.items():
            if parties and data.get(alias) is not None and _found_any(data[alias], alias in asked.backwards):
                yield from ((party, category) for party in parties)
        for alias, parties in asked.mandates.items():
            if data.get(alias) is not None:
                yield from ((party, "mandates") for party in parties if party in PERSONS)

    def _walk(self, value: Any) -> Iterator[tuple[str, str]]:
        match value:
            case dict():
                for name, inner in value.items():
                    if name.startswith(MARK):
                        kind = name.removeprefix(MARK).partition("_")[0]
                        yield inner or "", KINDS[kind].category
                    elif name in {"cursor", "startCursor", "endCursor"} and inner is not None:
                        yield from self._behind(inner)
                    else:
                        yield from self._walk(inner)
            case list():
                for inner in value:
                    yield from self._walk(inner)
            case _:
                pass

    def _behind(self, cursor: str) -> Iterator[tuple[str, str]]:
        name, _, *key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        names = name.removeprefix("-").replace("published_at", "sent_at")
        category, whose = self._by_key[f"{names}:{'|'.join(str(it) for it in key)}"]
        yield from ((who, category) for who in whose)


def _found_any(connection: Mapping[str, Any], backwards: bool) -> bool:
    page = connection.get("pageInfo") or {}
    more = page.get("hasPreviousPage" if backwards else "hasNextPage")
    totals = any(group["counted"] for group in connection.get("totals") or ())
    return bool(connection.get("totalCount") or totals or more)


TABLES: Mapping[str, str] = {
    "Person": "people",
    "Key": "keys",
    "Consent": "consents",
    "Mandate": "mandates",
    "Mailbox": "mailboxes",
    "Message": "messages",
    "Invoice": "invoices",
    "Erasure": "erasures",
    "LegalHold": "legal_holds",
    "Access": "accesses",
    "AccessSuppression": "access_suppressions",
}
KEYS: Mapping[str, Sequence[str]] = {kind: of.cursor.split(",")[1:] for kind, of in KINDS.items()}
COLUMNS: Mapping[str, Sequence[str]] = {
    "Person": ("person_id",),
    "Key": ("person_id",),
    "Consent": ("person_id", "acting_person_id"),
    "Mandate": ("mandator_id", "mandatary_id", "grantor_id"),
    "Mailbox": ("mailbox_id",),
    "Message": ("mailbox_id",),
    "Invoice": ("seller_contact_id",),
    "Erasure": ("person_id",),
    "LegalHold": ("person_id",),
    "Access": ("subject_id",),
    "AccessSuppression": ("person_id",),
}
DEFAULTS: Mapping[str, Any] = {"grant_number": 1, "category": "messages"}
