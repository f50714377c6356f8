"""Which classes are taken for which: a heat map whose rows are shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from artsim.evaluation.report import ConfusionPlot
from artsim.render.plots_axes import WIDTH, make_axes, name_axes, wrapped
from artsim.render.plots_theme import FONT_SIZE, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_CLASSES: Final = 40
"""Most classes in a plot, those of most queries; it says how many it leaves out."""

_MOST_COUNTED: Final = 8
_MOST_WRITTEN: Final = 24
_LEAST_WRITTEN: Final = 0.005
_DARK: Final = 0.65
_FAINTEST: Final = 0.04
_LABEL_CHARS: Final = 26


def draw_confusion(plot: ConfusionPlot, theme: Theme) -> Figure:
    """Return a square of cells, the darker the larger their share of the row.

    Few classes have their counts written in the cells, more their shares in percent.
    """
    classes, counts = _largest(plot)
    sums = counts.sum(axis=1)
    shares = counts / np.maximum(sums, 1)[:, None]
    figure, axes = make_axes(min(WIDTH, 2.6 + 0.27 * len(classes)), theme)
    _draw_cells(axes, shares, theme)
    _write_cells(axes, counts, shares, theme)
    names = [wrapped(name, _LABEL_CHARS, 1) for name in classes]
    rows = [f"{name}  {total:,}" for name, total in zip(names, sums, strict=True)]
    size = FONT_SIZE if len(classes) <= _MOST_WRITTEN else FONT_SIZE - 3
    style: Any = {"color": theme.ink, "fontsize": size}
    axes.set_yticks(range(len(classes)), rows, **style)
    axes.set_xticks(
        range(len(classes)), names, rotation=45, ha="right", rotation_mode="anchor", **style
    )
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    left_out = len(plot.classes) - len(classes)
    unit = ", % of the row" if _MOST_COUNTED < len(classes) <= _MOST_WRITTEN else ""
    more = f" ({left_out} smaller classes left out)" if left_out else ""
    name_axes(axes, f"{plot.column_label}{unit}{more}", plot.row_label, theme)
    return figure


def _largest(plot: ConfusionPlot) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return at most `MAX_CLASSES` classes, in their order, with their counts."""
    order = np.argsort(-plot.counts.sum(axis=1), kind="stable")[:MAX_CLASSES]
    kept = np.sort(order)
    return [plot.classes[i] for i in kept], plot.counts[np.ix_(kept, kept)]


def _draw_cells(axes: Axes, shares: npt.NDArray[np.float64], theme: Theme) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    cells = [Rectangle((j - 0.48, i - 0.48), 0.96, 0.96) for i, j in np.ndindex(*shares.shape)]
    # By opacity, so that it reads on a light wall and a dark one.
    colors = [to_rgba(theme.series[0], shade) for shade in _shades(shares).ravel()]
    axes.add_collection(PatchCollection(cells, facecolors=colors, linewidths=0))
    axes.set_xlim(-0.5, len(shares) - 0.5)
    axes.set_ylim(len(shares) - 0.5, -0.5)
    axes.set_aspect("equal")


def _shades(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return opacities in 0..1; by the root, so that rare confusions are seen as well."""
    return np.maximum(_FAINTEST, np.sqrt(shares))


def _write_cells(
    axes: Axes,
    counts: npt.NDArray[np.int64],
    shares: npt.NDArray[np.float64],
    theme: Theme,
) -> None:
    if len(counts) > _MOST_WRITTEN:
        return
    few = len(counts) <= _MOST_COUNTED
    shades = _shades(shares)
    for i, j in np.ndindex(*counts.shape):
        if counts[i, j] == 0 or (shares[i, j] < _LEAST_WRITTEN and not few):
            continue
        axes.text(
            j,
            i,
            f"{counts[i, j]:,}" if few else f"{100 * shares[i, j]:.0f}",
            ha="center",
            va="center",
            color=theme.wall if shades[i, j] > _DARK else theme.ink,
            fontsize=FONT_SIZE - (1 if few else 2.5),
        )
