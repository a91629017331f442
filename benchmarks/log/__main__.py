"""`python -m benchmarks.log [--quick] [--json]`"""

from __future__ import annotations

import sys

from benchmarks.log.run import main

if __name__ == "__main__":
    main(sys.argv[1:])
