"""Doors of organisations: registration, enrolment in roles, recognition as identity provider, services, families."""

from __future__ import annotations

from api.rest.doors import Door
from application.ports import Role
from domain.organisations import (
    ChangeDoubleChannel,
    CloseService,
    EndEnrolment,
    EndSenderEnrolment,
    EnrolAsSender,
    EnrolOrganisation,
    GrantRecognition,
    RegisterOrganisation,
    RegisterService,
    RegisterServiceFamily,
    RenameOrganisation,
    RequestRecognition,
    SuspendRecognition,
    WithdrawRecognition,
)

_ORGANISATION = "/organisations/{organisation_id}"
_PLATFORM = frozenset({Role.ADMINISTRATOR})
_ITSELF = frozenset({Role.AGENCY})

DOORS = (
    Door(
        intent="register-organisation",
        path="/organisations",
        command=RegisterOrganisation,
        roles=_PLATFORM,
        activity="organisation-register",
        summary="Register an organisation with its enterprise number.",
        creates="organisation_id",
    ),
    Door(
        intent="rename-organisation",
        path=f"{_ORGANISATION}/names",
        command=RenameOrganisation,
        roles=_PLATFORM,
        activity="organisation-register",
        summary="Give an organisation another name.",
        versioned=True,
    ),
    Door(
        intent="enrol-organisation",
        path=f"{_ORGANISATION}/enrolments",
        command=EnrolOrganisation,
        roles=_PLATFORM,
        activity="organisation-enrolment",
        summary="Enrol an organisation in a role.",
    ),
    Door(
        intent="end-enrolment",
        path=f"{_ORGANISATION}/enrolment-ends",
        command=EndEnrolment,
        roles=_PLATFORM,
        activity="organisation-enrolment",
        summary="End the enrolment of an organisation in a role.",
    ),
    Door(
        intent="enrol-as-sender",
        path=f"{_ORGANISATION}/sender-enrolments",
        command=EnrolAsSender,
        roles=_ITSELF,
        activity="organisation-enrolment",
        summary="Enrol your own organisation as a sender of digital post.",
    ),
    Door(
        intent="change-double-channel",
        path=f"{_ORGANISATION}/double-channel-periods",
        command=ChangeDoubleChannel,
        roles=_ITSELF,
        activity="organisation-enrolment",
        summary="Change until when your letters go both digital and on paper.",
        versioned=True,
    ),
    Door(
        intent="end-sender-enrolment",
        path=f"{_ORGANISATION}/sender-enrolment-ends",
        command=EndSenderEnrolment,
        roles=_ITSELF,
        activity="organisation-enrolment",
        summary="Stop sending digital post.",
    ),
    Door(
        intent="request-recognition",
        path=f"{_ORGANISATION}/recognition-requests",
        command=RequestRecognition,
        roles=_ITSELF,
        activity="identity-provider-recognition",
        summary="Apply to be recognised as an identity provider.",
    ),
    Door(
        intent="grant-recognition",
        path=f"{_ORGANISATION}/recognitions",
        command=GrantRecognition,
        roles=_PLATFORM,
        activity="identity-provider-recognition",
        summary="Recognise an identity provider, or recognise it again after a suspension.",
    ),
    Door(
        intent="suspend-recognition",
        path=f"{_ORGANISATION}/recognition-suspensions",
        command=SuspendRecognition,
        roles=_PLATFORM,
        activity="identity-provider-recognition",
        summary="Suspend the recognition of an identity provider: its keys no longer authenticate.",
    ),
    Door(
        intent="withdraw-recognition",
        path=f"{_ORGANISATION}/recognition-withdrawals",
        command=WithdrawRecognition,
        roles=_PLATFORM,
        activity="identity-provider-recognition",
        summary="Withdraw the recognition of an identity provider for good.",
    ),
    Door(
        intent="register-service",
        path="/services",
        command=RegisterService,
        roles=_ITSELF,
        activity="service-register",
        summary="Register an online service of your organisation.",
        creates="service_id",
    ),
    Door(
        intent="close-service",
        path="/services/{service_id}/closures",
        command=CloseService,
        roles=_ITSELF,
        activity="service-register",
        summary="Close an online service.",
    ),
    Door(
        intent="register-service-family",
        path="/service-families",
        command=RegisterServiceFamily,
        roles=_PLATFORM,
        activity="service-register",
        summary="Register a service family of the bus under its code.",
    ),
)
