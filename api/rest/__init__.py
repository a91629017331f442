"""The doors through which commands come in."""
