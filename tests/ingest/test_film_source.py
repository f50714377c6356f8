from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from small_films import scene, write_film, write_sound
from typer.testing import CliRunner

from artsim.catalog.kinds import PAINTINGS
from artsim.cli import app
from artsim.errors import SourceError
from artsim.images.load import ImageLimits, file_sha256, load_image
from artsim.ingest.records import Problem, SourcePainting
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.ingest.sources import read_source
from artsim.render.sheet import write_sheet
from artsim.search.answer import find_similar
from artsim.search.filters import Filters
from artsim.search.listing import count_values, list_paintings
from artsim.search.question import IdQuery, ImageQuery
from artsim.store.gallery import Gallery, open_gallery

SCENES = [(scene(1), 1.0), (scene(2), 3.0), (scene(0) * 0, 1.0), (scene(3), 1.0)]
IDS = ["film-00h00m00.000", "film-00h00m01.000", "film-00h00m05.000"]
PLAIN = IngestOptions(faces=False)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("films") / "film.mp4", SCENES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three paintings, of which the film shows one."""
    place = tmp_path_factory.mktemp("paintings")
    for number in (2, 8, 9):
        Image.fromarray(scene(number)).save(place / f"{number}.png")
    return place


@pytest.fixture(scope="module")
def gallery(film: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    opened = open_gallery(home=tmp_path_factory.mktemp("home"))
    ingest_paintings(opened, folder, PLAIN)
    summary = ingest_paintings(opened, film, PLAIN)
    assert (summary.noun, summary.counts.written, summary.problems) == ("frame", 3, [])
    return opened


def ids(points: object) -> list[str]:
    return [str(point.payload["painting_id"]) for point in points]  # type: ignore[attr-defined]


def test_a_film_is_a_source_of_frames_that_know_their_time(film: Path) -> None:
    source = read_source(film)
    found = [entry for entry in source if isinstance(entry, SourcePainting)]
    assert [entry.painting_id for entry in found] == IDS
    payload = found[1].payload
    assert payload["video_uri"] == film.as_uri() == source.uri
    assert payload["image_uri"] == f"{film.as_uri()}#t=1"
    assert payload["title"] == "film, 0:01"
    assert (payload["time_start"], payload["time_end"]) == (1.0, 4.0)
    assert (source.count(), source.steps(2), source.steps(3)) == (6, 4, 6)


def test_a_second_ingest_finds_all_there(gallery: Gallery, film: Path) -> None:
    counts = ingest_paintings(gallery, film, PLAIN).counts
    assert (counts.unchanged, counts.done) == (3, 3)


def test_frames_are_shown_only_where_films_are_asked_for(gallery: Gallery, folder: Path) -> None:
    films = Filters(films=True)
    assert ids(list_paintings(gallery).points) == ["2.png", "8.png", "9.png"]
    assert ids(list_paintings(gallery, films).points) == IDS
    assert count_values(gallery, "date", filters=films).unknown == 3
    picture = ImageQuery(folder / "2.png")
    assert "2.png" not in ids(find_similar(gallery, picture).hits)
    assert len(find_similar(gallery, picture).hits) == 2
    found = find_similar(gallery, picture, films).hits
    assert [found[0].payload["time_start"], len(found)] == [1.0, 3]
    assert ids(find_similar(gallery, IdQuery(IDS[1])).hits)[0] == "2.png"


@pytest.mark.slow
def test_a_gallery_of_films_alone_shows_them_unasked(film: Path, tmp_path: Path) -> None:
    with open_gallery(home=tmp_path) as gallery:
        ingest_paintings(gallery, film, PLAIN)
        assert ids(list_paintings(gallery).points) == IDS


def test_a_frames_picture_is_decoded_from_its_film(gallery: Gallery, film: Path) -> None:
    record = gallery[PAINTINGS].retrieve([PAINTINGS.point_id(IDS[1])]).popitem()[1]
    place = film.with_name("film.mp4#t=1")
    assert record.payload["image_sha256"] == file_sha256(place)
    assert load_image(place).pixels.shape == (64, 96, 3)


def test_a_sheet_opens_the_film_at_that_time(gallery: Gallery, film: Path, tmp_path: Path) -> None:
    answer = find_similar(gallery, IdQuery("2.png"), Filters(films=True))
    write_sheet(answer, tmp_path / "sheet.html")
    page = (tmp_path / "sheet.html").read_text()
    assert f"{film.as_uri()}#t=1,4" in page
    assert "cannot be read" not in page and page.count("data:image") >= 4


def test_a_damaged_film_gives_what_can_be_read_and_says_so(film: Path, tmp_path: Path) -> None:
    whole = write_film(tmp_path / "whole.mkv", SCENES).read_bytes()
    (tmp_path / "film.mkv").write_bytes(whole[: len(whole) // 2])
    *found, problem = read_source(tmp_path / "film.mkv")
    assert isinstance(found[0], SourcePainting) and found[0].painting_id == IDS[0]
    assert isinstance(problem, Problem)
    assert "it ends at 0:0" in str(problem) and "what could be read is kept" in str(problem)


def test_what_is_no_film_is_refused(film: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no moving pictures"):
        read_source(write_sound(tmp_path / "sound.mp4"))
    with pytest.raises(SourceError, match="the limit is"):
        read_source(film, limits=ImageLimits(max_film_hours=0.001))
    with pytest.raises(SourceError, match="is a film: no list"):
        read_source(film, metadata=tmp_path / "list.csv")


@pytest.mark.slow
def test_on_the_command_line(film: Path, folder: Path, tmp_path: Path) -> None:
    home = ["--home", str(tmp_path)]
    run = CliRunner().invoke(app, ["ingest", str(film), "--no-faces", *home])
    assert run.exit_code == 0, run.stderr
    assert f"Ingesting {film}: 6 seconds" in run.stderr
    assert "Wrote 3 frames." in run.stderr
    CliRunner().invoke(app, ["ingest", str(folder), "--no-faces", *home])
    listed = CliRunner().invoke(app, ["query", f"{film}#t=2", *home, "--format", "paths"])
    assert listed.stdout.splitlines()[0] == str(folder / "2.png")
    refused = CliRunner().invoke(app, ["ingest", str(film), "--max-film-hours", "0.001", *home])
    assert refused.exit_code == 1 and "--max-film-hours" in refused.stderr
