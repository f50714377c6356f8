"""The plots of a report and of a training, as SVG and PNG."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from artsim.errors import RenderError
from artsim.evaluation.report import BarPlot, ConfusionPlot, LinePlot, Plot
from artsim.evaluation.statistics import Estimate
from artsim.files import GENERATOR, FileKind, check_file, write_file
from artsim.render.report_table import UNIT_WORDS, number_text
from artsim.render.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI: Final = 200
"""Pixels to the inch of a PNG file: sharp in print."""

MAX_GROUPS: Final = 80
"""Most groups of bars in a plot; it says how many it leaves out."""

MAX_CLASSES: Final = 40
"""Most classes of a confusion, those of most queries; it says how many it leaves out."""

LOSSES: Final = FileKind("plot", RenderError, (".png", ".svg"))

_WIDTH: Final = 7.4
_FONT_SIZE: Final = 9.0


@dataclass(frozen=True, slots=True)
class Theme:
    """Colors of a plot: texts, the grid, what is behind, and lines and bars one after another.

    Hues are apart for red-, green- and blue-blind eyes as well: with the dichromacies simulated
    after Machado et al. (2009), doi:10.1109/TVCG.2009.113, the nearest two are 8 apart in
    CIEDE2000, and all are at least 3:1 against the wall.
    """

    ink: str
    muted: str
    line: str
    wall: str
    series: tuple[str, ...]


LIGHT: Final = Theme(
    *("#211f1c", "#6b655c", "#dcd7ce", "#ffffff"),
    ("#1F5FAE", "#C47A0E", "#16705A", "#A5281C", "#C06AA8", "#2E90D0", "#4E2168", "#857D74"),
)
"""On paper, and on a page by day."""

DARK: Final = Theme(
    *("#efece6", "#a8a195", "#3a3733", "#191817"),
    ("#5CA8F5", "#F2A93B", "#2E9C7C", "#D9553F", "#E0A6D8", "#C6EAF9", "#7F6FD8", "#F4F1A8"),
)

SERIF_FONTS: Final = ("Source Serif 4", "Noto Serif", "Georgia", "Liberation Serif", "DejaVu Serif")
"""Of headings, the first one that is installed; matplotlib brings the last."""

SCRIPT_FONTS: Final = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Source Han Sans", "WenQuanYi Zen Hei"),
    *("WenQuanYi Micro Hei", "Droid Sans Fallback", "Hiragino Sans", "PingFang SC", "Yu Gothic"),
    *("Microsoft YaHei", "Malgun Gothic", "Apple SD Gothic Neo", "Noto Sans Arabic"),
    *("Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Thai"),
    *("Noto Sans Georgian", "Noto Sans Armenian", "Nirmala UI", "Leelawadee UI", "FreeSans"),
    *("Arial Unicode MS", "Unifont"),
)
"""Fonts of scripts that text fonts lack; those that are installed are used."""


def plot_svg(plot: Plot, theme: Theme = LIGHT, *, titled: bool = False) -> bytes:
    """Return `plot` as an SVG file without a background.

    Its texts are texts, and it refers to nothing outside itself.
    """
    return _drawn(plot, theme, titled, "svg")


def plot_png(plot: Plot) -> bytes:
    """Return `plot` with its title as a PNG file, `DPI` pixels to the inch."""
    return _drawn(plot, LIGHT, True, "png")


def _drawn(plot: Plot, theme: Theme, titled: bool, form: Literal["png", "svg"]) -> bytes:
    with drawing(plot.name, theme):
        return _file(draw_plot(plot, theme, titled=titled), form)


def draw_plot(plot: Plot, theme: Theme = LIGHT, *, titled: bool = False) -> Figure:
    """Return `plot` as a figure of matplotlib; to be called within `drawing`."""
    if isinstance(plot, LinePlot):
        figure = _draw_lines(plot, theme)
    elif isinstance(plot, BarPlot):
        figure = _draw_bars(plot, theme)
    else:
        figure = _draw_confusion(plot, theme)
    if titled:
        _put_title(figure, plot.title)
    return figure


@contextmanager
def drawing(name: str, theme: Theme = LIGHT) -> Iterator[None]:
    """Draw in the colors of `theme` with what all plots share; `name` is the plot's."""
    import matplotlib

    with matplotlib.rc_context(_settings(name, theme)), warnings.catch_warnings():
        # A script that no font has is drawn as boxes; a page shows it in its own fonts.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")
        yield


