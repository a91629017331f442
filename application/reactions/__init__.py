"""Whenever an event, then a command: the only place that knows two contexts.

A module declares one reactor (`application/reactor.py`), and `registry.py` lists it. The rule is a plain function.
"""
