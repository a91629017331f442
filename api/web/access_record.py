"""The record of accesses to personal data: written before an answer is sent, or else the answer is not sent.

A caller names the processing activity of the access in the header `Processing-Activity`: the id of an entry in the
controller's record of processing activities. Sources: Regulation (EU) 2016/679 (GDPR), articles 15(1) and 30; the Dutch
standard Logboek Dataverwerkingen, which names the activity and the data subject in the same way.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import structlog

from api.web.errors import Problem
from api.web.platform import Platform
from api.web.request_context import RequestContext
from application.handler import CommandEnvelope, handle
from application.ids import RANDOM_BYTES, time_ordered_id
from application.ports import Role
from application.unit_of_work import StateCache
from domain.access.access import AccessOutcome, Category, RecordAccess, SubjectAccess

LOG = structlog.get_logger()

RETRY_AFTER_S = 1

PLACES = {category: place for place, category in enumerate(Category)}
"""The order of the categories of a person in a record."""


@dataclass(slots=True)
class AccessedSubjects:
    """The persons whose data an answer holds, with the categories of data, gathered while the answer is made."""

    of: dict[str, set[Category]] = field(default_factory=dict)

    def note(self, subject_id: str, category: Category) -> None:
        self.of.setdefault(subject_id, set()).add(category)

    def in_order(self) -> tuple[SubjectAccess, ...]:
        return tuple(
            SubjectAccess(subject_id=subject_id, categories=tuple(sorted(self.of[subject_id], key=PLACES.__getitem__)))
            for subject_id in sorted(self.of)
        )


async def record(
    platform: Platform, by: RequestContext, accessed: AccessedSubjects, outcome: AccessOutcome = AccessOutcome.ANSWERED
) -> None:
    """Record the personal data in an answer; raise a Problem if that fails, so that the answer is not sent."""
    if not accessed.of:
        return
    by.must_name_activity()
    try:
        # The stream is of this request alone: there is nothing to read, and no state to cache.
        await handle(_envelope(by, accessed, outcome), platform.log, platform.rules, StateCache())
    except Exception as error:
        # Whatever the error is, no personal data is sent without a record.
        LOG.warning("access_not_recorded", error=type(error).__name__)
        detail = "That you look at personal data could not be put on record just now, so nothing is shown. Ask again."
        raise Problem(503, "access-not-recorded", detail, retry_after_s=RETRY_AFTER_S) from error


def _envelope(by: RequestContext, accessed: AccessedSubjects, outcome: AccessOutcome) -> CommandEnvelope:
    caller = by.caller
    return CommandEnvelope(
        command=RecordAccess(
            at=by.now,
            by=caller.organisation_id,
            access_id=time_ordered_id(by.now, secrets.token_bytes(RANDOM_BYTES)),
            supplier_id=caller.supplier_id,
            automated=caller.role is Role.SYSTEM,
            outcome=outcome,
            looks=accessed.in_order(),
        ),
        context=by.recorded_with(by.activity),
        creates=True,
    )
