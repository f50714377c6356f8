"""Copies searched for by details, in photographs and with what points verify, on a few works."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from artsim.catalog.kinds import DETAILS
from artsim.cli import app
from artsim.evaluation.runner import LOOKS
from artsim.evaluation.tasks.copies import CopiesOptions
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.store.gallery import open_gallery

pytest.importorskip("cv2")

FEW = ("--queries", "2", "--twins", "none", "--format", "json")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    works, folder = tmp_path_factory.mktemp("works"), tmp_path_factory.mktemp("home")
    for file in sorted((sample / "images").iterdir())[::25]:
        (works / file.name).write_bytes(file.read_bytes())
    with open_gallery(home=folder) as gallery:
        ingest_paintings(gallery, works, IngestOptions(kinds=(DETAILS,), points=True))
    return folder


def evaluate(home: Path, *arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["evaluate", "copies", *FEW, *arguments, "--home", str(home)])
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def values(document: dict[str, Any], row: str, column: str) -> list[float]:
    [found] = [
        one["values"]
        for one in document["query_values"]
        if (one["table"], one["row"], one["column"]) == ("recall_at_1", row, column)
    ]
    return list(found.values()) if isinstance(found, dict) else list(found)


@pytest.mark.slow
def test_each_way_of_looking_is_a_row(home: Path) -> None:
    edits = ("--edit", "quarter", "--edit", "pair")
    looks = [argument for look in LOOKS for argument in ("--look", look)]
    document = evaluate(home, *edits, *looks)
    rows = ["builtin", *(f"builtin, {look}" for look in LOOKS)]
    for table in document["tables"]:
        assert [row["name"] for row in table["rows"]] == rows
    for row in ("builtin, in-photo", "builtin, verified"):
        for edit in ("quarter", "pair"):
            assert values(document, row, edit) == [1, 1]
    both = [row["values"]["both_at_2"]["value"] for row in document["tables"][-1]["rows"]]
    assert both[rows.index("builtin, in-photo")] == 1
    plain = evaluate(home, *edits)
    for edit in ("mean", "quarter", "pair"):
        assert values(plain, "builtin", edit) == values(document, "builtin", edit)


@pytest.mark.slow
def test_what_is_no_way_of_looking(home: Path) -> None:
    wrong = CliRunner().invoke(app, ["evaluate", "copies", "--look", "up", "--home", str(home)])
    assert wrong.exit_code == 2
    assert "details, in-photo, verified" in wrong.output
    with pytest.raises(ValueError, match="looks must be some of details"):
        CopiesOptions(looks=("up",))
