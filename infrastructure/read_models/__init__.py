"""The read models as the doors see them: an engine to query, where they are, and snapshots of one position."""

from infrastructure.read_models.reading import ReadModels

__all__ = ["ReadModels"]
