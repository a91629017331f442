"""Read models as data: for each, its table, its rules and its queries."""
