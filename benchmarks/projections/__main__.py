"""`python -m benchmarks.projections [--quick] [--json]`."""

from __future__ import annotations

import sys

from benchmarks.projections.run import main

if __name__ == "__main__":
    main(sys.argv[1:])
