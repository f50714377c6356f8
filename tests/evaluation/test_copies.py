"""The copies task on real galleries, against rankings computed apart from it."""

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import Result
from made_up_report import table_of, values_of
from PIL import Image
from skimage.metrics import structural_similarity
from typer.testing import CliRunner

from artsim.catalog.hits import Hit
from artsim.catalog.kinds import PAINTINGS
from artsim.cli import app
from artsim.errors import EncoderMismatchError, EvaluationError, QueryError
from artsim.evaluation.edits import EDITS, HARD_EDITS, edit_picture
from artsim.evaluation.report import PictureGroup, Report
from artsim.evaluation.runner import Run
from artsim.evaluation.statistics import Estimate, estimate_mean
from artsim.evaluation.tasks.copies import (
    CopiesOptions,
    Tally,
    evaluate_copies,
    load_original,
    rank_of_all,
    read_originals,
)
from artsim.images.pixels import to_pixels
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.search.answer import find_similar
from artsim.search.models import Models
from artsim.search.neighbors import read_vectors
from artsim.search.question import IdQuery, PixelsQuery, SearchOptions
from artsim.store.gallery import Gallery, open_gallery

DEPTH = 20
OPTIONS = CopiesOptions(queries=4, rerank=("ssim",), rerank_depth=DEPTH, seed=1)
METADATA = ("filename", "id", "near_dup_group")


@pytest.fixture(scope="module")
def models() -> Models:
    return Models()


@pytest.fixture(scope="module")
def gallery(sample_home: Path) -> Iterator[Gallery]:
    with open_gallery(home=sample_home) as opened:
        yield opened


@pytest.fixture(scope="module")
def report(gallery: Gallery, models: Models) -> Report:
    return evaluate_copies(gallery, OPTIONS, models=models)


