"""The published figures: what each means, and how it is computed from the read models."""

from projections.figures.definition import Definition, Topic, Unit, Window
from projections.figures.figure_definitions import DEFINITIONS, HEADLINES, OPEN_RATE, USE_INDEX
from projections.figures.figure_reading import Reading
from projections.figures.figure_values import Figure, Growth, Point, Provenance, Quality, Share, percentage, rounded
from projections.figures.index import IndexPoint, IndexSeries
from projections.figures.open_rate_table import Cohort, OpenRateRow, OpenRateTable
from projections.figures.period import Period
from projections.figures.translations import Language, Text, read_texts
from projections.open_rates import OpenRateFilter

__all__ = [
    "DEFINITIONS",
    "HEADLINES",
    "OPEN_RATE",
    "USE_INDEX",
    "Cohort",
    "Definition",
    "Figure",
    "Growth",
    "IndexPoint",
    "IndexSeries",
    "Language",
    "OpenRateFilter",
    "OpenRateRow",
    "OpenRateTable",
    "Period",
    "Point",
    "Provenance",
    "Quality",
    "Reading",
    "Share",
    "Text",
    "Topic",
    "Unit",
    "Window",
    "percentage",
    "read_texts",
    "rounded",
]
