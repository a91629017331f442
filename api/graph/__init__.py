"""The read models as a graph."""
