import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artsim.errors import RenderError
from artsim.render.plots import draw_losses, drawing, write_losses


def history(steps: int = 40) -> list[dict[str, float]]:
    made = [{"contrastive": 1 / (i + 1), "reconstruction": 0.1} for i in range(steps)]
    for i in range(9, steps, 10):
        made[i]["validation"] = 0.4
    return made


def test_each_loss_has_a_panel(tmp_path: Path) -> None:
    path = write_losses(tmp_path / "losses.png", history(), title="$x_1$ <b>")
    assert path == tmp_path / "losses.png"
    with Image.open(path) as picture:
        picture.load()
        assert picture.width == 1480
        pixels = np.asarray(picture.convert("L"))
    assert pixels.min() < 120
    assert pixels[-2:].min() == 255
    one = write_losses(tmp_path / "one.png", [{"loss": 1.0}], title="one step")
    with Image.open(one) as single:
        assert single.height < picture.height


def test_losses_are_a_drawing_too(tmp_path: Path) -> None:
    path = write_losses(tmp_path / "losses.svg", [{"loss": 1.0}], title="of $x_1$")
    assert "of $x_1$" in path.read_text(encoding="utf-8")
    write_losses(path, [{"loss": 1.0}], title="replaced")
    path.write_text("<svg/>")
    with pytest.raises(RenderError, match="did not make"):
        write_losses(path, history(), title="x")


def test_what_is_drawn() -> None:
    with drawing("losses"):
        figure = draw_losses(history())
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "contrastive",
        "reconstruction",
        "validation",
    ]
    raw, smooth = figure.axes[0].lines
    assert list(raw.get_xdata()) == list(range(1, 41))
    assert math.isclose(smooth.get_ydata()[1], (1 + 1 / 2 + 1 / 3) / 3)
    (points,) = figure.axes[2].lines
    assert list(points.get_xdata()) == [10, 20, 30, 40]


def test_nothing_to_draw_and_nowhere_to_write(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no losses"):
        write_losses(tmp_path / "none.png", [], title="x")
    with pytest.raises(RenderError, match=r"losses\.png"):
        write_losses(tmp_path / "missing" / "losses.png", history(), title="x")
