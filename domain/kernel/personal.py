"""Personal data in events: its data subject and its purpose. It is sealed before the event is written."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from enum import StrEnum
from typing import Any, NewType


class PurposeGroup(StrEnum):
    """The purpose of personal data. Of one person, the data of one purpose is erased together and held together.

    Source: Regulation (EU) 2016/679 (GDPR), articles 5(1)(b) and 17.
    """

    IDENTIFICATION = "identification"
    CORRESPONDENCE = "correspondence"
    INVOICING = "invoicing"

    # The hash of the text, which it equals; that of enumerations is slow, and a key is found for each event.
    __hash__ = str.__hash__


PersonalText = NewType("PersonalText", str)
"""Plain in a command and in an event that was just decided; sealed in an event of the log. Empty where there is none.

No rule and no projection can read a sealed text; only an answer opens it.
"""


@dataclass(frozen=True, slots=True)
class Personal:
    """The data subject and the purpose of a field of an event.

    `subject` names the field of the event with the id of the data subject. Where the field holds a value with several
    fields, `within` names the one that is personal.
    """

    subject: str
    group: PurposeGroup
    within: str = ""


def personal(subject: str, group: PurposeGroup, *, within: str = "", default: object = MISSING) -> Any:  # noqa: ANN401 - the field's own annotation gives the type
    """Declare a field of an event as personal: it is sealed before the event is written (see `Personal`)."""
    return field(default=default, metadata={"personal": Personal(subject, group, within)})
