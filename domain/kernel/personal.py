"""Personal data in events: whose text it is and what it is kept for. It is sealed before the event is written."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from enum import StrEnum
from typing import Any, NewType


class PurposeGroup(StrEnum):
    """What personal data is kept for. Of one person, the data of one purpose is erased together and held together.

    Source: Regulation (EU) 2016/679 (GDPR), articles 5(1)(b) and 17.
    """

    IDENTIFICATION = "identification"
    CORRESPONDENCE = "correspondence"
    INVOICING = "invoicing"

    # That of the text, which it equals; the one of enumerations is slow, and a key is looked up for each event.
    __hash__ = str.__hash__


PersonalText = NewType("PersonalText", str)
"""Plain in a command and in an event that was just decided; sealed in an event of the log. Empty where there is none.

No rule and no projection can read a sealed text; it is opened for an answer only.
"""


@dataclass(frozen=True, slots=True)
class Personal:
    """Whose text a field of an event is, and what it is kept for.

    `subject` names the field of the event with the id of the data subject. Where the field holds a value with several
    fields, `within` names the one that is personal.
    """

    subject: str
    group: PurposeGroup
    within: str = ""


def personal(subject: str, group: PurposeGroup, *, within: str = "", default: object = MISSING) -> Any:  # noqa: ANN401 - the field's own annotation gives the type
    """Declare a field of an event as personal: it is sealed before the event is written (see `Personal`)."""
    return field(default=default, metadata={"personal": Personal(subject, group, within)})
