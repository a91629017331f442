"""Charts as inline SVG: plain geometry, no script. Colours and type come from the style sheet, through classes.

All measures are in units of the view box, which is as wide as a narrow telephone; the style sheet gives the text a
larger size there, and room is kept for that larger size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from markupsafe import Markup

from projections.figures import Period

WIDTH = 360
PLOT_HEIGHT = 168
TOP = 18
"""Room above the highest gridline for its own text."""
AXIS_HEIGHT = 24
LEFT = 58
"""Room at the left for the numbers of the gridlines."""
LABEL_WIDTH = 110
"""Room at the right for the direct labels of lines."""
LINE_PLOT, COLUMN_PLOT = WIDTH - LEFT - LABEL_WIDTH, WIDTH - LEFT
"""How wide the picture itself is, between its margins."""
LABEL_GAP = 34
"""Height of one direct label: two lines of text."""
TICK_SPACE = 46
"""The least distance between two texts on the time axis."""
ROW_HEIGHT = 42
BAR_HEIGHT = 12
GRIDLINES = 5

Write = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line of a chart, with the name and the last value that stand beside its end."""

    name: str
    last: str
    values: tuple[Fraction | None, ...]


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One bar of a chart, with its name and its written value."""

    name: str
    written: str
    value: int


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where a value lies between the baseline and the top of the plot."""

    top: int
    step: int

    def y(self, value: Fraction) -> float:
        return round(TOP + PLOT_HEIGHT - float(value / self.top) * PLOT_HEIGHT, 1)

    @property
    def steps(self) -> range:
        return range(0, self.top + 1, self.step)


def line_chart(
    lines: Sequence[ChartLine], ticks: Sequence[str], write: Write, *, id_: str, title: str, base: int = 0
) -> Markup:
    """Draw lines over time. `ticks` gives each point's text on the time axis, mostly none; `base` marks a level."""
    scale = _scale(max((value for line in lines for value in line.values if value is not None), default=Fraction(0)))
    right = WIDTH - LABEL_WIDTH
    x = [round(LEFT + at * (right - LEFT) / max(len(ticks) - 1, 1), 1) for at in range(len(ticks))]
    parts = [_grid(scale, right), _ticks(ticks, x)]
    if base:
        y = scale.y(Fraction(base))
        parts.append(Markup('<path class="base" d="M{} {}H{}"/>').format(LEFT, y, right))
    ends = [scale.y(next(value for value in reversed(line.values) if value is not None)) for line in lines]
    for number, (line, label) in enumerate(zip(lines, _apart(ends), strict=True), start=1):
        points = [(place, scale.y(value)) for place, value in zip(x, line.values, strict=True) if value is not None]
        parts.append(_line(line, number, points, label))
    parts.append(_axis(scale, write))
    return _svg(id_, title, TOP + PLOT_HEIGHT + AXIS_HEIGHT, parts)


def column_chart(
    values: Sequence[int], ticks: Sequence[str], last: str, write: Write, *, id_: str, title: str
) -> Markup:
    """Draw a column for each point in time; the last one stands out and carries its value."""
    scale = _scale(Fraction(max(values, default=0)))
    pitch = (WIDTH - LEFT) / max(len(values), 1)
    x = [round(LEFT + pitch * (at + 0.5), 1) for at in range(len(values))]
    parts = [_grid(scale, WIDTH), _ticks(ticks, x), _axis(scale, write)]
    for at, value in enumerate(values):
        y = scale.y(Fraction(value))
        parts.append(
            Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="1"/>').format(
                "column last" if at == len(values) - 1 else "column",
                round(x[at] - pitch * 0.36, 1),
                y,
                round(pitch * 0.72, 1),
                round(TOP + PLOT_HEIGHT - y, 1),
            )
        )
    if values:
        y = max(scale.y(Fraction(values[-1])) - 5, TOP - 4)
        parts.append(
            Markup('<text class="value halo" x="{}" y="{}" text-anchor="end">{}</text>').format(WIDTH, y, last)
        )
    return _svg(id_, title, TOP + PLOT_HEIGHT + AXIS_HEIGHT, parts)


