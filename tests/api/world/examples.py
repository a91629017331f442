"""One valid request for every command, in the world of `tests.api.world.built_world`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from application.ports import Role
from tests.api.world.built_world import World
from tests.api.world.commands import DOOR, NOTICE, PLATFORM, SHA256_BASE64URL, Request, organisation
from tests.check_digits import bis_number, enterprise_number, national_number

IDENTITY_PROVIDER = "identity-provider"


def examples(world: World) -> dict[str, Request]:
    """Return the example of each command by its intent."""
    world.park_an_event()
    every = (
        *_organisations(world),
        *_identity(world),
        *_mandates(world),
        *_consents(world),
        *_mailboxes(world),
        *_messages(world),
        *_bus(world),
        *_invoicing(world),
        *_operation(),
        *_reactors(),
        *_erasure(world),
        *_access(world),
    )
    by_intent = {example.intent: example for example in every}
    assert len(by_intent) == len(every), "two examples for one command"
    return by_intent


def _example(intent: str, organisation: str = PLATFORM, if_match: str | None = None, **ids_and_body: Any) -> Request:
    door = DOOR[intent]
    ids = {name: ids_and_body.pop(name) for name in list(ids_and_body) if f"{{{name}}}" in door.path}
    role = Role.AGENCY if organisation != PLATFORM else min(door.right.keys() - {Role.AGENCY})
    return Request(intent=intent, role=role, organisation=organisation, ids=ids, body=ids_and_body, if_match=if_match)


def _organisations(world: World) -> Sequence[Request]:
    def about(name: str) -> dict[str, Any]:
        return {"organisation_id": world.id[name]}

    decision: dict[str, Any] = {"conditionsVersion": "2017-10", "checkedBy": "official-3"}
    service: dict[str, Any] = {"names": {"nl": "Loket"}, "audience": "citizen", "minimumLevel": "substantial"}
    family: dict[str, Any] = {"code": "vehicle", "names": {"nl": "Voertuigen"}, "authenticSourceId": world.id["agency"]}
    until = "2026-12-31"
    return (
        _example("register-organisation", **organisation("new", 501)),
        _example(
            "register-sole-trader", traderName="An De Smet", enterpriseNumber=enterprise_number(502), jurisdiction="be"
        ),
        _example("declare-sole-trader", **about("trader"), traderName="Bakkerij An De Smet"),
        _example("rename-organisation", if_match='"1"', **about("renamed"), names={"nl": "Anders", "en": "Other"}),
        _example("enrol-organisation", **about("enrolled-next"), enrolment="bus_member"),
        _example("end-enrolment", **about("ended-next"), enrolment="service_provider"),
        _example("enrol-as-sender", "sender-next", **about("sender-next"), doubleChannelUntil=until),
        _example(
            "change-double-channel", "sender-changing", '"2"', **about("sender-changing"), doubleChannelUntil=until
        ),
        _example("end-sender-enrolment", "sender-leaving", **about("sender-leaving")),
        _example("request-recognition", "applying", **about("applying")),
        _example("grant-recognition", **about("applied"), **decision),
        _example("suspend-recognition", **about("suspended-next"), reason="audit of 4 January not passed"),
        _example("withdraw-recognition", **about("withdrawn-next"), reason="audit of 4 January not passed"),
        _example("register-service", "agency", **service),
        _example("close-service", "agency", service_id=world.id["closing"]),
        _example("register-service-family", **family),
    )


def _identity(world: World) -> Sequence[Request]:
    desk: dict[str, Any] = {
        "officeId": "office-12",
        "officerId": "officer-5",
        "nationalNumber": bis_number(501),
        "jurisdiction": "be",
    }
    eidas: dict[str, Any] = {
        "memberState": "es",
        "eidasIdentifier": "ES/BE/12345",
        "level": "high",
        "jurisdiction": "be",
    }
    national: dict[str, Any] = {"nationalNumber": national_number(501), "jurisdiction": "be"}
    ann: dict[str, Any] = {
        "keyId": world.id["ann.eid"],
        "level": "high",
        "channel": "web",
        "serviceId": world.id["portal"],
    }
    key: dict[str, Any] = {
        "personId": world.id["ann"],
        "means": "token",
        "level": "high",
        "validUntil": "2027-01-05T10:00:00+01:00",
    }
    return (
        _example("register-person-from-national-register", **national),
        _example("register-person-by-registration-authority", "authority", **desk),
        _example("register-person-by-eidas", **eidas),
        _example("register-key", IDENTITY_PROVIDER, **key),
        _example("activate-key", IDENTITY_PROVIDER, key_id=world.id["key.derived"], sessionId=world.id["ann.session"]),
        _example("suspend-key", IDENTITY_PROVIDER, key_id=world.id["key.suspended-next"]),
        _example("resume-key", IDENTITY_PROVIDER, key_id=world.id["key.resumed-next"]),
        _example("revoke-key", IDENTITY_PROVIDER, key_id=world.id["key.revoked-next"]),
        _example("expire-key", key_id=world.id["key.expiring"]),
        _example("open-session", IDENTITY_PROVIDER, **ann),
        _example(
            "access-service",
            IDENTITY_PROVIDER,
            session_id=world.id["session.going-on"],
            serviceId=world.id["tax"],
        ),
        _example("end-session", IDENTITY_PROVIDER, session_id=world.id["session.ending"]),
    )


def _mandates(world: World) -> Sequence[Request]:
    def step(intent: str, mandate: str, who: str) -> Request:
        ids = {"mandate_id": world.id[f"mandate.{mandate}"]}
        return _example(intent, "provider", **ids, sessionId=world.id[f"{who}.session"])

    confirmed, expiring = world.id["mandate.confirmed-next"], world.id["mandate.expiring"]
    return (
        _example("request-mandate", "provider", **world.mandate()),
        step("accept-mandate", "accepted-next", "bob"),
        step("reject-mandate", "rejected-next", "bob"),
        _example("confirm-mandate", "authority", mandate_id=confirmed, ground="judgment 2025/118"),
        step("suspend-mandate", "suspended-next", "ann"),
        step("resume-mandate", "resumed-next", "ann"),
        step("withdraw-mandate", "withdrawn-next", "bob"),
        _example("expire-mandate", mandate_id=expiring),
    )


def _consents(world: World) -> Sequence[Request]:
    def wish(intent: str, name: str, **more: str) -> Request:
        return _example(intent, "provider", **world.consent_of(name), sessionId=world.id[f"{name}.session"], **more)

    return (
        wish("show-impact-notice", "dora", **NOTICE),
        wish("grant-consent", "eric", noticeVersion=NOTICE["noticeVersion"]),
        wish("refuse-consent", "fay"),
        wish("withdraw-consent", "gus"),
    )


def _mailboxes(world: World) -> Sequence[Request]:
    def wish(intent: str, name: str, **more: Any) -> Request:
        return _example(intent, "provider", mailbox_id=world.id[name], **more)

    return (
        wish("open-mailbox", "hal", ownerKind="person"),
        wish("set-notification-address", "ida", kind="sms"),
        wish("verify-notification-address", "jon", address_id=world.id["jon.address"]),
        wish("remove-notification-address", "kim", address_id=world.id["kim.address"]),
        wish("set-channel-preference", "ida", exclusiveDigital=True),
        wish("record-first-use", "ida"),
    )


def _messages(world: World) -> Sequence[Request]:
    def about(name: str) -> dict[str, Any]:
        return {"message_id": world.id[f"message.{name}"]}

    lea: dict[str, Any] = {"personId": world.id["lea"]}
    payment: dict[str, Any] = {"amountCents": 12_345, "currency": "EUR", "reference": "090933755493"}
    bill = world.message(payment=payment, requiresPayment=True, expiresAt="2026-06-30T00:00:00Z")
    reply: dict[str, Any] = {"contents": world.message()["contents"]}
    return (
        _example("send-message", "sender", **bill),
        _example("record-notification", "provider", **about("notified-next"), outcome="failed", code="mailbox-full"),
        _example("open-message", "provider", **about("opened-next"), **lea),
        _example("confirm-message", "provider", **about("confirmed-next"), **lea),
        _example("reply-to-message", "provider", **about("replied-next"), **lea, **reply),
        _example("alert-message-expiry", **about("alerted-next")),
        _example("expire-message", **about("expiring")),
    )


def _bus(world: World) -> Sequence[Request]:
    def about(name: str) -> dict[str, Any]:
        return {"transaction_id": world.id[f"transaction.{name}"]}

    answer: dict[str, Any] = {"responseSha256": SHA256_BASE64URL, "responseSizeBytes": 512}
    return (
        _example("accept-transaction", "agency", **world.transaction()),
        _example("forward-transaction", **about("forwarded-next"), attempt=1),
        _example("answer-transaction", "target", **about("answered-next"), **answer),
        _example("fault-transaction", "target", **about("faulted-next"), faultCode="person-unknown"),
        _example("fail-delivery", **about("lost"), faultCode="no-endpoint"),
        _example("time-out-transaction", **about("late")),
    )


def _invoicing(world: World) -> Sequence[Request]:
    def about(name: str) -> dict[str, Any]:
        return {"invoice_id": world.id[f"invoice.{name}"]}

    rules: dict[str, Any] = {"ruleSet": "peppol-bis-3.0.18", "ruleIds": ["BR-CO-10", "PEPPOL-EN16931-R010"]}
    contact = {"sellerContact": "Ann Adams, 02 123 45 67", "sellerContactId": world.id["ann"]}
    response: dict[str, Any] = {"state": "UQ", "clarifications": ["REF"], "clarificationSha256": SHA256_BASE64URL}
    return (
        _example("receive-invoice", "sender", **world.invoice(supplierNumber=enterprise_number(701)), **contact),
        _example("validate-invoice", **about("validated-next"), ruleSet="peppol-bis-3.0.18"),
        _example("refuse-invoice", **about("refused-next"), **rules),
        _example("respond-to-invoice", "agency", **about("answered-next"), **response),
    )


def _operation() -> Sequence[Request]:
    def about(projection: str) -> dict[str, Any]:
        return {"projection": projection, "why": "the disk of the old server was full"}

    return (
        _example("request-rebuild", **about("bus_counts")),
        _example("cancel-rebuild", **about("bus_counts")),
        _example("request-verification", **about("consents")),
        _example("undo-takeover", **about("bus_counts")),
        _example("drop-previous-rows", **about("bus_counts")),
        _example("pause-projection", **about("messages")),
        _example("resume-projection", **about("keys")),
        _example("retry-parked-events", **about("invoices"), eventPosition=12),
        _example("skip-parked-event", **about("invoices"), eventPosition=12),
    )


def _reactors() -> Sequence[Request]:
    def about(reactor: str) -> dict[str, Any]:
        return {"reactor": reactor, "why": "the database of the keys is being moved"}

    return (
        _example("pause-reactor", **about("eraser")),
        _example("resume-reactor", **about("old-mail")),
        _example("retry-waiting-events", **about("old-mail"), eventPosition=12),
        _example("skip-waiting-event", **about("old-mail"), eventPosition=12),
    )


def _erasure(world: World) -> Sequence[Request]:
    def about(name: str) -> dict[str, Any]:
        return {"person_id": world.id[name]}

    asked: dict[str, Any] = {"ground": "consent_withdrawn", "sessionId": world.id["fay.session"]}
    ordered: dict[str, Any] = {"ground": "legal_obligation", "groups": ["correspondence"], "reference": "APD/2026-17"}
    hold: dict[str, Any] = {"group": "identification", "ground": "legal_claims", "until": "2027-12-31"}
    return (
        _example("request-erasure", "provider", **about("fay"), **asked),
        _example("withdraw-erasure", "provider", **about("hal"), sessionId=world.id["hal.session"]),
        _example("order-erasure", **about("dora"), **ordered),
        _example("place-legal-hold", **about("gus"), **hold, reference="RG/2026/118"),
        _example("lift-legal-hold", **about("hal"), hold_id=world.id["hal.hold"]),
    )


def _access(world: World) -> Sequence[Request]:
    lifted: dict[str, Any] = {"suppression_id": world.id["suppression"], "ground": "the inquiry is closed"}
    return (_example("suppress-accesses", **world.suppression()), _example("lift-suppression", **lifted))
