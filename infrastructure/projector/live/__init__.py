"""Keeps the rows in use up to date with the log: the worker, and the acts of administrators that it carries out."""
