"""The plots of a report and of a training, as SVG and PNG."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from artsim.errors import RenderError
from artsim.evaluation.report import BarPlot, ConfusionPlot, LinePlot, Plot
from artsim.evaluation.statistics import Estimate
from artsim.files import GENERATOR, FileKind, check_file, write_file
from artsim.render.pages import LIGHT, STATIC, Theme, installed_fonts
from artsim.render.text import UNIT_WORDS, clean, number_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI: Final = 200  # pixels to the inch of a PNG file: sharp in print
MAX_GROUPS: Final = 80  # most groups of bars in a plot; it says how many it leaves out
MAX_CLASSES: Final = 40  # of a confusion, those of most queries; it says how many it leaves out
LOSSES: Final = FileKind("plot", RenderError, (".png", ".svg"))

_WIDTH: Final = 7.4
_FONT_SIZE: Final = 9.0


def plot_svg(plot: Plot, theme: Theme = LIGHT, *, titled: bool = False) -> bytes:
    """Return `plot` as an SVG file without a background, whose texts are texts."""
    with drawing(plot.name, theme):
        return _file(draw_plot(plot, theme, titled=titled), "svg")


def plot_png(plot: Plot) -> bytes:
    """Return `plot` with its title as a PNG file."""
    with drawing(plot.name):
        return _file(draw_plot(plot, titled=True), "png")


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
    from cycler import cycler

    settings: dict[Any, Any] = {
        "font.sans-serif": installed_fonts("scripts"),
        "font.serif": installed_fonts("serif", "scripts"),
        "figure.facecolor": theme.wall,
        # Neither color nor form alone tells lines apart, for those who see or print no color.
        "axes.prop_cycle": cycler(linestyle=["-", (0, (7, 1.5, 1.5, 1.5)), (0, (3, 1))])
        * (cycler(color=theme.series) + cycler(marker=list("osD^vPX*"))),
        "svg.hashsalt": name,  # equal plots give equal files
    }
    settings |= dict.fromkeys(("text.color", "axes.labelcolor"), theme.ink)
    settings |= dict.fromkeys(("xtick.labelcolor", "ytick.labelcolor"), theme.muted)
    lines = ("axes.edgecolor", "grid.color", "xtick.color", "ytick.color")
    settings |= dict.fromkeys(lines, theme.line)
    style = STATIC / "plots.mplstyle"
    with matplotlib.rc_context(settings, style), warnings.catch_warnings():
        # A script that no font has is drawn as boxes; a page shows it in its own fonts.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")
        yield


def _file(figure: Figure, form: Literal["png", "svg"]) -> bytes:
    buffer = io.BytesIO()
    mark = {"Software": GENERATOR} if form == "png" else {"Creator": GENERATOR, "Date": None}
    figure.savefig(buffer, format=form, dpi=DPI, transparent=form == "svg", metadata=mark)
    return buffer.getvalue()


def _axes(height: float, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height))
    return figure, figure.add_subplot(xlabel=clean(x_label, 90), ylabel=clean(y_label, 60))


def _put_title(figure: Figure, title: str) -> None:
    text = textwrap.fill(clean(title, 160), 78)
    figure.suptitle(text, x=0.01, ha="left", fontsize=_FONT_SIZE + 2)


def _put_legend(figure: Figure, handles: Sequence[Any], names: Sequence[str]) -> None:
    """Write the names of lines or bars beside the axes, where they hide nothing."""
    # A name that begins with an underscore would be left out.
    shown = [f" {n}" if n.startswith("_") else n for n in (_wrapped(name, 30, 3) for name in names)]
    figure.legend(list(handles), shown, loc="outside right upper")


def _wrapped(text: str, width: int, lines: int) -> str:
    short = clean(text, width * lines)
    return textwrap.fill(short, width, max_lines=lines, placeholder=" …")


def _draw_lines(plot: LinePlot, theme: Theme) -> Figure:
    """Return the curves with their names at the right, in the order of their right ends."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

    height = max(4.0, 0.8 + 0.26 * len(plot.lines))
    figure, axes = _axes(height, plot.x_label, plot.y_label)
    axes.grid()
    xs = [x for line in plot.lines for x in line.x]
    is_log = plot.x_scale == "log" and any(x > 0 for x in xs)
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
    if is_log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    elif all(float(x).is_integer() for x in xs) and max(xs, default=0) > 1:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))  # ranks have no halves
    # A little air beyond a range, so that no marker is cut at its ends.
    if plot.x_range is not None and (not is_log or plot.x_range[0] > 0):
        axes.set_xlim(_widened(*plot.x_range, is_log=is_log))
    if plot.y_range is not None:
        axes.set_ylim(_widened(*plot.y_range, is_log=False))
    drawn.sort(key=lambda part: part[0])
    _put_legend(figure, [handle for _, handle, _ in drawn], [name for *_, name in drawn])
    return figure


