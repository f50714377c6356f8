import re
import subprocess
import sys
from io import BytesIO
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from color_vision import DEFICIENCIES, linear, seen
from made_up_report import HOSTILE, plots
from matplotlib.figure import Figure
from PIL import Image
from skimage.color import deltaE_ciede2000

from artsim.evaluation.report import BarPlot, ConfusionPlot, Line, LinePlot, Plot
from artsim.evaluation.statistics import Estimate
from artsim.render.pages import DARK, LIGHT, Theme
from artsim.render.plots import (
    MAX_CLASSES,
    MAX_GROUPS,
    draw_plot,
    drawing,
    plot_png,
    plot_svg,
)

PLOTS = plots()


def figure_of(plot: Plot) -> Figure:
    with drawing(plot.name):
        return draw_plot(plot)


def texts(plot: Plot) -> list[str]:
    root = ElementTree.fromstring(plot_svg(plot))
    return [
        "".join(part.itertext()).strip() for part in root.iter("{http://www.w3.org/2000/svg}text")
    ]


@pytest.mark.parametrize("plot", PLOTS[:4] + PLOTS[5:], ids=lambda plot: plot.name)
def test_each_plot_is_a_picture_and_a_drawing(plot: Plot) -> None:
    with Image.open(BytesIO(plot_png(plot))) as picture:
        picture.load()
        assert picture.width == 1480
        pixels = np.asarray(picture.convert("L"))
    assert pixels.min() < 120  # something is drawn
    assert pixels[-2:].min() == 255  # nothing runs over the edge
    svg = plot_svg(plot, DARK)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert not re.search(rb"(href|src)=\"(?!#)", svg)
    assert DARK.ink.encode() in svg


def test_names_are_written_as_they_are() -> None:
    shown = texts(PLOTS[0])
    for name in (HOSTILE[0], HOSTILE[1], HOSTILE[6], "random"):
        assert name in shown
    assert any(text.startswith("aaa") for text in shown)
    assert not any("\x1b" in text for text in shown)


def test_a_plot_is_drawn_the_same_again() -> None:
    before = dict(matplotlib.rcParams)
    assert plot_svg(PLOTS[1]) == plot_svg(PLOTS[1])
    assert plot_png(PLOTS[6]) == plot_png(PLOTS[6])
    assert dict(matplotlib.rcParams) == before


def test_bars_are_as_long_as_their_values_and_intervals_as_wide() -> None:
    plot = BarPlot("b", "b", "P@1", ("x", "y"), {"s": [Estimate(0.3, 0.2, 0.45, 9), 0.8]})
    (axes,) = draw_plot(plot).axes
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([30, 80])
    (intervals,) = axes.collections
    assert [tuple(ends[:, 1]) for ends in intervals.get_segments()] == [
        pytest.approx((20.0, 45.0)),
        pytest.approx((80.0, 80.0)),
    ]
    assert [text.get_text() for text in axes.texts] == ["30.0", "80.0"]


def test_an_interval_beside_its_value_is_no_failure() -> None:
    odd = Estimate(0.5, 0.51, 0.6, 9)
    (axes,) = figure_of(BarPlot("b", "b", "P@1", ("x",), {"s": [odd]})).axes
    assert [bar.get_height() for bar in axes.patches] == [50.0]


def test_long_labels_lie_and_too_many_are_counted() -> None:
    labels = tuple(f"a rather long name {i}" for i in range(MAX_GROUPS + 5))
    plot = BarPlot("b", "b", "P@1", labels, {"s": [0.5] * len(labels)})
    (axes,) = figure_of(plot).axes
    assert [bar.get_width() for bar in axes.patches] == [50.0] * MAX_GROUPS
    assert f"the first {MAX_GROUPS} of {len(labels)}" in axes.get_xlabel()


