"""Which of the evaluated works an encoder was trained on, as its folder says."""

import csv
import shutil
from pathlib import Path

import pytest

from artsim.catalog.names import side_of
from artsim.encoders.registry import resolve
from artsim.encoders.trained import BUILTIN_FOLDER
from artsim.evaluation.report import Row, Table
from artsim.evaluation.runner import Contender, Run
from artsim.evaluation.tasks.labels import LabelsOptions
from artsim.store.gallery import Gallery

WORKS = [
    {"painting_id": "p0", "image_sha256": "aa", "artist_key": "frans hals"},
    {"painting_id": "p1", "image_sha256": "bb", "artist_key": "claude monet"},
    {"painting_id": "p2", "image_sha256": "cc", "image_uri": "file:///pictures/c.jpg"},
]
TABLE = Table("t", "T", "encoder", (), (Row("mine", {}), Row("random", {})))


def said(
    run: Run[LabelsOptions], contenders: list[Contender], works: list[dict[str, str]]
) -> dict[str, object]:
    """What the column says by row, with its heading and note."""
    table = run.with_training(TABLE, contenders, works)
    assert [column.name for column in table.columns] == ["trained_on"]
    assert table.notes[0].startswith("Trained on: how many of these works")
    return {row.name: row.values["trained_on"] for row in table.rows if row.values}


@pytest.fixture
def run(sample_gallery: Gallery) -> Run[LabelsOptions]:
    return Run("labels", sample_gallery, LabelsOptions(("artist",)))


def test_a_list_of_works_is_counted(run: Run[LabelsOptions], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(BUILTIN_FOLDER, folder)
    with (folder / "split.csv").open("w", newline="") as stream:
        rows = [("picture", "side", "sha256"), ("x/1.jpg", "train", "aa"), ("b", "test", "bb")]
        csv.writer(stream).writerows([*rows, ("c.jpg", "train", "")])
    mine = Contender("mine", (resolve(f"file:{folder}").info(),))
    assert said(run, [mine], WORKS) == {"mine": "2 of 3"}
    (folder / "split.csv").unlink()
    at_most = 1 + sum(
        side_of(str(work["artist_key"]), test=0.25, validation=0.1) == "train" for work in WORKS[:2]
    )
    assert said(run, [mine], WORKS) == {"mine": f"at most {at_most} of 3"}
    shutil.rmtree(folder)
    assert run.with_training(TABLE, [mine], WORKS) == TABLE


def test_works_of_nobody_known_are_not_guessed_at(run: Run[LabelsOptions]) -> None:
    assert run.with_training(TABLE, run.contenders, WORKS[2:]) == TABLE
