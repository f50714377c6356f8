"""Ended at any moment and begun again, a training ends with the same numbers as a whole one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from artsim.catalog.progress import Progress
from artsim.training.classifier_training import train_classifier
from artsim.training.face_training import train_on_faces
from artsim.training.loop import LoopOptions
from artsim.training.painting_training import train_painting_encoder
from artsim.training.recipes import ClassifierOptions
from tests.training import face_runs, painting_runs
from tests.training.made_up_manners import write_manners
from tests.training.painting_runs import write_teacher

EVERY_STEP = LoopOptions(checkpoint_every_s=0)


class Ended(BaseException):
    """What ends a training in this process."""


class Watch:
    """Progress that notes what is done, and ends the training at some moment."""

    def __init__(
        self, moment: tuple[str, int] | None = None, kill: Callable[[], None] | None = None
    ):
        self.moment, self.kill = moment, kill
        self.seen: list[tuple[str, int]] = []

    def start(self, total: int | None, description: str) -> None:
        self.stage = description

    def update(self, done: int, **counts: int) -> None:
        self.seen.append((self.stage, done))
        if self.moment is not None and (self.stage, done) == self.moment:
            if self.kill is not None:
                self.kill()
            raise Ended

    def finish(self) -> None:
        pass


def train_paintings(sources: Path, place: Path, progress: Progress) -> Path:
    options = painting_runs.options(teachers=(f"onnx:{sources / 'net.onnx'}",), steps=6)
    train_painting_encoder(
        [sources / "manners"], place, options, loop=EVERY_STEP, progress=progress
    )
    return place / "encoder"


def train_faces(sources: Path, place: Path, progress: Progress) -> Path:
    faces = face_runs.face_set(10, 3, validation=0.4)
    recipe = face_runs.recipe(epochs=2, decoder=True, people=3)  # all that a run can have
    train_on_faces(faces, place, recipe, options=EVERY_STEP, progress=progress)
    return place


def train_manners(sources: Path, place: Path, progress: Progress) -> Path:
    encoder = f"onnx:{sources / 'net.onnx'}"
    options = ClassifierOptions(
        "style", kind="recurrent", encoder=encoder, epochs=3, batch_size=8, checkpoint_every_s=0.0
    )
    train_classifier([sources / "manners"], place, options, progress=progress)
    return place


TRAININGS = {
    "painting": (
        train_paintings,
        [("Looking at maps of net", 2), ("Encoding by net", 9), ("Training", 3)],
        ["weights.safetensors"],
    ),
    "faces": (
        train_faces,
        [("Training on faces", 1), ("Training on faces", 3)],
        ["weights.safetensors"],
    ),
    "classifier": (
        train_manners,
        [("Encoding", 5), ("Training", 3), ("Training", 6)],
        ["head.safetensors", "weights.safetensors", "classifier.json"],
    ),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    write_manners(folder / "manners")
    write_teacher(folder / "net.onnx")
    return folder


def in_this_process(name: str, sources: Path, place: Path, moment: tuple[str, int]) -> None:
    with pytest.raises(Ended):
        TRAININGS[name][0](sources, place, Watch(moment))


def by_a_signal(name: str, sources: Path, place: Path, moment: tuple[str, int]) -> None:
    """Kill a training in a process of its own, with as many threads as this one's, by -9."""
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    environment = {**os.environ, **threads, "PYTHONPATH": str(Path(__file__).parents[2])}
    arguments = [name, str(sources), str(place), moment[0], str(moment[1])]
    done = subprocess.run([sys.executable, __file__, *arguments], env=environment)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "name",
    [
        "faces",
        *(pytest.param(name, marks=pytest.mark.slow) for name in TRAININGS if name != "faces"),
    ],
)
@pytest.mark.parametrize(
    "end", [in_this_process, pytest.param(by_a_signal, marks=pytest.mark.slow)]
)
def test_ends_change_nothing(
    sources: Path,
    tmp_path: Path,
    name: str,
    end: Callable[[str, Path, Path, tuple[str, int]], None],
) -> None:
    train, moments, results = TRAININGS[name]
    whole = train(sources, tmp_path / "whole" / "run", Watch())
    place = tmp_path / "ended" / "run"
    for moment in moments:
        end(name, sources, place, moment)
        assert not list(place.rglob("weights.safetensors"))
    rest = Watch()
    resumed = train(sources, place, rest)
    stage, done = moments[-1]
    assert (stage, done - 2) not in rest.seen, "it went on from its checkpoint"
    for result in results:
        assert (resumed / result).read_bytes() == (whole / result).read_bytes(), result


if __name__ == "__main__":
    TRAININGS[sys.argv[1]][0](
        Path(sys.argv[2]),
        Path(sys.argv[3]),
        Watch((sys.argv[4], int(sys.argv[5])), lambda: os.kill(os.getpid(), signal.SIGKILL)),
    )
