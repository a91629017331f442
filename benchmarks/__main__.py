"""`python -m benchmarks`: all measurements, one after the other, each with the arguments given here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from benchmarks import deadlines, graphql_limits, http, row_security, sealing
from benchmarks.graphql import run as graphql
from benchmarks.log import run as log
from benchmarks.projections import run as projections

BENCHMARKS: Mapping[str, Callable[[Sequence[str]], None]] = {
    "log": log.main,
    "http": http.main,
    "projections": projections.main,
    "graphql": graphql.main,
    "graphql_limits": graphql_limits.main,
    "row_security": row_security.main,
    "sealing": sealing.main,
    "deadlines": deadlines.main,
}

if __name__ == "__main__":
    for name, main in BENCHMARKS.items():
        print(f"--- {name}", file=sys.stderr)
        main(sys.argv[1:])
