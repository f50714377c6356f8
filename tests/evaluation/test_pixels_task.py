"""The pixel task on a real gallery, against figures computed apart from it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_report import table_of, values_of
from PIL import Image
from skimage.metrics import mean_squared_error, structural_similarity
from typer.testing import CliRunner

from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.catalog.payload import AnyOf, Criteria, painting_point_id
from artsim.cli import app
from artsim.config import Settings
from artsim.encoders.devices import ensure_torchvision
from artsim.errors import EncoderMismatchError, ImageError, QueryError
from artsim.evaluation.report import Report
from artsim.evaluation.statistics import Estimate, estimate_mean
from artsim.evaluation.tasks.pixels import PixelsOptions, evaluate_pixels
from artsim.files import local_path
from artsim.images.align import align_face
from artsim.images.load import load_image
from artsim.search.answer import find_similar
from artsim.search.models import Models
from artsim.search.question import IdQuery, SearchOptions
from artsim.store.gallery import Gallery, open_gallery

SIZE = 48
QUICK = PixelsOptions(queries=6, k=3, size=SIZE, lpips=None)


@pytest.fixture(scope="module")
def gallery(sample_home: Path) -> Iterator[Gallery]:
    with open_gallery(home=sample_home) as opened:
        yield opened


@pytest.fixture(scope="module")
def report(gallery: Gallery) -> Report:
    return evaluate_pixels(gallery, QUICK)


def picture(gallery: Gallery, painting_id: str) -> np.ndarray:
    point = painting_point_id(painting_id)
    uri = gallery[PAINTINGS].retrieve([point])[point].payload["image_uri"]
    path = local_path(uri)
    assert path is not None
    with Image.open(path) as image:
        return np.array(image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR))


@pytest.mark.parametrize("rerank", [None, "ssim", "rmse"])
def test_pictures_equal_an_independent_computation(
    report: Report, gallery: Gallery, rerank: str | None
) -> None:
    row = "builtin" if rerank is None else f"builtin + {rerank}"
    found = values_of(report, "pictures", row, "ssim_color")
    errors = values_of(report, "pictures", row, "rmse_color")
    assert len(found) == 6
    for query, value in found.items():
        options = SearchOptions(limit=3, rerank=rerank)  # type: ignore[arg-type]
        hits = find_similar(gallery, IdQuery(query), options=options).hits
        own = picture(gallery, query)
        others = [picture(gallery, hit.painting_id) for hit in hits]
        ssim = [structural_similarity(own, o, data_range=255, channel_axis=2) for o in others]
        rmse = [mean_squared_error(own / 255, o / 255) ** 0.5 for o in others]
        assert value == pytest.approx(np.mean(ssim), abs=1e-6)
        assert errors[query] == pytest.approx(np.mean(rmse), abs=1e-6)


def test_faces_equal_an_independent_computation(report: Report, gallery: Gallery) -> None:
    found = values_of(report, "faces", "builtin", "ssim_gray")
    wholes = values_of(report, "face_pictures", "by face: builtin", "ssim_color")
    assert set(found) == set(wholes)
    for query, value in found.items():
        of_query = Criteria((AnyOf("painting_id", (query,)),))
        own = {f.payload["face_index"]: f.payload for f in gallery[FACES].scroll(of_query)}
        options = SearchOptions(limit=3, all_faces=True)
        found_by = find_similar(
            gallery, IdQuery(query), kind=FACES, encoders=["builtin"], options=options
        )
        hits = found_by.hits

        def crop(payload: dict[str, object]) -> np.ndarray:
            path = local_path(str(payload["image_uri"]))
            assert path is not None
            points = np.array(payload["landmarks"], np.float32)
            face = align_face(load_image(path).pixels, points, size=SIZE, margin=0.0)
            return np.array(Image.fromarray(face).convert("L"))

        pairs = [(own[hit.query_face], hit.payload) for hit in hits]
        ssim = [structural_similarity(crop(a), crop(b), data_range=255) for a, b in pairs]
        assert value == pytest.approx(np.mean(ssim), abs=1e-6)
        others = [picture(gallery, hit.painting_id) for hit in hits]
        whole = [
            structural_similarity(picture(gallery, query), o, data_range=255, channel_axis=2)
            for o in others
        ]
        assert wholes[query] == pytest.approx(np.mean(whole), abs=1e-6)


def test_no_row_is_better_than_the_best_possible(report: Report) -> None:
    rows_seen = 0
    for table in report.tables:
        for column, sign in (("ssim_color", 1), ("ssim_own_range", 1), ("rmse_gray", -1)):
            best = values_of(report, table.name, "best possible", column)
            for row in table.rows:
                if not row.measured:
                    continue
                rows_seen += 1
                own = values_of(report, table.name, row.name, column)
                assert all(sign * best[q] >= sign * v - 1e-12 for q, v in own.items())
    assert rows_seen > 20


def test_cells_are_means_over_the_queries(report: Report) -> None:
    for table in report.tables:
        for row in table.rows:
            for column, cell in row.values.items():
                if isinstance(cell, Estimate):
                    values = values_of(report, table.name, row.name, column)
                    assert cell == estimate_mean(list(values.values()), seed=0)


def test_published_and_missing_rows_are_not_measured(report: Report) -> None:
    rows = {row.name: row for row in table_of(report, "pictures").rows}
    assert rows["published ResNet-50, face crop"].values == {
        "ssim_own_range": 0.174401,
        "rmse_color": 0.277435,
    }
    for name in ("resnet50", "vgg16", "convnext", "dino"):
        assert not rows[name].measured
        assert rows[name].values == {}
        assert f"--encoder {name}" in rows[name].note
    measured = [name for name, row in rows.items() if row.measured]
    reranked = ("ssim", "rmse", "ssim-either-way")
    assert measured == ["builtin", *(f"builtin + {name}" for name in reranked), "random"]
    assert not rows["best possible"].measured


def test_curves_start_at_the_first_hit_and_average_to_the_cell(report: Report) -> None:
    plot = next(p for p in report.plots if p.name == "pictures_ssim_by_rank")
    cells = {row.name: row.values for row in table_of(report, "pictures").rows}
    assert {line.name for line in plot.lines} >= {"builtin", "random", "best possible"}  # type: ignore[union-attr]
    for line in plot.lines:  # type: ignore[union-attr]
        cell = cells[line.name]["ssim_color"]
        assert line.x == (1.0, 2.0, 3.0)
        assert isinstance(cell, Estimate)
        assert np.mean(line.y) == pytest.approx(cell.value, abs=1e-9)


def test_failures_are_the_queries_least_like_their_hits(report: Report) -> None:
    group = next(g for g in report.failures if g.title.endswith("builtin"))
    values = values_of(report, "pictures", "builtin", "ssim_color")
    shown = [row.query.payload["painting_id"] for row in group.rows]
    assert shown == sorted(values, key=lambda q: (values[q], q))[: len(shown)]
    assert all(len(row.hits) == 3 for row in group.rows)


def test_samples(gallery: Gallery) -> None:
    def queries(**settings: object) -> set[str]:
        options = PixelsOptions(k=1, size=16, rerank=(), kinds=(), lpips=None, **settings)  # type: ignore[arg-type]
        report = evaluate_pixels(gallery, options)
        assert [table.name for table in report.tables] == ["pictures"]
        return set(values_of(report, "pictures", "builtin", "ssim_color"))

    few = queries(queries=5, best_limit=0)
    assert len(queries(fraction=0.2, best_limit=0)) == 12
    assert few < queries(queries=9, best_limit=0)
    assert queries(queries=5, seed=1, best_limit=0) != few


@pytest.mark.slow
def test_works_of_the_same_artist_are_left_out(gallery: Gallery) -> None:
    options = PixelsOptions(
        queries=4, k=4, size=16, not_same_artist=True, lpips=None, rerank=("rmse",), best_limit=0
    )
    report = evaluate_pixels(gallery, options)
    assert evaluate_pixels(gallery, options).tables == report.tables
    rows = [row for group in report.failures for row in group.rows]
    assert rows
    for row in rows:
        artists = {hit.payload["artist_key"] for hit in row.hits}
        assert row.query.payload["artist_key"] not in artists


@pytest.mark.slow
def test_files_and_faces_that_are_gone(changeable_home: Path) -> None:
    bare = PixelsOptions(k=3, size=16, rerank=(), lpips=None, best_limit=0)
    with open_gallery(home=changeable_home) as gallery:
        records = sorted(gallery[PAINTINGS].scroll(), key=lambda r: r.payload["painting_id"])
        every = {str(r.payload["painting_id"]) for r in records}
        hits = {
            query: [
                hit.painting_id
                for hit in find_similar(
                    gallery, IdQuery(query), options=SearchOptions(limit=3)
                ).hits
            ]
            for query in every
        }

        def evaluate(lost: set[str], address: str, **options: object) -> Report:
            gallery[PAINTINGS].overwrite_payload(
                {
                    r.point_id: {**r.payload, "image_uri": address}
                    for r in records
                    if r.payload["painting_id"] in lost
                }
            )
            return evaluate_pixels(gallery, replace(bare, kinds=(), **options))

        lost = set(sorted(every)[::3])
        report = evaluate(lost, "file:///nowhere/a.jpg", fraction=1)
        assert not lost & set(values_of(report, "pictures", "builtin", "ssim_color"))
        note = next(note for note in report.notes if "could not be read" in note)
        assert f"{len(lost)} pictures" in note
        assert f"{len(lost)} of them queries" in note
        assert "/nowhere/a.jpg" in note
        missing = sum(hit in lost for query in every - lost for hit in hits[query])
        row = next(r for r in table_of(report, "pictures").rows if r.name == "builtin")
        assert row.note == f"hits without a readable picture: {missing}"

        query = next(q for q in sorted(every) if q not in lost)
        report = evaluate(every - {query}, "file:///nowhere/a.jpg", fraction=1)
        row = next(r for r in table_of(report, "pictures").rows if r.name == "builtin")
        assert set(row.values) <= {"trained_on"}
        assert row.note == "hits without a readable picture: 3"
        with pytest.raises(ImageError, match=r"none of 6 .*example\.org"):
            evaluate(every, "https://example.org/a.jpg", queries=6)

        gallery[PAINTINGS].overwrite_payload({r.point_id: r.payload for r in records})
        kept = next(gallery[FACES].scroll()).payload["painting_id"]
        gallery[FACES].delete(Criteria(must_not=(AnyOf("painting_id", (kept,)),)))
        report = evaluate_pixels(gallery, replace(bare, queries=2))
        assert [table.name for table in report.tables] == ["pictures"]
        assert any(note.startswith("Faces were not compared") for note in report.notes)
        with pytest.raises(QueryError, match="two are needed"):
            evaluate_pixels(gallery, replace(bare, queries=2, kinds=(FACES,)))


def test_lpips_where_its_weights_are(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_torchvision()
    import torchvision

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torchvision.models.squeezenet1_1(weights=None)
    torch.save(network.state_dict(), tmp_path / "squeezenet1_1.pth")
    models = Models(settings=Settings(home=tmp_path, weights=tmp_path), device="cpu")
    options = PixelsOptions(queries=2, k=2, size=64, rerank=(), kinds=(), lpips="squeeze")
    report = evaluate_pixels(gallery, options, models=models)
    values = values_of(report, "pictures", "builtin", "lpips")
    assert all(0 < value < 10 for value in values.values())
    assert str(report.settings["lpips"]).startswith("lpips-squeeze-v0.1-")
    assert not any(note.startswith("LPIPS was not") for note in report.notes)

    absent = Models(settings=Settings(home=tmp_path, weights=tmp_path / "none"))
    report = evaluate_pixels(gallery, options, models=absent)
    assert all("lpips" not in row.values for row in table_of(report, "pictures").rows)
    note = next(note for note in report.notes if note.startswith("LPIPS was not measured"))
    assert str(tmp_path / "none") in note
    assert report.settings["lpips"] is None


def test_an_encoder_that_the_gallery_lacks(gallery: Gallery) -> None:
    with pytest.raises(EncoderMismatchError, match="builtin"):
        evaluate_pixels(gallery, PixelsOptions(encoders=["mobilenetv2"], lpips=None))


@pytest.mark.parametrize(
    "wrong",
    [
        {"fraction": 0.0},
        {"fraction": 1.1},
        {"queries": 0},
        {"k": 0},
        {"size": 6},
        {"rerank_depth": 0},
        {"best_limit": -1},
    ],
)
def test_wrong_options(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PixelsOptions(**wrong)  # type: ignore[arg-type]


def test_the_command(sample_home: Path, gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery.close()  # one process at a time has an embedded gallery
    monkeypatch.setenv("ARTSIM_HOME", str(sample_home))
    arguments = ["--queries", "3", "-k", "2", "--size", "32", "--no-faces", "--rerank", "ssim"]
    done = CliRunner().invoke(app, ["evaluate", "pixels", *arguments, "--format", "json"])
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["task"] == "pixels"
    names = [row["name"] for row in document["tables"][0]["rows"]]
    assert "builtin + ssim" in names
    assert "builtin + rmse" not in names
