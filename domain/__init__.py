"""Facts and rules: events, commands, states and deciders. Standard library only; no clock, no I/O, no randomness."""
