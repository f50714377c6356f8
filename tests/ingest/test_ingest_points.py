"""Local points beside the paintings: made when asked for, later too, and kept by what keeps."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import artsim.ingest.targets
from artsim.catalog.kinds import PAINTINGS, POINTS
from artsim.catalog.payload import EVERYTHING
from artsim.images import local_points as local
from artsim.images.load import load_image
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.ingest.sample import make_sample
from artsim.ingest.summary import Counts
from artsim.ingest.upkeep import push_gallery
from artsim.search.export import export_parquet
from artsim.store.gallery import Gallery, open_gallery
from artsim.store.protocol import Record

PLAIN = IngestOptions(encoders=("handcrafted",), kinds=())
WITH_POINTS = replace(PLAIN, points=True)
NOTE = artsim.ingest.targets.POINTS_NOTE


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("points")
    make_sample(folder, count=3)
    return folder


def records(gallery: Gallery) -> dict[str, Record]:
    names = list(gallery[PAINTINGS].schema.vectors)
    found = gallery[PAINTINGS].scroll(with_vectors=names)
    return {str(record.payload["painting_id"]): record for record in found}


def test_points_come_with_the_paintings_or_later_without_encoding_again(
    pictures: Path, tmp_path: Path
) -> None:
    with open_gallery(home=tmp_path / "at-once") as gallery:
        ingest_paintings(gallery, pictures, WITH_POINTS)
        at_once = records(gallery)
    with open_gallery(home=tmp_path / "later") as gallery:
        ingest_paintings(gallery, pictures, PLAIN)
        before = records(gallery)
        for dry_run in (True, False):
            options = replace(WITH_POINTS, dry_run=dry_run)
            counts = ingest_paintings(gallery, pictures, options).counts
            assert counts == Counts(written=3, extended=3, added={POINTS: 3})
        assert ingest_paintings(gallery, pictures, WITH_POINTS).counts == Counts(unchanged=3)
        assert ingest_paintings(gallery, pictures, PLAIN).counts == Counts(unchanged=3)
        later = records(gallery)
    for painting_id, record in at_once.items():
        picture = load_image(pictures / "images" / Path(record.payload["image_uri"]).name)
        expected = local.local_points(picture.pixels)
        assert record.payload[NOTE] == local.POINT_DETECTOR
        assert later[painting_id].payload == record.payload
        assert before[painting_id].payload.keys() | {NOTE} == record.payload.keys()
        np.testing.assert_array_equal(record.vectors[POINTS], expected)
        np.testing.assert_array_equal(later[painting_id].vectors[POINTS], expected)


@pytest.mark.slow
def test_points_of_another_setting_are_made_anew_and_a_changed_picture_loses_its_own(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pictures"
    shutil.copytree(pictures, folder)
    with open_gallery(home=tmp_path / "home") as gallery:
        ingest_paintings(gallery, folder, WITH_POINTS)
        with monkeypatch.context() as patched:
            patched.setattr("artsim.ingest.painting.local_points.POINT_DETECTOR", "another")
            counts = ingest_paintings(gallery, folder, WITH_POINTS).counts
            assert counts.added == {POINTS: 3}
        one, other = sorted((folder / "images").iterdir())[:2]
        shutil.copy(other, one)
        assert ingest_paintings(gallery, folder, PLAIN).counts.written == 1
        pointless = [record for record in records(gallery).values() if POINTS not in record.vectors]
        assert [Path(record.payload["image_uri"]).name for record in pointless] == [one.name]
        assert NOTE not in pointless[0].payload


@pytest.mark.slow
def test_points_are_renamed_pushed_and_exported_with_their_painting(
    pictures: Path, tmp_path: Path
) -> None:
    import pyarrow.parquet

    folder = tmp_path / "pictures"
    shutil.copytree(pictures / "images", folder)
    with (
        open_gallery(home=tmp_path / "home") as gallery,
        open_gallery(home=tmp_path / "copy") as copy,
    ):
        ingest_paintings(gallery, folder, WITH_POINTS)
        before = [record.vectors[POINTS] for _, record in sorted(records(gallery).items())]
        for path in folder.iterdir():
            path.rename(path.with_name(f"new-{path.name}"))
        counts = ingest_paintings(gallery, folder, PLAIN).counts
        assert counts == Counts(renamed=3)
        assert push_gallery(gallery, copy).written == 3
        assert push_gallery(gallery, copy).unchanged == 3
        export_parquet(gallery, tmp_path / "all.parquet", EVERYTHING, vectors=True)
        table = pyarrow.parquet.read_table(tmp_path / "all.parquet").to_pylist()
        exported = {row["painting_id"]: np.array(row["vector_points"]) for row in table}
        for found in (records(gallery), records(copy)):
            for (painting_id, record), points in zip(sorted(found.items()), before, strict=True):
                assert painting_id.startswith("new-")
                assert record.payload[NOTE] == local.POINT_DETECTOR
                np.testing.assert_array_equal(record.vectors[POINTS], points)
                np.testing.assert_array_equal(exported[painting_id], points)
