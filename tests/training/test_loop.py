"""A run that was interrupted ends as one that was not, bit by bit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hints import hinted

from artsim.errors import TrainingError
from artsim.training.loop import LoopOptions, Trainee, claim_folder, run_steps

EVERY_STEP = LoopOptions(checkpoint_every_s=0)


class Walk(Trainee):
    """A number that moves at random, and stops working when told to."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.place = torch.zeros(3)
        self.fails_at = fails_at

    def state(self) -> dict[str, Any]:
        return {"place": self.place}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.place = state["place"]

    def step(self, index: int) -> dict[str, float]:
        if index == self.fails_at:
            raise KeyboardInterrupt
        self.place = self.place * 0.9 + torch.randn(3)
        return {"far": float(self.place.norm())}


def run(walk: Walk, folder: Path, **changes: Any) -> list[dict[str, float]]:
    settings = {"steps": 7, "seed": 3, "settings": {"pace": 0.9}, "options": EVERY_STEP, **changes}
    return run_steps(walk, folder, **settings)


def test_an_interrupted_run_ends_like_one_that_was_not(tmp_path: Path) -> None:
    whole, broken, resumed = Walk(), Walk(fails_at=4), Walk()
    history = run(whole, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(broken, tmp_path / "broken")
    assert run(resumed, tmp_path / "broken") == history
    assert len(history) == 7
    assert torch.equal(resumed.place, whole.place)


def test_a_run_that_is_done_is_not_run_again(tmp_path: Path) -> None:
    first, second = Walk(), Walk(fails_at=0)
    assert run(first, tmp_path) == run(second, tmp_path)
    assert torch.equal(first.place, second.place)


def test_seeds_and_steps_draw_apart(tmp_path: Path) -> None:
    first, second = Walk(), Walk()
    run(first, tmp_path / "a", seed=1)
    run(second, tmp_path / "b", seed=2)
    assert not torch.equal(first.place, second.place)


def test_other_settings_are_refused_and_said(tmp_path: Path) -> None:
    run(Walk(), tmp_path)
    with pytest.raises(TrainingError, check=hinted(r"pace: 0\.9, now 0\.8.*--restart")):
        run(Walk(), tmp_path, settings={"pace": 0.8})
    fresh = Walk()
    run(fresh, tmp_path, settings={"pace": 0.8}, options=LoopOptions(restart=True))
    assert fresh.place.abs().sum() > 0


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    run(Walk(), tmp_path)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainingError, match="is damaged"):
        run(Walk(), tmp_path)


def test_a_checkpoint_never_runs_code(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    torch.save({"identity": {}, "state": Trap(), "history": []}, tmp_path / "checkpoint.pt")
    with pytest.raises(TrainingError):
        run(Walk(), tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    class Diverges(Walk):
        def step(self, index: int) -> dict[str, float]:
            return {"far": float("nan") if index == 2 else 1.0}

    with pytest.raises(TrainingError, match="step 2: the loss far"):
        run(Diverges(), tmp_path)
    assert len(torch.load(tmp_path / "checkpoint.pt", weights_only=True)["history"]) == 2


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="cannot write"):
        run(Walk(), tmp_path / "file" / "run")


def test_a_folder_is_of_one_run(tmp_path: Path) -> None:
    claim_folder(tmp_path / "run", ["encoder"], {"pace": 1, "way": "up"})
    claim_folder(tmp_path / "run", ["encoder"], {"pace": 2, "way": "up"})  # nothing came of it yet
    run(Walk(), tmp_path / "run")
    claim_folder(tmp_path / "run", ["encoder"], {"pace": 2, "way": "up"})
    with pytest.raises(TrainingError, check=hinted("run is of .* \\(pace: 2, now 3\\).*--restart")):
        claim_folder(tmp_path / "run", ["encoder"], {"pace": 3, "way": "up"})
    claim_folder(tmp_path / "run", ["encoder"], {"pace": 3, "way": "up"}, LoopOptions(restart=True))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(TrainingError, match="name another"):
            claim_folder(place, ["test"], {})


@pytest.mark.parametrize("name", ["test", "checkpoint.pt", "run.json"])
def test_what_no_training_made_is_in_the_way_of_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(TrainingError, match="in the way") as caught:
        claim_folder(tmp_path, ["te*"], {})
    assert (caught.value.path, caught.value.hint) == (tmp_path / name, "--out")
    assert [path.name for path in tmp_path.iterdir()] == [name]
