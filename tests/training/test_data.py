"""Splits by group, and works with their labels."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim.catalog.names import side_of
from artsim.errors import SourceError, TrainingError
from artsim.ingest.records import SourcePainting
from artsim.ingest.sources import read_source
from artsim.training.data import read_works, works_identity, write_source, write_split


@settings(max_examples=25)
@given(st.text(), st.integers(0, 5))
def test_a_group_is_always_on_the_same_side(group: str, seed: int) -> None:
    sides = {side_of(group, test=0.3, validation=0.2, seed=seed) for _ in range(2)}
    assert len(sides) == 1
    assert side_of(group, test=0.0, seed=seed) == "train"
    assert side_of(group, test=1.0, seed=seed) == "test"


def test_sides_have_about_their_shares() -> None:
    counts = Counter(side_of(f"artist {i}", test=0.25, validation=0.1) for i in range(4000))
    assert counts["test"] / 4000 == pytest.approx(0.25, abs=0.025)
    assert counts["validation"] / 4000 == pytest.approx(0.1, abs=0.02)


@settings(max_examples=25)
@given(st.text(), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_larger_test_side_keeps_what_it_had(group: str, small: float, more: float) -> None:
    if side_of(group, test=small) == "test":
        assert side_of(group, test=small + more) == "test"


@pytest.mark.parametrize(("test", "validation"), [(-0.1, 0), (0.7, 0.4), (0, 1.1)])
def test_shares_that_are_none_are_refused(test: float, validation: float) -> None:
    with pytest.raises(ValueError, match="are not within"):
        side_of("artist", test=test, validation=validation)


def test_works_have_the_labels_of_an_ingest(sample: Path) -> None:
    works, problems = read_works([sample])
    assert problems == []
    assert len(works) == 60
    assert [work.key for work in works] == sorted({work.key for work in works})
    work = next(work for work in works if work.key == "sample/met-437388")
    assert work.label("artist") == work.payload["artist_key"]
    assert work.label("style") == work.payload["style"][0]
    assert work.label("extra.nothing") is None
    assert work.path.is_file()


def test_the_identity_follows_labels_and_files(sample: Path) -> None:
    works, _ = read_works([sample])
    assert works_identity(works, ["artist"]) == works_identity(list(works), ["artist"])
    assert works_identity(works, ["artist"]) != works_identity(works, ["style"])
    assert works_identity(works, ["artist"]) != works_identity(works[1:], ["artist"])


def test_works_held_back_are_a_source(sample: Path, tmp_path: Path) -> None:
    works, _ = read_works([sample])
    write_source(works, tmp_path / "test")
    write_source(works, tmp_path / "test")
    again = list(read_source(tmp_path / "test"))
    assert len(again) == len(works)
    by_id = {entry.painting_id: entry for entry in again if isinstance(entry, SourcePainting)}
    for work in works:
        entry = by_id[work.key]
        ours, theirs = dict(work.payload), dict(entry.payload)
        for name in ("painting_id", "image_uri"):
            del ours[name], theirs[name]
        assert theirs == ours
        assert entry.image_path.read_bytes() == work.path.read_bytes()


def test_sources_that_are_none_are_said(sample: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no folder"):
        read_works([tmp_path / "missing"])
    with pytest.raises(TrainingError, match="two sources are called sample"):
        read_works([sample, sample])


def test_the_split_is_written(tmp_path: Path) -> None:
    rows = [("src/p0/0.png", "train", "ab12", "Name, the 0."), ("src/p1.png", "test", "", "b")]
    write_split(tmp_path / "new", rows, ("person",))
    with (tmp_path / "new" / "split.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == [
            ["picture", "side", "sha256", "person"],
            *map(list, rows),
        ]
