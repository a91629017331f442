"""Imports what every process has that begins as a copy: without collections of garbage, there and in the copies."""

from __future__ import annotations

import gc
from importlib import import_module

from tests.forked import PRELOADED

gc.disable()
for name in PRELOADED:
    import_module(name)
gc.enable()
gc.freeze()
