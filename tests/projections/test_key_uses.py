"""Uses of DigiD are counted by key and month; those of other means are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from domain.identity.session import SESSION, AuthenticationSucceeded
from domain.identity.values import Means
from domain.kernel import Jurisdiction
from projections.key_uses import READ_MODEL
from tests.infrastructure.examples import example
from tests.projections.story import filled, story

USED = replace(example(AuthenticationSucceeded), key_id="one", jurisdiction=Jurisdiction.NL, means=Means.MOBILE_APP)
END_OF_NOVEMBER = datetime(2021, 11, 30, 23, 30, tzinfo=UTC)


def test_uses_are_counted_by_month_in_civil_time() -> None:
    others = [replace(USED, jurisdiction=Jurisdiction.BE), replace(USED, means=Means.EHERKENNING)]
    events = [
        *story(SESSION, "first", (datetime(2021, 11, 3, tzinfo=UTC), USED)),
        *story(SESSION, "second", (datetime(2021, 11, 4, tzinfo=UTC), USED), (END_OF_NOVEMBER, USED)),
        *story(SESSION, "third", *((END_OF_NOVEMBER, it) for it in others)),
    ]
    rows = sorted((row["key_id"], row["month"], row["uses"]) for row in filled(READ_MODEL, events))
    assert rows == [("one", "2021-11", 2), ("one", "2021-12", 1)]
