"""What all plots share: quiet axes, legends beside them, texts that are only texts."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from artsim.render.plots_theme import FONT_SIZE, Theme
from artsim.render.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH: Final = 7.4
"""Inches of every plot."""

_LEGEND_CHARS: Final = 30


def make_axes(height: float, theme: Theme) -> tuple[Figure, Axes]:
    """Return a figure of one pair of axes without a frame, with a grid behind."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    quiet_axes(axes, theme)
    return figure, axes


def quiet_axes(axes: Axes, theme: Theme) -> None:
    """Take the frame from a pair of axes, and put its grid behind."""
    axes.set_axisbelow(True)
    axes.set_facecolor("none")
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(theme.line)
    axes.tick_params(colors=theme.muted, labelcolor=theme.muted, length=3, width=0.8)


def name_axes(axes: Axes, x_label: str, y_label: str, theme: Theme) -> None:
    """Write what the axes are."""
    axes.set_xlabel(label_text(x_label, 90), color=theme.ink, labelpad=6)
    axes.set_ylabel(label_text(y_label, 60), color=theme.ink, labelpad=6)


def put_title(figure: Figure, title: str, theme: Theme) -> None:
    """Write the title above, from the left."""
    text = "\n".join(textwrap.wrap(label_text(title, 160), 78, break_long_words=True))
    figure.suptitle(text, x=0.01, ha="left", color=theme.ink, fontsize=FONT_SIZE + 2)


def put_legend(figure: Figure, handles: Sequence[Any], names: Sequence[str], theme: Theme) -> None:
    """Write the names of lines or bars beside the axes, where they hide nothing."""
    shown = [wrapped(name, _LEGEND_CHARS) for name in names]
    figure.legend(
        list(handles),
        # A name that begins with an underscore would be left out.
        [f" {name}" if name.startswith("_") else name for name in shown],
        loc="outside right upper",
        frameon=False,
        labelcolor=theme.ink,
        handlelength=1.9,
        borderpad=0.2,
        labelspacing=0.65,
    )


def label_text(text: str, most: int) -> str:
    """Return a text for a label; line breaks and control characters are gone."""
    return clean(text, most)


def wrapped(text: str, width: int, lines: int = 3) -> str:
    """Return a text in at most `lines` lines of `width` characters."""
    return "\n".join(
        textwrap.wrap(
            clean(text, width * lines),
            width,
            max_lines=lines,
            placeholder=" …",
            break_long_words=True,
        )
    )
