"""Proves that two sets of rows are equal, or names the first difference."""
