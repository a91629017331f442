"""The names that all contexts share: deciders, commands, facts, recorded events, personal data, refusals, values."""

from domain.kernel.decider import (
    AnyDecider,
    Claim,
    Command,
    CommandBase,
    Context,
    Decider,
    DeciderOf,
    Recorded,
    carried,
)
from domain.kernel.facts import Actor, OrganisationFacts, fact
from domain.kernel.personal import Personal, PersonalText, PurposeGroup, personal
from domain.kernel.refusals import (
    Duplicate,
    InvalidValue,
    MalformedValue,
    NotAllowed,
    NotFound,
    Refusal,
    RuleBroken,
    StaleVersion,
    ValueRefusal,
)
from domain.kernel.vocabulary import (
    Audience,
    CaribbeanIsland,
    EnterpriseNumber,
    Jurisdiction,
    LevelOfAssurance,
    NationalNumber,
)
