"""Whenever an event, then a command: the only place that knows two contexts. A policy is a plain function.

What it returns is carried out for every event once at least: the rule of the command says nothing the second time.
"""
