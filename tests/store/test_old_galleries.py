"""Galleries that an earlier artsim made and that are kept as files still answer as they did."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from artsim.cli import app
from artsim.encoders.registry import find_maker
from benchmarks import recordings

KEPT = Path(__file__).parents[1] / "data" / "galleries"
NAMES = ("with-faces", "builtin-v1")
FACE_APART = 5e-4


@pytest.fixture
def artsim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command on a kept gallery, unpacked at its first use, where the works lie."""
    monkeypatch.chdir(KEPT)

    def run(name: str, *arguments: str, code: int = 0) -> str:
        home = tmp_path / name
        if not home.exists():
            with tarfile.open(KEPT / f"{name}.tar.gz") as packed:
                packed.extractall(home, filter="data")
        done = CliRunner().invoke(app, [*arguments, "--home", str(home)])
        assert done.exit_code == code, (arguments, done.output, done.exception)
        return done.stderr if code else done.stdout

    return run


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_as_it_did(
    name: str, artsim: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = json.loads((KEPT / f"{name}.json").read_text(encoding="utf-8"))
    for command, answer in kept.items():
        finds_faces = command.startswith("query") and "--face" in command
        if finds_faces:
            # What searches do by default has changed since, and who finds faces.
            command += " --encoder builtin --all-faces --face-detector mtcnn"
        if command.startswith("export"):
            lines = artsim(name, *shlex.split(command)).splitlines()
            now = [json.loads(line) for line in lines]
        else:
            now = json.loads(artsim(name, *shlex.split(command), "-f", "json"))
        for face in answer.get("query_faces", ()) if isinstance(answer, dict) else ():
            # Rounded since, as payloads are.
            face["box"] = [round(side, 1) for side in face["box"]]
            face["score"] = round(face["score"], 4)
        with monkeypatch.context() as patch:
            if finds_faces:
                # Some hundredths of a pixel elsewhere on another processor.
                patch.setattr(recordings, "MOST_APART", FACE_APART)
            differences = list(recordings.compare_values(answer, now, command))
        assert [said for said in differences if not said.startswith("+")] == []


@pytest.mark.parametrize(
    ("name", "options"),
    [("with-faces", ("--no-faces",)), ("builtin-v1", ("--encoder", "handcrafted", "--no-faces"))],
)
def test_the_same_pictures_are_not_encoded_again(
    name: str, options: tuple[str, ...], artsim: Callable[..., Any], tmp_path: Path
) -> None:
    works = shutil.copytree(KEPT / "works", tmp_path / "works")
    for updated in (12, 0):  # the first time they have moved
        said = json.loads(artsim(name, "ingest", str(works), *options, "--format", "json"))
        assert (said["written"], said["updated"], said["unchanged"]) == (0, updated, 12 - updated)
    described = json.loads(artsim(name, "info", "-f", "json"))
    points = [c["points"] for g in described["galleries"] for c in g["collections"]]
    assert points == ([12, 12] if name == "with-faces" else [12])


@pytest.mark.slow
def test_an_ingest_brings_old_faces_up_to_date(artsim: Callable[..., Any], tmp_path: Path) -> None:
    def vectors(*kind: str) -> dict[str, dict[str, list[float]]]:
        exported = artsim("with-faces", "export", "--vectors", "--format", "jsonl", *kind)
        points = map(json.loads, exported.splitlines())
        return {point["point_id"]: point["vectors"] for point in points}

    asked = ("query", "--id", "met-437390", "--faces", "-f", "json")
    before, old_faces = vectors(), vectors("--faces")
    first = json.loads(artsim("with-faces", *asked))
    assert first["settings"]["encoders"] == ["builtin-v3"]
    assert any("ingest their source again, which adds dlib" in note for note in first["notes"])
    assert "--face-encoder dlib" in artsim("with-faces", *asked, "-e", "dlib", code=1)
    works = shutil.copytree(KEPT / "works", tmp_path / "works")
    said = json.loads(artsim("with-faces", "ingest", str(works), "--format", "json"))
    assert (said["written"], said["extended"], said["added"]) == (12, 12, {})
    assert vectors() == before
    new_faces = vectors("--faces")
    assert len(new_faces) == said["faces"] > len(old_faces)
    assert all(face.keys() >= {"dlib-resnet-v1", "builtin-v3"} for face in new_faces.values())
    for more, encoder in (((), "dlib-resnet-v1"), (("--alike",), "builtin-v3")):
        answer = json.loads(artsim("with-faces", *asked, *more))
        assert (answer["settings"]["encoders"], answer["notes"]) == ([encoder], [])
        found = [hit["painting_id"] for hit in answer["hits"]]
        assert len(found) == len(set(found)) > 1
    said = json.loads(artsim("with-faces", "ingest", str(works), "--format", "json"))
    assert (said["written"], said["unchanged"]) == (0, 12)


def test_vectors_of_the_old_default_are_not_compared_with_todays(
    artsim: Callable[..., Any], tmp_path: Path
) -> None:
    picture = next((KEPT / "works" / "images").iterdir())
    refused = artsim("builtin-v1", "query", str(picture), code=1)
    assert re.search("--encoder handcrafted.*artsim ingest SOURCE", " ".join(refused.split()))
    works = shutil.copytree(KEPT / "works", tmp_path / "works")
    shutil.copy(picture, works / "images" / "another.jpg")
    ingest = ("builtin-v1", "ingest", str(works), "--no-faces", "--format", "json")
    refused = artsim(*ingest, code=1)
    assert re.search("--gallery NAME.*--encoder handcrafted", " ".join(refused.split()))
    assert json.loads(artsim(*ingest, "--encoder", "handcrafted"))["written"] == 1
    described = json.loads(artsim("builtin-v1", "info", "-f", "json"))
    encoders = described["galleries"][0]["collections"][0]["encoders"]
    assert [encoder["name"] for encoder in encoders] == ["handcrafted"]


def test_makers_are_found_by_their_vectors() -> None:
    assert find_maker("builtin-v1") == "handcrafted"
    assert find_maker("builtin-v3") == "builtin"
    assert find_maker("builtin-v2") is None
