"""Batches, losses, the decoder, variations and the split, each by itself."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from face_runs import crops, face_set
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from torch.nn import functional

from artsim.training.face_trainee import (
    REBUILT_SIDE,
    AngularMarginLoss,
    ContrastiveLoss,
    CropDecoder,
    draw_batch,
    misordered_share,
    reconstruction_loss,
    vary,
)


def unit_rows(count: int, dim: int = 8, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(count, dim, generator=generator))


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    people=st.integers(1, 6),
    faces=st.integers(1, 5),
    step=st.integers(0, 1000),
)
def test_batches_are_balanced(sizes: list[int], people: int, faces: int, step: int) -> None:
    codes = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    drawn = draw_batch(codes, people=people, faces=faces, random=np.random.default_rng((3, step)))
    again = draw_batch(codes, people=people, faces=faces, random=np.random.default_rng((3, step)))
    np.testing.assert_array_equal(drawn, again)
    counts = Counter(codes[drawn].tolist())
    assert len(counts) == min(people, len(sizes))
    assert set(counts.values()) == {faces}
    for person, count in counts.items():
        different = len(set(drawn[codes[drawn] == person].tolist()))
        assert different == min(count, sizes[person])  # none again before all have come


def test_batches_of_other_steps_and_seeds_differ() -> None:
    codes = np.repeat(np.arange(20), 10)

    def draw(seed: int, step: int) -> list[int]:
        random = np.random.default_rng((seed, step))
        return draw_batch(codes, people=8, faces=4, random=random).tolist()

    assert len({tuple(draw(seed, step)) for seed in range(3) for step in range(3)}) == 9


def test_contrastive_loss_is_that_of_the_paper() -> None:
    rows, people = unit_rows(7), torch.tensor([0, 0, 1, 1, 1, 2, 3])
    together, apart = [], []
    for i in range(7):
        for j in range(i + 1, 7):
            distance = math.dist(rows[i].tolist(), rows[j].tolist())
            if people[i] == people[j]:
                together.append(distance**2)
            else:
                apart.append(max(0.0, 1.2 - distance) ** 2)
    expected = (np.mean(together) + np.mean(apart)) / 2
    assert ContrastiveLoss(1.2)(rows, people).item() == pytest.approx(expected, rel=1e-5)
    alone = ContrastiveLoss()(rows[:2], torch.tensor([0, 1]))
    assert alone.item() == pytest.approx(max(0.0, 1 - math.dist(*rows[:2].tolist())) ** 2 / 2)


def test_equal_embeddings_have_a_gradient() -> None:
    rows = torch.ones(4, 3, requires_grad=True)
    ContrastiveLoss()(functional.normalize(rows), torch.tensor([0, 0, 1, 1])).backward()
    assert rows.grad is not None
    assert torch.isfinite(rows.grad).all()


def test_margin_loss_adds_the_angle() -> None:
    loss = AngularMarginLoss(8, 3, margin=0.4, scale=10)
    rows, people = unit_rows(5), torch.tensor([0, 1, 2, 0, 1])
    directions = functional.normalize(loss.directions.detach())
    angles = torch.arccos((rows @ directions.T).double())
    assert (angles + 0.4 < math.pi).all()
    for i, person in enumerate(people):
        angles[i, person] += 0.4
    expected = functional.cross_entropy(10 * angles.cos(), people)
    assert loss(rows, people).item() == pytest.approx(expected.item(), rel=1e-5)
    plain = AngularMarginLoss(8, 3, margin=0, scale=10)
    plain.load_state_dict(loss.state_dict())
    assert plain(rows, people) < loss(rows, people)


def test_margin_loss_grows_with_the_angle_all_the_way_round() -> None:
    loss = AngularMarginLoss(2, 2, margin=0.5)
    with torch.no_grad():
        loss.directions.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    angles = torch.linspace(0, -math.pi, 50)
    rows = torch.stack([angles.cos(), angles.sin()], 1)
    scores = torch.stack([loss(row[None], torch.tensor([0])) for row in rows[:40]])
    assert (scores.diff() > -1e-4).all()
    opposite = torch.tensor([[-1.0, 0.0]], requires_grad=True)
    loss(opposite, torch.tensor([0])).backward()
    assert torch.isfinite(opposite.grad).all()


def test_margins_that_make_no_sense() -> None:
    for margin in (0.0, 2.1):
        with pytest.raises(ValueError, match="margin"):
            ContrastiveLoss(margin)
    with pytest.raises(ValueError, match="margin"):
        AngularMarginLoss(4, 2, margin=2)


def test_the_decoder_rebuilds_small_crops() -> None:
    torch.manual_seed(0)
    rebuilt = CropDecoder(8)(unit_rows(3))
    assert rebuilt.shape == (3, 3, REBUILT_SIDE, REBUILT_SIDE)
    assert 0 <= rebuilt.min() < rebuilt.max() <= 1
    gray = torch.full((3, 3, 112, 112), 0.25)
    assert reconstruction_loss(torch.full_like(rebuilt, 0.75), gray).item() == pytest.approx(0.25)


def test_variations_come_of_the_generator_alone() -> None:
    pictures = torch.from_numpy(np.stack(crops(2, 2))).permute(0, 3, 1, 2).float() / 255
    before = pictures.clone()
    one, same, other = (vary(pictures, np.random.default_rng(step)) for step in (1, 1, 2))
    assert torch.equal(pictures, before)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.shape == pictures.shape
    assert 0 <= one.min() < one.max() <= 1
    # Still the same picture, or its mirror image, if darker or lighter.
    for new, old in zip(one, before, strict=True):
        views = torch.stack([old, old.flip(2)]).mean(1).flatten(1)
        together = torch.corrcoef(torch.cat([new.mean(0).flatten()[None], views]))
        assert together[0, 1:].max() > 0.6


def test_misordered_pairs_are_one_minus_the_area_under_the_curve() -> None:
    rows = unit_rows(30)
    codes = np.random.default_rng(1).integers(0, 6, 30)
    first, second = np.triu_indices(30, k=1)
    cosines = (rows @ rows.T).numpy()[first, second]
    expected = 1 - roc_auc_score(codes[first] == codes[second], cosines)
    assert misordered_share(rows, codes) == pytest.approx(expected, abs=1e-6)
    assert misordered_share(torch.ones(4, 2), np.array([0, 0, 1, 1])) == 0.5
    assert misordered_share(rows[:3], np.array([0, 1, 2])) is None
    assert misordered_share(rows[:3], np.zeros(3, int)) is None


def test_the_split_is_by_person_and_the_same_for_more_people() -> None:
    faces = face_set(60, 3, test=0.3, validation=0.2)
    sides = {}
    for person, side in zip(faces.people, faces.sides, strict=True):
        assert sides.setdefault(person, side) == side
    counts = Counter(sides.values())
    assert set(counts) == {"train", "validation", "test"}
    assert 10 <= counts["test"] <= 26
    fewer = face_set(30, 3, test=0.3, validation=0.2)
    assert all(sides[p] == s for p, s in zip(fewer.people, fewer.sides, strict=True))
    codes, names = faces.codes("test")
    assert [names[code] for code in codes] == [faces.people[i] for i in faces.rows("test")]
