"""GeM and R-MAC against slow, independent readings of the papers."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim.encoders.timm import gem, rmac, rmac_regions

side = st.integers(1, 17)


def maps(count: int, channels: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, height, width, generator=generator).relu()


def reference_regions(height: int, width: int, scales: int) -> list[tuple[int, int, int]]:
    """Follow the published `rmac` of cnnimageretrieval-pytorch, with its region centers.

    That program also adds the maximum over the whole map, which the paper does not.
    """
    short = min(height, width)
    steps = [2, 3, 4, 5, 6, 7]
    gaps = [(max(height, width) - short) / (n - 1) for n in steps]
    overlaps = [abs((short**2 - short * gap) / short**2 - 0.4) for gap in gaps]
    index = overlaps.index(min(overlaps)) + 1
    extra_w, extra_h = (index if width > height else 0), (index if height > width else 0)
    found = []
    for scale in range(1, scales + 1):
        length = math.floor(2 * short / (scale + 1))
        if length == 0:
            continue
        half = math.floor(length / 2 - 1)

        def starts(total: int, extra: int) -> list[int]:
            count = scale + extra  # noqa: B023
            gap = 0 if count == 1 else (total - length) / (count - 1)  # noqa: B023
            # A hair more, for the quotient's rounding where the gap is no dyadic fraction.
            return [math.floor(half + i * gap + 1e-9) - half for i in range(count)]  # noqa: B023

        for y, x in itertools.product(starts(height, extra_h), starts(width, extra_w)):
            found.append((y, x, length))
    return found


@settings(max_examples=60, deadline=None, derandomize=True)
@given(side, side, st.integers(1, 4))
def test_rmac_regions_are_those_of_the_published_program(h: int, w: int, scales: int) -> None:
    if max(h, w) < 4.5 * min(h, w):  # beyond, the program runs out of steps
        assert rmac_regions(h, w, scales) == reference_regions(h, w, scales)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(side, side)
def test_rmac_regions_lie_within_the_map_and_reach_its_ends(h: int, w: int) -> None:
    regions = rmac_regions(h, w)
    assert all(min(y, x) >= 0 and y + s <= h and x + s <= w for y, x, s in regions)
    first = [r for r in regions if r[2] == min(h, w)]
    assert max(y + s for y, _, s in first) == h
    assert max(x + s for _, x, s in first) == w


def test_rmac_of_a_square_map_has_fourteen_regions() -> None:
    assert len(rmac_regions(7, 7)) == 1 + 4 + 9
    assert rmac_regions(7, 7)[0] == (0, 0, 7)


@pytest.mark.parametrize(("height", "width"), [(7, 7), (7, 11), (12, 5), (2, 2), (1, 1)])
def test_rmac_equals_a_slow_computation(height: int, width: int) -> None:
    given_maps = maps(3, 6, height, width)
    expected = []
    for one in given_maps.double().numpy():
        total = np.zeros(6)
        for y, x, s in reference_regions(height, width, 3):
            most = np.array([c[y : y + s, x : x + s].max() for c in one])
            total += most / max(np.linalg.norm(most), 1e-6)
        expected.append(total / np.linalg.norm(total))
    np.testing.assert_allclose(rmac(given_maps).numpy(), expected, atol=1e-5)


def test_gem_equals_a_slow_computation() -> None:
    given_maps = maps(2, 4, 5, 3)
    expected = [
        [np.mean([max(v, 1e-6) ** 3 for v in channel.ravel()]) ** (1 / 3) for channel in one]
        for one in given_maps.double().numpy()
    ]
    np.testing.assert_allclose(gem(given_maps).numpy(), expected, rtol=1e-5)


def test_gem_lies_between_the_average_and_the_maximum() -> None:
    given_maps = maps(2, 4, 5, 3)
    average, most = given_maps.mean(dim=(2, 3)), given_maps.amax(dim=(2, 3))
    np.testing.assert_allclose(gem(given_maps, 1.0).numpy(), average.numpy(), atol=1e-5)
    np.testing.assert_allclose(gem(given_maps, 50.0).numpy(), most.numpy(), rtol=0.06)
    assert bool((gem(given_maps) >= average).all())
    assert bool((gem(given_maps) <= most).all())


def test_negative_activations_count_as_none() -> None:
    given_maps = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    assert torch.equal(gem(given_maps), gem(given_maps.relu()))
