"""Lots and bounds draw from exactly what a search could find."""

import numpy as np
import pytest

from artsim.evaluation.pixel_scores import Subject
from artsim.evaluation.tasks.pixels import Subjects, sample_queries


def make_subjects(*, not_same_artist: bool) -> Subjects:
    """Twelve paintings of three artists, each with one to three faces."""
    by_painting = {
        f"p{i:02d}": tuple(
            Subject(f"p{i:02d}#{face}", {"painting_id": f"p{i:02d}", "artist_key": f"a{i % 3}"})
            for face in range(1 + i % 3)
        )
        for i in range(12)
    }
    return Subjects(by_painting, not_same_artist)


@pytest.mark.parametrize("not_same_artist", [False, True])
def test_hits_drawn_by_lot(not_same_artist: bool) -> None:
    subjects = make_subjects(not_same_artist=not_same_artist)
    random = np.random.default_rng(0)
    seen: set[str] = set()
    for _ in range(40):
        pairs = subjects.random_pairs("p05", 4, random)
        assert len(pairs) == 4
        assert all(own.painting_id == "p05" for own, _ in pairs)
        hits = {hit.key for _, hit in pairs}
        assert len(hits) == 4
        seen |= hits
    possible = {
        s.key
        for painting_id, of_one in subjects.by_painting.items()
        for s in of_one
        if painting_id != "p05" and not (not_same_artist and int(painting_id[1:]) % 3 == 2)
    }
    assert seen == possible
    assert {hit.key for _, hit in subjects.all_pairs("p05", 100)} == possible
    assert len(subjects.all_pairs("p05", 100)) == 3 * len(possible)
    assert subjects.all_pairs("p05", 5) == []


def test_fewer_hits_than_wanted() -> None:
    subjects = make_subjects(not_same_artist=True)
    assert len(subjects.random_pairs("p00", 100, np.random.default_rng(0))) == 4 * 2 + 4 * 3


def test_more_queries_contain_fewer() -> None:
    ids = [f"p{i}" for i in range(50)]
    few, many = (sample_queries(ids, count, 3) for count in (5, 20))
    assert set(few) < set(many)
    assert many == sorted(many)
    assert sorted(sample_queries(ids, 50, 3)) == sorted(ids)
