"""What every context shares: the decider, the command's frame, recorded events, kinds of values, the refusals."""

from domain.kernel.decider import AnyDecider, Claim, Command, CommandBase, Context, Decider, Recorded, carried
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
from domain.kernel.vocabulary import Audience, EnterpriseNumber, Jurisdiction, LevelOfAssurance, NationalNumber

__all__ = [
    "Actor",
    "AnyDecider",
    "Audience",
    "Claim",
    "Command",
    "CommandBase",
    "Context",
    "Decider",
    "Duplicate",
    "EnterpriseNumber",
    "InvalidValue",
    "Jurisdiction",
    "LevelOfAssurance",
    "MalformedValue",
    "NationalNumber",
    "NotAllowed",
    "NotFound",
    "OrganisationFacts",
    "Personal",
    "PersonalText",
    "PurposeGroup",
    "Recorded",
    "Refusal",
    "RuleBroken",
    "StaleVersion",
    "ValueRefusal",
    "carried",
    "fact",
    "personal",
]
