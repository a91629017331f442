"""`python -m benchmarks.graphql [--quick] [--json]`."""

from __future__ import annotations

import sys

from benchmarks.graphql.run import main

if __name__ == "__main__":
    main(sys.argv[1:])
