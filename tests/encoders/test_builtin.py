"""The built-in encoder: a small network whose weights are part of the package."""

import numpy as np
import pytest
import torch

from artsim.catalog.arrays import RGBImage
from artsim.encoders.base import Encoder
from artsim.encoders.registry import load_encoder, resolve
from artsim.encoders.trained import BUILTIN_FOLDER, WEIGHTS_FILE, read_config
from artsim.evaluation.edits import EDITS, edit_picture


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder("builtin", device="cpu")


def picture(seed: int, side: int = 120) -> RGBImage:
    """Return a made-up picture of soft shapes and some grain."""
    random = np.random.default_rng(seed)
    coarse = torch.from_numpy(random.random((1, 3, 5, 6)))
    soft = torch.nn.functional.interpolate(coarse, (side, side + 30), mode="bicubic")
    grain = random.normal(0, 0.04, (side, side + 30, 3))
    values = soft[0].permute(1, 2, 0).numpy() + grain
    return (255 * values.clip(0, 1)).astype(np.uint8)


def test_its_weights_are_small_and_its_card_is_whole() -> None:
    assert (BUILTIN_FOLDER / WEIGHTS_FILE).stat().st_size <= 8_000_000
    config = read_config(BUILTIN_FOLDER)
    assert config.dim == resolve("builtin").dim
    assert 128 <= config.dim <= 512
    assert {"data", "terms", "recipe", "date", "scores", "artsim"} <= config.card.keys()
    assert config.licence != "not stated"


def test_loading_it_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    load_encoder("builtin", device="cpu")
    assert torch.equal(torch.get_rng_state(), before)


def test_the_same_vectors_as_when_it_was_made(encoder: Encoder) -> None:
    rows = encoder.encode([picture(seed) for seed in range(3)])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert rows[:, :4] == pytest.approx(np.array(GOLDEN), abs=2e-3)


GOLDEN = [
    [0.015, 0.0373, -0.0237, -0.0217],
    [0.0131, 0.0334, -0.0491, -0.0129],
    [0.0093, 0.0155, -0.0429, -0.012],
]
"""The first numbers of three pictures' vectors; new weights need a new name as well."""


def test_a_picture_does_not_depend_on_its_neighbors(encoder: Encoder) -> None:
    pictures = [picture(seed) for seed in range(18)]  # more than are taken at once
    together = encoder.encode(pictures)
    alone = np.concatenate([encoder.encode([one]) for one in pictures])
    assert np.allclose(together, alone, atol=1e-4)


def test_one_picture_takes_one_core_and_leaves_the_others_as_they_were(encoder: Encoder) -> None:
    before = torch.get_num_threads()
    seen: list[int] = []
    hook = torch.nn.modules.module.register_module_forward_pre_hook(
        lambda *_: seen.append(torch.get_num_threads())
    )
    try:
        torch.set_num_threads(2)
        encoder.encode([picture(0)])
        assert set(seen) == {1}
        seen.clear()
        encoder.encode([picture(0), picture(1)])
        assert set(seen) == {2}
        assert torch.get_num_threads() == 2
    finally:
        hook.remove()
        torch.set_num_threads(before)


# Made-up pictures differ in little but color, and a detail or a wall leaves little of that.
@pytest.mark.parametrize(
    "edit", [name for name in EDITS if name not in ("detail", "frame", "grayscale")]
)
def test_a_copy_is_nearer_than_another_picture(encoder: Encoder, edit: str) -> None:
    pictures = [picture(seed) for seed in range(8)]
    copies = [
        edit_picture(one, edit, painting_id=str(number)).pixels
        for number, one in enumerate(pictures)
    ]
    cosines = encoder.encode(copies) @ encoder.encode(pictures).T
    assert (cosines.argmax(axis=1) == np.arange(8)).mean() >= 0.8


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (700, 3), (5, 5)])
def test_pictures_of_any_shape_have_a_vector(encoder: Encoder, shape: tuple[int, int]) -> None:
    row = encoder.encode([np.full((*shape, 3), 128, np.uint8)])
    assert np.isfinite(row).all()
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-5)