def _widened(low: float, high: float, *, is_log: bool) -> tuple[float, float]:
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
    texts = [_wrapped(label, 34, 2) for label in labels]
    if upright:
        axes.set_xticks(range(len(labels)), texts, color=theme.ink)
        axes.axhline(0, color=theme.muted, linewidth=0.8)
        air = 0.5 + max(0, 5 - len(labels)) / 4
        axes.set_xlim(-air, len(labels) - 1 + air)
    else:
        axes.set_yticks(range(len(labels)), texts, color=theme.ink)
        axes.axvline(0, color=theme.muted, linewidth=0.8)
        axes.set_ylim(len(labels) - 0.45, -0.55)
    axes.margins(*(None, 0.12) if upright else (0.12, None))
    axes.tick_params(axis="x" if upright else "y", length=0)
    if len(handles) > 1:
        _put_legend(figure, handles, list(plot.series))
    return figure


def _draw_series(axes: Axes, plot: BarPlot, position: int, theme: Theme, *, upright: bool) -> Any:
    from matplotlib.patheffects import Normal, Stroke

    ends = np.array([_ends(value) for value in list(plot.series.values())[position][:MAX_GROUPS]])
    words = [number_text(v, plot.unit) if math.isfinite(v) else "–" for v in ends[:, 1]]  # noqa: RUF001
    low, sizes, high = np.nan_to_num(ends.T) * (100.0 if plot.unit == "share" else 1.0)
    # An interval may leave out its value, which matplotlib has no bars for.
    reach = np.maximum(0.0, [sizes - low, high - sizes])
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


def _ends(value: Estimate | float | None) -> tuple[float, float, float]:
    """Return low end, value and high end of a bar; not numbers where it is unknown."""
    if isinstance(value, Estimate):
        if np.isfinite([value.low, value.value, value.high]).all():
            return value.low, value.value, value.high
        value = value.value
    size = math.nan if value is None or not math.isfinite(value) else value
    return size, size, size


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
    height = min(_WIDTH, 2.6 + 0.27 * len(kept))
    figure, axes = _axes(height, f"{plot.column_label}{unit}{more}", plot.row_label)
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
    """Draw the losses of each step by name, one below the other, into a PNG or SVG file.

    A loss of every step is drawn faintly, with its mean over a few steps above it; one that only
    some steps have, as those at the end of an epoch, as points on a line. Raises ValueError if
    there are none, `RenderError` as `write_file` does.
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
        # Means over 3 % of the steps before and after, fewer near the ends.
        most = max(1, round(0.03 * len(values)))
        reaches = [min(most, i, len(values) - 1 - i) for i in range(len(values))]
        means = [values[i - reach : i + reach + 1].mean() for i, reach in enumerate(reaches)]
        axes.plot(steps, means, marker="", **style)
    panels[-1].set(xlabel="step", xlim=(0, len(history) + 1))
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
