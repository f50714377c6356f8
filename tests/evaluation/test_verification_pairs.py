"""Lists of pairs as people write them, and pairs drawn from all there are."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from artsim.errors import EvaluationError, MetadataError
from artsim.evaluation.tasks.verification import all_pairs, find_pairs, read_pairs

PAINTINGS = [
    {"painting_id": "images/ann_1.jpg", "image_uri": "file:///a/images/ann_1.jpg"},
    {"painting_id": "nga-7", "image_uri": "file:///a/ann%202.jpg"},
    {"painting_id": "nga-8", "image_uri": "https://museum.example/9.jpg"},
    {"painting_id": "x/bob.jpg"},
    {"painting_id": "y/bob.jpg"},
]


def write(folder: Path, text: str) -> Path:
    path = folder / "pairs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_reads_pairs_and_folds(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufefffile_a,file_b,same,fold\na.jpg, b.jpg ,1,x\nb.jpg,c.jpg,No,y\n")
    first, second = read_pairs(path)
    assert (first.first, first.second, first.same, first.fold, first.line) == (
        "a.jpg",
        "b.jpg",
        True,
        "x",
        2,
    )
    assert (second.same, second.fold) == (False, "y")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "none is called 'file_a'; it has: a, b"),
        ("", "none is called 'file_a'; it has: none"),
        ("file_a,file_b,same\n", "found none below the header"),
        ("file_a,file_b,same\na,b,1\na,,1\n", "line 3: expected two names and 1 or 0"),
        ("file_a,file_b,same\na,b,maybe\n", "line 2: .*'maybe'"),
        ("file_a,file_b,same\na,b\n", "line 2"),
        ("file_a,file_b,same,fold\na,b,1,2\na,c,1,\n", "line 3: other pairs have a fold"),
    ],
)
def test_refuses_what_is_no_list(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MetadataError, match=message):
        read_pairs(write(tmp_path, text))


def test_refuses_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match="cannot be read as CSV"):
        read_pairs(tmp_path / "missing.csv")
    (tmp_path / "latin.csv").write_bytes(b"file_a,file_b,same\n\xe9,b,1\n")
    with pytest.raises(MetadataError, match="cannot be read as CSV"):
        read_pairs(tmp_path / "latin.csv")


def test_finds_pictures_by_id_and_by_file(tmp_path: Path) -> None:
    rows = "ann_1.jpg,ann 2.jpg,1\nnga-8,images/ann_1.jpg,0\nnga-7,ann_1.jpg,1\nx/bob.jpg,nga-8,0\n"
    path = write(tmp_path, "file_a,file_b,same\n" + rows)
    pairs = find_pairs(read_pairs(path), {str(p["painting_id"]): p for p in PAINTINGS}, path)
    # The third row is the first again.
    assert [((pair.first, pair.second), pair.same) for pair in pairs] == [
        (("images/ann_1.jpg", "nga-7"), True),
        (("nga-8", "images/ann_1.jpg"), False),
        (("x/bob.jpg", "nga-8"), False),
    ]


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (
            "zoe.jpg,nga-7,1\nyan.jpg,nga-7,1\n",
            EvaluationError,
            "'zoe.jpg' is the id or the file name of 0",
        ),
        ("bob.jpg,nga-7,1\n", EvaluationError, "the file name of 2 paintings"),
        ("nga-7,nga-8,1\nnga-8,nga-7,0\n", MetadataError, "line 3: .* opposite truth"),
    ],
)
def test_refuses_pictures_it_cannot_tell(
    tmp_path: Path, rows: str, error: type[Exception], message: str
) -> None:
    path = write(tmp_path, "file_a,file_b,same\n" + rows)
    with pytest.raises(error, match=message):
        find_pairs(read_pairs(path), {str(p["painting_id"]): p for p in PAINTINGS}, path)


def test_all_pairs_are_all() -> None:
    first, second = all_pairs(np.array([0, 1, 0, 2, 1, 0]), most=100)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == list(
        combinations(range(6), 2)
    )


@pytest.mark.parametrize("most", [200, 2000])
def test_sample_of_pairs(most: int) -> None:
    labels = np.random.default_rng(0).integers(0, 12, 120)
    first, second = all_pairs(labels, most=most, seed=4)
    assert len(first) == len(set(zip(first.tolist(), second.tolist(), strict=True))) == most
    assert (first < second).all()
    existing = sum(n * (n - 1) // 2 for n in np.bincount(labels))
    assert (labels[first] == labels[second]).sum() == min(existing, most // 2)
    assert (all_pairs(labels, most=most, seed=4)[0] == first).all()
    assert not np.array_equal(all_pairs(labels, most=most, seed=5)[0], first)


def test_sample_draws_pairs_of_one_label_evenly() -> None:
    """Each pair of a label, in labels of many works and of few, is drawn as often."""
    labels = np.repeat([0, 1], [30, 6])
    drawn = np.zeros((36, 36))
    for seed in range(300):
        first, second = all_pairs(labels, most=40, seed=seed)
        drawn[first, second] += labels[first] == labels[second]
    of_small = drawn[30:, 30:][np.triu_indices(6, 1)]
    of_large = drawn[:30, :30][np.triu_indices(30, 1)]
    assert of_small.mean() == pytest.approx(of_large.mean(), rel=0.1)
    assert of_large.mean() == pytest.approx(300 * 20 / (435 + 15), rel=0.02)


def test_sample_ends_where_pairs_of_a_kind_are_few() -> None:
    labels = np.zeros(400, dtype=np.intp)
    labels[0] = 1
    first, second = all_pairs(labels, most=2000)
    same = labels[first] == labels[second]
    assert 0 < (~same).sum() <= 399
    assert same.sum() == 1000
