"""Rows are computed once, whatever ends a run, and belong to their keys."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hints import hinted

from artsim.catalog.progress import SilentProgress
from artsim.errors import TrainingError
from artsim.training.loop import Kept, keep_rows


class Counting:
    """Computes a row from each key's number, none of odd ones, and is killed when told to."""

    def __init__(self, keys: Sequence[str], killed_at: str = "") -> None:
        self.keys, self.killed_at = keys, killed_at
        self.asked: list[str] = []

    def __call__(self, places: Sequence[int]) -> Iterable[Kept]:
        for place in places:
            if self.keys[place] == self.killed_at:
                raise KeyboardInterrupt
            self.asked.append(self.keys[place])
            number = int(self.keys[place])
            yield Kept(None, "odd") if number % 2 else Kept(np.full((2, 3), number), f"of {number}")


def keep(folder: Path, numbers: Iterable[int], killed_at: str = "") -> tuple[list[Kept], list[str]]:
    keys = [str(number) for number in numbers]
    compute = Counting(keys, killed_at)
    found = keep_rows(
        folder, keys, compute, progress=SilentProgress(), description="Counting", chunk=3
    )
    for key, kept in zip(keys, found, strict=True):
        if int(key) % 2:
            assert kept == Kept(None, "odd")
        else:
            assert kept.text == f"of {key}"
            assert np.array_equal(kept.row, np.full((2, 3), int(key)))
    return found, compute.asked


def test_a_run_that_was_killed_goes_on_behind_its_last_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        keep(tmp_path, range(8), killed_at="4")
    _, asked = keep(tmp_path, range(8))
    assert asked == ["3", "4", "5", "6", "7"]
    assert keep(tmp_path, range(8))[1] == []


def test_runs_share_what_is_of_the_same_key(tmp_path: Path) -> None:
    keep(tmp_path, range(5))
    assert keep(tmp_path, [9, 4, 8, 0])[1] == ["9", "8"]
    assert keep(tmp_path, [8, 3, 9])[1] == []


def test_what_is_damaged_is_computed_again(tmp_path: Path) -> None:
    keep(tmp_path, range(6))
    first, second = sorted(tmp_path.glob("*.npy"))
    first.unlink()
    content = second.read_bytes()
    second.write_bytes(content[:60])
    assert len(keep(tmp_path, range(6))[1]) == 6
    for note in tmp_path.glob("*.json"):
        note.write_text(note.read_text()[:-9])
    assert len(keep(tmp_path, range(6))[1]) == 6


def test_rows_that_do_not_fit_on_the_disk_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, check=hinted(r"it takes .* GB are free.*make room.*--out")):
        keep_rows(
            tmp_path,
            ["1", "2"],
            Counting(["1", "2"]),
            progress=SilentProgress(),
            description="",
            row_bytes=10**18,
        )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="cannot write"):
        keep(tmp_path / "file" / "rows", [2])


def test_what_cannot_be_read_back_ends_the_run_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("numpy.load", refuse)
    keys = [str(number) for number in range(8)]
    computing = Counting(keys)
    with pytest.raises(TrainingError, match="Too many open files"):
        keep_rows(tmp_path, keys, computing, progress=SilentProgress(), description="Rows", chunk=2)
    assert computing.asked == keys[:2]
