"""Reactors follow the log and act: they send commands, and do what an event asks for outside the log.

One of the serving processes leads each reactor, the others stand by. A reaction is safe to repeat, so that after a
crash at any point everything is done in the end, and every fact is recorded once.
"""
