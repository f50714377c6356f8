"""Photographs of real people, through detection, alignment and two encoders."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from artsim.evaluation.statistics import Estimate
from artsim.evaluation.tasks.faces import FacesOptions, evaluate_faces
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.store.gallery import open_gallery

EDGEFACE = Path(__file__).parents[1] / "data" / "encoders" / "edgeface-xs.json"
PEOPLE, PICTURES = 6, 3


def few_photographs(lfw: Path, folder: Path) -> Path:
    """Copy three photographs each of six people, and the pairs among them."""
    (folder / "images").mkdir(parents=True)
    with (lfw / "metadata.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if int(row["image_index"]) <= PICTURES]
    people = sorted({row["person"] for row in rows})[::9][:PEOPLE]
    kept = [row for row in rows if row["person"] in people]
    for row in kept:
        shutil.copy(lfw / row["filename"], folder / row["filename"])
    lines = ["filename,person", *(f"{row['filename']},{row['person']}" for row in kept)]
    (folder / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_edgeface_knows_people_and_the_built_in_encoder_less(
    data: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARTSIM_WEIGHTS", str(weights))
    source = few_photographs(data / "lfw", tmp_path / "lfw")
    with open_gallery(home=tmp_path / "home") as gallery:
        for encoder in ("builtin", f"onnx:{EDGEFACE}"):
            options = IngestOptions(encoders=("builtin",), face_encoder=encoder)
            assert ingest_paintings(gallery, source, options).problems == []
        report = evaluate_faces(gallery, FacesOptions())
    found = {(t.name, row.name): row.values for t in report.tables for row in t.rows}

    def value(table: str, row: str, column: str) -> float:
        cell = found[table, row][column]
        assert isinstance(cell, Estimate)
        return cell.value

    count = PEOPLE * PICTURES
    assert found["verification_all", "edgeface-xs"]["pairs"] == count * (count - 1) // 2
    assert value("verification_all", "edgeface-xs", "auc") > 0.98
    assert value("retrieval", "edgeface-xs", "recall_at_1") > 0.95
    for table, column in (("verification_all", "auc"), ("retrieval", "map")):
        assert value(table, "builtin", column) < value(table, "edgeface-xs", column)
    assert value("retrieval", "builtin", "map") > value("retrieval", "random order", "map")
