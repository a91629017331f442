"""`python -m infrastructure.projector.rebuild.worker_main`: a filler, as `workers` starts it."""

from __future__ import annotations

from infrastructure.projector.rebuild.workers import main

if __name__ == "__main__":
    main()