def bar_chart(bars: Sequence[ChartBar], *, id_: str, title: str) -> Markup:
    """Draw lying bars, each under its name and value: long names keep their room on a narrow screen."""
    top = max((bar.value for bar in bars), default=0) or 1
    parts = []
    for at, bar in enumerate(bars):
        y = at * ROW_HEIGHT
        width = max(round(WIDTH * bar.value / top, 1), 1)
        parts.append(
            Markup(
                '<text x="2" y="{0}">{1}</text><text class="value" x="{2}" y="{0}" text-anchor="end">{3}</text>'
                '<rect class="track" y="{4}" width="{2}" height="{5}" rx="2"/>'
                '<rect class="bar" y="{4}" width="{6}" height="{5}" rx="2"/>'
            ).format(y + 16, bar.name, WIDTH, bar.written, y + 22, BAR_HEIGHT, width)
        )
    return _svg(id_, title, len(bars) * ROW_HEIGHT, parts)


def year_ticks(periods: Sequence[Period], plot_width: int) -> list[str]:
    """Name a year at the period that begins in January, for as many years as there is room."""
    pitch = plot_width / max(len(periods) - 1, 1)
    ticks = [""] * len(periods)
    last = -float(TICK_SPACE)
    for at, period in enumerate(periods):
        place = at * pitch
        if period.month == 1 and place - last >= TICK_SPACE and place <= COLUMN_PLOT - TICK_SPACE / 2:
            ticks[at], last = str(period.year), place
    return ticks


def _svg(id_: str, title: str, height: int, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="chart" role="img" aria-labelledby="{0}-t" viewBox="0 0 {1} {2}">'
        '<title id="{0}-t">{3}</title>{4}</svg>'
    ).format(id_, WIDTH, height, title, Markup().join(parts))


def _scale(highest: Fraction) -> _Scale:
    """Choose round gridlines: the smallest step of 1, 2 or 5 times a power of ten that reaches the highest value."""
    power = len(str(ceil(highest / GRIDLINES))) - 1
    step = next(factor * 10**power for factor in (1, 2, 5, 10) if factor * 10**power * GRIDLINES >= highest)
    return _Scale(top=step * max(1, ceil(highest / step)), step=step)


def _grid(scale: _Scale, right: int) -> Markup:
    rows = (
        Markup('<path class="grid" d="M{} {}H{}"/>').format(LEFT, scale.y(Fraction(step)), right)
        for step in scale.steps
    )
    return Markup().join(rows)


def _axis(scale: _Scale, write: Write) -> Markup:
    text = Markup('<text class="axis halo" x="{}" y="{}" text-anchor="end">{}</text>')
    rows = (text.format(LEFT - 6, scale.y(Fraction(step)) + 4, write(step)) for step in scale.steps)
    return Markup().join(rows)


def _ticks(ticks: Sequence[str], x: Sequence[float]) -> Markup:
    y = TOP + PLOT_HEIGHT
    return Markup().join(
        Markup(
            '<path class="tick" d="M{0} {1}v4"/><text class="axis" x="{0}" y="{2}" text-anchor="middle">{3}</text>'
        ).format(place, y, y + AXIS_HEIGHT - 6, tick)
        for tick, place in zip(ticks, x, strict=True)
        if tick
    )


def _line(line: ChartLine, number: int, points: Sequence[tuple[float, float]], label: float) -> Markup:
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    at = WIDTH - LABEL_WIDTH + 7
    return Markup(
        '<g class="s{0}"><path class="line" d="{1}"/><circle cx="{2}" cy="{3}" r="3"/>'
        '<text y="{5}"><tspan x="{4}">{6}</tspan><tspan class="value" x="{4}" dy="1.15em">{7}</tspan></text></g>'
    ).format(number, path, *points[-1], at, label - 3, line.name, line.last)


def _apart(ends: Sequence[float]) -> list[float]:
    """Move labels until none covers another, keeping their order and the plot's bounds."""
    lowest = TOP + PLOT_HEIGHT - 12
    order = sorted(range(len(ends)), key=lambda at: ends[at])
    places = [0.0] * len(ends)
    above = float(TOP + 12 - LABEL_GAP)
    for at in order:
        above = max(ends[at], above + LABEL_GAP)
        places[at] = above
    below = float(lowest + LABEL_GAP)
    for at in reversed(order):
        below = min(places[at], below - LABEL_GAP)
        places[at] = below
    return places
