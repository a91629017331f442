"""`python -m infrastructure.projector.filler_process`: a filler, as `fillers` starts it."""

from __future__ import annotations

from infrastructure.projector.fillers import main

if __name__ == "__main__":
    main()
