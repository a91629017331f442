"""How long it takes to refuse a hostile GraphQL document, and to let a good one pass.

`python -m benchmarks.graphql_limits [--quick] [--json]`. A refusal is timed whole, from text to errors, without the
database, which is not asked. `ratios` has `hostile_refused_p95_ms`: of all documents, each refused many times.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Sequence

from api.graph.protocol.documents import DocumentRefusedError, Documents
from api.graph.protocol.limits import Limits
from api.graph.protocol.schema import GRAPHQL_SCHEMA
from api.web.errors import Problem
from benchmarks.hostile_documents import HOSTILE
from benchmarks.measuring import Bar, Measured, Report, show

ROUNDS, QUICK_ROUNDS = 100, 20
BARS = {"hostile_refused_p95_ms": Bar(20.0, at_most=True)}
GOOD = "{ organisations(first: 10) { totalCount edges { node { id services { id } enrolments { role } } } } }"


def main(arguments: Sequence[str]) -> None:
    rounds = QUICK_ROUNDS if "--quick" in arguments else ROUNDS
    show(measure(rounds), as_json="--json" in arguments)


def measure(rounds: int) -> Report:
    """Refuse every document so many times, the documents in turn, so that a busy moment hits all of them."""
    documents = Documents(GRAPHQL_SCHEMA, Limits())
    _refused_in_ms(documents, GOOD)
    gc.collect()
    taken: dict[str, list[float]] = {name: [] for name in HOSTILE}
    for _ in range(rounds):
        for name, (text, _code) in HOSTILE.items():
            # Made anew each time: a refusal of the cheap kind is not kept, but what fails the schema's rules is.
            taken[name].append(_refused_in_ms(Documents(GRAPHQL_SCHEMA, Limits()), text))
    every = sorted(it for times in taken.values() for it in times)
    known = [_refused_in_ms(documents, GOOD) for _ in range(rounds)]
    measured = {f"{name}, us": Measured([it * 1000 for it in times]) for name, times in taken.items()}
    measured["a good one, known, us"] = Measured([it * 1000 for it in known])
    ratios = {
        "hostile_refused_p95_ms": every[int(0.95 * (len(every) - 1))],
        "hostile_refused_median_ms": statistics.median(every),
    }
    return Report(measured, ratios, BARS, {"documents": str(len(HOSTILE)), "rounds": str(rounds)})


def _refused_in_ms(documents: Documents, text: str) -> float:
    started = time.perf_counter()
    try:
        document = documents.read(text)
        documents.cost(document, None, {})
        document.check()
    except (DocumentRefusedError, Problem):
        pass
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main(sys.argv[1:])
