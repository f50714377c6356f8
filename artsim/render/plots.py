"""The plots of a report, as PNG for papers and as SVG for the page."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

from artsim.evaluation.report import BarPlot, LinePlot, Plot
from artsim.files import GENERATOR
from artsim.render.plots_theme import PAGE, PAGE_COLORS, PAPER, Theme, settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI: Final = 200
"""Pixels to the inch of a PNG file: sharp in print."""

_DECLARATIONS: Final = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA: Final = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_GROUP_IDS: Final = re.compile(r'<g id="[^"]*"')
_FONTS: Final = re.compile(r"font: ([\d.]+)px [^;\"]*")


def plot_png(plot: Plot) -> bytes:
    """Return `plot` with its title as a PNG file, `DPI` pixels to the inch."""
    with drawing(plot.name):
        figure = draw_plot(plot, PAPER, titled=True)
        buffer = io.BytesIO()
        save_png(figure, buffer)
        return buffer.getvalue()


def save_png(figure: Figure, stream: BinaryIO) -> None:
    """Write a figure as a PNG file that says who made it."""
    figure.savefig(
        stream, format="png", dpi=DPI, facecolor=PAPER.wall, metadata={"Software": GENERATOR}
    )


def plot_svg(plot: Plot) -> str:
    """Return `plot` without its title as an ``<svg>`` element for an HTML page.

    Its colors are the page's variables ``--ink``, ``--muted``, ``--line``, ``--wall`` and
    ``--series-1`` to ``--series-8``; its texts are texts, in the page's font. It has no
    ``id`` that another plot could have, and refers to nothing outside itself.
    """
    with drawing(plot.name):
        figure = draw_plot(plot, PAGE, titled=False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = _METADATA.sub("", _DECLARATIONS.sub("", buffer.getvalue(), count=1), count=1)
    svg = _FONTS.sub(r"font-size: \1px", _GROUP_IDS.sub("<g", svg))
    for mark, color in PAGE_COLORS.items():
        svg = svg.replace(mark, color)
    return svg


def draw_plot(plot: Plot, theme: Theme, *, titled: bool) -> Figure:
    """Return `plot` as a figure of matplotlib."""
    from artsim.render import plots_bars, plots_confusion, plots_lines

    if isinstance(plot, LinePlot):
        figure = plots_lines.draw_lines(plot, theme)
    elif isinstance(plot, BarPlot):
        figure = plots_bars.draw_bars(plot, theme)
    else:
        figure = plots_confusion.draw_confusion(plot, theme)
    if titled:
        from artsim.render.plots_axes import put_title

        put_title(figure, plot.title, theme)
    return figure


@contextmanager
def drawing(name: str) -> Iterator[None]:
    """Draw with the settings that all plots share; `name` is the plot's."""
    import matplotlib

    with matplotlib.rc_context(settings(name)), warnings.catch_warnings():
        # A script that no font has is drawn as boxes; the page shows it in its own fonts.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")
        yield
