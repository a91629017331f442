"""The one list of reactors that send commands, and do nothing outside the log."""

from __future__ import annotations

from application.reactions import invoice_retention
from application.reactor import Reactor

REACTORS: tuple[Reactor, ...] = (invoice_retention.REACTOR,)
