"""Rules of an organisation, and the state that each event leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from domain.kernel import (
    Claim,
    Decider,
    Duplicate,
    InvalidValue,
    Jurisdiction,
    NotAllowed,
    NotFound,
    PersonalText,
    RuleBroken,
)
from domain.kernel.suspensions import must_be_over, must_end_later
from domain.kernel.working_days import end_of_day
from domain.organisations.organisation.model import (
    ChangeDoubleChannel,
    DeclareSoleTrader,
    DoubleChannelChanged,
    EndDoubleChannel,
    EndEnrolment,
    EndRecognitionSuspension,
    EndSenderEnrolment,
    EnrolAsSender,
    EnrolmentEnded,
    EnrolOrganisation,
    GrantRecognition,
    Organisation,
    OrganisationCommand,
    OrganisationEnrolled,
    OrganisationEvents,
    OrganisationRegistered,
    OrganisationRenamed,
    RecognitionGranted,
    RecognitionRequested,
    RecognitionSuspended,
    RecognitionWithdrawn,
    RegisterOrganisation,
    RegisterSoleTrader,
    RenameOrganisation,
    RequestRecognition,
    SoleTraderDeclared,
    SuspendRecognition,
    WithdrawRecognition,
    holds,
    recognised,
)
from domain.organisations.values import Enrolment, Level, Names, OrganisationType, Recognition

# --- Rules ----------------------------------------------------------------------------------------------------------


def _must_exist(command: OrganisationCommand, state: Organisation) -> None:
    if not state.exists and not isinstance(command, RegisterOrganisation | RegisterSoleTrader):
        raise NotFound("organisation-not-found", "There is no organisation with this id.")


def _register(command: RegisterOrganisation, state: Organisation) -> Sequence[OrganisationEvents]:
    if state.exists:
        raise Duplicate("organisation-exists", "There is an organisation with this id already.")
    return [
        OrganisationRegistered(
            organisation_id=command.organisation_id,
            names=command.names,
            organisation_type=command.organisation_type,
            level=command.level,
            enterprise_number=command.enterprise_number,
            jurisdiction=command.jurisdiction,
            outside_government=command.outside_government,
            island=command.island,
        )
    ]


def _register_sole_trader(command: RegisterSoleTrader, state: Organisation) -> Sequence[OrganisationEvents]:
    if state.exists:
        raise Duplicate("organisation-exists", "There is an organisation with this id already.")
    return [
        OrganisationRegistered(
            organisation_id=command.organisation_id,
            names=_number_as_name(command.enterprise_number),
            organisation_type=OrganisationType.PRIVATE_ORGANISATION,
            level=Level.LOCAL,
            enterprise_number=command.enterprise_number,
            jurisdiction=command.jurisdiction,
            outside_government=True,
            island=command.island,
        ),
        _declared(command, command.jurisdiction),
    ]


def _declare_sole_trader(command: DeclareSoleTrader, state: Organisation) -> Sequence[OrganisationEvents]:
    """Declare it, also once more: the name of before is sealed, so nobody can say whether it is the same."""
    if state.organisation_type is not OrganisationType.PRIVATE_ORGANISATION:
        raise RuleBroken("not-a-sole-trader", "Only a private organisation can be the enterprise of one person.")
    names = _number_as_name(state.enterprise_number)
    renamed = [OrganisationRenamed(organisation_id=command.organisation_id, names=names)]
    return [*(renamed if state.names != names else ()), _declared(command, state.jurisdiction)]


def _declared(command: RegisterSoleTrader | DeclareSoleTrader, jurisdiction: Jurisdiction) -> SoleTraderDeclared:
    return SoleTraderDeclared(
        organisation_id=command.organisation_id,
        jurisdiction=jurisdiction,
        trader_name=PersonalText(command.trader_name),
    )


def _number_as_name(number: str) -> Names:
    return Names(nl=number, fr=number, de=number, en=number)


def _rename(command: RenameOrganisation, state: Organisation) -> Sequence[OrganisationEvents]:
    if state.sole_trader:
        raise RuleBroken("sole-trader-name", "The name of a sole trader is personal data: declare it anew instead.")
    if command.names == state.names:
        return []
    return [OrganisationRenamed(organisation_id=command.organisation_id, names=command.names)]


def _enrol(command: EnrolOrganisation, state: Organisation) -> Sequence[OrganisationEvents]:
    if command.enrolment is Enrolment.MAILBOX_SENDER:
        raise NotAllowed("sender-enrols-itself", "An organisation enrols itself as a sender of digital post.")
    if command.enrolment is Enrolment.IDENTITY_PROVIDER:
        raise RuleBroken("recognition-needed", "An identity provider is enrolled by its recognition.")
    if holds(state, command.enrolment):
        return []
    return [_enrolled(command.organisation_id, command.enrolment, state)]


def _enrol_as_sender(command: EnrolAsSender, state: Organisation) -> Sequence[OrganisationEvents]:
    _must_be_itself(command)
    if holds(state, Enrolment.MAILBOX_SENDER):
        if command.double_channel_until == state.double_channel_until:
            return []
        raise RuleBroken("already-a-sender", "This organisation is a sender; change its double-channel period instead.")
    _must_not_be_past(command)
    enrolled = _enrolled(command.organisation_id, Enrolment.MAILBOX_SENDER, state)
    return [replace(enrolled, double_channel_until=command.double_channel_until)]


def _change_double_channel(command: ChangeDoubleChannel, state: Organisation) -> Sequence[OrganisationEvents]:
    _must_be_itself(command)
    if not holds(state, Enrolment.MAILBOX_SENDER):
        raise RuleBroken("not-enrolled", "This organisation is not enrolled as a sender of digital post.")
    if command.double_channel_until == state.double_channel_until:
        return []
    _must_not_be_past(command)
    return [
        DoubleChannelChanged(
            organisation_id=command.organisation_id,
            enrolment_number=state.enrolled.count(Enrolment.MAILBOX_SENDER),
            double_channel_until=command.double_channel_until,
        )
    ]


def _end_double_channel(command: EndDoubleChannel, state: Organisation) -> Sequence[OrganisationEvents]:
    until = state.double_channel_until
    if until is None:
        return []
    if command.at < end_of_day(until):
        raise RuleBroken("double-channel-not-over", "The double-channel period is not over yet.")
    number = state.enrolled.count(Enrolment.MAILBOX_SENDER)
    return [
        DoubleChannelChanged(
            organisation_id=command.organisation_id, enrolment_number=number, double_channel_until=None
        )
    ]


def _end_enrolment(command: EndEnrolment, state: Organisation) -> Sequence[OrganisationEvents]:
    if command.enrolment is Enrolment.IDENTITY_PROVIDER:
        raise RuleBroken("recognition-not-withdrawn", "An identity provider ends with its recognition.")
    return _end(command.organisation_id, command.enrolment, state)


def _end_sender(command: EndSenderEnrolment, state: Organisation) -> Sequence[OrganisationEvents]:
    _must_be_itself(command)
    return _end(command.organisation_id, Enrolment.MAILBOX_SENDER, state)


def _end(organisation_id: str, enrolment: Enrolment, state: Organisation) -> Sequence[OrganisationEvents]:
    if holds(state, enrolment):
        return [_ended(organisation_id, enrolment, state)]
    if enrolment in state.enrolled:
        return []
    raise RuleBroken("not-enrolled", "This organisation is not enrolled in this role.")


def _request_recognition(command: RequestRecognition, state: Organisation) -> Sequence[OrganisationEvents]:
    _must_be_itself(command)
    if state.recognition is Recognition.WITHDRAWN:
        raise RuleBroken("recognition-withdrawn", "The recognition was withdrawn for good.")
    if state.recognition is not Recognition.NONE:
        return []
    return [RecognitionRequested(organisation_id=command.organisation_id, jurisdiction=state.jurisdiction)]


def _grant_recognition(command: GrantRecognition, state: Organisation) -> Sequence[OrganisationEvents]:
    _must_have_applied(state)
    if recognised(state):
        return []
    granted = RecognitionGranted(
        organisation_id=command.organisation_id,
        jurisdiction=state.jurisdiction,
        conditions_version=command.conditions_version,
        checked_by=command.checked_by,
    )
    if holds(state, Enrolment.IDENTITY_PROVIDER):
        return [granted]
    return [granted, _enrolled(command.organisation_id, Enrolment.IDENTITY_PROVIDER, state)]


def _suspend_recognition(command: SuspendRecognition, state: Organisation) -> Sequence[OrganisationEvents]:
    _must_have_applied(state)
    suspended = state.recognition is Recognition.SUSPENDED
    if suspended and command.until == state.suspended_until:
        return []
    if not (suspended or recognised(state)):
        raise RuleBroken("not-recognised", "Only a recognition that was granted can be suspended.")
    must_end_later(command.until, command.at)
    return [
        RecognitionSuspended(
            organisation_id=command.organisation_id,
            jurisdiction=state.jurisdiction,
            reason=command.reason,
            until=command.until,
        )
    ]


def _end_suspension(command: EndRecognitionSuspension, state: Organisation) -> Sequence[OrganisationEvents]:
    if state.recognition is not Recognition.SUSPENDED:
        return []
    must_be_over(state.suspended_until, command.at)
    return [
        RecognitionGranted(
            organisation_id=command.organisation_id,
            jurisdiction=state.jurisdiction,
            conditions_version=state.conditions_version,
            checked_by=state.checked_by,
        )
    ]


def _withdraw_recognition(command: WithdrawRecognition, state: Organisation) -> Sequence[OrganisationEvents]:
    if state.recognition is Recognition.WITHDRAWN:
        return []
    _must_have_applied(state)
    withdrawn = RecognitionWithdrawn(
        organisation_id=command.organisation_id, jurisdiction=state.jurisdiction, reason=command.reason
    )
    if not holds(state, Enrolment.IDENTITY_PROVIDER):
        return [withdrawn]
    return [withdrawn, _ended(command.organisation_id, Enrolment.IDENTITY_PROVIDER, state)]


def _must_be_itself(command: OrganisationCommand) -> None:
    if command.by != command.organisation_id:
        raise NotAllowed("not-your-organisation", "Only the organisation itself can ask for this.")


def _must_not_be_past(command: EnrolAsSender | ChangeDoubleChannel) -> None:
    if command.double_channel_until is not None and command.double_channel_until < command.at.date():
        raise InvalidValue("double-channel-in-the-past", "The double-channel period cannot end before today.")


def _must_have_applied(state: Organisation) -> None:
    if state.recognition is Recognition.NONE:
        raise RuleBroken("recognition-not-requested", "This organisation did not apply to be an identity provider.")
    if state.recognition is Recognition.WITHDRAWN:
        raise RuleBroken("recognition-withdrawn", "The recognition was withdrawn for good.")


def _enrolled(organisation_id: str, enrolment: Enrolment, state: Organisation) -> OrganisationEnrolled:
    return OrganisationEnrolled(
        organisation_id=organisation_id,
        enrolment=enrolment,
        enrolment_number=state.enrolled.count(enrolment) + 1,
        jurisdiction=state.jurisdiction,
        organisation_type=state.organisation_type,
        level=state.level,
        outside_government=state.outside_government,
        double_channel_until=None,
    )


def _ended(organisation_id: str, enrolment: Enrolment, state: Organisation) -> EnrolmentEnded:
    return EnrolmentEnded(
        organisation_id=organisation_id,
        enrolment=enrolment,
        enrolment_number=state.enrolled.count(enrolment),
        jurisdiction=state.jurisdiction,
    )


def evolve(state: Organisation, event: OrganisationEvents) -> Organisation:
    match event:
        case OrganisationRegistered():
            return replace(
                state,
                exists=True,
                names=event.names,
                enterprise_number=event.enterprise_number,
                organisation_type=event.organisation_type,
                level=event.level,
                jurisdiction=event.jurisdiction,
                island=event.island,
                outside_government=event.outside_government,
            )
        case OrganisationRenamed():
            return replace(state, names=event.names)
        case SoleTraderDeclared():
            return replace(state, sole_trader=True)
        case OrganisationEnrolled():
            sender = event.enrolment is Enrolment.MAILBOX_SENDER
            return replace(
                state,
                enrolments=state.enrolments | {event.enrolment},
                enrolled=(*state.enrolled, event.enrolment),
                double_channel_until=event.double_channel_until if sender else state.double_channel_until,
            )
        case EnrolmentEnded():
            ended = replace(state, enrolments=state.enrolments - {event.enrolment})
            return replace(ended, double_channel_until=None) if event.enrolment is Enrolment.MAILBOX_SENDER else ended
        case DoubleChannelChanged():
            return replace(state, double_channel_until=event.double_channel_until)
        case RecognitionRequested():
            return replace(state, recognition=Recognition.APPLIED)
        case RecognitionGranted():
            return replace(
                state,
                recognition=Recognition.RECOGNISED,
                conditions_version=event.conditions_version,
                checked_by=event.checked_by,
                suspended_until=None,
            )
        case RecognitionSuspended():
            return replace(state, recognition=Recognition.SUSPENDED, suspended_until=event.until)
        case RecognitionWithdrawn():
            return replace(state, recognition=Recognition.WITHDRAWN)
        case _:
            assert_never(event)


def _claims(command: OrganisationCommand, events: Sequence[OrganisationEvents]) -> Sequence[Claim]:
    if isinstance(command, RegisterOrganisation | RegisterSoleTrader) and events:
        return [Claim("enterprise-number", command.enterprise_number)]
    return []


ORGANISATION: Decider[OrganisationCommand, Organisation, OrganisationEvents] = Decider(
    category="organisation",
    key=("organisation_id",),
    initial=Organisation(),
    guard=_must_exist,
    rules={
        RegisterOrganisation: _register,
        RegisterSoleTrader: _register_sole_trader,
        DeclareSoleTrader: _declare_sole_trader,
        RenameOrganisation: _rename,
        EnrolOrganisation: _enrol,
        EndEnrolment: _end_enrolment,
        EnrolAsSender: _enrol_as_sender,
        ChangeDoubleChannel: _change_double_channel,
        EndDoubleChannel: _end_double_channel,
        EndSenderEnrolment: _end_sender,
        RequestRecognition: _request_recognition,
        GrantRecognition: _grant_recognition,
        SuspendRecognition: _suspend_recognition,
        EndRecognitionSuspension: _end_suspension,
        WithdrawRecognition: _withdraw_recognition,
    },
    evolve=evolve,
    events={
        "organisations.organisation-registered.v1": OrganisationRegistered,
        "organisations.organisation-renamed.v1": OrganisationRenamed,
        "organisations.sole-trader-declared.v1": SoleTraderDeclared,
        "organisations.organisation-enrolled.v1": OrganisationEnrolled,
        "organisations.enrolment-ended.v1": EnrolmentEnded,
        "organisations.double-channel-changed.v1": DoubleChannelChanged,
        "organisations.recognition-requested.v1": RecognitionRequested,
        "organisations.recognition-granted.v1": RecognitionGranted,
        "organisations.recognition-suspended.v1": RecognitionSuspended,
        "organisations.recognition-withdrawn.v1": RecognitionWithdrawn,
    },
    claims=_claims,
)