@pytest.fixture(scope="module")
def scans(
    sample: Path, models: Models, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gallery, Path]]:
    """A gallery with a painting in two scans, one in two equal files, and others."""
    folder = tmp_path_factory.mktemp("scans")
    files = sorted((sample / "images").iterdir())[:8]
    rows = []
    for i, file in enumerate(files):
        shutil.copy(file, folder / f"{i}.jpg")
        rows.append((f"{i}.jpg", f"p{i}", "fair" if i == 0 else ""))
    with Image.open(files[0]) as first:
        small = first.resize((first.width // 2, first.height // 2)).convert("L").convert("RGB")
        small.save(folder / "scan.jpg", quality=60)
    shutil.copy(files[3], folder / "again.jpg")
    rows += [("scan.jpg", "scan", "fair"), ("again.jpg", "again", "")]
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([METADATA, *rows])
    with open_gallery(home=tmp_path_factory.mktemp("scans-home")) as opened:
        encoders = ("builtin", "handcrafted")
        summary = ingest_paintings(opened, folder, IngestOptions(faces=False, encoders=encoders))
        assert summary.problems == []
        yield opened, folder


def group_of(report: Report, beginning: str) -> PictureGroup:
    return next(group for group in report.failures if group.title.startswith(beginning))


Ranks = dict[str, dict[str, int]]


def brute_force_ranks(gallery: Gallery, models: Models, painting_id: str) -> Ranks:
    """Rank of a painting for each edit of it, from vectors and pixels alone, by row."""
    [info] = gallery.encoders(PAINTINGS).values()
    table = read_vectors(gallery[PAINTINGS], info.vector_name)
    ids = [str(payload["painting_id"]) for payload in table.payloads]
    pixels = read_vectors(gallery[PAINTINGS], "pixels").vectors
    payload = table.payloads[ids.index(painting_id)]
    original = load_original(payload, models)
    ranks: Ranks = {"builtin": {}, "builtin + ssim": {}}
    for edit in EDITS:
        copy = edit_picture(original, edit, painting_id=painting_id, seed=OPTIONS.seed).pixels
        [vector] = models.encoder(info).encode([copy])
        scores = table.vectors @ vector
        order = sorted(range(len(ids)), key=lambda i: (-scores[i], ids[i]))
        ranks["builtin"][edit] = 1 + order.index(ids.index(painting_id))
        query = to_pixels(copy).reshape(64, 64)
        alike = {i: ssim(query, pixels[i].reshape(64, 64)) for i in order[:DEPTH]}
        order[:DEPTH] = sorted(order[:DEPTH], key=lambda i: (-alike[i], ids[i]))
        ranks["builtin + ssim"][edit] = 1 + order.index(ids.index(painting_id))
    return ranks


def ssim(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    return float(structural_similarity(a, b, data_range=255))


def test_recall_is_that_of_brute_force(report: Report, gallery: Gallery, models: Models) -> None:
    ids = list(values_of(report, "recall_at_1", "builtin", "mean"))
    assert len(ids) == 4
    expected = {i: brute_force_ranks(gallery, models, i) for i in ids}
    for row in ("builtin", "builtin + ssim"):
        ranks = [rank for of_one in expected.values() for rank in of_one[row].values()]
        assert min(ranks) == 1 < max(ranks)
        for depth in (1, 10):
            table = f"recall_at_{depth}"
            found = {i: {e: of[row][e] <= depth for e in EDITS} for i, of in expected.items()}
            for edit in EDITS:
                by_id = {i: float(found[i][edit]) for i in ids}
                assert values_of(report, table, row, edit) == by_id
            means = {i: np.mean(list(found[i].values())) for i in ids}
            assert values_of(report, table, row, "mean") == pytest.approx(means)


def test_tables_hold_the_means_of_the_values(report: Report) -> None:
    assert [table.name for table in report.tables] == ["recall_at_1", "recall_at_10"]
    for table in report.tables:
        assert [column.name for column in table.columns] == ["mean", *EDITS, "trained_on"]
        assert [row.name for row in table.rows] == ["builtin", "builtin + ssim"]
        for row in table.rows:
            assert str(row.values["trained_on"]).endswith("of 4")
            for column in table.columns[:-1]:
                values = list(values_of(report, table.name, row.name, column.name).values())
                assert row.values[column.name] == estimate_mean(values, seed=OPTIONS.seed)


def test_more_hits_find_no_less(report: Report) -> None:
    first, ten = (table_of(report, name) for name in ("recall_at_1", "recall_at_10"))
    for a, b in zip(first.rows, ten.rows, strict=True):
        for name in ("mean", *EDITS):
            estimate = a.values[name]
            deeper = b.values[name]
            assert isinstance(estimate, Estimate)
            assert isinstance(deeper, Estimate)
            assert estimate.value <= deeper.value


def test_plots_and_settings(report: Report) -> None:
    assert [plot.name for plot in report.plots] == ["copies-encoders", "copies-rerank-builtin"]
    for plot in report.plots:
        assert set(plot.labels) == {edit.title for edit in EDITS.values()}
    assert report.plots[1].series.keys() == {"builtin", "builtin + ssim"}
    assert report.settings["encoders"] == ["builtin-v3"]
    assert report.settings["edits"] == list(EDITS)
    assert report.task == "copies"
    assert any("extra.near_dup_group" in note for note in report.notes)
    assert any("up to 75.0 % away" in note for note in report.notes)  # three of four


def test_failures_show_the_copy_and_what_was_found(report: Report, gallery: Gallery) -> None:
    group = group_of(report, "Copies whose painting was not found first")
    assert group.rows
    for shown in group.rows:
        assert shown.query.pixels is not None
        assert shown.query.caption[0] in {edit.title for edit in EDITS.values()}
        assert len(shown.hits) == 5
        own = shown.query.payload["painting_id"]
        assert not shown.hits[0].right
        for hit in shown.hits:
            assert hit.right == (hit.payload["painting_id"] == own)


def test_the_same_seed_gives_the_same_report(gallery: Gallery, models: Models) -> None:
    quick = replace(OPTIONS, queries=2, edits=("frame",), rerank=())
    first, again = (evaluate_copies(gallery, quick, models=models) for _ in range(2))
    assert first.tables == again.tables
    ids = values_of(first, "recall_at_1", "builtin", "mean").keys()
    more = evaluate_copies(gallery, replace(quick, queries=3), models=models)
    assert ids < values_of(more, "recall_at_1", "builtin", "mean").keys()
    other = evaluate_copies(gallery, replace(quick, seed=9), models=models)
    assert ids != values_of(other, "recall_at_1", "builtin", "mean").keys()


@pytest.mark.parametrize("exact", [False, True])
def test_a_batch_is_searched_as_each_picture_is(
    gallery: Gallery, models: Models, exact: bool
) -> None:
    choices = CopiesOptions(rerank=("ssim", "rmse"), rerank_depth=DEPTH, exact=exact, twins=None)
    run = Run("copies", gallery, choices, models)
    originals = read_originals(run)
    sample = list(originals.payloads)[:3]
    pictures = [
        edit_picture(
            load_original(originals.payloads[painting_id], models), edit, painting_id=painting_id
        ).pixels
        for painting_id, edit in zip(sample, ("frame", "mirror", "fade"), strict=True)
    ]
    options = SearchOptions(limit=10, rerank_depth=DEPTH, exact=exact)
    answers = run.search_pictures(pictures, 10)
    assert list(answers) == ["builtin", "builtin + ssim", "builtin + rmse"]
    for contender in run.contenders:
        wanted = replace(options, rerank=contender.rerank)
        for picture, hits in zip(pictures, answers[contender.name], strict=True):
            alone = find_similar(gallery, PixelsQuery(picture), options=wanted, models=models)
            assert [hit.point_id for hit in hits] == [hit.point_id for hit in alone.hits]
            scores = [hit.rerank_score or hit.score for hit in alone.hits]
            assert [hit.rerank_score or hit.score for hit in hits] == pytest.approx(scores)


def test_real_copies_are_queries_for_each_other(
    scans: tuple[Gallery, Path], models: Models
) -> None:
    gallery, _ = scans
    options = CopiesOptions(queries=2, edits=("jpeg",), rerank=("rmse",))
    report = evaluate_copies(gallery, options, models=models)
    for row, rerank in (("builtin", None), ("builtin + rmse", "rmse")):
        for query, other in (("p0", "scan"), ("scan", "p0")):
            hits = find_similar(
                gallery, IdQuery(query), options=SearchOptions(rerank=rerank), models=models
            ).hits
            rank = 1 + [hit.painting_id for hit in hits].index(other)
            for depth in (1, 10):
                found = values_of(report, "twins", row, f"recall_at_{depth}")
                assert found.keys() == {"p0", "scan"}
                assert found[query] == float(rank <= depth)
    assert "2 pictures of 1 paintings" in table_of(report, "twins").notes[0]
    assert not any("share a value" in note for note in report.notes)


def test_the_same_painting_in_another_picture_is_right(
    scans: tuple[Gallery, Path], models: Models
) -> None:
    gallery, _ = scans
    originals = read_originals(Run("copies", gallery, CopiesOptions()))
    assert originals.same["p0"] == originals.same["scan"] == {"p0", "scan"}
    assert originals.same["p3"] == originals.same["again"] == {"p3", "again"}
    assert originals.same["p5"] == {"p5"}
    assert originals.twins == {"p0": {"scan"}, "scan": {"p0"}}
    without = read_originals(Run("copies", gallery, CopiesOptions(twins=None)))
    assert without.twins == {}
    assert without.same["p0"] == {"p0"}
    # Of two equal files the one with the lower id comes first, and both are right.
    options = CopiesOptions(fraction=1.0, edits=("jpeg",), twins=None)
    report = evaluate_copies(gallery, options, models=models)
    assert [table.name for table in report.tables] == ["recall_at_1", "recall_at_10"]
    found = values_of(report, "recall_at_1", "builtin", "jpeg")
    assert len(found) == 10
    assert found["p3"] == found["again"] == 1.0


def test_pictures_that_cannot_be_copied_are_counted(
    scans: tuple[Gallery, Path], models: Models, tmp_path: Path
) -> None:
    gallery, folder = scans
    options = CopiesOptions(fraction=1.0, edits=("mirror",), twins=None)
    kept = tmp_path / "kept"
    shutil.copytree(folder, kept)
    try:
        (folder / "1.jpg").unlink()
        shutil.copy(folder / "4.jpg", folder / "2.jpg")
        report = evaluate_copies(gallery, options, models=models)
        for file in folder.glob("*.jpg"):
            file.unlink()
        with pytest.raises(EvaluationError, match=r"none of 10 sampled paintings.*no such file"):
            evaluate_copies(gallery, options, models=models)
    finally:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
    assert values_of(report, "recall_at_1", "builtin", "mirror").keys() == {
        "p0", "p3", "p4", "p5", "p6", "p7", "scan", "again",
    }  # fmt: skip
    [left_out] = [note for note in report.notes if "left out" in note]
    assert left_out.startswith("2 more paintings")
    assert "1.jpg" in left_out
    payload = {"painting_id": "x", "image_uri": "https://example.org/x.jpg"}
    with pytest.raises(Exception, match=r"no picture file on this machine \(image_uri: https"):
        load_original(payload, models)


def test_encoders_fused_and_alone(scans: tuple[Gallery, Path], models: Models) -> None:
    options = CopiesOptions(queries=2, edits=("crop", "mirror"), fused=True, twins=None)
    report = evaluate_copies(scans[0], options, models=models)
    rows = [row.name for row in table_of(report, "recall_at_1").rows]
    assert rows == ["builtin", "handcrafted", "fused"]


def test_what_cannot_be_evaluated(gallery: Gallery, models: Models) -> None:
    few = CopiesOptions(queries=1, edits=("jpeg",))
    with pytest.raises(EncoderMismatchError, match="no vectors"):
        evaluate_copies(gallery, replace(few, encoders=("resnet50",)), models=models)
    with pytest.raises(EvaluationError, match="fusing takes two encoders"):
        evaluate_copies(gallery, replace(few, fused=True), models=models)
    with pytest.raises(QueryError, match="no field is called 'twin'"):
        evaluate_copies(gallery, replace(few, twins="twin"), models=models)


@pytest.mark.parametrize(
    "wrong",
    [
        {"queries": 3, "fraction": 0.1},
        {"queries": 0},
        {"fraction": 0.0},
        {"fraction": 1.5},
        {"edits": ()},
        {"edits": ("crop", "blur")},
        {"rerank_depth": 0},
        {"seed": -1},
    ],
)
def test_options_that_make_no_sense(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"must be|not both"):
        CopiesOptions(**wrong)


def test_how_many_paintings_are_copied() -> None:
    assert CopiesOptions().count(1000) == 200
    assert CopiesOptions().count(50) == 50
    assert CopiesOptions(queries=7).count(1000) == 7
    assert CopiesOptions(fraction=0.1).count(1000) == 100
    assert CopiesOptions(fraction=0.001).count(10) == 1


def test_a_tally_knows_ranks_and_the_worst_misses() -> None:
    tally = Tally()
    hits = [Hit(f"point-{i}", 1 - i / 10, {"painting_id": f"p{i}"}) for i in range(10)]
    for right in ({"p0"}, {"p4", "p2"}, {"other"}, {"p9"}, {"none"}, {"p2"}):
        tally.add("one", hits, right)
    assert tally.ranks["one"] == [1, 3, 0, 10, 0, 3]
    assert tally.found("one", 1).tolist() == [1, 0, 0, 0, 0, 0]
    assert tally.found("one", 10).tolist() == [1, 1, 0, 1, 0, 1]
    assert [miss.place for miss in tally.worst("one", 9)] == [2, 4, 3, 1, 5]
    assert tally.worst("one", 1)[0].hits[0] == ("point-0", 1.0)
    assert tally.worst("another", 3) == []


def artsim(*arguments: str, home: Path) -> Result:
    return CliRunner().invoke(app, ["evaluate", "copies", "--home", str(home), *arguments])


def test_the_command(sample_home: Path, gallery: Gallery, tmp_path: Path) -> None:
    gallery.close()  # one process at a time has an embedded gallery
    out = tmp_path / "report"
    few = ("--queries", "2", "--edit", "jpeg", "--edit", "detail", "--rerank", "rmse")
    done = artsim(*few, "--format", "json", "--out", str(out), home=sample_home)
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["task"] == "copies"
    assert document == json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert (out / "report.html").stat().st_size > 10_000
    assert "Searching by copies" in done.stderr


def test_the_help_names_every_edit() -> None:
    wide = {"COLUMNS": "250"}
    shown = CliRunner().invoke(app, ["evaluate", "copies", "--help"], env=wide).stdout
    assert f"Way of copying; repeatable: {', '.join(EDITS)}; or of --hard." in shown
    assert f"Also the harder ways: {', '.join(HARD_EDITS)}." in shown


def test_harder_copies_of_which_one_shows_two_paintings(sample_home: Path) -> None:
    few = ("--queries", "2", "--edit", "crop", "--hard", "--twins", "none", "--format", "json")
    done = artsim(*few, home=sample_home)
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["settings"]["edits"] == ["crop", *HARD_EDITS]
    first, ten, both = document["tables"]
    assert [column["name"] for column in first["columns"]][1:9] == ["crop", *HARD_EDITS]
    assert [column["name"] for column in both["columns"]] == ["both_at_2", "both_at_10"]
    [row], [deep] = both["rows"], ten["rows"]
    assert row["values"]["both_at_10"]["value"] <= deep["values"]["pair"]["value"]
    assert any("Two on a wall" in note for note in document["notes"])


@pytest.mark.parametrize(
    ("found", "rank"),
    [("ab", 2), ("xaxb", 4), ("aAb", 2), ("axAb", 3), ("aA", 0), ("", 0), ("bAa", 2)],
)
def test_the_rank_of_both(found: str, rank: int) -> None:
    hits = [Hit(name, 0.5, {"painting_id": name}) for name in found]
    assert rank_of_all(hits, [{"a", "A"}, {"b"}]) == rank


def test_wrong_usage_exits_with_two(tmp_path: Path) -> None:
    for wrong in (("--edit", "blur"), ("--queries", "2", "--fraction", "0.5"), ("--queries", "0")):
        assert artsim(*wrong, home=tmp_path).exit_code == 2, wrong
