"""Imports histories: events decided elsewhere, or commands to be decided here, as of their own time."""

from __future__ import annotations

from application.gathering import Rules
from domain.contexts import DECIDERS
from infrastructure.import_history.commands import CommandsWriter, UnderstandCommand
from infrastructure.import_history.decided import Understanding
from infrastructure.import_history.events import EventsWriter
from infrastructure.import_history.lines import Lines
from infrastructure.import_history.record import Import
from infrastructure.import_history.run import FIRST_PAUSE_S, ImportReport, Run, Watch


async def import_events(
    history: Import,
    lines: Lines,
    watch: Watch = lambda _record, _report: None,
    *,
    first_pause_s: float = FIRST_PAUSE_S,
) -> ImportReport:
    """Import decided events; see `docs/import.md` for the form of a line.

    While the log cannot be reached it is tried again, first after `first_pause_s`, then after twice as long each time.
    Raises OtherHistoryError if another history was imported under this name, ImportStoppedError if the log is gone.
    """
    writer = EventsWriter(history, Understanding(DECIDERS, history.stream))
    return await Run(history, lines, writer, watch, first_pause_s).run()


async def import_commands(
    history: Import,
    lines: Lines,
    rules: Rules,
    understand: UnderstandCommand,
    watch: Watch = lambda _record, _report: None,
) -> ImportReport:
    """Import commands. `understand` makes a command with a key of a line, or refuses it; raises as `import_events`."""
    return await Run(history, lines, CommandsWriter(history, rules, understand), watch).run()
