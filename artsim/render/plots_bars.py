"""Bars with intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from artsim.evaluation.report import BarPlot, Unit
from artsim.evaluation.statistics import Estimate
from artsim.render.plots_axes import make_axes, name_axes, put_legend, wrapped
from artsim.render.plots_theme import FONT_SIZE, Theme
from artsim.render.report_cells import number_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_GROUPS: Final = 80
"""Most groups of bars in a plot; it says how many it leaves out."""

_GROUP_SHARE: Final = 0.78
_MOST_UPRIGHT_CHARS: Final = 10
_MOST_UPRIGHT_BARS: Final = 16
_LEAST_UPRIGHT_GROUPS: Final = 5
_LABEL_CHARS: Final = 34
_UNIT_WORDS: Final[dict[Unit, str]] = {"share": "%", "ms": "ms", "seconds": "s"}


def draw_bars(plot: BarPlot, theme: Theme) -> Figure:
    """Return groups of bars: upright where labels are few and short, else lying."""
    labels = plot.labels[:MAX_GROUPS]
    bars = len(labels) * len(plot.series)
    upright = bars <= _MOST_UPRIGHT_BARS and all(len(t) <= _MOST_UPRIGHT_CHARS for t in labels)
    each = 0.22 if len(plot.series) == 1 else 0.13
    height = 3.6 if upright else 1.0 + len(labels) * (0.12 + each * len(plot.series))
    figure, axes = make_axes(max(1.8, height), theme)
    handles = [
        _draw_series(axes, plot, name, i, theme, upright=upright)
        for i, name in enumerate(plot.series)
    ]
    unit = _UNIT_WORDS.get(plot.unit, "")
    value_label = plot.value_label + (f", {unit}" if unit else "")
    left_out = len(plot.labels) - len(labels)
    if left_out:
        value_label += f" (the first {len(labels)} of {len(plot.labels)})"
    _finish(axes, labels, value_label, theme, upright=upright)
    if len(handles) > 1:
        put_legend(figure, handles, list(plot.series), theme)
    return figure


def _finish(
    axes: Axes, labels: tuple[str, ...], value_label: str, theme: Theme, *, upright: bool
) -> None:
    places = range(len(labels))
    texts = [wrapped(label, _LABEL_CHARS, 2) for label in labels]
    if upright:
        axes.set_xticks(places, texts, color=theme.ink)
        axes.grid(axis="y", color=theme.line, linewidth=0.6)
        name_axes(axes, "", value_label, theme)
        axes.tick_params(axis="x", length=0)
        axes.axhline(0, color=theme.muted, linewidth=0.8)
        axes.margins(y=0.12)
        air = 0.5 + max(0, _LEAST_UPRIGHT_GROUPS - len(labels)) / 4
        axes.set_xlim(-air, len(labels) - 1 + air)
    else:
        axes.set_yticks(places, texts, color=theme.ink)
        axes.grid(axis="x", color=theme.line, linewidth=0.6)
        name_axes(axes, value_label, "", theme)
        axes.tick_params(axis="y", length=0)
        axes.axvline(0, color=theme.muted, linewidth=0.8)
        axes.margins(x=0.12)
        axes.set_ylim(len(labels) - 0.45, -0.55)


def _draw_series(
    axes: Axes, plot: BarPlot, name: str, position: int, theme: Theme, *, upright: bool
) -> Any:
    from matplotlib.patches import Patch

    thickness = _GROUP_SHARE / len(plot.series)
    turn, place = divmod(position, len(theme.series))
    color = theme.series[place]
    hatch = "///" if turn else None
    for group, value in enumerate(plot.series[name][:MAX_GROUPS]):
        at = group - _GROUP_SHARE / 2 + (position + 0.5) * thickness
        ends = _ends(value, plot.unit)
        if ends is None:
            _write(axes, 0.0, at, "–", theme, upright=upright)  # noqa: RUF001 - an en dash
            continue
        size, low, high = ends
        style: Any = {"color": color, "hatch": hatch, "linewidth": 0}
        draw = axes.bar if upright else axes.barh
        draw(at, size, thickness * 0.9, **style)
        if low < high:
            _draw_interval(axes, at, low, high, theme, upright=upright)
        text = number_text(_value(value), plot.unit)
        _write(axes, max(high, 0.0), at, text, theme, upright=upright)
    return Patch(facecolor=color, hatch=hatch, linewidth=0)


def _draw_interval(
    axes: Axes, at: float, low: float, high: float, theme: Theme, *, upright: bool
) -> None:
    across, along = [at, at], [low, high]
    # The halo keeps the line in sight on a dark bar.
    for color, width in ((theme.wall, 2.6), (theme.ink, 1.0)):
        axes.plot(*((across, along) if upright else (along, across)), color=color, linewidth=width)


def _write(axes: Axes, end: float, at: float, text: str, theme: Theme, *, upright: bool) -> None:
    axes.annotate(
        text,
        (at, end) if upright else (end, at),
        (0, 2.5) if upright else (3.5, 0),
        textcoords="offset points",
        ha="center" if upright else "left",
        va="bottom" if upright else "center",
        color=theme.muted,
        fontsize=FONT_SIZE - 2,
        annotation_clip=False,
    )


def _value(value: Estimate | float | None) -> float:
    return math.nan if value is None else value.value if isinstance(value, Estimate) else value


def _ends(value: Estimate | float | None, unit: Unit) -> tuple[float, float, float] | None:
    """Return a bar's length and the ends of its interval, as drawn; None where unknown."""
    number = _value(value)
    if not math.isfinite(number):
        return None
    low, high = (value.low, value.high) if isinstance(value, Estimate) else (number, number)
    if not (math.isfinite(low) and math.isfinite(high)):
        low = high = number
    scale = 100.0 if unit == "share" else 1.0
    return number * scale, low * scale, high * scale
