"""Killed and begun again, a training ends with the same numbers as one that ran through."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from artsim.training.recipes import ClassifierOptions
from artsim.training.classifier_training import train_classifier

class Told:
    def start(self, total, description):
        self.stage = description
    def update(self, done):
        print(self.stage, done, flush=True)
    def finish(self):
        pass

options = ClassifierOptions(
    "style", kind="recurrent", epochs=3, batch_size=8, checkpoint_every_s=0.0
)
train_classifier(
    [Path(sys.argv[1])],
    Path(sys.argv[2]),
    options,
    progress=Told(),
)
"""

RESULTS = ("head.safetensors", "weights.safetensors", "classifier.json")


def start(source: Path, out: Path) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", PROGRAM, str(source), str(out)]
    # One thread: on a busy machine two spend their time waiting for each other.
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=env)


def run_through(source: Path, out: Path) -> list[str]:
    with start(source, out) as process:
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
    assert process.returncode == 0
    return lines


def kill_at(line: str, source: Path, out: Path) -> None:
    with start(source, out) as process:
        assert process.stdout is not None
        for said in process.stdout:
            if said.strip() == line:
                process.kill()
                break
    assert process.returncode == -signal.SIGKILL


def test_kills_change_nothing(manners: Path, tmp_path: Path) -> None:
    lines = run_through(manners, tmp_path / "same" / "styles")
    assert "Training 9" in lines  # of 3 epochs of 3 batches
    out = tmp_path / "killed" / "styles"
    for moment in ("Encoding 1", "Training 3", "Training 6"):
        kill_at(moment, manners, out)
    rest = run_through(manners, out)
    assert "Training 2" not in rest, "it went on from its checkpoint"
    for name in RESULTS:
        assert (out / name).read_bytes() == (tmp_path / "same" / "styles" / name).read_bytes(), name
