"""Charts as inline SVG: plain geometry, no script. Colours and type come from the style sheet, through classes.

All measures are in units of the view box, which is as wide as a narrow telephone; the style sheet gives the text a
larger size there, and the margins have room for that larger size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from markupsafe import Markup

from projections.figures.period import Period

WIDTH = 360
PLOT_HEIGHT = 168
TOP = 18
"""Room above the highest gridline for its own text."""
PLOT_BOTTOM = TOP + PLOT_HEIGHT
AXIS_HEIGHT = 24
LEFT = 58
"""Room at the left for the numbers of the gridlines."""
LABEL_WIDTH = 110
"""Room at the right for the direct labels of lines."""
LINE_PLOT, COLUMN_PLOT = WIDTH - LEFT - LABEL_WIDTH, WIDTH - LEFT
"""The width of the picture between its margins."""
LABEL_GAP = 34
"""Height of one direct label: two lines of text."""
TICK_SPACE = 46
"""The least distance between two texts on the time axis."""
LAST_LABEL = 90
"""The room of the label of the last column."""
ROW_HEIGHT = 42
BAR_HEIGHT = 12
GRIDLINES = 5

Write = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture without its frame: its height, and its parts."""

    height: int
    parts: Sequence[Markup]

    def svg(self, id_: str, title: str) -> Markup:
        return Markup(
            '<svg class="chart" role="img" aria-labelledby="{0}-t" viewBox="0 0 {1} {2}">'
            '<title id="{0}-t">{3}</title>{4}</svg>'
        ).format(id_, WIDTH, self.height, title, Markup().join(self.parts))


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line of a chart, with the name and the last value that stand beside its end."""

    name: str
    last: str
    values: Sequence[Fraction | None]


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One bar of a chart, with its name and its written value."""

    name: str
    written: str
    value: int


@dataclass(frozen=True, slots=True)
class _Scale:
    """The height of a value between the baseline and the top of the plot."""

    top: int
    step: int

    def y(self, value: Fraction | int) -> float:
        return round(PLOT_BOTTOM - float(Fraction(value) / self.top) * PLOT_HEIGHT, 1)

    @property
    def steps(self) -> range:
        return range(0, self.top + 1, self.step)


def line_chart(lines: Sequence[ChartLine], periods: Sequence[Period], write: Write, *, base: int = 0) -> Chart:
    """Draw lines over time; `base` marks a level."""
    scale = _scale(max((value for line in lines for value in line.values if value is not None), default=Fraction(0)))
    right = WIDTH - LABEL_WIDTH
    x = [round(LEFT + at * LINE_PLOT / max(len(periods) - 1, 1), 1) for at in range(len(periods))]
    parts = [_grid(scale, right), _ticks(year_ticks(periods, LINE_PLOT), x)]
    if base:
        parts.append(Markup('<path class="base" d="M{} {}H{}"/>').format(LEFT, scale.y(base), right))
    ends = [scale.y(next(value for value in reversed(line.values) if value is not None)) for line in lines]
    for number, (line, label) in enumerate(zip(lines, _apart(ends), strict=True), start=1):
        points = [(place, scale.y(value)) for place, value in zip(x, line.values, strict=True) if value is not None]
        parts.append(_line(line, number, points, label))
    return Chart(PLOT_BOTTOM + AXIS_HEIGHT, [*parts, _axis(scale, write)])


