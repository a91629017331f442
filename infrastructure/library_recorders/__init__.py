"""The recorders of the `eventsourcing` library on our log: stock applications and projections run on them unchanged."""
