"""Access to personal data: the record of each, and the suppression of accesses towards the person."""

from __future__ import annotations

from domain.access.access import ACCESS
from domain.access.suppression import SUPPRESSION

DECIDERS = (ACCESS, SUPPRESSION)
