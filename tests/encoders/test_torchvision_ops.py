"""The stand-in for torchvision's compiled operators computes what they compute."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim.encoders.devices import ensure_torchvision, suppress_overlaps


def nms_by_definition(boxes: list[list[float]], scores: list[float], threshold: float) -> list[int]:
    """Follow torchvision's documentation literally, box by box."""

    def iou(a: list[float], b: list[float]) -> float:
        width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
        height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
        union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
        return width * height / union if union else 0.0

    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if all(iou(boxes[i], boxes[j]) <= threshold for j in kept):
            kept.append(i)
    return kept


# Small integers make every area exact, so that equal overlaps are equal in any precision.
corner = st.integers(0, 12)
boxes_of_integers = st.lists(
    st.tuples(corner, corner, st.integers(1, 8), st.integers(1, 8), st.integers(0, 5)), max_size=25
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(boxes_of_integers, st.sampled_from([0.0, 0.25, 0.5, 0.7, 1.0]))
def test_equals_the_definition(raw: list[tuple[int, ...]], threshold: float) -> None:
    boxes = [[float(x), float(y), float(x + w), float(y + h)] for x, y, w, h, _ in raw]
    scores = [s / 5 for *_, s in raw]
    got = suppress_overlaps(
        torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4),
        torch.tensor(scores, dtype=torch.float64),
        threshold,
    )
    assert got.tolist() == nms_by_definition(boxes, scores, threshold)


def test_threshold_is_compared_in_double_precision() -> None:
    # In single precision the two thresholds would be the same number.
    boxes = torch.tensor([[0, 0, 10, 10], [0, 0, 10, 7]], dtype=torch.float32)
    overlap = float(np.float32(70) / np.float32(100))
    keeps_both = suppress_overlaps(boxes, torch.tensor([1.0, 0.5]), overlap)
    assert keeps_both.tolist() == [0, 1]
    assert suppress_overlaps(boxes, torch.tensor([1.0, 0.5]), overlap - 1e-12).tolist() == [0]


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"boxes \(N, 4\)"):
        suppress_overlaps(torch.zeros(3, 5), torch.zeros(3), 0.5)
    with pytest.raises(ValueError, match=r"scores \(N,\)"):
        suppress_overlaps(torch.zeros(3, 4), torch.zeros(2), 0.5)


def test_torchvision_uses_it() -> None:
    ensure_torchvision()
    from torchvision.ops import batched_nms, nms

    generator = torch.Generator().manual_seed(7)
    corners = torch.rand(300, 2, generator=generator) * 50
    boxes = torch.cat([corners, corners + 1 + torch.rand(300, 2, generator=generator) * 20], dim=1)
    scores = torch.rand(300, generator=generator)
    groups = torch.arange(300) % 3
    assert nms(boxes, scores, 0.5).tolist() == suppress_overlaps(boxes, scores, 0.5).tolist()
    apart = batched_nms(boxes, scores, groups, 0.5).tolist()
    by_group = [
        index
        for group in range(3)
        for index in torch.where(groups == group)[0][
            suppress_overlaps(boxes[groups == group], scores[groups == group], 0.5)
        ].tolist()
    ]
    assert sorted(apart) == sorted(by_group)
