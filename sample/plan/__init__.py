"""What the sample history has to add up to: pure counts, before anything happens."""
