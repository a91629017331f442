"""Whenever an event, then a command: the only place that knows two contexts. A policy is a plain function.

Its commands are sent at least once for every event: the second time, the rule of the command changes nothing.
"""
