"""The counts that the sample history has to add up to: pure, made before anything happens."""
