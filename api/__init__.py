"""Doors and wiring: REST for commands, GraphQL for read models, the public dashboard, the command line."""
