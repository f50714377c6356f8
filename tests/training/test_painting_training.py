"""Training a painting encoder, from a folder of pictures to an encoder's folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from artsim.catalog.progress import SilentProgress
from artsim.encoders.registry import load_encoder, resolve
from artsim.errors import TrainingError, UnknownEncoderError
from artsim.images.load import load_image
from artsim.ingest.sources import read_source
from artsim.training.painting.options import LossWeights
from artsim.training.painting.teachers import Teacher, keep_teachers
from artsim.training.works import read_works
from tests.training import painting_runs
from tests.training.painting_runs import train, write_teacher


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A teacher that says what it sees where."""
    return write_teacher(tmp_path_factory.mktemp("teacher") / "net.onnx")


@pytest.fixture(scope="module")
def trained(sample: Path, teacher: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a short training by two teachers; not to be changed."""
    folder: Path = tmp_path_factory.mktemp("trained")
    train(sample, folder, teachers=("handcrafted", teacher), teacher_weights=(1.0, 1.0))
    return folder


def test_the_result_is_an_encoder_whose_name_carries_its_hash(
    trained: Path, sample: Path, tmp_path: Path
) -> None:
    encoder = load_encoder(f"file:{trained / 'encoder'}")
    assert encoder.info.vector_name.startswith("encoder-")
    assert encoder.info.dim == painting_runs.SMALL.dim
    picture = load_image(sample / "images" / "van-gogh-wheat-field-cypresses-met-436535.jpg").pixels
    rows = encoder.encode([picture, picture[:, ::-1]])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    changed = tmp_path / "encoder"
    shutil.copytree(trained / "encoder", changed)
    weights = changed / "weights.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert resolve(f"file:{changed}").vector_name != encoder.info.vector_name


def test_the_card_says_from_what_it_was_made(trained: Path, sample: Path) -> None:
    card = json.loads((trained / "encoder" / "encoder.json").read_text())["card"]
    first, second = card["recipe"]["teachers"]
    assert first == "builtin-v1"
    assert second.startswith("onnx-net-y-")
    assert card["recipe"]["steps"] == 12
    held_back = [len(list(read_source(trained / side))) for side in ("validation", "test")]
    assert card["data"] == {"sample": 60 - sum(held_back)}
    assert set(card["losses"]) == {
        "total",
        "teachers",
        "cells",
        "groups",
        "labels",
        "pictures",
    }


def test_no_artist_is_on_two_sides(trained: Path, sample: Path) -> None:
    works, _ = read_works([sample])
    tested, _ = read_works([trained / "test"])
    artists = {work.label("artist") for work in tested}
    kept = {work.key for work in tested}
    assert artists
    assert all((f"test/{work.key}" in kept) == (work.label("artist") in artists) for work in works)


def test_killed_and_run_again_it_ends_with_the_same_weights(
    sample: Path, trained: Path, teacher: str, tmp_path: Path
) -> None:
    program = [sys.executable, painting_runs.__file__]
    command = [*program, str(sample), str(tmp_path / "killed"), teacher]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    places = (
        ("Drawing views", 1),
        ("Looking at maps of net", 2),
        ("Encoding by net", 8),
        ("Training", 3),
        ("Training", 9),
    )
    for wanted, least in places:
        killed = False
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                stage, _, done = line.strip().rpartition(" ")
                if stage == wanted and int(done) >= least:
                    process.send_signal(signal.SIGKILL)
                    killed = True
                    break
        assert killed, wanted
    assert not (tmp_path / "killed" / "encoder").exists()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    whole, resumed = (
        (folder / "encoder" / "weights.safetensors").read_bytes()
        for folder in (trained, tmp_path / "killed")
    )
    assert resumed == whole


def test_it_learns(sample: Path, tmp_path: Path) -> None:
    run = train(sample, tmp_path, steps=120)
    first, last = (
        np.mean([losses["teachers"] for losses in part])
        for part in (run.history[:20], run.history[-20:])
    )
    assert last < 0.87 * first


def test_what_is_seen_where_is_learned(sample: Path, teacher: str, tmp_path: Path) -> None:
    run = train(sample, tmp_path, teachers=(teacher,), steps=60)
    first, last = (
        np.mean([losses["cells"] for losses in part])
        for part in (run.history[:10], run.history[-10:])
    )
    assert last < 0.9 * first
    without = train(
        sample, tmp_path / "without", teachers=(teacher,), steps=2, losses=LossWeights(cells=0)
    )
    assert [losses["cells"] for losses in without.history] == [0, 0]
    assert not list((tmp_path / "without").glob("*.cells.npy"))


def test_killed_between_two_files_of_a_teacher_they_end_alike(teacher: str, tmp_path: Path) -> None:
    views = np.random.default_rng(0).integers(0, 256, (10, 2, 32, 32, 3), dtype=np.uint8)

    def keep(folder: Path) -> Teacher:
        (found,) = keep_teachers(
            views,
            folder,
            [teacher],
            cells=True,
            identity="these",
            device="cpu",
            progress=SilentProgress(),
        )
        return found

    whole = keep(tmp_path / "whole")
    for name in ("", ".cells"):
        folder = tmp_path / f"without{name}"
        shutil.copytree(tmp_path / "whole", folder)
        (note,) = folder.glob(f"teacher-*v1{name}.npy.json")
        note.write_text(note.read_text().replace('"done": 10', '"done": 4'))
        np.load(note.with_suffix(""), mmap_mode="r+")[4:] = 0
        again = keep(folder)
        assert np.array_equal(again.vectors, whole.vectors)
        assert np.array_equal(again.cells, whole.cells)


def test_damaged_pictures_are_left_out_and_said(sample: Path, tmp_path: Path) -> None:
    source = tmp_path / "sample"
    shutil.copytree(sample, source)
    damaged = sorted((source / "images").iterdir())[:60:10]
    for path in damaged:
        path.write_bytes(path.read_bytes()[:200])
    run = train(source, tmp_path / "run", steps=2, test=0.0, validation=0.0)
    assert len(run.problems) == len(damaged)
    assert all(any(str(path) in problem for problem in run.problems) for path in damaged)
    assert run.works["train"] == 60 - len(damaged)


def test_what_cannot_be_trained_is_said(sample: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownEncoderError, match="no encoder is called"):
        train(sample, tmp_path, teachers=("nobody",))
    with pytest.raises(TrainingError, match="no picture is left to train on"):
        train(sample, tmp_path, test=1.0, validation=0.0)
    with pytest.raises(TrainingError, match="are needed in a batch"):
        train(sample, tmp_path, groups=1000)
