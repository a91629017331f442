"""Commands of organisations: registration, enrolment in roles, recognition as identity provider, services, families."""

from __future__ import annotations

from api.rest.command_route import CommandRoute, routes_below
from api.rights.relations import Relation, administrator, agency
from domain.organisations.organisation.model import (
    ChangeDoubleChannel,
    DeclareSoleTrader,
    EndEnrolment,
    EndSenderEnrolment,
    EnrolAsSender,
    EnrolOrganisation,
    GrantRecognition,
    RegisterOrganisation,
    RegisterSoleTrader,
    RenameOrganisation,
    RequestRecognition,
    SuspendRecognition,
    WithdrawRecognition,
)
from domain.organisations.service import CloseService, RegisterService
from domain.organisations.service_family import RegisterServiceFamily

_ORGANISATION = "/organisations/{organisation_id}"

ROUTES = (
    CommandRoute(
        RegisterOrganisation,
        "/organisations",
        right=administrator(),
        summary="Register an organisation with its enterprise number.",
        creates="organisation_id",
    ),
    CommandRoute(
        RegisterSoleTrader,
        "/sole-traders",
        right=administrator(),
        summary="Register the enterprise of a natural person, who can be erased.",
        creates="organisation_id",
    ),
    CommandRoute(
        RenameOrganisation,
        f"{_ORGANISATION}/names",
        right=administrator(),
        summary="Give an organisation another name.",
        versioned=True,
    ),
    *routes_below(
        "/organisations/{organisation_id}",
        administrator(),
        {
            "sole-trader-declarations": (
                DeclareSoleTrader,
                "Declare that an organisation is a sole trader, or the name of one anew.",
            ),
            "enrolments": (EnrolOrganisation, "Enrol an organisation in a role."),
            "enrolment-ends": (EndEnrolment, "End the enrolment of an organisation in a role."),
            "recognitions": (
                GrantRecognition,
                "Recognise an identity provider, or recognise it again after a suspension.",
            ),
            "recognition-suspensions": (
                SuspendRecognition,
                "Suspend the recognition of an identity provider: its keys no longer authenticate.",
            ),
            "recognition-withdrawals": (
                WithdrawRecognition,
                "Withdraw the recognition of an identity provider for good.",
            ),
        },
    ),
    *routes_below(
        "/organisations/{organisation_id}",
        agency(Relation.ITSELF),
        {
            "sender-enrolments": (EnrolAsSender, "Enrol your own organisation as a sender of digital post."),
            "sender-enrolment-ends": (EndSenderEnrolment, "Stop sending digital post."),
            "recognition-requests": (RequestRecognition, "Apply to be recognised as an identity provider."),
        },
    ),
    CommandRoute(
        ChangeDoubleChannel,
        f"{_ORGANISATION}/double-channel-periods",
        right=agency(Relation.ITSELF),
        summary="Change until when your letters go both digital and on paper.",
        versioned=True,
    ),
    CommandRoute(
        RegisterService,
        "/services",
        right=agency(Relation.SERVICE_PROVIDER),
        summary="Register an online service of your organisation.",
        creates="service_id",
    ),
    CommandRoute(
        CloseService,
        "/services/{service_id}/closures",
        right=agency(Relation.OWNER_OF_SERVICE),
        summary="Close an online service.",
    ),
    CommandRoute(
        RegisterServiceFamily,
        "/service-families",
        right=administrator(),
        summary="Register a service family of the bus under its code.",
    ),
)