def column_chart(values: Sequence[int | None], periods: Sequence[Period], label: Write, write: Write) -> Chart:
    """Draw a column for each period with data; the last one stands out and carries its value."""
    known = [at for at, value in enumerate(values) if value is not None]
    scale = _scale(Fraction(max((value for value in values if value is not None), default=0)))
    pitch = COLUMN_PLOT / max(len(values), 1)
    x = [round(LEFT + pitch * (at + 0.5), 1) for at in range(len(values))]
    parts = [_grid(scale, WIDTH), _ticks(year_ticks(periods, COLUMN_PLOT), x), _axis(scale, write)]
    column = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="1"/>')
    for at, value in enumerate(values):
        if value is None:
            continue
        kind = "column last" if at == known[-1] else "column"
        y, left, width = scale.y(value), round(x[at] - pitch * 0.36, 1), round(pitch * 0.72, 1)
        parts.append(column.format(kind, left, y, width, round(PLOT_BOTTOM - y, 1)))
    if known and (last := values[known[-1]]) is not None:
        y = max(scale.y(last) - 5, TOP - 4)
        text = Markup('<text class="value halo" x="{}" y="{}" text-anchor="end">{}</text>')
        # The label ends with its column, but has room for itself at the left.
        parts.append(text.format(max(round(x[known[-1]] + pitch / 2), LEFT + LAST_LABEL), y, label(last)))
    return Chart(PLOT_BOTTOM + AXIS_HEIGHT, parts)


def bar_chart(bars: Sequence[ChartBar]) -> Chart:
    """Draw horizontal bars, each under its name and value: long names fit on a narrow screen."""
    top = max((bar.value for bar in bars), default=0) or 1
    row = Markup(
        '<text x="2" y="{0}">{1}</text><text class="value" x="{2}" y="{0}" text-anchor="end">{3}</text>'
        '<rect class="track" y="{4}" width="{2}" height="{5}" rx="2"/>'
        '<rect class="bar" y="{4}" width="{6}" height="{5}" rx="2"/>'
    )
    parts = []
    for at, bar in enumerate(bars):
        y, width = at * ROW_HEIGHT, max(round(WIDTH * bar.value / top, 1), 1)
        parts.append(row.format(y + 16, bar.name, WIDTH, bar.written, y + 22, BAR_HEIGHT, width))
    return Chart(len(bars) * ROW_HEIGHT, parts)


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


def _scale(highest: Fraction) -> _Scale:
    """Choose round gridlines: the smallest step of 1, 2 or 5 times a power of ten that reaches the highest value."""
    power = len(str(ceil(highest / GRIDLINES))) - 1
    step = next(factor * 10**power for factor in (1, 2, 5, 10) if factor * 10**power * GRIDLINES >= highest)
    return _Scale(top=step * max(1, ceil(highest / step)), step=step)


def _grid(scale: _Scale, right: int) -> Markup:
    line = Markup('<path class="grid" d="M{} {}H{}"/>')
    return Markup().join(line.format(LEFT, scale.y(step), right) for step in scale.steps)


def _axis(scale: _Scale, write: Write) -> Markup:
    text = Markup('<text class="axis halo" x="{}" y="{}" text-anchor="end">{}</text>')
    return Markup().join(text.format(LEFT - 6, scale.y(step) + 4, write(step)) for step in scale.steps)


def _ticks(ticks: Sequence[str], x: Sequence[float]) -> Markup:
    mark = Markup(
        '<path class="tick" d="M{0} {1}v4"/><text class="axis" x="{0}" y="{2}" text-anchor="middle">{3}</text>'
    )
    y = PLOT_BOTTOM + AXIS_HEIGHT - 6
    return Markup().join(mark.format(place, PLOT_BOTTOM, y, tick) for tick, place in zip(ticks, x, strict=True) if tick)


def _line(line: ChartLine, number: int, points: Sequence[tuple[float, float]], label: float) -> Markup:
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    at = WIDTH - LABEL_WIDTH + 7
    return Markup(
        '<g class="s{0}"><path class="line" d="{1}"/><circle cx="{2}" cy="{3}" r="3"/>'
        '<text y="{5}"><tspan x="{4}">{6}</tspan><tspan class="value" x="{4}" dy="1.15em">{7}</tspan></text></g>'
    ).format(number, path, *points[-1], at, label - 3, line.name, line.last)


def _apart(ends: Sequence[float]) -> list[float]:
    """Move labels until none covers another, in the same order and within the plot."""
    lowest = PLOT_BOTTOM - 12
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
