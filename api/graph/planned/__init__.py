"""Queries that are answered by statements made ahead: one for a field of `Query`, whose rows PostgreSQL writes as JSON.

A plan is made for a document, a class of viewers and the variables that decide what is selected. Whatever a plan does
not cover, an error of any kind among it, is left to the standard executor, which answers the same.
"""