def _settings(name: str, theme: Theme) -> dict[Any, Any]:
    from cycler import cycler
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    # Neither color nor form alone tells lines apart, for those who see or print no color.
    looks = cycler(linestyle=["-", (0, (7, 1.5, 1.5, 1.5)), (0, (3, 1))]) * (
        cycler(color=theme.series) + cycler(marker=list("osD^vPX*"))
    )
    settings: dict[Any, Any] = {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans", *(f for f in SCRIPT_FONTS if f in installed)],
        "font.serif": [f for f in SERIF_FONTS if f in installed],
        "font.size": _FONT_SIZE,
        "text.color": theme.ink,
        "text.parse_math": False,  # names may hold dollar signs, and none of them is a formula
        "figure.facecolor": theme.wall,
        "figure.constrained_layout.use": True,
        "axes.prop_cycle": looks,
        "axes.facecolor": "none",
        "axes.edgecolor": theme.line,
        "axes.labelcolor": theme.ink,
        "axes.labelpad": 6,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": theme.line,
        "grid.linewidth": 0.6,
        "lines.linewidth": 1.7,
        "lines.markersize": 4.2,
        "lines.markeredgewidth": 0,
        "hatch.linewidth": 0.6,
        "legend.frameon": False,
        "legend.labelspacing": 0.65,
        "svg.fonttype": "none",
        "svg.hashsalt": name,  # equal plots give equal files
    }
    for axis in ("xtick", "ytick"):
        settings |= {f"{axis}.color": theme.line, f"{axis}.labelcolor": theme.muted}
    return settings


def _file(figure: Figure, form: Literal["png", "svg"]) -> bytes:
    buffer = io.BytesIO()
    mark = {"Software": GENERATOR} if form == "png" else {"Creator": GENERATOR, "Date": None}
    figure.savefig(buffer, format=form, dpi=DPI, transparent=form == "svg", metadata=mark)
    return buffer.getvalue()


def _axes(height: float, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height))
    axes = figure.add_subplot()
    axes.set_xlabel(clean(x_label, 90))
    axes.set_ylabel(clean(y_label, 60))
    return figure, axes


def _put_title(figure: Figure, title: str) -> None:
    text = "\n".join(textwrap.wrap(clean(title, 160), 78))
    figure.suptitle(text, x=0.01, ha="left", fontsize=_FONT_SIZE + 2)


def _put_legend(figure: Figure, handles: Sequence[Any], names: Sequence[str]) -> None:
    """Write the names of lines or bars beside the axes, where they hide nothing."""
    # A name that begins with an underscore would be left out.
    shown = [f" {n}" if n.startswith("_") else n for n in (_wrapped(name, 30, 3) for name in names)]
    figure.legend(list(handles), shown, loc="outside right upper")


def _wrapped(text: str, width: int, lines: int) -> str:
    short = clean(text, width * lines)
    return "\n".join(textwrap.wrap(short, width, max_lines=lines, placeholder=" …"))


