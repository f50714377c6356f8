"""Details: parts of paintings that are kept, and found by a picture that may be one."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from artsim import PAINTINGS
from artsim.catalog.kinds import DETAILS, Box, CutterOptions
from artsim.cli import app
from artsim.images.details import COUNT as ACROSS
from artsim.images.details import LEAST_SIDE, DetailCutter, grid
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.store.gallery import open_gallery

COUNT = ACROSS**2
FIELD = "van-gogh-wheat-field-cypresses-met-436535.jpg"
WORKS = (FIELD, "van-gogh-cypresses-met-437980.jpg", "van-gogh-irises-met-436528.jpg")


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    folder = tmp_path_factory.mktemp("works")
    for name in WORKS:
        (folder / name).write_bytes((sample / "images" / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, works: Path) -> Path:
    """A gallery that got its details after its paintings."""
    folder = tmp_path_factory.mktemp("home")
    with open_gallery(home=folder) as gallery:
        ingest_paintings(gallery, works, IngestOptions(faces=False))
        written = gallery[PAINTINGS].stats().written
        summary = ingest_paintings(gallery, works, IngestOptions(kinds=(DETAILS,)))
        assert (summary.counts.extended, summary.counts.added) == (len(WORKS), {})
        assert summary.counts.parts[DETAILS.name] == COUNT * len(WORKS)
        assert written is not None
    return folder


@pytest.fixture
def part(works: Path, tmp_path: Path) -> Path:
    """A ninth of a painting, at the right in the middle."""
    with Image.open(works / FIELD) as picture:
        width, height = picture.size
        box = (2 * width // 3, height // 3, width, 2 * height // 3)
        picture.crop(box).save(tmp_path / "part.png")
    return tmp_path / "part.png"


@pytest.fixture
def artsim(home: Path) -> Callable[..., str]:
    def run(*arguments: str | Path, code: int = 0) -> str:
        done = CliRunner(env={"COLUMNS": "120"}).invoke(
            app, [*map(str, arguments), "--home", str(home)]
        )
        assert done.exit_code == code, done.output
        return done.output if code else done.stdout

    return run


def test_the_parts_cover_a_picture_and_are_as_many_as_it_has_room_for() -> None:
    boxes = grid(300, 200)
    assert len(boxes) == COUNT
    for x, y in ((0, 0), (150, 100), (299, 199)):
        assert any(b.x <= x < b.x + b.width and b.y <= y < b.y + b.height for b in boxes)
    assert all(b.x + b.width <= 300 and b.y + b.height <= 200 for b in boxes)
    cutter = DetailCutter(CutterOptions())
    assert len(cutter(np.zeros((3 * LEAST_SIDE, 300, 3), np.uint8), 600)) == COUNT
    assert cutter(np.zeros((3 * LEAST_SIDE - 3, 300, 3), np.uint8), 600) == []


def test_a_part_finds_its_painting_and_its_place(artsim: Callable[..., str], part: Path) -> None:
    found = json.loads(artsim("query", part, "--details", "--format", "json"))
    assert found["query"] == {"image": str(part), "kind": "details"}
    assert "query_faces" not in found
    assert len({hit["painting_id"] for hit in found["hits"]}) == len(found["hits"]) == len(WORKS)
    best = found["hits"][0]["payload"]
    assert best["image_uri"].endswith(FIELD)
    width, height = best["image_width"], best["image_height"]
    there = Box(2 * width / 3, height / 3, width / 3, height / 3)
    assert Box(*best["box"]).overlap(there) > 0.4
    every = artsim("query", part, "--details", "--group-by", "painting_id", "--group-size", "99")
    assert f"{len(WORKS) * COUNT}  " in every


def test_a_part_is_shown_where_it_lies(
    artsim: Callable[..., str], part: Path, tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.html"
    table = artsim("query", part, "--details", "--sheet", sheet, "--limit", 1)
    assert "67%,22%,33%,33%" in table or "67%,44%,33%,33%" in table
    assert "Details like part.png" in sheet.read_text("utf-8")
    saved = tmp_path / "question.json"
    asked = artsim("query", part, "--details", "--format", "json", "--save", saved)
    assert artsim("replay", saved, "--format", "json") == asked


def test_details_keep_no_pixels_and_say_so(
    artsim: Callable[..., str], part: Path, home: Path
) -> None:
    with open_gallery(home=home) as gallery:
        assert "pixels" not in gallery[DETAILS].schema.vectors
        assert len(gallery.encoders(DETAILS)) == 1
    assert "details has no pixels" in artsim("query", part, "--details", "--rerank", "ssim", code=1)
    artsim("query", part, "--details", "--face", 1, code=1)
    artsim("query", part, "--details", "--faces", code=2)
    by_id = json.loads(artsim("list", "--kind", "details", "--format", "json", "--limit", "1"))
    assert by_id["points"][0]["payload"]["detail_index"] in range(COUNT)
    assert json.loads(artsim("list", "--format", "json"))["total"] == len(WORKS)


def test_they_are_evaluated_by_each_other(artsim: Callable[..., str]) -> None:
    told = artsim("evaluate", "labels", "--kind", "details", "--by", "ingested_from", "-f", "json")
    report = json.loads(told)
    row = report["tables"][0]["rows"][0]
    assert row["values"]["precision_at_1"]["value"] == 1
    assert "a search by the index" not in told  # which only whole pictures ask for
