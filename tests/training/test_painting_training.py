"""Training a painting encoder, from a folder of pictures to an encoder's folder."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from artsim.encoders.registry import load_encoder, resolve
from artsim.errors import TrainingError, UnknownEncoderError
from artsim.files import file_hash
from artsim.images.load import load_image
from artsim.ingest.sources import read_source
from artsim.training.data import read_works
from artsim.training.recipes import LossWeights
from tests.training import painting_runs
from tests.training.made_up_manners import WORKS
from tests.training.painting_runs import train, write_teacher


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A teacher that says what it sees where."""
    return write_teacher(tmp_path_factory.mktemp("teacher") / "net.onnx")


@pytest.fixture(scope="module")
def trained(manners: Path, teacher: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a short training by two teachers; not to be changed."""
    folder: Path = tmp_path_factory.mktemp("trained")
    train(manners, folder, teachers=("builtin", teacher), teacher_weights=(1.0, 1.0))
    return folder


def test_the_result_is_an_encoder_whose_name_carries_its_hash(
    trained: Path, manners: Path, tmp_path: Path
) -> None:
    encoder = load_encoder(f"file:{trained / 'encoder'}")
    assert encoder.info.vector_name.startswith("encoder-")
    assert encoder.info.dim == painting_runs.SMALL.dim
    picture = load_image(manners / "glow-0-0.png").pixels
    rows = encoder.encode([picture, picture[:, ::-1]])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    changed = tmp_path / "encoder"
    shutil.copytree(trained / "encoder", changed)
    weights = changed / "weights.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert resolve(f"file:{changed}").vector_name != encoder.info.vector_name


def test_the_card_says_from_what_it_was_made(trained: Path, manners: Path) -> None:
    card = json.loads((trained / "encoder" / "encoder.json").read_text())["card"]
    first, second = card["recipe"]["teachers"]
    assert first == resolve("builtin").vector_name
    assert second.startswith("onnx-net-y-")
    assert card["recipe"]["steps"] == 12
    held_back = [len(list(read_source(trained / side))) for side in ("validation", "test")]
    assert card["data"] == {"manners": WORKS - sum(held_back)}
    with (trained / "encoder" / "split.csv").open(newline="") as stream:
        learned = [row for row in csv.DictReader(stream) if row["side"] == "train"]
    assert len(learned) == WORKS - sum(held_back)
    for row in learned[::9]:
        path = manners / row["picture"].removeprefix("manners/")
        assert row["sha256"] == file_hash(path)
    assert set(card["losses"]) == {
        "total",
        "teachers",
        "cells",
        "groups",
        "labels",
        "pictures",
    }


def test_no_artist_is_on_two_sides(trained: Path, manners: Path) -> None:
    works, _ = read_works([manners])
    tested, _ = read_works([trained / "test"])
    artists = {work.label("artist") for work in tested}
    kept = {work.key for work in tested}
    assert artists
    assert all((f"test/{work.key}" in kept) == (work.label("artist") in artists) for work in works)


def test_it_learns_what_its_teacher_sees_and_where(
    manners: Path, teacher: str, tmp_path: Path
) -> None:
    run = train(manners, tmp_path, teachers=(teacher,), steps=60, sides=((0.0, 32),))
    for name in ("teachers", "cells"):
        losses = [each[name] for each in run.history]
        assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])
    without = train(
        manners, tmp_path / "without", teachers=(teacher,), steps=2, losses=LossWeights(cells=0)
    )
    assert [losses["cells"] for losses in without.history] == [0, 0]


def test_damaged_pictures_are_left_out_and_said(
    manners: Path, teacher: str, tmp_path: Path
) -> None:
    source = tmp_path / "damaged"
    shutil.copytree(manners, source)
    damaged = sorted(source.glob("*.png"))[::10]
    for path in damaged:
        path.write_bytes(path.read_bytes()[:200])
    run = train(source, tmp_path / "run", teachers=(teacher,), steps=2, test=0.0, validation=0.0)
    assert len(run.problems) == len(damaged)
    assert all(any(str(path) in problem for problem in run.problems) for path in damaged)
    assert run.works["train"] == WORKS - len(damaged)


def test_what_cannot_be_trained_is_said(manners: Path, teacher: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownEncoderError, match="no encoder is called"):
        train(manners, tmp_path, teachers=("nobody",))
    with pytest.raises(TrainingError, match="no picture is left to train on"):
        train(manners, tmp_path, teachers=(teacher,), test=0.9, validation=0.1)
    with pytest.raises(TrainingError, match="are needed in a batch"):
        train(manners, tmp_path, teachers=(teacher,), parts=1, groups=1000)
