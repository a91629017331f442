"""Commands of identity: persons, their keys, authentication sessions and mandates."""

from __future__ import annotations

from api.rest.command_route import CommandRoute, routes_below
from api.rights.relations import Relation, administrator, agency, system
from domain.identity.key import ActivateKey, ExpireKey, RegisterKey, ResumeKey, RevokeKey, SuspendKey
from domain.identity.mandate.model import (
    AcceptMandate,
    ConfirmMandate,
    ExpireMandate,
    RejectMandate,
    RequestMandate,
    ResumeMandate,
    SuspendMandate,
    WithdrawMandate,
)
from domain.identity.person import (
    RegisterPersonByEidas,
    RegisterPersonByRegistrationAuthority,
    RegisterPersonFromNationalRegister,
)
from domain.identity.session import AccessService, EndSession, OpenSession

ROUTES = (
    CommandRoute(
        RegisterPersonFromNationalRegister,
        "/persons/national-register-registrations",
        right=administrator() | system(),
        summary="Register a person by their number in the national register.",
        creates="person_id",
        collection="/persons",
    ),
    CommandRoute(
        RegisterPersonByRegistrationAuthority,
        "/persons/registration-authority-registrations",
        right=agency(Relation.REGISTRATION_AUTHORITY),
        summary="Register a person who identified at the desk of a Local Registration Authority.",
        creates="person_id",
        collection="/persons",
    ),
    CommandRoute(
        RegisterPersonByEidas,
        "/persons/eidas-registrations",
        right=administrator() | system(),
        summary="Register a person whom another member state identified.",
        creates="person_id",
        collection="/persons",
    ),
    CommandRoute(
        RegisterKey,
        "/keys",
        right=agency(Relation.IDENTITY_PROVIDER),
        summary="Register a key of a person, as the identity provider that gives it out.",
        creates="key_id",
    ),
    *routes_below(
        "/keys/{key_id}",
        agency(Relation.PROVIDER_OF_KEY),
        {
            "activations": (
                ActivateKey,
                "Activate a key; a derived one on evidence of the eID or of a registration at a desk.",
            ),
            "suspensions": (SuspendKey, "Suspend a key."),
            "resumptions": (ResumeKey, "Resume a suspended key."),
            "revocations": (RevokeKey, "Revoke a key for good."),
        },
    ),
    CommandRoute(
        ExpireKey,
        "/keys/{key_id}/expiries",
        right=system(),
        summary="Record that the validity of a key is over.",
    ),
    CommandRoute(
        OpenSession,
        "/sessions",
        right=agency(Relation.PROVIDER_OF_KEY),
        summary="Authenticate a person at a service; a refused authentication is recorded too.",
        creates="session_id",
    ),
    *routes_below(
        "/sessions/{session_id}",
        agency(Relation.PROVIDER_OF_SESSION),
        {
            "service-accesses": (AccessService, "Take the person on to another service by single sign-on."),
            "ends": (EndSession, "End a session."),
        },
    ),
    CommandRoute(
        RequestMandate,
        "/mandates",
        right=agency(Relation.PLACE_OF_SESSION),
        summary="Request a mandate, as one of its two sides.",
        creates="mandate_id",
    ),
    *routes_below(
        "/mandates/{mandate_id}",
        agency(Relation.PLACE_OF_SESSION),
        {
            "acceptances": (AcceptMandate, "Accept a mandate, as the other side."),
            "rejections": (RejectMandate, "Reject a mandate, as the other side."),
            "suspensions": (SuspendMandate, "Suspend a mandate."),
            "resumptions": (ResumeMandate, "Resume a mandate that the same side suspended."),
            "withdrawals": (WithdrawMandate, "Withdraw a mandate for good, as either side."),
        },
    ),
    CommandRoute(
        ConfirmMandate,
        "/mandates/{mandate_id}/confirmations",
        right=agency(Relation.REGISTRATION_AUTHORITY),
        summary="Confirm legal representation, as a registration authority.",
    ),
    CommandRoute(
        ExpireMandate,
        "/mandates/{mandate_id}/expiries",
        right=system(),
        summary="Record that the validity of a mandate is over.",
    ),
)