def test_a_logarithmic_axis_leaves_out_what_it_cannot_show() -> None:
    line = Line("l", (0.0, 0.01, 0.1, 1.0), (0.0, 0.2, float("nan"), 1.0))
    (axes,) = figure_of(LinePlot("l", "l", "x", "y", (line,), "log", (0.001, 1.0), (0, 1))).axes
    assert axes.get_xscale() == "log"
    assert axes.lines[0].get_xdata().tolist() == [0.01, 1.0]
    only_zeros = LinePlot("l", "l", "x", "y", (Line("l", (0.0,), (1.0,)),), "log")
    assert draw_plot(only_zeros).axes[0].get_xscale() == "linear"


def test_lines_are_named_from_the_top() -> None:
    lines = tuple(Line(str(i), (0.0, 1.0), (0.0, y)) for i, y in enumerate((0.2, 0.9, 0.5)))
    figure = figure_of(LinePlot("l", "l", "x", "y", lines))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["1", "2", "0"]


def test_dashed_lines_take_no_color_and_differ_among_themselves() -> None:
    lines = tuple(Line(str(i), (1.0, 5.0), (0.0, 1.0), dashed=i < 2) for i in range(4))
    (axes,) = figure_of(LinePlot("l", "l", "rank", "y", lines)).axes
    assert [line.get_color() for line in axes.lines] == [LIGHT.muted] * 2 + list(LIGHT.series[:2])
    assert len({str(line._dash_pattern) for line in axes.lines}) == 3
    assert all(tick.is_integer() for tick in axes.get_xticks())


def test_no_two_of_sixteen_lines_look_the_same() -> None:
    lines = tuple(Line(str(i), (0.0, 1.0), (0.0, 1.0)) for i in range(16))
    (axes,) = figure_of(LinePlot("l", "l", "x", "y", lines)).axes
    looks = {(line.get_color(), str(line._dash_pattern)) for line in axes.lines}
    assert len(looks) == 16


def test_rows_of_a_confusion_are_shares_of_their_class() -> None:
    counts = np.array([[3, 1], [0, 0]])
    (axes,) = figure_of(ConfusionPlot("c", "c", ("a", "b"), counts)).axes
    shades = axes.collections[0].get_array()
    assert shades is not None
    assert shades.ravel().tolist() == pytest.approx([0.75**0.5, 0.5, 0.04, 0.04])
    assert [text.get_text() for text in axes.texts] == ["3", "1"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a  4", "b  0"]


def test_the_largest_classes_stay_in_their_order() -> None:
    count = MAX_CLASSES + 2
    counts = np.diag(np.arange(1, count + 1))
    plot = ConfusionPlot("c", "c", tuple(map(str, range(count))), counts)
    (axes,) = figure_of(plot).axes
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == [str(i) for i in range(2, count)]
    assert "2 smaller classes left out" in axes.get_xlabel()


@pytest.mark.parametrize(
    ("theme", "wall"), [(LIGHT, "#f9f7f3"), (DARK, "#191817")], ids=["light", "dark"]
)
def test_colors_stand_out_from_the_wall(theme: Theme, wall: str) -> None:
    for color in theme.series:
        lights = linear([color, wall]) @ [0.2126, 0.7152, 0.0722]
        low, high = sorted(lights.tolist())
        assert (high + 0.05) / (low + 0.05) >= 3.0, color


@pytest.mark.parametrize("colors", [LIGHT.series, DARK.series], ids=["light", "dark"])
@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colors_differ_for_the_color_blind(colors: list[str], deficiency: str) -> None:
    lab = seen(colors, deficiency)
    nearest = min(float(deltaE_ciede2000(one, other)) for one, other in combinations(lab, 2))
    assert nearest > (18 if deficiency == "none" else 8)


def test_reports_on_the_terminal_do_without_matplotlib(tmp_path: Path) -> None:
    code = (
        "import sys, io; import artsim.render.report_forms, "
        "artsim.evaluation.report; print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
