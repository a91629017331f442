"""Organisations, the roles they are enrolled in, their recognition as identity providers, their services."""

from __future__ import annotations

from typing import Any

from domain.kernel import Decider
from domain.organisations.organisation.model import (
    ChangeDoubleChannel,
    DoubleChannelChanged,
    EndEnrolment,
    EndSenderEnrolment,
    EnrolAsSender,
    EnrolmentEnded,
    EnrolOrganisation,
    GrantRecognition,
    Organisation,
    OrganisationEnrolled,
    OrganisationRegistered,
    OrganisationRenamed,
    RecognitionGranted,
    RecognitionRequested,
    RecognitionSuspended,
    RecognitionWithdrawn,
    RegisterOrganisation,
    RenameOrganisation,
    RequestRecognition,
    SuspendRecognition,
    WithdrawRecognition,
    holds,
    recognised,
)
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.service import (
    SERVICE,
    CloseService,
    RegisterService,
    Service,
    ServiceClosed,
    ServiceProvider,
    ServiceRegistered,
)
from domain.organisations.service_family import (
    SERVICE_FAMILY,
    RegisterServiceFamily,
    ServiceFamily,
    ServiceFamilyRegistered,
)
from domain.organisations.values import Enrolment, Level, Names, OrganisationType, Recognition

DECIDERS: tuple[Decider[Any, Any, Any], ...] = (ORGANISATION, SERVICE, SERVICE_FAMILY)

__all__ = [
    "DECIDERS",
    "ORGANISATION",
    "SERVICE",
    "SERVICE_FAMILY",
    "ChangeDoubleChannel",
    "CloseService",
    "DoubleChannelChanged",
    "EndEnrolment",
    "EndSenderEnrolment",
    "EnrolAsSender",
    "EnrolOrganisation",
    "Enrolment",
    "EnrolmentEnded",
    "GrantRecognition",
    "Level",
    "Names",
    "Organisation",
    "OrganisationEnrolled",
    "OrganisationRegistered",
    "OrganisationRenamed",
    "OrganisationType",
    "Recognition",
    "RecognitionGranted",
    "RecognitionRequested",
    "RecognitionSuspended",
    "RecognitionWithdrawn",
    "RegisterOrganisation",
    "RegisterService",
    "RegisterServiceFamily",
    "RenameOrganisation",
    "RequestRecognition",
    "Service",
    "ServiceClosed",
    "ServiceFamily",
    "ServiceFamilyRegistered",
    "ServiceProvider",
    "ServiceRegistered",
    "SuspendRecognition",
    "WithdrawRecognition",
    "holds",
    "recognised",
]