def _draw_lines(plot: LinePlot, theme: Theme) -> Figure:
    """Return the curves with their names at the right, in the order of their right ends."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

    height = max(4.0, 0.8 + 0.26 * len(plot.lines))
    figure, axes = _axes(height, plot.x_label, plot.y_label)
    axes.grid()
    is_log = plot.x_scale == "log" and any(x > 0 for line in plot.lines for x in line.x)
    drawn: list[tuple[float, Any, str]] = []
    dashes = 0
    for position, line in enumerate(plot.lines):
        points = np.array(list(zip(line.x, line.y, strict=True)), float).reshape(-1, 2)
        points = points[np.isfinite(points).all(axis=1) & ((points[:, 0] > 0) | (not is_log))]
        style: dict[str, Any] = {}
        if line.dashed:
            dash = ((4, 2.5), (1.2, 1.6), (8, 2, 1.2, 2))[dashes % 3]
            style = {"color": theme.muted, "linestyle": (0, dash), "marker": "", "linewidth": 1.3}
            dashes += 1
        if len(points) > 14:  # some markers, and not those of all lines at the same places
            step = len(points) // 7
            style["markevery"] = (position % 8 * step // 8, step)
        (handle,) = axes.plot(*points.T, **style)
        drawn.append((-points[-1, 1] if len(points) else math.inf, handle, line.name))
    xs = [x for line in plot.lines for x in line.x]
    if is_log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    elif all(float(x).is_integer() for x in xs) and max(xs, default=0) > 1:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))  # ranks have no halves
    for ends, axis, scale in ((plot.x_range, "x", is_log), (plot.y_range, "y", False)):
        if ends is not None and (not scale or ends[0] > 0):
            axes.set(**{f"{axis}lim": _widened(*ends, is_log=scale)})
    drawn.sort(key=lambda part: part[0])
    _put_legend(figure, [handle for _, handle, _ in drawn], [name for *_, name in drawn])
    return figure


def _widened(low: float, high: float, *, is_log: bool) -> tuple[float, float]:
    """Return a range with a little air, so that no marker is cut at its ends."""
    if is_log:
        air = (high / low) ** 0.02 if high > low else 2
        return low / air, high * air
    air = 0.02 * (high - low) or 0.5
    return low - air, high + air


def _draw_bars(plot: BarPlot, theme: Theme) -> Figure:
    """Return groups of bars with intervals: upright where labels are few and short, else lying."""
    labels = plot.labels[:MAX_GROUPS]
    bars = len(labels) * len(plot.series)
    upright = bars <= 16 and all(len(label) <= 10 for label in labels)
    each = 0.22 if len(plot.series) == 1 else 0.13
    height = 3.6 if upright else max(1.8, 1.0 + len(labels) * (0.12 + each * len(plot.series)))
    unit = UNIT_WORDS.get(plot.unit, "")
    value_label = plot.value_label + (f", {unit}" if unit else "")
    if len(plot.labels) > len(labels):
        value_label += f" (the first {len(labels)} of {len(plot.labels)})"
    figure, axes = _axes(height, *("", value_label) if upright else (value_label, ""))
    axes.grid(axis="y" if upright else "x")
    handles = [
        _draw_series(axes, plot, position, theme, upright=upright)
        for position in range(len(plot.series))
    ]
    _label_groups(axes, labels, theme, upright=upright)
    if len(handles) > 1:
        _put_legend(figure, handles, list(plot.series))
    return figure


def _draw_series(axes: Axes, plot: BarPlot, position: int, theme: Theme, *, upright: bool) -> Any:
    from matplotlib.patheffects import Normal, Stroke

    ends = [_ends(value) for value in list(plot.series.values())[position][:MAX_GROUPS]]
    scale = 100.0 if plot.unit == "share" else 1.0
    sizes = np.array([0.0 if e is None else e[1] for e in ends]) * scale
    errors = np.array([(0, 0) if e is None else (e[1] - e[0], e[2] - e[1]) for e in ends])
    words = ["–" if e is None else number_text(e[1], plot.unit) for e in ends]  # noqa: RUF001
    # An interval may leave out its value, which matplotlib has no bars for.
    reach = np.maximum(0.0, errors.reshape(-1, 2).T) * scale
    intervals: Any = {"yerr" if upright else "xerr": reach}
    thickness = 0.78 / len(plot.series)
    turn, place = divmod(position, len(theme.series))
    container = (axes.bar if upright else axes.barh)(
        np.arange(len(ends)) - 0.39 + (position + 0.5) * thickness,
        sizes,
        thickness * 0.9,
        **intervals,
        color=theme.series[place],
        hatch="///" if turn else None,
        edgecolor=theme.wall,
        linewidth=0,
        error_kw={"ecolor": theme.ink, "elinewidth": 1.0},
    )
    if container.errorbar is not None:  # a halo keeps its lines in sight on dark bars
        halo = [Stroke(linewidth=2.6, foreground=theme.wall), Normal()]
        container.errorbar[2][0].set_path_effects(halo)
    axes.bar_label(container, words, padding=2.5, color=theme.muted, fontsize=_FONT_SIZE - 2)
    return container


def _label_groups(axes: Axes, labels: Sequence[str], theme: Theme, *, upright: bool) -> None:
    texts = [_wrapped(label, 34, 2) for label in labels]
    if upright:
        axes.set_xticks(range(len(labels)), texts, color=theme.ink)
        axes.axhline(0, color=theme.muted, linewidth=0.8)
        air = 0.5 + max(0, 5 - len(labels)) / 4
        axes.set_xlim(-air, len(labels) - 1 + air)
        axes.margins(y=0.12)
    else:
        axes.set_yticks(range(len(labels)), texts, color=theme.ink)
        axes.axvline(0, color=theme.muted, linewidth=0.8)
        axes.set_ylim(len(labels) - 0.45, -0.55)
        axes.margins(x=0.12)
    axes.tick_params(axis="x" if upright else "y", length=0)


def _ends(value: Estimate | float | None) -> tuple[float, float, float] | None:
    """Return low end, value and high end of a bar; None where it is unknown."""
    if isinstance(value, Estimate):
        if np.isfinite([value.low, value.value, value.high]).all():
            return value.low, value.value, value.high
        value = value.value
    return None if value is None or not math.isfinite(value) else (value, value, value)


def _draw_confusion(plot: ConfusionPlot, theme: Theme) -> Figure:
    """Return a square of cells, the stronger the larger their share of the row.

    Few classes have their counts written in the cells, more their shares in percent. Shades go by
    the root of the shares, so that rare confusions are seen as well.
    """
    from matplotlib.colors import LinearSegmentedColormap

    kept = np.sort(np.argsort(-plot.counts.sum(axis=1), kind="stable")[:MAX_CLASSES])
    counts = plot.counts[np.ix_(kept, kept)]
    sums = counts.sum(axis=1)
    shares = counts / np.maximum(sums, 1)[:, None]
    shades = np.maximum(0.04, np.sqrt(shares))
    few, written = len(kept) <= 8, len(kept) <= 24
    left_out = len(plot.classes) - len(kept)
    unit = ", % of the row" if written and not few else ""
    more = f" ({left_out} smaller classes left out)" if left_out else ""
    figure, axes = _axes(
        min(_WIDTH, 2.6 + 0.27 * len(kept)), f"{plot.column_label}{unit}{more}", plot.row_label
    )
    colors = LinearSegmentedColormap.from_list("shades", [theme.wall, theme.series[0]])
    axes.pcolormesh(shades, cmap=colors, vmin=0, vmax=1, edgecolors=theme.wall, linewidth=0.8)
    for i, j in np.argwhere((counts > 0) & (few | (shares >= 0.005)) & written):
        text = f"{counts[i, j]:,}" if few else f"{100 * shares[i, j]:.0f}"
        ink = theme.wall if shades[i, j] > 0.65 else theme.ink
        size = _FONT_SIZE - (1 if few else 2.5)
        axes.text(j + 0.5, i + 0.5, text, ha="center", va="center", color=ink, fontsize=size)
    names = [_wrapped(plot.classes[i], 26, 1) for i in kept]
    rows = [f"{name}  {total:,}" for name, total in zip(names, sums, strict=True)]
    style: Any = {"color": theme.ink, "fontsize": _FONT_SIZE if written else _FONT_SIZE - 3}
    places = np.arange(len(kept)) + 0.5
    axes.set_yticks(places, rows, **style)
    axes.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor", **style)
    axes.set(aspect="equal", ylim=(len(kept), 0))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def write_losses(
    path: Path, history: Sequence[Mapping[str, float]], *, title: str, overwrite: bool = False
) -> Path:
    """Draw each loss of a training over its steps, one below the other, into a PNG or SVG file.

    A loss of every step is drawn faintly, with its mean over a few steps above it; one
    that only some steps have, as those at the end of an epoch, as points on a line.

    Parameters
    ----------
    history : sequence of mapping
        The losses of each step by name, as `artsim.training.loop.run_steps` returns them.
    overwrite : bool
        Whether a file may be replaced that artsim did not make.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError
        If `history` has no losses.
    RenderError
        If the file cannot be written, or would replace one that artsim did not make.
    """
    check_file(path, LOSSES, overwrite=overwrite)
    with drawing("losses"):
        figure = draw_losses(history)
        _put_title(figure, title)
        content = _file(figure, "svg" if path.suffix.lower() == ".svg" else "png")
    with write_file(path, LOSSES, overwrite=overwrite) as stream:
        stream.write(content)
    return path


def draw_losses(history: Sequence[Mapping[str, float]]) -> Figure:
    """Return the plot of `write_losses` without its title; to be called within `drawing`."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    names = list(dict.fromkeys(name for losses in history for name in losses))
    if not names:
        raise ValueError("no losses to draw")
    figure = Figure(figsize=(_WIDTH, 0.9 + 1.7 * len(names)))
    panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for position, (axes, name) in enumerate(zip(panels, names, strict=True)):
        axes.grid()
        axes.set_ylabel(clean(name, 30))
        known = [(i + 1, losses[name]) for i, losses in enumerate(history) if name in losses]
        steps, values = np.array(known).T
        style = {"color": LIGHT.series[position % len(LIGHT.series)], "linestyle": "-"}
        if len(values) < max(3, 0.5 * len(history)):
            axes.plot(steps, values, linewidth=1.3, marker="o", markersize=3.2, **style)
            continue
        axes.plot(steps, values, linewidth=0.6, alpha=0.35, marker="", **style)
        axes.plot(steps, _running_mean(values), marker="", **style)
    panels[-1].set(xlabel="step", xlim=(0, len(history) + 1))
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _running_mean(values: np.ndarray[Any, Any]) -> list[float]:
    """Return means over 3 % of the steps before and after, fewer near the ends."""
    most = max(1, round(0.03 * len(values)))
    reaches = (min(most, i, len(values) - 1 - i) for i in range(len(values)))
    return [float(values[i - reach : i + reach + 1].mean()) for i, reach in enumerate(reaches)]
