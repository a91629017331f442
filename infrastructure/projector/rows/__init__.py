"""From events to rows: definitions, folds and effects, the tables that they change, and parked events."""
