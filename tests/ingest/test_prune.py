"""Pruning takes out what a source no longer has, and nothing else."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.errors import StoreError
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.ingest.summary import Counts
from artsim.store.gallery import Gallery, open_gallery

PLAIN = IngestOptions(encoders=("handcrafted",), faces=False)
PRUNE = IngestOptions(encoders=("handcrafted",), faces=False, prune=True)
PRUNE_ANY = IngestOptions(encoders=("handcrafted",), faces=False, prune=True, prune_any=True)
DRY = IngestOptions(encoders=("handcrafted",), faces=False, prune=True, dry_run=True)


@pytest.fixture(scope="module")
def works(sample: Path, make_works: Callable[..., Any]) -> Any:
    """Twelve pictures, 001.jpg to 012.jpg, the first with a face."""

    def fill(folder: Path) -> None:
        for number, picture in enumerate(sorted((sample / "images").iterdir())[1:13], 1):
            shutil.copy(picture, folder / f"{number:03}.jpg")

    return make_works(fill)


@pytest.fixture
def folder(works: Any) -> Path:
    made: Path = works.restore()
    return made


@pytest.fixture
def gallery(works: Any, folder: Path, tmp_path: Path) -> Iterator[Gallery]:
    """A gallery that has the folder."""
    with open_gallery(home=works.ingested(tmp_path / "home", PLAIN)) as opened:
        yield opened


@pytest.fixture
def of_list(works: Any, folder: Path, tmp_path: Path) -> Iterator[Gallery]:
    """A gallery that has what a list in the folder names."""
    write_list(folder / "list.csv", names(folder))
    with open_gallery(home=works.ingested(tmp_path / "home", PLAIN, "list.csv")) as opened:
        yield opened


def write_list(path: Path, names: list[str], *bad: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "filename"), *((f"N {n}", n) for n in names)])
        file.writelines(f"{line}\n" for line in bad)
    return path


def ids(gallery: Gallery) -> set[str]:
    return {str(r.payload["painting_id"]) for r in gallery[PAINTINGS].scroll()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.jpg"))


def test_a_deleted_row_is_taken_out_with_its_faces(folder: Path, of_list: Gallery) -> None:
    gallery, listed = of_list, folder / "list.csv"
    with_faces = IngestOptions(encoders=("handcrafted",), face_encoder="handcrafted", limit=1)
    assert ingest_paintings(gallery, listed, with_faces).counts.faces == 1
    write_list(listed, names(folder)[1:])
    dry = ingest_paintings(gallery, listed, DRY)
    assert dry.counts == Counts(unchanged=11, pruned=1)
    assert gallery[PAINTINGS].count() == 12
    assert ingest_paintings(gallery, listed, PLAIN).counts == Counts(unchanged=11)
    assert gallery[PAINTINGS].count() == 12
    summary = ingest_paintings(gallery, listed, PRUNE)
    assert (summary.counts, summary.refusal) == (Counts(unchanged=11, pruned=1), None)
    assert "N 001.jpg" not in ids(gallery)
    assert gallery[FACES].count() == 0


def test_what_came_from_elsewhere_stays(folder: Path, gallery: Gallery, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(folder / "001.jpg", other / "one.jpg")
    assert ingest_paintings(gallery, other, PRUNE_ANY).counts == Counts(written=1)
    assert gallery[PAINTINGS].count() == 13
    (folder / "002.jpg").unlink()
    assert ingest_paintings(gallery, folder, PRUNE).counts == Counts(unchanged=11, pruned=1)
    assert "one.jpg" in ids(gallery)


def test_more_than_a_tenth_goes_only_when_that_is_meant(folder: Path, gallery: Gallery) -> None:
    for name in ("001.jpg", "002.jpg"):
        (folder / name).unlink()
    for options in (PRUNE, DRY):
        summary = ingest_paintings(gallery, folder, options)
        assert summary.counts == Counts(unchanged=10)
        assert summary.refusal is not None
        assert "2 of 12 paintings" in str(summary.refusal)
        assert summary.refusal.hint == "--yes"
        assert gallery[PAINTINGS].count() == 12
    counts = ingest_paintings(gallery, folder, PRUNE_ANY).counts
    assert counts == Counts(unchanged=10, pruned=2)
    assert ids(gallery) == set(names(folder))


def test_what_cannot_be_read_is_not_deleted(folder: Path, of_list: Gallery) -> None:
    gallery, listed = of_list, folder / "list.csv"
    (folder / "001.jpg").write_bytes(b"")
    (folder / "002.jpg").unlink()
    summary = ingest_paintings(gallery, listed, PRUNE_ANY)
    assert (summary.counts, summary.refusal) == (Counts(unchanged=10, failed=2), None)
    assert gallery[PAINTINGS].count() == 12
    for name in names(folder):
        (folder / name).unlink()
    summary = ingest_paintings(gallery, listed, PRUNE_ANY)
    assert "no picture" in str(summary.refusal)
    assert gallery[PAINTINGS].count() == 12


def test_a_row_without_its_picture_keeps_the_painting(folder: Path, gallery: Gallery) -> None:
    (folder / "deep").mkdir()
    (folder / "001.jpg").rename(folder / "deep" / "001.jpg")
    (folder / "metadata.csv").write_text("filename,title\n001.jpg,One\n002.jpg,Two\n")
    ingest_paintings(gallery, folder, PLAIN)
    (folder / "deep" / "001.jpg").unlink()
    summary = ingest_paintings(gallery, folder, PRUNE_ANY)
    assert (summary.counts, summary.refusal) == (Counts(unchanged=11, failed=1), None)
    assert "deep/001.jpg" in ids(gallery)


def test_where_anything_may_be_hidden_nothing_is_taken_out(
    folder: Path, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "deep").mkdir()
    (folder / "001.jpg").rename(folder / "deep" / "001.jpg")
    ingest_paintings(gallery, folder, PLAIN)
    listing = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(os, "scandir", scandir)
    summary = ingest_paintings(gallery, folder, PRUNE_ANY)
    assert summary.counts.pruned == 0
    assert "deep" in str(summary.refusal)
    assert gallery[PAINTINGS].count() == 12


def test_a_line_that_cannot_be_read_stops_it_too(folder: Path, of_list: Gallery) -> None:
    gallery, listed = of_list, folder / "list.csv"
    write_list(listed, names(folder)[1:], "N 001.jpg,001.jpg,and,more,cells,than,columns")
    summary = ingest_paintings(gallery, listed, PRUNE_ANY)
    assert summary.counts.pruned == 0
    assert "N 001.jpg" in ids(gallery)
    assert summary.refusal is not None
    assert "line 13" in str(summary.refusal)


def test_a_renamed_painting_is_not_taken_out(folder: Path, gallery: Gallery) -> None:
    (folder / "001.jpg").rename(folder / "zzz.jpg")
    (folder / "002.jpg").unlink()
    assert ingest_paintings(gallery, folder, DRY).counts == Counts(
        unchanged=10, renamed=1, pruned=1
    )
    assert ingest_paintings(gallery, folder, PRUNE).counts == Counts(
        unchanged=10, renamed=1, pruned=1
    )
    assert ids(gallery) == set(names(folder))


def test_pruning_that_was_interrupted_is_finished(
    folder: Path, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "001.jpg").unlink()
    with monkeypatch.context() as patched:

        def fail(*_: object) -> None:
            raise StoreError("killed")

        patched.setattr(type(gallery[PAINTINGS]), "delete", fail)
        with pytest.raises(StoreError, match="killed"):
            ingest_paintings(gallery, folder, PRUNE)
    assert "001.jpg" in ids(gallery)
    assert ingest_paintings(gallery, folder, PRUNE).counts == Counts(unchanged=11, pruned=1)
    assert ids(gallery) == set(names(folder))


@pytest.mark.parametrize("part", [{"limit": 3}, {"shard": (1, 2)}])
def test_a_part_of_the_source_prunes_nothing(part: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="whole source"):
        IngestOptions(prune=True, **part)
