"""Pictures that the gallery knows under another id are renamed, not encoded again."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.catalog.payload import AnyOf, Criteria
from artsim.errors import StoreError
from artsim.ingest.painting import write_paintings
from artsim.ingest.prune import delete_paintings
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.ingest.summary import Counts, IngestSummary
from artsim.ingest.targets import Target
from artsim.ingest.upkeep import push_gallery
from artsim.store.gallery import Gallery, open_gallery
from artsim.store.protocol import Record
from benchmarks.speed.kills import find_differences

PLAIN = IngestOptions(encoders=("handcrafted",), faces=False)
WITH_FACES = IngestOptions(encoders=("handcrafted",), face_encoder="handcrafted")


@pytest.fixture(scope="module")
def works(sample: Path, make_works: Callable[..., Any]) -> Any:
    """Three pictures without metadata, the first with a face."""

    def fill(folder: Path) -> None:
        for name, number in {"a.jpg": "437388", "b.jpg": "435877", "c.jpg": "437545"}.items():
            shutil.copy(next((sample / "images").glob(f"*-met-{number}.jpg")), folder / name)

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
def with_faces(works: Any, folder: Path, tmp_path: Path) -> Iterator[Gallery]:
    """A gallery that has the folder and the face in it."""
    with open_gallery(home=works.ingested(tmp_path / "with-faces", WITH_FACES)) as opened:
        yield opened


def ids(gallery: Gallery) -> set[str]:
    return {str(r.payload["painting_id"]) for r in gallery[PAINTINGS].scroll()}


def write_list(path: Path, rows: list[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "filename"), *rows])


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a picture was decoded")

    monkeypatch.setattr("artsim.ingest.painting.load_image", refuse)


def equals_a_new_one(gallery: Gallery, source: Path, home: Path) -> bool:
    with open_gallery(home=home) as other:
        ingest_paintings(other, source, WITH_FACES)
        return find_differences(gallery, other) == []


def test_a_renamed_file_keeps_its_vectors_and_faces(
    folder: Path, with_faces: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = with_faces
    (folder / "old").mkdir()
    (folder / "a.jpg").rename(folder / "old" / "z.jpg")
    with monkeypatch.context() as patched:
        forbid_decoding(patched)
        dry = IngestOptions(encoders=("handcrafted",), faces=False, dry_run=True)
        assert ingest_paintings(gallery, folder, dry).counts == Counts(renamed=1, unchanged=2)
        assert ids(gallery) == {"a.jpg", "b.jpg", "c.jpg"}
        summary = ingest_paintings(gallery, folder, WITH_FACES)
    assert summary.counts == Counts(renamed=1, unchanged=2)
    assert summary.renamed == [("a.jpg", "old/z.jpg")]
    assert equals_a_new_one(gallery, folder, tmp_path / "new")
    assert ingest_paintings(gallery, folder, WITH_FACES).counts == Counts(unchanged=3)


@pytest.mark.slow
def test_what_a_renamed_painting_lacks_is_added(
    folder: Path, gallery: Gallery, tmp_path: Path
) -> None:
    for name in ("b.jpg", "c.jpg"):
        (folder / name).unlink()
    delete_paintings(gallery, Criteria((AnyOf("painting_id", ("b.jpg", "c.jpg")),)))
    (folder / "a.jpg").rename(folder / "z.jpg")
    summary = ingest_paintings(gallery, folder, WITH_FACES)
    assert (summary.counts.written, summary.counts.extended) == (1, 1)
    assert summary.renamed == [("a.jpg", "z.jpg")]
    assert equals_a_new_one(gallery, folder, tmp_path / "new")
    (folder / "z.jpg").rename(folder / "a.jpg")
    forced = IngestOptions(encoders=("handcrafted",), face_encoder="handcrafted", force=True)
    assert ingest_paintings(gallery, folder, forced).renamed == [("z.jpg", "a.jpg")]
    assert contents(gallery) == {"a.jpg": 1}


def test_copies_are_works_of_their_own(folder: Path, gallery: Gallery) -> None:
    for name in ("a2.jpg", "a3.jpg"):
        shutil.copy(folder / "a.jpg", folder / name)
    one_at_a_time = replace(PLAIN, batch_size=1)
    counts = ingest_paintings(gallery, folder, one_at_a_time).counts
    assert counts == Counts(written=2, unchanged=3)
    assert ingest_paintings(gallery, folder, one_at_a_time).counts == Counts(unchanged=5)
    (folder / "a3.jpg").rename(folder / "z.jpg")
    shutil.copy(folder / "a.jpg", folder / "z2.jpg")
    counts = ingest_paintings(gallery, folder, PLAIN).counts
    assert counts == Counts(renamed=1, written=1, unchanged=4)
    assert "a3.jpg" not in ids(gallery)
    assert ingest_paintings(gallery, folder, PLAIN).counts == Counts(unchanged=6)


@pytest.mark.slow
def test_an_id_that_comes_later_renames_the_painting(
    folder: Path, with_faces: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = with_faces
    write_list(folder / "metadata.csv", [("N 1", "a.jpg"), ("N 2", "b.jpg"), ("N 3", "c.jpg")])
    with monkeypatch.context() as patched:
        forbid_decoding(patched)
        summary = ingest_paintings(gallery, folder, WITH_FACES)
    assert summary.counts == Counts(renamed=3)
    assert summary.renamed == [("a.jpg", "N 1"), ("b.jpg", "N 2"), ("c.jpg", "N 3")]
    assert equals_a_new_one(gallery, folder, tmp_path / "new")


def test_two_ids_of_one_picture_are_two_works(folder: Path, gallery: Gallery) -> None:
    write_list(folder / "metadata.csv", [("recto", "a.jpg"), ("verso", "a.jpg")])
    counts = ingest_paintings(gallery, folder, PLAIN).counts
    assert counts == Counts(renamed=1, written=1, unchanged=2)
    assert ids(gallery) == {"recto", "verso", "b.jpg", "c.jpg"}
    assert ingest_paintings(gallery, folder, PLAIN).counts == Counts(unchanged=4)


def test_an_id_of_the_metadata_stays(folder: Path, gallery: Gallery) -> None:
    write_list(folder / "metadata.csv", [("N 1", "a.jpg"), ("N 2", "b.jpg"), ("N 3", "c.jpg")])
    assert ingest_paintings(gallery, folder, PLAIN).counts == Counts(renamed=3)
    (folder / "a.jpg").rename(folder / "z.jpg")
    write_list(folder / "metadata.csv", [("N 1", "z.jpg"), ("N 2", "b.jpg"), ("N 4", "c.jpg")])
    counts = ingest_paintings(gallery, folder, PLAIN).counts
    assert counts == Counts(updated=1, written=1, unchanged=1)
    assert ids(gallery) == {"N 1", "N 2", "N 3", "N 4"}


def test_only_what_came_from_the_same_source_is_renamed(
    folder: Path, gallery: Gallery, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.move(folder / "a.jpg", other / "z.jpg")
    assert ingest_paintings(gallery, other, PLAIN).counts == Counts(written=1)
    assert ids(gallery) == {"a.jpg", "b.jpg", "c.jpg", "z.jpg"}


class Dies:
    """A collection that fails at its n-th write of a run."""

    def __init__(self, collection: Any, left: list[int]) -> None:
        self._collection = collection
        self._left = left

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._collection, name)
        if name not in ("upsert", "update_vectors", "overwrite_payload", "delete"):
            return found

        def write(*arguments: Any) -> None:
            if self._left[0] == 0:
                raise StoreError("killed")
            self._left[0] -= 1
            found(*arguments)

        return write


def interrupted(gallery: Gallery, source: Path, writes: int) -> IngestSummary | None:
    """Ingest, and fail at the n-th write; None if it did."""
    left = [writes]

    def dying(batch: Any, targets: list[Target]) -> None:
        made = [replace(t, collection=t.collection and Dies(t.collection, left)) for t in targets]
        write_paintings(batch, made)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("artsim.ingest.painting.write_paintings", dying)
        try:
            return ingest_paintings(gallery, source, PLAIN)
        except StoreError:
            return None


@pytest.fixture(params=["embedded", pytest.param("server", marks=pytest.mark.slow)])
def copies(
    request: pytest.FixtureRequest, works: Any, folder: Path, tmp_path: Path, server_url: str
) -> Callable[[int], Gallery]:
    """Make galleries that have the folder as it is."""

    def make(number: int) -> Gallery:
        gallery = open_gallery(home=works.ingested(tmp_path / f"copy{number}", WITH_FACES))
        if request.param == "embedded":
            return gallery
        copy = open_gallery(url=server_url, name=f"copy{number}")
        with gallery:
            push_gallery(gallery, copy)
        return copy

    return make


@pytest.mark.slow
def test_a_rename_that_was_interrupted_anywhere_is_finished(
    folder: Path,
    copies: Callable[[int], Gallery],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copies(99).close()
    (folder / "a.jpg").rename(folder / "z.jpg")
    with open_gallery(home=tmp_path / "new") as new:
        ingest_paintings(new, folder, WITH_FACES)
        forbid_decoding(monkeypatch)
        writes, died = 0, True
        while died:
            with copies(writes) as gallery:
                died = interrupted(gallery, folder, writes) is None
                ingest_paintings(gallery, folder, PLAIN)
                assert find_differences(gallery, new) == []
            writes += 1
    assert writes > 6


def contents(gallery: Gallery) -> dict[str, int]:
    faces: list[Record] = list(gallery[FACES].scroll())
    return {
        name: sum(face.payload["painting_id"] == name for face in faces) for name in ids(gallery)
    }


def test_a_file_that_came_back_is_not_lost_with_its_rename(
    folder: Path, with_faces: Gallery
) -> None:
    gallery = with_faces
    (folder / "a.jpg").rename(folder / "z.jpg")
    for writes in range(2, 5):  # both are there, the new one marked
        assert interrupted(gallery, folder, writes) is None
        if {"a.jpg", "z.jpg"} <= ids(gallery):
            break
    shutil.copy(folder / "z.jpg", folder / "a.jpg")
    ingest_paintings(gallery, folder, PLAIN)
    assert contents(gallery) == {"a.jpg": 1, "b.jpg": 0, "c.jpg": 0, "z.jpg": 1}
    vectors = [r.vectors["pixels"] for r in gallery[PAINTINGS].scroll(with_vectors=["pixels"])]
    assert np.unique(vectors, axis=0).shape[0] == 3
    assert ingest_paintings(gallery, folder, PLAIN).counts == Counts(unchanged=4)
