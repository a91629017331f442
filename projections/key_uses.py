"""Uses of the means of DigiD by month: they tell whether a means was used in three years. No figure counts them."""

from __future__ import annotations

from domain.identity.session import AuthenticationSucceeded
from domain.identity.values import DIGID
from domain.kernel import Jurisdiction, Recorded
from projections.read_model import Col, Effects, Key, ReadModel, RowBase, add
from projections.row_security import STAFF, Seen
from projections.words import civil_month


class Row(RowBase):
    key_id: Key[str]
    month: Key[str]
    uses: Col[int]


def _used(recorded: Recorded[AuthenticationSucceeded]) -> Effects[Row]:
    event = recorded.event
    if event.jurisdiction == Jurisdiction.NL and event.means in DIGID:
        month = civil_month(recorded.context.effective_at)
        yield add(Row, Row.key_id.to(event.key_id), Row.month.to(month), Row.uses.to(1))


READ_MODEL = ReadModel(
    name="key_uses",
    version=1,
    row=Row,
    rules={AuthenticationSucceeded: _used},
    seen=Seen(roles=STAFF),
)
