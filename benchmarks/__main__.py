"""`python -m benchmarks`: all measurements, one after the other."""

from __future__ import annotations

import sys

from benchmarks import log

if __name__ == "__main__":
    log.main(sys.argv[1:])
