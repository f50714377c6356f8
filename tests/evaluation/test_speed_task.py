"""The report on speed: what is measured, what counts as kept, and what is left behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hints import hinted

from artsim.commands.evaluate.speed import PartName
from artsim.errors import EvaluationError, SourceError, UnknownEncoderError
from artsim.evaluation.report import Report
from artsim.evaluation.speed.cold_starts import ColdStarts, describe_cold_starts
from artsim.evaluation.speed.face_detection import FaceDetection, describe_face_detection
from artsim.evaluation.speed.ingest_rate import IngestRate, describe_ingest_rate
from artsim.evaluation.speed.killing import KilledAndWhole, describe_kills
from artsim.evaluation.speed.large_gallery import (
    FilterTimes,
    LargeGallery,
    describe_large_gallery,
)
from artsim.evaluation.speed.leave_one_out import LeaveOneOut, describe_leave_one_out
from artsim.evaluation.speed.measured import (
    PROMISES,
    Measured,
    Promise,
    broken_promises,
    promises_table,
)
from artsim.evaluation.speed.options import PARTS, SpeedOptions, SpeedSizes
from artsim.evaluation.speed.parts import MEASURES
from artsim.evaluation.speed.pictures import SAMPLE_NOTE, Pictures
from artsim.evaluation.speed.reranking import RerankTimes, describe_reranking
from artsim.evaluation.speed.task import evaluate_speed

TINY = SpeedSizes(
    ingest_pictures=8,
    batch_size=4,
    ingest_rounds=1,
    face_pictures=12,
    rerank_hits=5,
    cold_runs=1,
    gallery_points=500,
    gallery_dim=16,
    queries=3,
    kills=2,
    kill_paintings=8,
    works=100,
    work_dim=16,
)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made, to see what is left."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def left_in(scratch: Path) -> list[Path]:
    """Return what artsim left there; torch keeps a cache of its own in temporary folders."""
    return [path for path in scratch.iterdir() if not path.name.startswith("torchinductor")]


def kept(measured: Measured) -> list[bool | None]:
    return [promise.kept for promise in measured.promises]


def test_every_part_can_be_measured_and_named() -> None:
    assert tuple(MEASURES) == PARTS == tuple(name.value for name in PartName)


def test_parts_keep_their_order_and_must_exist() -> None:
    assert SpeedOptions().parts == PARTS
    assert SpeedOptions(("search", "faces", "search")).parts == ("faces", "search")
    with pytest.raises(ValueError, match="not \\['sprint'\\]"):
        SpeedOptions(("sprint",))  # type: ignore[arg-type]


def test_only_what_was_asked_for_is_measured(scratch: Path) -> None:
    report = evaluate_speed(SpeedOptions(("leave-one-out", "rerank"), sizes=TINY))
    assert report.task == "speed"
    assert [table.name for table in report.tables] == [PROMISES, "reranking", "leave_one_out"]
    names = [row.name for row in report.tables[0].rows]
    assert names == [
        "re-rank 5 hits by SSIM",
        "leave-one-out with all metrics, 100 works by 16 numbers",
        "memory of leave-one-out, 4 times as many works",
    ]
    assert report.settings["only"] == ["rerank", "leave-one-out"]
    assert report.settings["works"] == 100
    assert left_in(scratch) == []


def test_the_numbers_are_in_columns_of_their_own() -> None:
    report = evaluate_speed(SpeedOptions(("rerank",), sizes=TINY))
    ours, theirs = report.tables[1].rows
    assert isinstance(ours.values["ms"], float)
    assert isinstance(theirs.values["ms"], float)
    assert ours.values["times_as_fast"] == pytest.approx(theirs.values["ms"] / ours.values["ms"])
    for table in report.tables:
        names = {column.name for column in table.columns}
        assert all(set(row.values) <= names for row in table.rows)


@pytest.mark.parametrize("holds", [None, "words.txt"])
def test_a_folder_without_pictures_is_refused_at_once(
    tmp_path: Path, scratch: Path, holds: str | None
) -> None:
    folder = tmp_path / "pictures"
    if holds:
        folder.mkdir()
        (folder / holds).write_text("no picture")
    with pytest.raises(SourceError, check=hinted("pictures.*--data")):
        evaluate_speed(SpeedOptions(("rerank", "faces"), folder))
    assert left_in(scratch) == []


def test_an_unknown_encoder_is_refused_at_once() -> None:
    with pytest.raises(UnknownEncoderError, match="resnet50"):
        evaluate_speed(SpeedOptions(("rerank", "ingest"), encoder="resnet5"))


def test_a_failure_leaves_nothing_behind(tmp_path: Path, scratch: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(Exception, match="can be read"):
        evaluate_speed(SpeedOptions(("ingest",), tmp_path, encoder="handcrafted", sizes=TINY))
    assert left_in(scratch) == []


def test_pictures_are_copied_from_a_folder_and_sampled_by_seed(
    sample: Path, tmp_path: Path
) -> None:
    real = Pictures(sample)
    assert real.note == ""
    assert real.to_ingest(5, tmp_path) == sample
    copied = sorted(real.copies(5, tmp_path).iterdir())
    originals = sorted((sample / "images").iterdir())[:5]
    assert [path.read_bytes() for path in copied] == [path.read_bytes() for path in originals]
    chosen = real.choose(7, tmp_path, seed=1)
    assert chosen == real.choose(7, tmp_path, seed=1)
    assert chosen != real.choose(7, tmp_path, seed=2)
    assert len(set(chosen)) == 7
    assert len(real.choose(10_000, tmp_path)) == 60


def test_a_picture_that_cannot_be_copied_is_named(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "lost.jpg").symlink_to(tmp_path / "nowhere.jpg")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(EvaluationError, check=hinted(r"lost\.jpg cannot be copied.*--data")):
        Pictures(pictures).copies(1, scratch)


def test_the_sample_stands_in_where_there_are_no_pictures(tmp_path: Path) -> None:
    made_up = Pictures(None)
    made_up.check()
    assert made_up.note == SAMPLE_NOTE
    assert len(made_up.choose(3, tmp_path)) == 3
    assert len(list(made_up.copies(3, tmp_path).iterdir())) == 3


def report_of(*promises: Promise) -> Report:
    return Report("speed", "", {}, {}, "", (promises_table(promises),))


def test_only_broken_promises_are_broken() -> None:
    promises = [Promise(str(kept), "p", "m", "b", kept, "n") for kept in (True, False, None)]
    report = report_of(*promises)
    assert [row.values["kept"] for row in report.tables[0].rows] == ["yes", "no", None]
    assert [row.note for row in report.tables[0].rows] == ["n", "n", "n"]
    assert broken_promises(report) == ["False"]
    assert broken_promises(report_of()) == []


def test_each_promise_has_its_limit() -> None:
    assert kept(describe_reranking(RerankTimes(100, 25.0, 80.0, 1e-6))) == [True]
    assert kept(describe_reranking(RerankTimes(100, 25.1, 80.0, 1e-6))) == [False]
    assert kept(describe_reranking(RerankTimes(100, 2.0, 80.0, 2e-6))) == [False]
    assert kept(describe_cold_starts(ColdStarts(0.01, 0.3, 0.6, 1.0))) == [True, True]
    assert kept(describe_cold_starts(ColdStarts(0.01, 0.31, 0.61, 1.0))) == [False, False]
    assert kept(describe_ingest_rate(IngestRate(256, "e", True, 100.0, 85.0, 0.85))) == [True]
    assert kept(describe_ingest_rate(IngestRate(256, "e", True, 100.0, 84.0, 0.84))) == [False]
    assert kept(describe_ingest_rate(IngestRate(256, "e", False, 100.0, 10.0, 0.1))) == [None]


def test_face_detection_is_held_to_the_better_loop_and_to_every_face() -> None:
    def detection(loop_ms: float, lost: int) -> list[bool | None]:
        found = FaceDetection(9, 500.0, loop_ms, 10.0, 20.0, 5, 5, lost)
        return kept(describe_face_detection(found))

    assert detection(30.0, 0) == [True]
    assert detection(29.0, 0) == [False]
    assert detection(90.0, 1) == [False]


def test_the_worst_filter_counts() -> None:
    def search(*filters: FilterTimes) -> list[bool | None]:
        by_name = {str(i): times for i, times in enumerate(filters)}
        return kept(describe_large_gallery(LargeGallery(1000, 1.0, 0.1, 0.5, 10, by_name)))

    fast, slow = FilterTimes(1.0, 2.0, 1.0, 9.0), FilterTimes(1.0, 10.1, 1.0, 9.0)
    blind = FilterTimes(1.0, 2.0, 0.98, 9.0)
    assert search(fast) == [True, None]
    assert search(fast, slow) == [False, None]
    assert search(blind, fast) == [False, None]


def test_leave_one_out_is_held_to_time_and_memory() -> None:
    def judged(ratio: float, more: int) -> list[bool | None]:
        found = LeaveOneOut(10, 5, 1.0, ratio, 9.0, ratio, 9.0, 50, 100, more)
        return kept(describe_leave_one_out(found))

    assert judged(2.0, 400) == [True, True]
    assert judged(2.1, 401) == [False, False]


def test_kills_that_came_too_late_show_nothing() -> None:
    late = describe_kills(KilledAndWhole(9, 3, (), ()))
    assert kept(late) == [None]
    assert "too late" in late.promises[0].note
    assert kept(describe_kills(KilledAndWhole(9, 3, (4,), ()))) == [True]
    differing = describe_kills(KilledAndWhole(9, 3, (4,), ("paintings: x: payload",)))
    assert kept(differing) == [False]
    assert "x: payload" in differing.promises[0].note


@pytest.mark.slow
def test_everything_small(sample: Path, scratch: Path) -> None:
    report = evaluate_speed(SpeedOptions(data=sample, sizes=TINY))
    values = {row.name: row.values for row in report.tables[0].rows}
    assert len(values) == 10
    assert values["kill -9 at any moment of an ingest"]["kept"] in {"yes", None}
    assert values["query by id, cold process, 500 paintings"]["kept"] is None
    assert "0 of" in str(values["face detection"]["measured"])
    notes = {row.name: row.note for row in report.tables[0].rows}
    assert "random weights" in notes["ingest with a learned encoder, from files"]
    assert not any(SAMPLE_NOTE in note for note in notes.values())
    assert left_in(scratch) == []
