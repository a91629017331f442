"""Keeps the rows in use behind the log: the worker, and the acts of administrators that it carries out."""
