"""The rights of commands: for each, the roles that may send it, and what the organisation of the caller has to be.

To let in a new command, give it a row here. A role that is not in the row is refused at the door. What a relation
means, and what other organisations are refused with, stands in `relations`; the command's own rule enforces it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from api.rights.relations import Relation
from api.rights.roles import must_fit
from application.ports import Role
from domain import access, bus, consent, erasure, identity, invoicing, mailbox, operation, organisations
from domain.kernel import Command

Right: TypeAlias = Mapping[Role, Relation]
"""The roles that are let in, each with what the organisation of the caller has to be to the thing."""


def _agency(relation: Relation) -> Right:
    return {Role.AGENCY: relation}


_ADMINISTRATOR: Right = {Role.ADMINISTRATOR: Relation.PLATFORM}
_AUDITOR: Right = {Role.AUDITOR: Relation.PLATFORM}
_SYSTEM: Right = {Role.SYSTEM: Relation.PLATFORM}
_REGISTER: Right = {**_ADMINISTRATOR, **_SYSTEM}

ORGANISATIONS: Mapping[type[Command], Right] = {
    organisations.RegisterOrganisation: _ADMINISTRATOR,
    organisations.RenameOrganisation: _ADMINISTRATOR,
    organisations.EnrolOrganisation: _ADMINISTRATOR,
    organisations.EndEnrolment: _ADMINISTRATOR,
    organisations.EnrolAsSender: _agency(Relation.ITSELF),
    organisations.ChangeDoubleChannel: _agency(Relation.ITSELF),
    organisations.EndSenderEnrolment: _agency(Relation.ITSELF),
    organisations.RequestRecognition: _agency(Relation.ITSELF),
    organisations.GrantRecognition: _ADMINISTRATOR,
    organisations.SuspendRecognition: _ADMINISTRATOR,
    organisations.WithdrawRecognition: _ADMINISTRATOR,
    organisations.RegisterService: _agency(Relation.SERVICE_PROVIDER),
    organisations.CloseService: _agency(Relation.OWNER_OF_SERVICE),
    organisations.RegisterServiceFamily: _ADMINISTRATOR,
}

IDENTITY: Mapping[type[Command], Right] = {
    identity.RegisterPersonFromNationalRegister: _REGISTER,
    identity.RegisterPersonByRegistrationAuthority: _agency(Relation.REGISTRATION_AUTHORITY),
    identity.RegisterPersonByEidas: _REGISTER,
    identity.RegisterKey: _agency(Relation.IDENTITY_PROVIDER),
    identity.ActivateKey: _agency(Relation.PROVIDER_OF_KEY),
    identity.SuspendKey: _agency(Relation.PROVIDER_OF_KEY),
    identity.ResumeKey: _agency(Relation.PROVIDER_OF_KEY),
    identity.RevokeKey: _agency(Relation.PROVIDER_OF_KEY),
    identity.ExpireKey: _SYSTEM,
    identity.OpenSession: _agency(Relation.PROVIDER_OF_KEY),
    identity.AccessService: _agency(Relation.PROVIDER_OF_SESSION),
    identity.EndSession: _agency(Relation.PROVIDER_OF_SESSION),
    identity.RequestMandate: _agency(Relation.PLACE_OF_SESSION),
    identity.AcceptMandate: _agency(Relation.PLACE_OF_SESSION),
    identity.RejectMandate: _agency(Relation.PLACE_OF_SESSION),
    identity.ConfirmMandate: _agency(Relation.REGISTRATION_AUTHORITY),
    identity.SuspendMandate: _agency(Relation.PLACE_OF_SESSION),
    identity.ResumeMandate: _agency(Relation.PLACE_OF_SESSION),
    identity.WithdrawMandate: _agency(Relation.PLACE_OF_SESSION),
    identity.ExpireMandate: _SYSTEM,
}

CONSENT: Mapping[type[Command], Right] = {
    consent.ShowImpactNotice: _agency(Relation.PROVIDER_OF_CONSENT),
    consent.GrantConsent: _agency(Relation.PROVIDER_OF_CONSENT),
    consent.RefuseConsent: _agency(Relation.PROVIDER_OF_CONSENT),
    consent.WithdrawConsent: _agency(Relation.PROVIDER_OF_CONSENT),
}

MAILBOX: Mapping[type[Command], Right] = {
    mailbox.OpenMailbox: _agency(Relation.MAILBOX_PROVIDER),
    mailbox.SetNotificationAddress: _agency(Relation.PROVIDER_OF_MAILBOX),
    mailbox.VerifyNotificationAddress: _agency(Relation.PROVIDER_OF_MAILBOX),
    mailbox.RemoveNotificationAddress: _agency(Relation.PROVIDER_OF_MAILBOX),
    mailbox.SetChannelPreference: _agency(Relation.PROVIDER_OF_MAILBOX),
    mailbox.RecordFirstUse: _agency(Relation.PROVIDER_OF_MAILBOX),
    mailbox.SendMessage: _agency(Relation.SENDER),
    mailbox.RecordNotification: _agency(Relation.DELIVERER),
    mailbox.OpenMessage: _agency(Relation.PROVIDER_OF_MAILBOX),
    mailbox.ConfirmMessage: _agency(Relation.PROVIDER_OF_MAILBOX),
    mailbox.ReplyToMessage: _agency(Relation.PROVIDER_OF_MAILBOX),
    mailbox.AlertMessageExpiry: _SYSTEM,
    mailbox.ExpireMessage: _SYSTEM,
}

BUS: Mapping[type[Command], Right] = {
    bus.AcceptTransaction: _agency(Relation.BUS_MEMBER),
    bus.ForwardTransaction: _SYSTEM,
    bus.AnswerTransaction: _agency(Relation.TARGET),
    bus.FaultTransaction: _agency(Relation.TARGET),
    bus.FailDelivery: _SYSTEM,
    bus.TimeOutTransaction: _SYSTEM,
}

INVOICING: Mapping[type[Command], Right] = {
    # An access point acts for many suppliers: an organisation of its own, or the platform's.
    invoicing.ReceiveInvoice: {Role.AGENCY: Relation.ANY, Role.SYSTEM: Relation.PLATFORM},
    invoicing.ValidateInvoice: _SYSTEM,
    invoicing.RefuseInvoice: _SYSTEM,
    invoicing.RespondToInvoice: _agency(Relation.BUYER),
}

OPERATION: Mapping[type[Command], Right] = {
    operation.RequestRebuild: _ADMINISTRATOR,
    operation.CancelRebuild: _ADMINISTRATOR,
    operation.RequestVerification: _ADMINISTRATOR,
    operation.UndoTakeover: _ADMINISTRATOR,
    operation.DropPreviousRows: _ADMINISTRATOR,
    operation.PauseProjection: _ADMINISTRATOR,
    operation.ResumeProjection: _ADMINISTRATOR,
    operation.RetryParkedEvents: _ADMINISTRATOR,
    operation.SkipParkedEvent: _ADMINISTRATOR,
}

ERASURE: Mapping[type[Command], Right] = {
    erasure.RequestErasure: _agency(Relation.PLACE_OF_SESSION),
    erasure.OrderErasure: _ADMINISTRATOR,
    erasure.PlaceLegalHold: _ADMINISTRATOR,
    erasure.LiftLegalHold: _ADMINISTRATOR,
}

ACCESS: Mapping[type[Command], Right] = {
    access.SuppressAccesses: _AUDITOR,
    access.LiftSuppression: _AUDITOR,
}

COMMANDS: Mapping[type[Command], Right] = {
    **ORGANISATIONS,
    **IDENTITY,
    **CONSENT,
    **MAILBOX,
    **BUS,
    **INVOICING,
    **OPERATION,
    **ACCESS,
    **ERASURE,
}


def right_of(command: type[Command]) -> Right:
    """Return who may send a command: nobody, where it has no row."""
    return COMMANDS.get(command, {})


def check_commands(let_in: Iterable[type[Command]]) -> None:
    """Raise RightsError unless the commands that doors let in are those of the table."""
    must_fit("command", {_named(it) for it in let_in}, {_named(it) for it in COMMANDS})


def _named(command: type[Command]) -> str:
    return f"{command.__module__}.{command.__qualname__}"
