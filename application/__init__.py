"""Carries commands: reads facts, lets the decider decide, appends, once."""
