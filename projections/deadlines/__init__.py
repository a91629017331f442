"""Deadlines: what falls due in each context, and the read model that they make."""
