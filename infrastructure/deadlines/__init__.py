"""Deadlines: one process leads, and sends the commands of what falls due."""
