"""The published figures: what each means, and how it is computed from the read models."""
