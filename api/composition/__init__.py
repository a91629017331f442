"""The composition root: the only place, besides the command line, that knows the adapters."""
