"""What a run found: how many cases were answered how, and each fault once, with the first case that showed it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

MOST_SHOWN = 2_000
"""Characters of a request or an answer that are shown with a finding."""

MOST_OF_HEADER = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request; `door` is the operation or the root field that it was made for. Header fields are in lower case."""

    door: str
    kind: str
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    def shown(self) -> str:
        headers = "".join(f"\n    {name}: {value[:MOST_OF_HEADER]}" for name, value in self.headers.items())
        return f"{self.method} {self.url}{headers}\n    {self.content.decode(errors='replace')}"[:MOST_SHOWN]


@dataclass(slots=True)
class Findings:
    """Counts of a run, by kind of case and status, and its faults by door and what was wrong."""

    answered: Counter[tuple[str, int]] = field(default_factory=Counter)
    doors: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    faults: dict[tuple[str, str], str] = field(default_factory=dict)
    faulty: int = 0

    @property
    def cases(self) -> int:
        return self.answered.total()

    def note(self, sent: Sent, status: int, code: str, wrong: Iterable[str], answer: str) -> None:
        """Count a case, and keep what was wrong with its answer."""
        self.answered[sent.kind, status] += 1
        self.doors[sent.door] += 1
        self.codes[code] += 1
        said = list(wrong)
        self.faulty += bool(said)
        for each in said:
            self.faults.setdefault((sent.door, each), f"{sent.shown()}\n -> {status} {answer[:MOST_SHOWN]}")

    def lines(self) -> Iterator[str]:
        """Tell the run: cases by kind and status, then each fault."""
        for (kind, status), cases in sorted(self.answered.items()):
            yield f"{kind:<28} {status}  {cases:>7,}"
        yield f"{self.cases:,} cases at {len(self.doors)} doors, {len(self.codes)} codes, {self.faulty:,} with a fault"
        for (door, wrong), example in self.faults.items():
            yield f"\n{door}: {wrong}\n{example}"
