"""Which of the evaluated works an encoder was trained on, as its folder says."""

import csv
import shutil
from pathlib import Path

import pytest

from artsim.catalog.split import side_of
from artsim.encoders.registry import resolve
from artsim.encoders.trained import BUILTIN_FOLDER
from artsim.evaluation.runner import Run
from artsim.evaluation.tasks.labels import LabelsOptions
from artsim.store.gallery import Gallery

WORKS = [
    {"painting_id": "p0", "image_sha256": "aa", "artist_key": "frans hals"},
    {"painting_id": "p1", "image_sha256": "bb", "artist_key": "claude monet"},
    {"painting_id": "p2", "image_sha256": "cc", "image_uri": "file:///pictures/c.jpg"},
]


@pytest.fixture
def run(sample_gallery: Gallery) -> Run[LabelsOptions]:
    return Run("labels", sample_gallery, LabelsOptions(("artist",)))


def test_a_list_of_works_is_counted(run: Run[LabelsOptions], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(BUILTIN_FOLDER, folder)
    with (folder / "split.csv").open("w", newline="") as stream:
        rows = [("picture", "side", "sha256"), ("x/1.jpg", "train", "aa"), ("b", "test", "bb")]
        csv.writer(stream).writerows([*rows, ("c.jpg", "train", "")])
    info = resolve(f"file:{folder}").info()
    trained = run.trained_on(WORKS, [info])
    assert trained.by_vector == {info.vector_name: "2 of 3"}
    (folder / "split.csv").unlink()
    at_most = 1 + sum(
        side_of(str(work["artist_key"]), test=0.25, validation=0.1) == "train" for work in WORKS[:2]
    )
    assert run.trained_on(WORKS, [info]).by_vector == {info.vector_name: f"at most {at_most} of 3"}
    assert [column.name for column in trained.columns] == ["trained_on"]
    shutil.rmtree(folder)
    gone = run.trained_on(WORKS, [info])
    assert (gone.by_vector, gone.columns, gone.notes) == ({}, (), ())


def test_works_of_nobody_known_are_not_guessed_at(run: Run[LabelsOptions]) -> None:
    assert run.trained_on(WORKS[2:]).by_vector == {}
