"""Curves: precision and recall, ROC, scores by depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from artsim.evaluation.report import Line, LinePlot
from artsim.render.plots_axes import make_axes, name_axes, put_legend
from artsim.render.plots_theme import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS: Final = "osD^vPX*"
_MARKS_ON_A_LINE: Final = 7
_DASHES: Final = ((0, (4, 2.5)), (0, (1.2, 1.6)), (0, (8, 2, 1.2, 2)))
_TURNS: Final = ("-", (0, (7, 1.5, 1.5, 1.5)), (0, (3, 1)))
_LEAST_HEIGHT: Final = 4.0
_INCHES_A_NAME: Final = 0.26
_MARGIN: Final = 0.02


def draw_lines(plot: LinePlot, theme: Theme) -> Figure:
    """Return the curves with their names at the right, in the order of their right ends."""
    from matplotlib.ticker import MaxNLocator

    height = max(_LEAST_HEIGHT, 0.8 + _INCHES_A_NAME * len(plot.lines))
    figure, axes = make_axes(height, theme)
    axes.grid(color=theme.line, linewidth=0.6)
    name_axes(axes, plot.x_label, plot.y_label, theme)
    is_log = plot.x_scale == "log" and any(x > 0 for line in plot.lines for x in line.x)
    # Dashed lines are counted by themselves: they take no color from the others.
    places = [
        sum(other.dashed == line.dashed for other in plot.lines[:i])
        for i, line in enumerate(plot.lines)
    ]
    drawn = [
        (line, _draw_line(axes, line, place, theme, is_log=is_log))
        for line, place in zip(plot.lines, places, strict=True)
    ]
    if is_log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(lambda _value, _: "")
    elif _counts(plot):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _limit(axes, plot, is_log=is_log)
    drawn.sort(key=lambda pair: -_last(pair[0]))
    put_legend(figure, [handle for _, handle in drawn], [line.name for line, _ in drawn], theme)
    return figure


def _counts(plot: LinePlot) -> bool:
    """Return whether the lines go by ranks or depths, which have no halves."""
    xs = [x for line in plot.lines for x in line.x]
    return all(float(x).is_integer() for x in xs) and max(xs, default=0) > 1


def _draw_line(axes: Axes, line: Line, position: int, theme: Theme, *, is_log: bool) -> Any:
    points = [
        (x, y)
        for x, y in zip(line.x, line.y, strict=True)
        if math.isfinite(x) and math.isfinite(y) and (x > 0 or not is_log)
    ]
    xs, ys = ([p[0] for p in points], [p[1] for p in points])
    turn, place = divmod(position, len(theme.series))
    # Neither color nor form alone tells lines apart, for those who see or print no color.
    (handle,) = axes.plot(
        xs,
        ys,
        color=theme.muted if line.dashed else theme.series[place],
        linestyle=_DASHES[position % len(_DASHES)] if line.dashed else _TURNS[turn % len(_TURNS)],
        linewidth=1.3 if line.dashed else 1.7,
        marker="" if line.dashed else _MARKERS[place],
        markersize=4.2,
        markeredgewidth=0,
        markevery=_marked(len(points), position),
        solid_joinstyle="round",
    )
    return handle


def _marked(count: int, position: int) -> list[int]:
    """Return which points have a marker: all of a few, some of many, not all lines the same."""
    if count <= 2 * _MARKS_ON_A_LINE:
        return list(range(count))
    step = count // _MARKS_ON_A_LINE
    return list(range((position % 8) * step // 8, count, step))


def _limit(axes: Axes, plot: LinePlot, *, is_log: bool) -> None:
    if plot.x_range is not None and (not is_log or plot.x_range[0] > 0):
        axes.set_xlim(*_widened(plot.x_range, is_log=is_log))
    if plot.y_range is not None:
        axes.set_ylim(*_widened(plot.y_range, is_log=False))


def _widened(ends: Sequence[float], *, is_log: bool) -> tuple[float, float]:
    """Return a range with a little air, so that no marker is cut at its ends."""
    low, high = ends
    if is_log:
        air = (high / low) ** _MARGIN
        return (low / air, high * air) if high > low else (low / 2, low * 2)
    air = _MARGIN * (high - low) or 0.5
    return low - air, high + air


def _last(line: Line) -> float:
    return next((y for y in reversed(line.y) if math.isfinite(y)), -math.inf)
