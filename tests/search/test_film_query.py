from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from small_films import framed, write_film
from typer.testing import CliRunner

import artsim.ingest
from artsim.catalog.payload import AnyOf, Criteria
from artsim.cli import app
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.render.sheet import write_sheet
from artsim.search.film_query import find_in_film
from artsim.search.filters import Filters
from artsim.store.gallery import Gallery, open_gallery

KNOWN = ["met-436536", "met-438014"]
STRANGE = ["met-435868", "met-436001"]
PICTURES = Path(artsim.ingest.__file__).parent / "sample_data" / "images"


def shown(painting_id: str) -> np.ndarray:
    (path,) = PICTURES.glob(f"*-{painting_id}.jpg")
    return framed(path)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A painting that the gallery has not, one that it has, and both again."""
    seconds = zip((STRANGE[0], KNOWN[0], STRANGE[1], KNOWN[1]), (1.5, 3.0, 2.0, 2.5), strict=True)
    film = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return write_film(film, [(shown(name), length) for name, length in seconds])


def seen(found: object) -> list[tuple[str, float, float]]:
    return [(s.hit.painting_id, s.start, s.end) for s in found.sightings]  # type: ignore[attr-defined]


def test_paintings_are_told_with_the_seconds_in_which_they_are_seen(
    sample_gallery: Gallery, clip: Path
) -> None:
    found = find_in_film(sample_gallery, clip)
    assert [name for name, *_ in seen(found)] == KNOWN
    times = [time for _, *ends in seen(found) for time in ends]
    assert times == pytest.approx([1.5, 4.5, 6.5, 9.0], abs=0.05)
    assert (found.duration, found.looks) == (pytest.approx(9.0), 4)
    assert found.sightings[0].looks == 3


def test_the_ends_are_looked_for_between_frames(sample_gallery: Gallery, tmp_path: Path) -> None:
    one, other = (shown(name).astype(float) for name in (KNOWN[0], STRANGE[0]))
    dissolve = [((1 - k / 20) * one + k / 20 * other).astype(np.uint8) for k in range(21)]
    scenes = [
        (shown(KNOWN[0]), 3.3),
        *((pixels, 0.1) for pixels in dissolve),
        (shown(STRANGE[0]), 3.0),
    ]
    found = find_in_film(sample_gallery, write_film(tmp_path / "a.mp4", scenes))
    assert seen(found)[0][0] == KNOWN[0]
    assert seen(found)[0][2] == pytest.approx(4.3, abs=1.0)


def test_filters_hold_for_films(sample_gallery: Gallery, clip: Path) -> None:
    not_it = Criteria(must_not=(AnyOf("painting_id", (KNOWN[0],)),))
    assert [
        name for name, *_ in seen(find_in_film(sample_gallery, clip, criteria=not_it))
    ] == KNOWN[1:]
    only = Filters(where=f"painting_id={KNOWN[0]}")
    assert [name for name, *_ in seen(find_in_film(sample_gallery, clip, only))] == KNOWN[:1]


@pytest.mark.slow
def test_a_film_in_a_gallery_of_films(clip: Path, tmp_path: Path) -> None:
    others = [(framed(path), 1.0) for path in sorted(PICTURES.glob("[g-m]*"))[:24]]
    same = [(shown(name), seconds) for name, seconds in zip(KNOWN, (3.0, 2.5), strict=True)]
    film = write_film(tmp_path / "film.mp4", [*others[:4], *same, *others[4:]])
    with open_gallery(home=tmp_path / "home") as gallery:
        ingest_paintings(gallery, film, IngestOptions(faces=False))
        first, second = find_in_film(gallery, clip).sightings
    assert first.hit.payload["video_uri"] == second.hit.payload["video_uri"] == film.as_uri()
    assert (first.start, first.end, second.start) == pytest.approx((1.5, 4.5, 6.5), abs=0.05)
    assert (first.film_start, first.film_end, second.film_start) == pytest.approx(
        (4.0, 7.0, 7.0), abs=1.0
    )


def test_a_damaged_film_is_searched_by_as_far_as_it_goes(
    sample_gallery: Gallery, tmp_path: Path
) -> None:
    scenes = [(shown(KNOWN[0]), 3.0), (shown(STRANGE[0]), 8.0)]
    whole = write_film(tmp_path / "whole.mkv", scenes).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) * 3 // 5])
    found = find_in_film(sample_gallery, tmp_path / "cut.mkv")
    assert [name for name, *_ in seen(found)] == KNOWN[:1]
    assert "what could be read was searched by" in found.notes[0]


def test_on_the_command_line(sample_home: Path, clip: Path, tmp_path: Path) -> None:
    place = ["--home", str(sample_home)]
    sheet = tmp_path / "sheet.html"
    table = CliRunner().invoke(app, ["query", str(clip), "--sheet", str(sheet), *place])
    assert table.exit_code == 0, table.stderr
    assert "0:01.5  0:04.5" in table.stdout and KNOWN[0] in table.stdout
    assert f"{clip.as_uri()}#t=1.50,4.50" in sheet.read_text()
    told = json.loads(CliRunner().invoke(app, ["query", str(clip), "-f", "json", *place]).stdout)
    assert told["query"] == {"film": str(clip), "duration": 9.0}
    first = told["sightings"][0]
    assert (first["painting_id"], first["start"], first["end"]) == (KNOWN[0], 1.5, 4.5)
    refused = CliRunner().invoke(app, ["query", str(clip), "--faces", *place])
    assert refused.exit_code == 2 and "a film is searched by as a whole" in refused.stderr


def test_a_sheet_of_nothing(sample_gallery: Gallery, tmp_path: Path) -> None:
    found = find_in_film(sample_gallery, write_film(tmp_path / "a.mp4", [(shown(STRANGE[0]), 1.0)]))
    write_sheet(found, tmp_path / "sheet.png")
    assert found.sightings == ()
