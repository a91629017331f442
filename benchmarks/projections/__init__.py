"""The read models: how fast they are rebuilt, how closely they follow the log, and what readers notice of it."""
