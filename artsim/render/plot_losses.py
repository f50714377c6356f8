"""The losses of a training, step by step, as PNG."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from artsim.errors import RenderError
from artsim.files import FileKind, check_file, write_file
from artsim.render.plots import drawing, save_png
from artsim.render.plots_axes import WIDTH, label_text, put_title, quiet_axes
from artsim.render.plots_theme import PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSSES: Final = FileKind("plot", RenderError)

_INCHES_A_LOSS: Final = 1.7
_SMOOTHED_SHARE: Final = 0.03
"""Of the steps, over which a loss is averaged: single batches differ by chance."""

_SPARSE: Final = 0.5
"""Share of the steps below which a loss is drawn as points: taken once an epoch."""


def write_losses(
    path: Path, history: Sequence[Mapping[str, float]], *, title: str, overwrite: bool = False
) -> Path:
    """Draw each loss of a training over its steps, one below the other, into a PNG file.

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
    content = losses_png(history, title=title)
    with write_file(path, LOSSES, overwrite=overwrite) as stream:
        stream.write(content)
    return path


def losses_png(history: Sequence[Mapping[str, float]], *, title: str) -> bytes:
    """Return the plot of `write_losses` as the content of a PNG file."""
    with drawing("losses"):
        figure = _draw(history)
        put_title(figure, title, PAPER)
        buffer = io.BytesIO()
        save_png(figure, buffer)
        return buffer.getvalue()


def _draw(history: Sequence[Mapping[str, float]]) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    names = list(dict.fromkeys(name for losses in history for name in losses))
    if not names:
        raise ValueError("no losses to draw")
    figure = Figure(figsize=(WIDTH, 0.9 + _INCHES_A_LOSS * len(names)), layout="constrained")
    panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for position, (axes, name) in enumerate(zip(panels, names, strict=True)):
        quiet_axes(axes, PAPER)
        axes.grid(color=PAPER.line, linewidth=0.6)
        axes.set_ylabel(label_text(name, 30), color=PAPER.ink, labelpad=6)
        points = [(i + 1, losses[name]) for i, losses in enumerate(history) if name in losses]
        color = PAPER.series[position % len(PAPER.series)]
        _draw_loss(axes, points, len(history), color)
    panels[-1].set_xlabel("step", color=PAPER.ink, labelpad=6)
    panels[-1].set_xlim(0, len(history) + 1)
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _draw_loss(axes: Axes, points: Sequence[tuple[int, float]], steps: int, color: str) -> None:
    at, values = [step for step, _ in points], [value for _, value in points]
    if len(points) < _SPARSE * steps or len(points) < 3:
        axes.plot(at, values, color=color, linewidth=1.3, marker="o", markersize=3.2)
        return
    axes.plot(at, values, color=color, linewidth=0.6, alpha=0.35)
    width = max(1, round(_SMOOTHED_SHARE * len(values)))
    axes.plot(at, list(_running_mean(values, width)), color=color, linewidth=1.7)


def _running_mean(values: Sequence[float], width: int) -> Iterable[float]:
    """Yield the mean of each value, and up to `width` before and as many after it.

    Near the ends they are fewer, so that a steep beginning is not leveled.
    """
    for i in range(len(values)):
        reach = min(width, i, len(values) - 1 - i)
        near = values[i - reach : i + reach + 1]
        yield math.fsum(near) / len(near)
