"""A derived key is never active without its eID or LRA evidence, by any sequence of commands.

Random wishes of everyone involved go through the real readers of facts and the real deciders. An oracle that knows
only what happened, not the rules, then looks for the evidence of every key that is active.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.identity.key import KEY, ActivateKey, KeyActivated, RegisterKey, ResumeKey, RevokeKey, SuspendKey
from domain.identity.person import (
    PersonRegistered,
    RegisterPersonByEidas,
    RegisterPersonByRegistrationAuthority,
    RegisterPersonFromNationalRegister,
)
from domain.identity.session import AuthenticationSucceeded, EndSession, OpenSession, SessionEnded
from domain.identity.values import SESSION_LENGTH, Channel, EvidenceKind, KeyStatus, Means, Route
from domain.kernel import (
    Audience,
    Command,
    EnterpriseNumber,
    Jurisdiction,
    LevelOfAssurance,
    NationalNumber,
    Refusal,
)
from domain.organisations.organisation.model import (
    EndEnrolment,
    EnrolmentEnded,
    EnrolOrganisation,
    GrantRecognition,
    OrganisationEnrolled,
    RegisterOrganisation,
    RequestRecognition,
    SuspendRecognition,
)
from domain.organisations.service import RegisterService
from domain.organisations.values import Enrolment, Level, Names, OrganisationType
from tests.application.memory_known import MemoryKnown
from tests.check_digits import enterprise_number

AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)
PLATFORM, TOWN, SERVICE = "platform", "town", "service-1"
PROVIDERS = ("provider-1", "provider-2")
PEOPLE = ("person-1", "person-2")
KEYS = ("key-1", "key-2", "key-3", "key-4", "key-5")
SESSIONS = tuple(f"session-{number}" for number in range(1, 13))
BE = Jurisdiction.BE
REGISTER_NUMBER, BIS_NUMBER = NationalNumber("85073003328"), NationalNumber("85473003317")


def _organisation(organisation_id: str, number: int) -> Command:
    return RegisterOrganisation(
        at=AT,
        by=PLATFORM,
        organisation_id=organisation_id,
        names=Names(nl=organisation_id),
        organisation_type=OrganisationType.NATIONAL_ORGANISATION,
        level=Level.FEDERAL,
        enterprise_number=EnterpriseNumber(enterprise_number(number)),
        jurisdiction=BE,
    )


def _recognition(organisation_id: str) -> Command:
    return GrantRecognition(
        at=AT, by=PLATFORM, organisation_id=organisation_id, conditions_version="1", checked_by="officer"
    )


BEGINNING: tuple[Command, ...] = (
    *(_organisation(name, number) for number, name in enumerate((*PROVIDERS, TOWN))),
    EnrolOrganisation(at=AT, by=PLATFORM, organisation_id=TOWN, enrolment=Enrolment.SERVICE_PROVIDER),
    EnrolOrganisation(at=AT, by=PLATFORM, organisation_id=TOWN, enrolment=Enrolment.REGISTRATION_AUTHORITY),
    RegisterService(
        at=AT,
        by=TOWN,
        service_id=SERVICE,
        names=Names(nl="Loket"),
        audience=Audience.CITIZEN,
        minimum_level=LevelOfAssurance.LOW,
    ),
    *(RequestRecognition(at=AT, by=name, organisation_id=name) for name in PROVIDERS),
    *(_recognition(name) for name in PROVIDERS),
)

# --- What happened, and what the oracle makes of it -----------------------------------------------------------------


@dataclass
class World:
    known: MemoryKnown = field(default_factory=MemoryKnown)
    happened: list[tuple[datetime, Any]] = field(default_factory=list)

    def tell(self, command: Command) -> Refusal | None:
        try:
            events = self.known.carry_out(command)
        except Refusal as refusal:
            return refusal
        self.happened.extend((command.at, event) for event in events)
        return None


def begun() -> World:
    world = World()
    assert [world.tell(command) for command in BEGINNING] == [None] * len(BEGINNING)
    return world


def active_derived_keys(world: World) -> list[str]:
    keys = world.known.all(KEY)
    return [key_id for key_id, key in keys.items() if key.status is KeyStatus.ACTIVE and key.means is not Means.EID]


def has_evidence(world: World, key_id: str) -> bool:
    """Look in what happened before the activation for the eID session or the registration that it names."""
    (place,) = (
        index
        for index, (_, event) in enumerate(world.happened)
        if isinstance(event, KeyActivated) and event.key_id == key_id
    )
    at, activation = world.happened[place]
    before = world.happened[:place]
    evidence_id = activation.evidence.evidence_id
    match activation.evidence.kind:
        case EvidenceKind.EID_SESSION:
            return _eid_session_open(before, evidence_id, activation.person_id, at)
        case EvidenceKind.LRA_REGISTRATION:
            return evidence_id == activation.person_id and _registered_by(
                before, evidence_id, Route.REGISTRATION_AUTHORITY
            )
        case EvidenceKind.EIDAS_REGISTRATION:
            # Not derived: the means that another member state gave to a person whom it identified itself.
            return activation.means is Means.EIDAS and _registered_by(before, activation.person_id, Route.EIDAS)
        case _:
            return False


def _eid_session_open(before: Sequence[tuple[datetime, Any]], session_id: str, person_id: str, at: datetime) -> bool:
    opened = [
        (then, event)
        for then, event in before
        if isinstance(event, AuthenticationSucceeded) and event.session_id == session_id
    ]
    ended = any(isinstance(event, SessionEnded) and event.session_id == session_id for _, event in before)
    return not ended and any(
        event.means is Means.EID and event.person_id == person_id and at < then + SESSION_LENGTH
        for then, event in opened
    )


def _registered_by(before: Sequence[tuple[datetime, Any]], person_id: str, route: Route) -> bool:
    """A registration by an authority counts only if that authority was enrolled when it registered the person."""
    enrolled: set[str] = set()
    for _, event in before:
        match event:
            case OrganisationEnrolled(enrolment=Enrolment.REGISTRATION_AUTHORITY):
                enrolled.add(event.organisation_id)
            case EnrolmentEnded(enrolment=Enrolment.REGISTRATION_AUTHORITY):
                enrolled.discard(event.organisation_id)
            case PersonRegistered() if event.person_id == person_id:
                by_right = route is not Route.REGISTRATION_AUTHORITY or event.registrar_id in enrolled
                return event.route is route and by_right
            case _:
                continue
    return False


# --- Everyone's wishes ----------------------------------------------------------------------------------------------
# Wishes are drawn so that most could be right: nonsense that is refused at once says nothing about evidence.

STEPS = 120
ENDING = 0.2
PROVIDER = (PROVIDERS[0],) * 7 + (PROVIDERS[1],)
MEANS = (Means.EID, Means.EID, Means.EID, Means.ITSME, Means.TOKEN, Means.EIDAS)


def _person_wish(random: Random) -> Command:
    who: dict[str, Any] = {"at": AT, "person_id": random.choice(PEOPLE), "jurisdiction": BE}
    match random.choice(tuple(Route)):
        case Route.NATIONAL_REGISTER:
            return RegisterPersonFromNationalRegister(**who, by=PLATFORM, national_number=REGISTER_NUMBER)
        case Route.EIDAS:
            return RegisterPersonByEidas(
                **who,
                by=PLATFORM,
                member_state="es",
                eidas_identifier="ES/BE/1",
                level=LevelOfAssurance.HIGH,
            )
        case Route.REGISTRATION_AUTHORITY:
            return RegisterPersonByRegistrationAuthority(
                **who,
                by=random.choice((TOWN, TOWN, *PROVIDERS)),
                national_number=BIS_NUMBER,
                office_id="office",
                officer_id="officer",
            )


def _key_wish(random: Random) -> Command:
    frame: dict[str, Any] = {"at": AT, "by": random.choice(PROVIDER), "key_id": random.choice(KEYS)}
    kind = random.choice((*(RegisterKey,) * 4, *(ActivateKey,) * 12, SuspendKey, ResumeKey, RevokeKey))
    if kind is RegisterKey:
        return RegisterKey(
            **frame,
            person_id=random.choice(PEOPLE),
            means=random.choice(MEANS),
            level=LevelOfAssurance.HIGH,
            valid_until=random.choice((None, AT + timedelta(hours=30))),
        )
    if kind is ActivateKey:
        return ActivateKey(**frame, session_id=random.choice(("", "", *SESSIONS)))
    command: Command = kind(**frame)
    return command


def _session_wish(random: Random) -> Command:
    frame: dict[str, Any] = {"at": AT, "by": random.choice(PROVIDER), "session_id": random.choice(SESSIONS)}
    if random.random() < ENDING:
        return EndSession(**frame)
    level = LevelOfAssurance.HIGH
    return OpenSession(**frame, key_id=random.choice(KEYS), service_id=SERVICE, level=level, channel=Channel.WEB)


def _platform_wish(random: Random) -> Command:
    provider = random.choice(PROVIDER)
    authority: dict[str, Any] = {
        "at": AT,
        "by": PLATFORM,
        "organisation_id": TOWN,
        "enrolment": Enrolment.REGISTRATION_AUTHORITY,
    }
    commands: Sequence[Command] = (
        EnrolOrganisation(**authority),
        EndEnrolment(**authority),
        SuspendRecognition(at=AT, by=PLATFORM, organisation_id=provider, reason="audit"),
        *(_recognition(name) for name in PROVIDERS),
    )
    return random.choice(commands)


WISHES = (_person_wish, *(_key_wish,) * 9, *(_session_wish,) * 3, _platform_wish)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_derived_key_is_ever_active_without_its_evidence(seed: int) -> None:
    random = Random(seed)
    world, at = begun(), AT
    for _ in range(STEPS):
        at += timedelta(minutes=random.choice((0, 5, 60, 600)))
        command = random.choice(WISHES)(random)
        world.tell(replace(command, at=at))
        assert all(has_evidence(world, key_id) for key_id in active_derived_keys(world)), command


def test_the_simulation_reaches_derived_keys_by_every_kind_of_evidence() -> None:
    reached = set()
    for seed in range(40):
        random = Random(seed)
        world = begun()
        for _ in range(STEPS):
            world.tell(random.choice(WISHES)(random))
        reached |= {event.evidence.kind for _, event in world.happened if isinstance(event, KeyActivated)}
    assert reached == set(EvidenceKind)


# --- The two ways that do lead there --------------------------------------------------------------------------------

REGISTER_NATIONAL = RegisterPersonFromNationalRegister(
    at=AT, by=PLATFORM, person_id="person-1", jurisdiction=BE, national_number=REGISTER_NUMBER
)
REGISTER_AT_DESK = RegisterPersonByRegistrationAuthority(
    at=AT,
    by=TOWN,
    person_id="person-1",
    jurisdiction=BE,
    national_number=BIS_NUMBER,
    office_id="office",
    officer_id="officer",
)


def _register(key_id: str, means: Means) -> Command:
    return RegisterKey(
        at=AT, by=PROVIDERS[0], key_id=key_id, person_id="person-1", means=means, level=LevelOfAssurance.HIGH
    )


def _activate(key_id: str, session_id: str = "") -> Command:
    return ActivateKey(at=AT, by=PROVIDERS[0], key_id=key_id, session_id=session_id)


def _open(key_id: str) -> Command:
    return OpenSession(
        at=AT,
        by=PROVIDERS[0],
        session_id="session-1",
        key_id=key_id,
        service_id=SERVICE,
        level=LevelOfAssurance.HIGH,
        channel=Channel.WEB,
    )


def test_an_authentication_with_the_eid_leads_to_a_derived_key() -> None:
    world = begun()
    way = [
        REGISTER_NATIONAL,
        _register("key-1", Means.EID),
        _activate("key-1"),
        _open("key-1"),
        _register("key-2", Means.ITSME),
        _activate("key-2", "session-1"),
    ]
    assert [world.tell(command) for command in way] == [None] * len(way)
    assert active_derived_keys(world) == ["key-2"]
    assert has_evidence(world, "key-2")


def test_a_registration_at_a_desk_leads_to_a_derived_key() -> None:
    world = begun()
    way = [REGISTER_AT_DESK, _register("key-2", Means.ITSME), _activate("key-2")]
    assert [world.tell(command) for command in way] == [None] * len(way)
    assert active_derived_keys(world) == ["key-2"]
    assert has_evidence(world, "key-2")


def test_the_oracle_sees_an_activation_without_evidence() -> None:
    world = begun()
    for command in (REGISTER_AT_DESK, _register("key-2", Means.ITSME), _activate("key-2")):
        world.tell(command)
    world.happened = [step for step in world.happened if not isinstance(step[1], PersonRegistered)]
    assert not has_evidence(world, "key-2")
