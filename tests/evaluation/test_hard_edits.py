"""The harder edits on pictures of the sample: are the paintings where the outlines say?"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageFilter

from artsim.evaluation.edits import EVERY_EDIT, HARD_EDITS, edit_picture
from artsim.evaluation.scenes import COPY_SIDE, LEAST_WIDTH, MOST_WIDTH, EditedPicture

Image8 = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating]


@lru_cache
def pictures(sample: Path) -> dict[str, Image8]:
    found = {}
    for file in sorted((sample / "images").iterdir())[::12]:
        with Image.open(file) as image:
            image.thumbnail((320, 320))
            found[file.stem] = np.array(image.convert("RGB"))
    return found


def copies(sample: Path, edit: str) -> list[tuple[list[Image8], EditedPicture]]:
    """The pictures that each copy shows, and the copy."""
    every = list(pictures(sample).values())
    made = []
    for number, name in enumerate(pictures(sample)):
        shown = [every[(number + i) % len(every)] for i in range(EVERY_EDIT[edit].pictures)]
        copy = edit_picture(shown[0], edit, painting_id=name, others=shown[1:])
        made.append((shown, copy))
    return made


def homography(outline: Floats) -> Floats:
    """The matrix from places in a picture, in shares of it, to those in the copy."""
    rows, right = [], []
    for (x, y), (u, v) in zip([(0, 0), (1, 0), (1, 1), (0, 1)], outline, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return np.append(np.linalg.solve(rows, right), 1).reshape(3, 3)


def luma(image: Image8, soft: float) -> Floats:
    gray = Image.fromarray(image).convert("L").filter(ImageFilter.GaussianBlur(soft))
    return np.asarray(gray, float)


def alike(picture: Image8, copy: Image8, outline: Floats) -> float:
    """Correlation of the tones at places of the picture that are in the copy."""
    across, down = np.meshgrid(np.linspace(0.03, 0.97, 120), np.linspace(0.03, 0.97, 120))
    places = np.stack([across.ravel(), down.ravel(), np.ones(across.size)])
    u, v, depth = homography(outline) @ places
    u, v = u / depth, v / depth
    seen = (u > 0.01) & (u < 0.99) & (v > 0.01) & (v < 0.99)
    assert seen.any()

    def at(image: Image8, x: Floats, y: Floats) -> Floats:
        height, width = image.shape[:2]
        return luma(image, 1.5)[(y * height).astype(int), (x * width).astype(int)]

    one = at(picture, places[0][seen], places[1][seen])
    return float(np.corrcoef(one, at(copy, u[seen], v[seen]))[0, 1])


@pytest.mark.parametrize(
    "edit", [name for name in HARD_EDITS if name not in ("engraving", "negative")]
)
def test_the_paintings_are_where_the_outlines_say(sample: Path, edit: str) -> None:
    found, beside = [], []
    for shown, copy in copies(sample, edit):
        assert len(copy.outlines) == len(shown)
        for picture, outline in zip(shown, copy.outlines, strict=True):
            found.append(alike(picture, copy.pixels, outline))
            away = 0.1 * np.ptp(outline, axis=0)
            beside.append([alike(picture, copy.pixels, outline + sign * away) for sign in (-1, 1)])
    assert np.median(found) > 0.8  # a shadow and lamps change the tones
    assert np.mean(np.array(found) > np.max(beside, axis=1)) > 0.9


@pytest.mark.parametrize(("edit", "most"), [("wall", MOST_WIDTH), ("pair", 0.4)])
def test_a_painting_on_a_wall_is_seen_whole_and_not_too_small(
    sample: Path, edit: str, most: float
) -> None:
    shares = []
    for _, copy in copies(sample, edit):
        assert max(copy.pixels.shape) == COPY_SIDE
        for outline in copy.outlines:
            assert outline.min() > 0
            assert outline.max() < 1
        shares.append(copy.parameters["share"])
    assert max(shares) <= most + 1e-6
    assert np.mean(np.array(shares) >= LEAST_WIDTH - 1e-6) > 0.8  # the others hang too high
    assert np.ptp(shares) > 0.1


@pytest.mark.parametrize(
    ("edit", "area"), [("quarter", 1 / 4), ("sixteenth", 1 / 16), ("mirrored-quarter", 1 / 4)]
)
def test_details_are_of_their_area(sample: Path, edit: str, area: float) -> None:
    for [picture], copy in copies(sample, edit):
        pixels = copy.parameters["across"] * copy.parameters["down"]
        assert pixels == pytest.approx(area * picture.shape[0] * picture.shape[1], rel=0.06)
        assert abs(copy.parameters["degrees"]) <= 6
        [outline] = copy.outlines
        x, y = outline.T
        # The shoelace formula: clockwise as it is looked at, unless it is mirrored.
        signed = float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)
        assert np.sign(signed) == (-1 if edit.startswith("mirrored") else 1)
        assert abs(signed) == pytest.approx(1 / area, rel=0.08)


@pytest.mark.parametrize(("edit", "sign"), [("engraving", 1), ("negative", -1)])
def test_a_print_has_lines_instead_of_colors(sample: Path, edit: str, sign: int) -> None:
    for [picture], copy in copies(sample, edit):
        tones = [luma(one, 4).ravel() for one in (picture, copy.pixels)]
        assert sign * np.corrcoef(*tones)[0, 1] > 0.7
        fine = [float(np.std(luma(one, 0) - luma(one, 2))) for one in (picture, copy.pixels)]
        assert fine[1] > fine[0]
        red, _, blue = (channel.ravel() for channel in np.moveaxis(copy.pixels.astype(float), 2, 0))
        assert np.corrcoef(red, blue)[0, 1] > 0.98
