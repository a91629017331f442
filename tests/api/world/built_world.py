"""A small world, made over the doors of the platform themselves, in which every command has one valid request.

Its people, keys, letters and invoices are each for one example only: what one example does leaves the others valid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from httpx2 import Response

from application.ports import Caller, Role
from projections import invoices
from tests.api.world.client import Client
from tests.api.world.commands import DOOR, NOTICE, PLATFORM, SHA256_BASE64URL, Request, at, organisation
from tests.api.world.platforms import SUBJECT, InProcess, in_process
from tests.check_digits import enterprise_number, national_number

BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)

# Which roles each organisation is given. The stranger holds every one: only ownership can keep it out.
GIVEN = ("service_provider", "mailbox_provider", "bus_member", "invoice_receiver", "registration_authority")
ORGANISATIONS: Mapping[str, tuple[str, ...]] = {
    "identity-provider": (),
    "provider": ("mailbox_provider", "service_provider"),
    "sender": (),
    "agency": ("service_provider", "bus_member", "invoice_receiver"),
    "target": ("bus_member",),
    "authority": ("registration_authority",),
    "stranger": GIVEN,
    "outsider": (),
    "renamed": (),
    "enrolled-next": (),
    "ended-next": ("service_provider",),
    "sender-next": (),
    "sender-changing": (),
    "sender-leaving": (),
    "applying": (),
    "applied": (),
    "suspended-next": (),
    "withdrawn-next": (),
}
SENDERS = ("sender", "stranger", "sender-changing", "sender-leaving")
APPLICANTS = ("identity-provider", "stranger", "applied", "suspended-next", "withdrawn-next")
RECOGNISED = ("identity-provider", "stranger", "suspended-next", "withdrawn-next")
CITIZENS = ("ann", "bob", "dora", "eric", "fay", "gus", "hal", "ida", "jon", "kim", "lea")


@dataclass(slots=True)
class Clock:
    now: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def built_world(folder: Path, url: str, keys_url: str, *, reacting: bool = False, **others: Any) -> Iterator[World]:
    """Open the doors over a world that was built on migrated databases; with `reacting`, reactors run."""
    settings, clock = {"log_level": "warning", **others}, Clock()
    with (
        in_process(folder, url, keys_url, now=clock, reacting=reacting, **settings) as platform,
        psycopg.connect(url, autocommit=True) as log,
    ):
        world = World(platform, log, clock)
        world.build()
        yield world


class World:
    """The platform with its doors open, and the ids of what is in it by name."""

    def __init__(self, platform: InProcess, log: psycopg.Connection, clock: Clock) -> None:
        self.app = platform.app
        self.anybody = platform.anybody
        self.clock = clock
        self.id: dict[str, str] = {PLATFORM: PLATFORM}
        self.log = log
        self._issuer = platform.issuer
        self._tokens: dict[tuple[Role, str], str] = {}
        self._serials = count(1)

    # --- Callers -----------------------------------------------------------------------------------------------------

    def caller(self, role: Role, organisation: str = PLATFORM, activity: str = "") -> Client:
        """Return an official of an organisation of the world, by its name."""
        return Client(self.anybody.http, self.token(role, organisation), activity)

    def token(self, role: Role, organisation: str) -> str:
        if (role, organisation) not in self._tokens:
            caller = Caller(subject=SUBJECT, role=role, organisation_id=self.id[organisation])
            self._tokens[role, organisation] = self.issue(caller)
        return self._tokens[role, organisation]

    def issue(
        self,
        caller: Caller,
        now: datetime = BEGIN,
        lifetime: timedelta = timedelta(days=365),
        *,
        thumbprint: str = "",
        consumer: Mapping[str, str] | None = None,
    ) -> str:
        """Issue a token, perhaps bound to a key, or naming the organisation by its number in a register."""
        return self._issuer.issue(caller, now, lifetime, thumbprint=thumbprint, consumer=consumer)

    def forget_tokens(self) -> None:
        self._tokens.clear()

    def sends(
        self,
        request: Request,
        *,
        key: str | None = None,
        body: Any = ...,
        content: bytes | None = None,
        path: str | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Response:
        """Send a request as who it says, perhaps with something about it changed; a header that is None is left out."""
        given: dict[str, str | None] = {} if key is None else {"Idempotency-Key": key}
        given |= {} if request.if_match is None else {"If-Match": request.if_match}
        said = request.body if body is ... else body
        caller = self.caller(request.role, request.organisation)
        return caller.sends(path or request.path, said, {**given, **(headers or {})}, content=content)

    def does(self, intent: str, organisation: str = PLATFORM, **ids_and_body: Any) -> str:
        """Send a command that must be accepted, by a role that may; return the id of what it is about."""
        door = DOOR[intent]
        ids = {name: ids_and_body.pop(name) for name in list(ids_and_body) if f"{{{name}}}" in door.path}
        role = min(door.right)
        answer = self.sends(Request(intent=intent, role=role, organisation=organisation, ids=ids, body=ids_and_body))
        assert answer.is_success, (intent, answer.text)
        return str(answer.json()["id"])

    def holdings(self) -> tuple[int, ...]:
        """Count what the log holds: last position, events, claims and receipts."""
        row = self.log.execute(
            "SELECT (SELECT coalesce(max(position), 0) FROM log.event), (SELECT count(*) FROM log.event),"
            " (SELECT count(*) FROM log.claim), (SELECT count(*) FROM log.receipt)"
        ).fetchone()
        assert row is not None
        return row

    def actor_at(self, position: int) -> tuple[str, str]:
        """Return who did the event at a position, and for which organisation."""
        query = "SELECT acting_id, organisation_id FROM log.event WHERE position = %s"
        row = self.log.execute(query, (position,)).fetchone()
        assert row is not None
        return row

    def context_at(self, position: int) -> tuple[str, str]:
        """Return correlation id and trace of the event at a position."""
        query = "SELECT correlation_id, trace FROM log.event WHERE position = %s"
        row = self.log.execute(query, (position,)).fetchone()
        assert row is not None
        return row

    # --- Making -----------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Fill the world: first what has to be past its time later, and two days after that the rest."""
        self._organisations()
        self._services()
        for number, name in enumerate(CITIZENS, 1):
            self._citizen(name, number)
        for name in ("ann", "bob", "lea"):
            self._session(name)
        self._past_its_time()
        self.clock.now += timedelta(days=2)
        for name in CITIZENS:
            self._session(name)
        self._keys()
        self._mandates()
        self._consents_and_mailboxes()
        self._messages()
        self._transactions_and_invoices()
        self.does("pause-projection", projection="keys", why="a test of the disks")
        self.log.execute("INSERT INTO reactor.progress (name) VALUES ('old-mail')")
        self.does("pause-reactor", reactor="old-mail", why="nobody runs it any more")
        hold: dict[str, Any] = {"group": "identification", "ground": "legal_claims", "until": "2027-12-31"}
        self.id["hal.hold"] = self.does("place-legal-hold", person_id=self.id["hal"], **hold)

        own = enterprise_number(len(ORGANISATIONS) + 1)
        trader: dict[str, Any] = {"traderName": "Bakkerij An Peeters", "enterpriseNumber": own, "jurisdiction": "be"}
        self.id["trader"] = self.does("register-sole-trader", **trader)
        self.id["suppression"] = self.does(
            "suppress-accesses", **self.suppression(ground="a closed inquiry, decision 7")
        )
        asked = {"ground": "consent_withdrawn", "sessionId": self.id["hal.session"]}
        self.does("request-erasure", "provider", person_id=self.id["hal"], **asked)

    def park_an_event(self) -> None:
        """Let invoices have an event that is parked, which the worker would have done."""
        self.log.execute(
            "INSERT INTO read.parked (table_name, position, stream, stream_version, name, error)"
            " VALUES (%s, 12, 'invoice-a', 1, 'invoicing.invoice-received.v1', 'KeyError')",
            (invoices.Row.table.name,),
        )
        self.log.execute("INSERT INTO reactor.waiting_key (reactor, key) VALUES ('old-mail', 'ann')")
        self.log.execute("INSERT INTO reactor.waiting_event VALUES ('old-mail', 12, 'ann', 'mailbox.message-sent.v1')")

    def suppression(self, **more: Any) -> dict[str, Any]:
        """Give the body with which an auditor keeps from Ann that the agency looks at her data."""
        return {
            "personId": self.id["ann"],
            "organisationId": self.id["agency"],
            "since": at(self.clock.now - timedelta(days=7)),
            "until": at(self.clock.now + timedelta(days=90)),
            "ground": "article 23 GDPR, decision 12 of the supervisory authority",
        } | more

    def _organisations(self) -> None:
        for number, (name, roles) in enumerate(ORGANISATIONS.items(), 1):
            organisation_id = self.id[name] = self.does("register-organisation", **organisation(name, number))
            for role in roles:
                self.does("enrol-organisation", organisation_id=organisation_id, enrolment=role)
        for name in SENDERS:
            self.does("enrol-as-sender", name, organisation_id=self.id[name])
        for name in APPLICANTS:
            self.does("request-recognition", name, organisation_id=self.id[name])
        decision: dict[str, Any] = {"conditionsVersion": "2017-10", "checkedBy": "official-3"}
        for name in RECOGNISED:
            self.does("grant-recognition", organisation_id=self.id[name], **decision)

    def _services(self) -> None:
        low: dict[str, Any] = {"audience": "citizen", "minimumLevel": "low"}
        for name, owner in (("portal", "provider"), ("tax", "agency"), ("closing", "agency")):
            self.id[name] = self.does("register-service", owner, names={"nl": name}, **low)
        self.does("register-service-family", code="person", names={"nl": "Personen"})

    def _citizen(self, name: str, number: int) -> None:
        person: dict[str, Any] = {"jurisdiction": "be", "nationalNumber": national_number(number)}
        self.id[name] = self.does("register-person-from-national-register", **person)
        self.id[f"{name}.eid"] = self._key(name, "eid")
        self.does("activate-key", "identity-provider", key_id=self.id[f"{name}.eid"])

    def _key(self, holder: str, means: str, **more: Any) -> str:
        body: dict[str, Any] = {"personId": self.id[holder], "means": means, "level": "high", **more}
        return self.does("register-key", "identity-provider", **body)

    def _session(self, name: str) -> None:
        """Let somebody authenticate at the mailbox provider's portal."""
        body: dict[str, Any] = {
            "keyId": self.id[f"{name}.eid"],
            "serviceId": self.id["portal"],
            "level": "high",
            "channel": "web",
        }
        self.id[f"{name}.session"] = self.does("open-session", "identity-provider", **body)

    def _past_its_time(self) -> None:
        tomorrow = at(self.clock.now + timedelta(days=1))
        self.id["key.expiring"] = self._key("bob", "eid", validUntil=tomorrow)
        self.does("activate-key", "identity-provider", key_id=self.id["key.expiring"])
        self.id["mandate.expiring"] = self._accepted_mandate(validUntil=tomorrow)
        self._consent("lea")
        self._mailbox("lea")
        self.id["message.expiring"] = self._message(expiresAt=tomorrow)
        self.id["transaction.late"] = self._transaction(timeoutS=3_600)

    def _keys(self) -> None:
        self.id["key.derived"] = self._key("ann", "itsme")
        for name in ("suspended-next", "resumed-next", "revoked-next"):
            key_id = self.id[f"key.{name}"] = self._key("bob", "eid")
            self.does("activate-key", "identity-provider", key_id=key_id)
        self.does("suspend-key", "identity-provider", key_id=self.id["key.resumed-next"])
        body: dict[str, Any] = {
            "serviceId": self.id["portal"],
            "level": "high",
            "channel": "web",
            "keyId": self.id["ann.eid"],
        }
        for name in ("session.going-on", "session.ending"):
            self.id[name] = self.does("open-session", "identity-provider", **body)

    def mandate(self, **more: Any) -> dict[str, Any]:
        """Give the body with which Ann asks that Bob may act for her at the portal."""
        return {
            "sessionId": self.id["ann.session"],
            "kind": "voluntary",
            "mandatorId": self.id["ann"],
            "mandatorKind": "person",
            "mandataryId": self.id["bob"],
            "serviceIds": [self.id["portal"]],
            "validFrom": at(self.clock.now),
            "validUntil": at(self.clock.now + timedelta(days=90)),
        } | more

    def _accepted_mandate(self, **more: Any) -> str:
        mandate_id = self.does("request-mandate", "provider", **self.mandate(**more))
        return self.does("accept-mandate", "provider", mandate_id=mandate_id, sessionId=self.id["bob.session"])

    def _mandates(self) -> None:
        for name in ("accepted-next", "rejected-next"):
            self.id[f"mandate.{name}"] = self.does("request-mandate", "provider", **self.mandate())
        legal = self.mandate(kind="legal_representation", serviceIds=[])
        self.id["mandate.confirmed-next"] = self.does("request-mandate", "provider", **legal)
        for name in ("suspended-next", "resumed-next", "withdrawn-next"):
            self.id[f"mandate.{name}"] = self._accepted_mandate()
        ann = self.id["ann.session"]
        self.does("suspend-mandate", "provider", mandate_id=self.id["mandate.resumed-next"], sessionId=ann)

    def consent_of(self, name: str) -> dict[str, Any]:
        return {"person_id": self.id[name], "provider_id": self.id["provider"]}

    def _notice(self, name: str) -> None:
        session = self.id[f"{name}.session"]
        self.does("show-impact-notice", "provider", **self.consent_of(name), **NOTICE, sessionId=session)

    def _consent(self, name: str) -> None:
        self._notice(name)
        given: dict[str, Any] = {"sessionId": self.id[f"{name}.session"], "noticeVersion": NOTICE["noticeVersion"]}
        self.does("grant-consent", "provider", **self.consent_of(name), **given)

    def _mailbox(self, name: str) -> None:
        self.does("open-mailbox", "provider", mailbox_id=self.id[name], ownerKind="person")

    def _consents_and_mailboxes(self) -> None:
        self._notice("eric")
        self._consent("gus")
        for name in ("ida", "jon", "kim"):
            self._mailbox(name)
        for name in ("jon", "kim"):
            address_id = self.does("set-notification-address", "provider", mailbox_id=self.id[name], kind="email")
            self.id[f"{name}.address"] = address_id

    def message(self, **more: Any) -> dict[str, Any]:
        """Give the body of a letter to Lea."""
        main = {"mediaType": "application/pdf", "sizeBytes": 81_920, "sha256": SHA256_BASE64URL, "main": True}
        return {
            "mailboxId": self.id["lea"],
            "messageType": "tax_assessment",
            "subject": "Uw aanslagbiljet",
            "contents": [main],
        } | more

    def _message(self, **more: Any) -> str:
        return self.does("send-message", "sender", **self.message(**more))

    def _messages(self) -> None:
        for name in ("notified-next", "opened-next", "confirmed-next", "replied-next", "original"):
            self.id[f"message.{name}"] = self._message(replyAllowed=True)
        later = at(self.clock.now + timedelta(days=30))
        self.id["message.alerted-next"] = self._message(expiresAt=later)
        for name in ("confirmed-next", "replied-next"):
            read = {"message_id": self.id[f"message.{name}"], "personId": self.id["lea"]}
            self.does("open-message", "provider", **read)

    def transaction(self, **more: Any) -> dict[str, Any]:
        """Give the body with which the agency asks something of the target."""
        return {
            "sourceReference": f"case-{next(self._serials)}",
            "targetId": self.id["target"],
            "serviceFamily": "person",
            "service": "person.address.get",
            "requestSha256": SHA256_BASE64URL,
            "requestSizeBytes": 2_048,
            "activity": "social housing allocation",
            "legalBasis": "decree of 15 July 1997, article 95",
            "timeoutS": 86_400,
        } | more

    def _transaction(self, *, forwarded: bool = False, **more: Any) -> str:
        transaction_id = self.does("accept-transaction", "agency", **self.transaction(**more))
        if forwarded:
            self.does("forward-transaction", transaction_id=transaction_id, attempt=1)
        return transaction_id

    def invoice(self, **more: Any) -> dict[str, Any]:
        """Give the body with which an access point brings an invoice for the agency."""
        return {
            "kind": "invoice",
            "supplierScheme": "0208",
            "supplierNumber": enterprise_number(700),
            "buyerId": self.id["agency"],
            "number": f"F-{next(self._serials)}",
            "issueDate": "2026-01-05",
            "payableCents": 12_100,
            "currency": "EUR",
            "documentSha256": SHA256_BASE64URL,
            "mediaType": "application/xml",
        } | more

    def _transactions_and_invoices(self) -> None:
        for name, forwarded in (("forwarded-next", False), ("answered-next", True), ("faulted-next", True)):
            self.id[f"transaction.{name}"] = self._transaction(forwarded=forwarded)
        self.id["transaction.lost"] = self._transaction()
        for name in ("validated-next", "refused-next", "answered-next"):
            self.id[f"invoice.{name}"] = self.does("receive-invoice", "sender", **self.invoice())
        self.does("validate-invoice", invoice_id=self.id["invoice.answered-next"], ruleSet="peppol-bis-3.0.18")
