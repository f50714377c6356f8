"""Windows, pyramid, nets and boxes of the detector, each against what it stands in for."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from artsim.catalog.arrays import RGBImage
from artsim.encoders.mtcnn import CandidateNet, ProposalNet, load_net, squared, windows_of
from artsim.encoders.mtcnn_pyramid import fold_pyramid, plan_pyramid, resize_windows, sum_table
from artsim.encoders.torchvision_ops import ensure_torchvision, suppress

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def reference() -> Any:
    ensure_torchvision()
    return importlib.import_module("facenet_pytorch.models.utils.detect_face")


def random_picture(height: int, width: int, seed: int = 0) -> RGBImage:
    """Soft blobs with some noise: neither flat nor without structure."""
    random = np.random.default_rng(seed)
    coarse = torch.from_numpy(random.random((1, 3, 6, 6), dtype=np.float32))
    blobs = functional.interpolate(coarse, size=(height, width), mode="bicubic")[0]
    noise = random.normal(0, 8, (height, width, 3))
    return np.clip(blobs.permute(1, 2, 0).numpy() * 255 + noise, 0, 255).astype(np.uint8)


def area_resize(image: RGBImage, height: int, width: int) -> torch.Tensor:
    """Resize as facenet-pytorch does; shape (3, height, width), in -1..1."""
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float()
    resized = functional.interpolate(pixels, size=(height, width), mode="area")
    return (resized[0] - 127.5) * 0.0078125


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_windows_are_averaged_as_torch_does(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 70)), data.draw(st.integers(1, 70))
    image = random_picture(height, width)
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right = data.draw(st.integers(left + 1, width))
    bottom = data.draw(st.integers(top + 1, height))
    side = data.draw(st.sampled_from([24, 48]))
    windows = np.array([[left, top, right, bottom], [0, 0, width, height]])
    resized = resize_windows(sum_table(image), windows, side)
    for (x1, y1, x2, y2), ours in zip(windows, resized, strict=True):
        expected = area_resize(image[y1:y2, x1:x2], side, side).permute(1, 2, 0)
        np.testing.assert_allclose(ours, expected.numpy(), atol=1e-5)


def test_sums_that_wrap_around_come_back() -> None:
    image = random_picture(60, 80)
    table = sum_table(image)
    windows = np.array([[3, 5, 70, 58], [0, 0, 80, 60]])
    wrapped = table + np.uint32(2**32 - 100_000)
    assert wrapped.min() < 100_000 < table.max()
    np.testing.assert_array_equal(
        resize_windows(wrapped, windows, 24), resize_windows(table, windows, 24)
    )


@pytest.mark.parametrize(
    ("height", "width", "min_face"),
    [(500, 371, 20), (333, 500, 20), (61, 480, 20), (100, 100, 12), (20, 20, 20), (97, 89, 31)],
)
def test_the_first_net_on_one_canvas_equals_it_on_every_level(
    height: int, width: int, min_face: int
) -> None:
    image = random_picture(height, width)
    pyramid = plan_pyramid(height, width, min_face)
    net = ProposalNet(CPU)
    table = sum_table(image)
    odds, hidden = net(fold_pyramid(table, pyramid), pyramid)
    plain = load_net("PNet")
    for level in pyramid.levels:
        offsets, probabilities = plain(area_resize(image, level.height, level.width)[None])
        ours = 1 / (1 + np.exp(-odds[level.places].astype(np.float64)))
        np.testing.assert_allclose(ours, probabilities[0, 1].numpy(), atol=2e-5)
        np.testing.assert_allclose(
            net.corrections(hidden[level.places]).transpose(2, 0, 1), offsets[0].numpy(), atol=2e-4
        )


def test_levels_do_not_overlap() -> None:
    for height, width in ((500, 500), (1024, 300), (37, 1000), (64, 48)):
        pyramid = plan_pyramid(height, width, 12)
        drawn = np.zeros((pyramid.height // 2, pyramid.width // 2), dtype=int)
        for level in pyramid.levels:
            assert drawn[level.folds].shape == (-(-level.height // 2), -(-level.width // 2))
            drawn[level.folds] += 1
        assert drawn.max() == 1
        assert pyramid.levels[-1].scale * min(height, width) >= 12


@pytest.mark.parametrize(("name", "side"), [("RNet", 24), ("ONet", 48)])
@pytest.mark.parametrize("count", [1, 31, 32, 75])
def test_candidate_nets_equal_the_plain_ones(name: str, side: int, count: int) -> None:
    windows = np.random.default_rng(1).uniform(-1, 1, (count, side, side, 3)).astype(np.float32)
    expected = load_net(name)(torch.from_numpy(windows).permute(0, 3, 1, 2))
    found = CandidateNet(name, CPU)(windows)
    assert len(found) == len(expected)
    for ours, its in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, its.numpy(), atol=2e-5)


def random_boxes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    corner = random.integers(0, 120, (count, 2))
    boxes = np.concatenate([corner, corner + random.integers(1, 60, (count, 2))], axis=1)
    # Scores in steps, so that some are equal.
    return boxes.astype(np.float32), (random.integers(0, 50, count) / 50).astype(np.float32)


@pytest.mark.parametrize("count", [1, 7, 300, 900])
def test_suppression_by_the_smaller_box(count: int, reference: Any) -> None:
    boxes, _ = random_boxes(count, seed=count)
    scores = np.random.default_rng(count).permutation(count).astype(np.float32)
    expected = reference.nms_numpy(boxes, scores, 0.7, "Min")
    np.testing.assert_array_equal(
        suppress(boxes, scores, 0.7, relative_to="smaller"), expected.astype(int)
    )


def test_boxes_become_squares_and_pixels_as_in_the_library(reference: Any) -> None:
    random = np.random.default_rng(2)
    corner = random.uniform(-30, 100, (200, 2))
    boxes = np.concatenate([corner, corner + random.uniform(1, 80, (200, 2))], axis=1)
    boxes = boxes.astype(np.float32)
    squares = squared(boxes)
    np.testing.assert_allclose(squares, reference.rerec(torch.from_numpy(boxes)).numpy(), atol=1e-5)
    y, end_y, x, end_x = reference.pad(torch.from_numpy(squares), 90, 70)
    np.testing.assert_array_equal(
        windows_of(squares, 90, 70), np.stack([x - 1, y - 1, end_x, end_y], axis=1)
    )
