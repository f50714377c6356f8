"""Faces and people: boxes, who can be whose, and the best one-to-one matching."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim.errors import MetadataError
from artsim.evaluation.statistics import estimate_share
from artsim.evaluation.tasks.detection import (
    match_faces,
    match_one_to_one,
    parse_boxes,
    place_in_people,
    place_on_faces,
)


def test_parses_boxes() -> None:
    boxes = parse_boxes("1:2:30:40; -3:0:5.5:6 ", "here")
    assert boxes.tolist() == [[1, 2, 30, 40], [-3, 0, 5.5, 6]]


@pytest.mark.parametrize(
    "text", ["", "1:2:3", "1:2:3:4:5", "a:2:3:4", "1:2:3:4;", "5:2:3:4", "1:9:3:4", "1..2:1:9:9"]
)
def test_refuses_other_boxes(text: str) -> None:
    with pytest.raises(MetadataError, match=r"painting 'p1'.*expected boxes as x1:y1:x2:y2"):
        parse_boxes(text, "painting 'p1'")


def face_at(x: float, y: float, side: float = 10) -> list[float]:
    return [x - side / 2, y - side / 2, x + side / 2, y + side / 2]


@pytest.mark.parametrize(
    ("x", "y", "belongs"),
    [(50, 100, True), (0, 0, True), (100, 120, True), (50, 121, False), (101, 50, False)],
)
def test_a_face_sits_in_the_upper_part(x: float, y: float, belongs: bool) -> None:
    whole = np.array([[0.0, 0, 100, 200]])
    places = place_in_people(np.array([face_at(x, y)]), whole, upper=0.6)
    assert (places > 0).tolist() == [[belongs]]
    assert place_in_people(np.array([face_at(50, 199)]), whole, upper=1.0)[0, 0] > 0


def test_the_middle_of_the_upper_edge_is_best() -> None:
    people = np.array([[0.0, 0, 100, 200], [40.0, 0, 60, 40]])
    places = place_in_people(np.array([face_at(50, 5), face_at(10, 100)]), people, upper=0.6)
    assert places[0, 0] > places[1, 0] > 0
    assert places[1, 1] == 0
    assert (places <= 1).all()


def test_overlap_of_faces() -> None:
    drawn = np.array([[0.0, 0, 10, 10], [20.0, 0, 30, 10]])
    faces = np.array([[0.0, 0, 10, 5], [24.0, 0, 34, 10], [50.0, 0, 60, 10]])
    places = place_on_faces(faces, drawn, least_iou=0.4)
    assert places == pytest.approx(np.array([[0.5, 0], [0, 60 / 140], [0, 0]]))
    assert place_on_faces(faces, drawn, least_iou=0.45)[1, 1] == 0


def best_by_trying_all(places: np.ndarray) -> tuple[int, float]:
    """Most pairs, and the best sum of places among the ways to have so many."""
    faces, people = places.shape
    if faces > people:
        return best_by_trying_all(places.T)
    found = []
    for chosen in permutations(range(people), faces):
        kept = [places[f, p] for f, p in enumerate(chosen) if places[f, p] > 0]
        found.append((len(kept), float(sum(kept))))
    return max(found)


@settings(max_examples=50)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 10_000), st.floats(0.1, 0.9))
def test_matching_is_the_best_of_all(faces: int, people: int, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    places = rng.uniform(0.01, 1, (faces, people)) * (rng.random((faces, people)) < share)
    person = match_one_to_one(places)
    kept = [(f, p) for f, p in enumerate(person.tolist()) if p >= 0]
    assert len({p for _, p in kept}) == len(kept)
    assert all(places[f, p] > 0 for f, p in kept)
    count, total = best_by_trying_all(places)
    assert len(kept) == count
    assert sum(places[f, p] for f, p in kept) == pytest.approx(total)


def test_more_pairs_come_before_better_ones() -> None:
    # The first face would suit the first person best, but is the second's only chance.
    assert match_one_to_one(np.array([[0.99, 0.01], [0.02, 0.0]])).tolist() == [1, 0]


def test_faces_of_a_painting() -> None:
    # Two faces in one person's box, one in nobody's; the second person has none.
    places = np.array([[0.9, 0], [0.4, 0], [0, 0]])
    found = match_faces(places)
    assert found.has_face.tolist() == found.has_any.tolist() == [True, False]
    assert found.has_person.tolist() == [True, False, False]
    assert found.is_outside.tolist() == [False, False, True]


def test_a_face_that_two_people_could_share() -> None:
    found = match_faces(np.array([[0.9, 0.8]]))
    assert found.has_face.tolist() == [True, False]
    assert found.has_any.tolist() == [True, True]


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_nobody_to_match(shape: tuple[int, int]) -> None:
    found = match_faces(np.zeros(shape))
    assert found.has_face.tolist() == [False] * shape[1]
    assert found.has_person.tolist() == [False] * shape[0]
    assert found.is_outside.tolist() == [True] * shape[0]


def test_share_over_paintings() -> None:
    rng = np.random.default_rng(0)
    people = rng.integers(0, 6, 400)
    covered = rng.binomial(people, 0.4)
    found = estimate_share(covered, people)
    assert found is not None
    assert found == estimate_share(covered, people)
    assert found.value == covered.sum() / people.sum()
    assert found.count == people.sum()
    # Linearized standard error of a ratio of sums (Cochran 1977, chapter 2.11).
    residuals = covered - found.value * people
    error = np.sqrt(len(people) * residuals.var(ddof=1)) / people.sum()
    assert (found.high - found.low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.1)


def test_people_of_one_painting_are_not_drawn_one_by_one() -> None:
    """Where all of a painting are found or none, few paintings say little."""
    people = np.full(20, 50)
    together = estimate_share(people * (np.arange(20) % 2), people)
    apart = estimate_share(np.full(20, 25), people)
    assert together is not None
    assert apart is not None
    assert together.value == apart.value == 0.5
    assert apart.high == apart.low == 0.5
    assert together.high - together.low > 0.3


def test_share_of_nothing() -> None:
    assert estimate_share([0, 0], [0, 0]) is None
    with pytest.raises(ValueError, match="two arrays"):
        estimate_share([1, 2], [1, 2, 3])
