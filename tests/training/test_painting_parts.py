"""What the training of a painting encoder is made of."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from artsim.catalog.progress import SilentProgress
from artsim.encoders.networks import PaintingNetwork
from artsim.encoders.trained import compress, expand
from artsim.errors import TrainingError
from artsim.training.lessons import (
    VIEW_SIDE,
    Sampler,
    Whitening,
    augment,
    draw_view,
    join_targets,
    normalize,
    places,
    shrink,
)
from artsim.training.painting_training import (
    PaintingOptimizer,
    cells_at,
    cells_loss,
    contrast,
    finish,
)
from artsim.training.recipes import Augmentation, PaintingOptions

NOTHING = Augmentation(mirrored=0, gray=0, recolored=0, warped=0, framed=0, noisy=0)


def pictures(count: int, side: int = 32, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((count, 3, 4, 4), generator=generator) * 255
    smooth = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic")
    return smooth.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def test_contrast_is_the_published_formula() -> None:
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(9, 5))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2, 3])
    expected = []
    for i in range(9):
        others = [j for j in range(9) if j != i]
        alike = [j for j in others if labels[j] == labels[i]]
        if not alike:
            continue
        below = sum(np.exp(rows[i] @ rows[j] / 0.1) for j in others)
        logs = [np.log(np.exp(rows[i] @ rows[j] / 0.1) / below) for j in alike]
        expected.append(-np.mean(logs))
    loss = contrast(torch.from_numpy(rows), torch.from_numpy(labels))
    assert float(loss) == pytest.approx(np.mean(expected), rel=1e-6)


def test_contrast_of_ignored_pairs_does_not_see_them() -> None:
    rows = torch.nn.functional.normalize(torch.randn(4, 6), dim=1)
    labels = torch.tensor([0, 0, 1, 1])
    ignored = torch.zeros(4, 4, dtype=torch.bool)
    ignored[0, 3] = ignored[3, 0] = True
    assert contrast(rows, labels, ignored=ignored) != contrast(rows, labels)
    alone = contrast(rows[:1], labels[:1])
    assert float(alone) == 0


def test_augmentation_without_anything_only_resizes() -> None:
    views = pictures(3)
    same = augment(views, 32, NOTHING, torch.Generator().manual_seed(0))[0]
    assert torch.allclose(same, shrink(views, 32), atol=1e-4)
    assert same.shape == (3, 3, 32, 32)


def test_augmentation_is_repeatable_and_changes_pictures() -> None:
    views = pictures(16)
    first, second, other = (
        augment(views, 24, Augmentation(), torch.Generator().manual_seed(seed))[0]
        for seed in (5, 5, 6)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert bool(torch.isfinite(first).all())


def test_gray_and_mirrored_views_are_that() -> None:
    views = pictures(4)
    mirrored, gray = (
        augment(views, 32, how, torch.Generator().manual_seed(0))[0]
        for how in (Augmentation(1, 0, 0, 0, 0, 0), Augmentation(0, 1, 0, 0, 0, 0))
    )
    assert torch.allclose(mirrored, shrink(views, 32).flip(3), atol=1e-4)
    black = normalize(torch.zeros(1, 3, 1, 1))
    white = normalize(torch.ones(1, 3, 1, 1))
    levels = (gray - black) / (white - black)
    assert float((levels - levels.mean(1, keepdim=True)).abs().max()) < 1e-4


def test_framed_views_have_a_wall_of_one_color() -> None:
    framed, _ = augment(
        pictures(8), 48, Augmentation(0, 0, 0, 0, 1, 0), torch.Generator().manual_seed(1)
    )
    has_wall = [
        bool((p[:, 0, :] == p[:, 0, :1]).all() or (p[:, -1, :] == p[:, -1, :1]).all())
        for p in framed
    ]
    assert sum(has_wall) >= 6


def test_places_say_where_in_the_view_each_cell_lies() -> None:
    side = 64
    line = (torch.arange(side) + 0.5) / side * 255
    across, down = line.expand(side, side), line[:, None].expand(side, side)
    views = (
        torch.stack([across, down, torch.zeros(side, side)], -1).to(torch.uint8).repeat(20, 1, 1, 1)
    )
    how = Augmentation(0.5, 0, 0, 1, 0.3, 0)
    changed, homographies = augment(views, 60, how, torch.Generator().manual_seed(3))
    where = places(homographies, 12)
    is_inside = (where.abs() < 0.8).all(-1)
    mean, std = normalize(torch.zeros(1, 3, 1, 1)), normalize(torch.ones(1, 3, 1, 1))
    seen = (changed - mean) / (std - mean) * 2 - 1
    of_cells = torch.nn.functional.avg_pool2d(seen[:, :2], 5).permute(0, 2, 3, 1)
    assert is_inside.sum() > 500
    assert float((of_cells - where)[is_inside].abs().max()) < 0.05


def test_cells_are_seen_where_the_picture_was_moved_to() -> None:
    cells = np.zeros((2, 7, 7, 3), np.float16)
    cells[..., 0] = 1
    cells[:, :, :3] = (0, 1, 0)
    mirror = torch.diag(torch.tensor([-1.0, 1.0, 1.0])).expand(2, 3, 3)
    found = cells_at(cells, places(mirror, 7))
    assert found.shape == (2, 3, 7, 7)
    assert bool((found[:, 1, :, 4:] == 1).all() and (found[:, 0, :, :4] == 1).all())
    far = torch.diag(torch.tensor([3.0, 3.0, 1.0])).expand(2, 3, 3)
    sums = cells_at(cells, places(far, 7)).sum(1)
    assert bool((sums[:, 0] == 0).all() and (sums[:, 3, 3] > 0).all())


def test_loss_of_cells_leaves_out_where_there_is_no_picture() -> None:
    cells = torch.randn(3, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    cells[:, :, 0] = 0
    seen = 2 * cells + (cells == 0)
    assert float(cells_loss(seen, cells)) == pytest.approx(0, abs=1e-6)
    assert float(cells_loss(-seen, cells)) == pytest.approx(2, abs=1e-6)
    assert float(cells_loss(seen, torch.zeros_like(cells))) == 0


def test_the_optimizer_changes_weights_as_muon_and_adamw_do() -> None:
    torch.manual_seed(0)
    first = torch.nn.Conv2d(3, 4, 3)
    second = torch.nn.Conv2d(4, 6, 3)
    networks = torch.nn.Sequential(first, second).to(memory_format=torch.channels_last)
    matrix = torch.nn.Parameter(second.weight.detach().permute(0, 2, 3, 1).reshape(6, 36).clone())
    rest = [first.weight, first.bias, second.bias]
    copies = [torch.nn.Parameter(p.detach().clone()) for p in rest]
    muon = torch.optim.Muon([matrix], weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    adamw = torch.optim.AdamW(
        [{"params": copies[:1], "weight_decay": 0.1}, {"params": copies[1:], "weight_decay": 0}]
    )
    optimizer = PaintingOptimizer([networks], [], weight_decay=0.1)
    for rate in (0.01, 0.02):
        networks(pictures(2, 8).permute(0, 3, 1, 2).float()).square().mean().backward()
        matrix.grad = second.weight.grad.permute(0, 2, 3, 1).reshape(6, 36).clone()
        for copied, parameter in zip(copies, rest, strict=True):
            copied.grad = parameter.grad.clone()
        for expected in (muon, adamw):
            for group in expected.param_groups:
                group["lr"] = rate
            expected.step()
        optimizer.step(rate)
        assert all(parameter.grad is None for parameter in networks.parameters())
    changed = second.weight.permute(0, 2, 3, 1).reshape(6, 36)
    assert torch.allclose(changed, matrix, atol=1e-6)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(rest, copies, strict=True))


def test_the_optimizer_refuses_weights_of_which_it_would_change_a_copy() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Conv2d(4, 6, 3))
    with pytest.raises(RuntimeError, match="view"):
        PaintingOptimizer([network], [], weight_decay=0.1)


def test_views_are_repeatable_parts() -> None:
    image = pictures(1, 300)[0].numpy()[:, :200]
    assert np.array_equal(draw_view(image, "key", 3), draw_view(image, "key", 3))
    assert not np.array_equal(draw_view(image, "key", 3), draw_view(image, "key", 4))
    assert not np.array_equal(draw_view(image, "key", 3), draw_view(image, "other", 3))
    assert draw_view(image, "key", 0).shape == (VIEW_SIDE, VIEW_SIDE, 3)
    assert draw_view(image[:1, :1], "key", 5).shape == (VIEW_SIDE, VIEW_SIDE, 3)


def options(**changes: object) -> PaintingOptions:
    settings = {"teachers": ("a",), "teacher_weights": (1.0,), "groups": 3, "works": 2, "parts": 4}
    return PaintingOptions(**{**settings, **changes})  # type: ignore[arg-type]


def test_batches_have_groups_alike_in_number() -> None:
    names = ["a"] * 50 + ["b"] * 2 + ["c"] * 3 + ["d"]
    sampler = Sampler(names, options())
    seen = set()
    for step in range(40):
        works, views = sampler.draw(step)
        assert all(map(np.array_equal, (works, views), sampler.draw(step)))
        half = len(works) // 2
        assert np.array_equal(works[:half], works[half:])
        groups = [names[work] for work in works[:half]]
        assert all(groups.count(name) == 2 for name in groups)
        assert ((views >= 0) & (views <= 4)).all()
        assert (views[half:] > 0).all()
        seen |= set(groups)
    assert seen == set(names)


def test_too_few_groups_are_said() -> None:
    with pytest.raises(TrainingError, match=r"2 values of artist.*3 are needed"):
        Sampler(["a", "b", "b"], options())


@pytest.mark.parametrize("changes", [{"teachers": ()}, {"steps": 0}, {"works": 1}])
def test_options_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="at least"):
        options(**changes)


def test_the_side_grows_with_the_run() -> None:
    chosen = options(steps=100, sides=((0.0, 96), (0.5, 128)))
    assert [chosen.side_at(step) for step in (0, 49, 50, 99)] == [96, 96, 128, 128]


def test_whitening_makes_deviations_even() -> None:
    generator = np.random.default_rng(1)
    rows = generator.normal(size=(500, 8)) * np.array([8, 4, 2, 1, 1, 1, 0.5, 0.1])
    whole = Whitening.fit(rows, 8, 1.0)
    turned = (rows - whole.mean) @ whole.axes
    assert np.allclose(np.cov(turned.T, bias=True), np.eye(8), atol=1e-3)
    plain = Whitening.fit(rows, 8, 0.0)
    lengths = np.linalg.norm((rows - plain.mean) @ plain.axes, axis=1)
    assert np.allclose(lengths, np.linalg.norm(rows - rows.mean(0), axis=1), rtol=1e-4)
    with pytest.raises(TrainingError, match="same vector"):
        Whitening.fit(np.ones((5, 3)), 3, 0.5)


def test_targets_keep_who_is_near_whom() -> None:
    generator = np.random.default_rng(2)
    whole = generator.normal(size=(200, 1, 12)).astype(np.float16)
    teacher = np.concatenate([whole, whole], axis=1)
    targets = join_targets([teacher], [1.0], 20)
    assert targets.shape == (200, 2, 20)
    assert np.allclose(np.linalg.norm(targets, axis=2), 1, atol=1e-5)
    assert np.allclose(targets[:, 0], targets[:, 1], atol=1e-5)
    assert np.all(targets[..., 12:] == 0)
    both = join_targets([teacher, teacher], [1.0, 3.0], 12)
    one = targets[:, 0, :12] @ targets[:, 0, :12].T
    assert np.allclose(both[:, 0] @ both[:, 0].T, one, atol=1e-4)


@given(st.integers(1, 6), st.integers(1, 40), st.integers(0, 100))
def test_compact_weights_are_off_by_half_a_level(outputs: int, inputs: int, seed: int) -> None:
    weight = torch.randn((outputs, inputs), generator=torch.Generator().manual_seed(seed))
    state = {"layer.weight": weight, "layer.bias": torch.randn(outputs), "count": torch.tensor(3)}
    small = compress(state)
    assert small["layer.weight"].dtype == torch.int8
    back = expand(small)
    assert back.keys() == state.keys()
    level = weight.abs().amax(dim=1, keepdim=True) / 127
    assert bool(((back["layer.weight"] - weight).abs() <= 0.5001 * level).all())
    assert torch.equal(back["layer.bias"], state["layer.bias"])
    assert torch.equal(back["count"], state["count"])


def test_at_the_end_what_differs_within_groups_counts_less() -> None:
    torch.manual_seed(0)
    network = PaintingNetwork(widths=(8, 12), depths=(1, 1), stem=8, covariances=4, dim=6).eval()
    views = np.stack([pictures(40, 64).numpy()], axis=1)
    groups = [f"group {number % 8}" for number in range(40)]

    def spread() -> np.ndarray:
        """Return the covariance of differences between works of one group."""
        with torch.inference_mode():
            rows = network(shrink(torch.from_numpy(views[:, 0]), 32)).numpy().astype(np.float64)
        pairs = [rows[i] - rows[j] for i in range(40) for j in range(i) if (i - j) % 8 == 0]
        return np.cov(np.array([*pairs, *(-pair for pair in pairs)]).T)

    variances = np.linalg.eigvalsh(spread())
    finish(network, views, groups, side=32, progress=SilentProgress())
    after = spread()
    assert np.allclose(after, np.diag(np.diag(after)), atol=1e-3 * after.max())
    halved = variances / np.sqrt(0.9 * variances + 0.1 * variances.mean())
    assert np.allclose(np.diag(after) / np.diag(after)[-1], halved / halved[-1], rtol=0.02)


def test_without_fellows_nothing_changes() -> None:
    rows = np.random.default_rng(0).normal(size=(6, 3))
    assert Whitening.fit_within(rows, list("abcdef"), 0.5) is None
    assert Whitening.fit_within(np.ones((6, 3)), list("aabbcc"), 0.5) is None


def test_without_norms_of_its_own_a_network_gives_the_same() -> None:
    torch.manual_seed(1)
    network = PaintingNetwork(widths=(8, 12), depths=(2, 1), stem=8, covariances=4, dim=6)
    for _ in range(3):  # so that the norms have something to do
        network(torch.randn(8, 3, 32, 32) * 2 + 1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    network.eval()
    inputs = torch.randn(4, 3, 40, 40)
    with torch.inference_mode():
        before = network(inputs)
    network.make_ready()
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    with torch.inference_mode():
        assert torch.allclose(network(inputs), before, atol=1e-4)
