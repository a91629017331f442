"""Doors of organisations: registration, enrolment in roles, recognition as identity provider, services, families."""

from __future__ import annotations

from api.rest.doors import Door
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

DOORS = (
    Door(
        intent="register-organisation",
        path="/organisations",
        command=RegisterOrganisation,
        activity="organisation-register",
        summary="Register an organisation with its enterprise number.",
        creates="organisation_id",
    ),
    Door(
        intent="rename-organisation",
        path=f"{_ORGANISATION}/names",
        command=RenameOrganisation,
        activity="organisation-register",
        summary="Give an organisation another name.",
        versioned=True,
    ),
    Door(
        intent="enrol-organisation",
        path=f"{_ORGANISATION}/enrolments",
        command=EnrolOrganisation,
        activity="organisation-enrolment",
        summary="Enrol an organisation in a role.",
    ),
    Door(
        intent="end-enrolment",
        path=f"{_ORGANISATION}/enrolment-ends",
        command=EndEnrolment,
        activity="organisation-enrolment",
        summary="End the enrolment of an organisation in a role.",
    ),
    Door(
        intent="enrol-as-sender",
        path=f"{_ORGANISATION}/sender-enrolments",
        command=EnrolAsSender,
        activity="organisation-enrolment",
        summary="Enrol your own organisation as a sender of digital post.",
    ),
    Door(
        intent="change-double-channel",
        path=f"{_ORGANISATION}/double-channel-periods",
        command=ChangeDoubleChannel,
        activity="organisation-enrolment",
        summary="Change until when your letters go both digital and on paper.",
        versioned=True,
    ),
    Door(
        intent="end-sender-enrolment",
        path=f"{_ORGANISATION}/sender-enrolment-ends",
        command=EndSenderEnrolment,
        activity="organisation-enrolment",
        summary="Stop sending digital post.",
    ),
    Door(
        intent="request-recognition",
        path=f"{_ORGANISATION}/recognition-requests",
        command=RequestRecognition,
        activity="identity-provider-recognition",
        summary="Apply to be recognised as an identity provider.",
    ),
    Door(
        intent="grant-recognition",
        path=f"{_ORGANISATION}/recognitions",
        command=GrantRecognition,
        activity="identity-provider-recognition",
        summary="Recognise an identity provider, or recognise it again after a suspension.",
    ),
    Door(
        intent="suspend-recognition",
        path=f"{_ORGANISATION}/recognition-suspensions",
        command=SuspendRecognition,
        activity="identity-provider-recognition",
        summary="Suspend the recognition of an identity provider: its keys no longer authenticate.",
    ),
    Door(
        intent="withdraw-recognition",
        path=f"{_ORGANISATION}/recognition-withdrawals",
        command=WithdrawRecognition,
        activity="identity-provider-recognition",
        summary="Withdraw the recognition of an identity provider for good.",
    ),
    Door(
        intent="register-service",
        path="/services",
        command=RegisterService,
        activity="service-register",
        summary="Register an online service of your organisation.",
        creates="service_id",
    ),
    Door(
        intent="close-service",
        path="/services/{service_id}/closures",
        command=CloseService,
        activity="service-register",
        summary="Close an online service.",
    ),
    Door(
        intent="register-service-family",
        path="/service-families",
        command=RegisterServiceFamily,
        activity="service-register",
        summary="Register a service family of the bus under its code.",
    ),
)
