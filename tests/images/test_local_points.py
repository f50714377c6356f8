"""Whether one picture shows what another does, by pictures of the sample and edits of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import artsim.ingest.sample
from artsim.catalog.arrays import RGBImage
from artsim.images.local_points import (
    FOUND_INLIERS,
    POINT_COUNT,
    POINT_DIM,
    QUERY_COUNT,
    Points,
    local_points,
    match_all,
    match_points,
)

PICTURES = Path(artsim.ingest.sample.__file__).parent / "sample_data" / "images"
NAMES = sorted(path.name for path in PICTURES.iterdir())[:60:15]


def load(name: str) -> RGBImage:
    with Image.open(PICTURES / name) as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.fixture(scope="module")
def works() -> dict[str, Points]:
    return {name: local_points(load(name)) for name in NAMES}


def turned(picture: Image.Image, degrees: float) -> Image.Image:
    return picture.rotate(degrees, expand=True, resample=Image.Resampling.BICUBIC)


def hung(picture: Image.Image) -> Image.Image:
    """Return the picture on a wall, seen from the left, at less than half of the width."""
    width, height = picture.size
    wall = Image.new("RGB", (1000, 800), (200, 196, 186))
    scale = 400 / max(width, height)
    to = np.array([(300, 200), (300 + width * scale, 230), (300 + width * scale, 170), (300, 210)])
    to[2:, 1] += height * scale
    rows = []
    for (x, y), (u, v) in zip(to, [(0, 0), (width, 0), (width, height), (0, height)], strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float).ravel()
    back = np.linalg.solve(np.array(rows), corners)
    how = (Image.Transform.PERSPECTIVE, tuple(back), Image.Resampling.BICUBIC)
    shown = picture.convert("RGBA").transform(wall.size, *how)
    wall.paste(shown.convert("RGB"), mask=shown.getchannel("A"))
    return wall


def found_in(query: Image.Image, works: dict[str, Points]) -> dict[str, int]:
    points = local_points(np.asarray(query.convert("RGB")), count=QUERY_COUNT)
    matches = match_all(points, list(works.values()))
    counts = {name: match.inliers for name, match in zip(works, matches, strict=True)}
    return {name: count for name, count in counts.items() if count >= FOUND_INLIERS}


@pytest.mark.parametrize("name", NAMES[:2])
def test_details_turned_hung_and_mirrored_ones_are_found_and_others_are_not(
    name: str, works: dict[str, Points]
) -> None:
    whole = Image.open(PICTURES / name).convert("RGB")
    width, height = whole.size
    box = (width // 4, height // 5, width // 4 + width // 3, height // 5 + height // 3)
    detail = whole.crop(box)
    flipped = Image.Transpose.FLIP_LEFT_RIGHT
    for query in (detail, turned(whole, 25), hung(whole), detail.transpose(flipped)):
        assert list(found_in(query, works)) == [name]


def test_a_match_says_where(works: dict[str, Points]) -> None:
    picture = load(NAMES[0])
    height, width = picture.shape[:2]
    left, top, right, bottom = width // 4, height // 5, 3 * width // 4, 3 * height // 5
    expected = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    expected = expected / (width, height)
    for mirrored in (False, True):
        part = picture[top:bottom, left:right]
        match = match_points(local_points(part[:, ::-1] if mirrored else part), works[NAMES[0]])
        order = [1, 0, 3, 2] if mirrored else [0, 1, 2, 3]
        assert match.mirrored == mirrored
        assert match.outline() == pytest.approx(expected[order], abs=0.01)
        assert match.pairs.shape == (match.inliers, 4)
        there = np.column_stack([match.pairs[:, :2], np.ones(match.inliers)]) @ match.homography.T
        assert there[:, :2] / there[:, 2:] == pytest.approx(match.pairs[:, 2:], abs=0.02)
        inside = match.outline(of_work=True)
        assert inside.min() < 0 and inside.max() > 1


def test_points_are_spread_and_come_with_the_shape(works: dict[str, Points]) -> None:
    for name, points in list(works.items())[:2]:
        height, width = load(name).shape[:2]
        assert points.shape == (1 + POINT_COUNT, POINT_DIM) and points.dtype == np.uint8
        corner = points[0, 128:].view(">u2") / 65535
        assert corner == pytest.approx(np.array([width, height]) / max(width, height), abs=1e-3)
        places = points[1:101, 128:].view(">u2") / 65535 / corner
        quarters = (places > 0.5) @ (1, 2)
        assert set(quarters) == {0, 1, 2, 3}
        assert points.tobytes() == local_points(load(name)).tobytes()
        assert local_points(load(name), count=100).tobytes() == points[:101].tobytes()


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (40, 40), (200, 120)])
def test_a_picture_without_anything_in_it_has_a_shape_and_matches_nothing(
    size: tuple[int, int], works: dict[str, Points]
) -> None:
    blank = local_points(np.full((*size, 3), 90, np.uint8))
    assert blank.shape == (1, POINT_DIM)
    assert blank[0, 0] == 0 < works[NAMES[0]][0, 0]
    assert match_points(blank, works[NAMES[0]]).inliers == 0
    assert match_points(works[NAMES[0]], blank).inliers == 0
    assert match_points(blank, blank).inliers == 0


def test_a_mirror_image_is_described_by_the_same_numbers_in_another_order() -> None:
    picture = load(NAMES[1])
    match = match_points(local_points(picture[:, ::-1]), local_points(picture))
    assert match.mirrored and match.inliers > POINT_COUNT / 2
    assert match_points(local_points(picture), local_points(picture)).inliers > 0.8 * POINT_COUNT


def test_the_setting_of_threads_stays_as_it_was(works: dict[str, Points]) -> None:
    cv2 = pytest.importorskip("cv2")
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        match_points(local_points(load(NAMES[0])), works[NAMES[0]])
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)
