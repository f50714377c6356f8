"""What local points verify comes first: the work itself, a detail, a photograph of a wall."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from artsim import Answer, PixelsQuery, compare, find_similar
from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import DETAILS
from artsim.catalog.payload import AnyOf, Criteria
from artsim.cli import app
from artsim.errors import QueryError
from artsim.images.details import find_windows
from artsim.images.load import load_image
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.search.models import Models
from artsim.search.question import IdQuery, SearchOptions
from artsim.store.gallery import Gallery, open_gallery

pytest.importorskip("cv2")

FIELD, IRISES, PIANO = "met-436535.jpg", "met-436528.jpg", "met-438014.jpg"


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """Eight works of the sample, with two of van Gogh's and one of Renoir's."""
    folder = tmp_path_factory.mktemp("works")
    named = {path for one in (FIELD, IRISES, PIANO) for path in sample.glob(f"images/*{one}")}
    assert len(named) == 3
    for path in sorted(named | set(sorted(sample.glob("images/*.jpg"))[:5])):
        (folder / f"{'-'.join(path.stem.split('-')[-2:])}.jpg").write_bytes(path.read_bytes())
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, works: Path) -> Path:
    folder = tmp_path_factory.mktemp("home")
    options = IngestOptions(kinds=(DETAILS,), points=True)
    with open_gallery(home=folder) as gallery:
        ingest_paintings(gallery, works, options)
    return folder


@pytest.fixture(scope="module")
def models() -> Models:
    return Models()


@pytest.fixture
def ask(home: Path, models: Models) -> Callable[..., Answer]:
    def find(picture: RGBImage, look: str | None = None, **more: object) -> Answer:
        kind = more.pop("kind", None)
        criteria = more.pop("criteria", Criteria())
        options = SearchOptions(look=look, **more)  # type: ignore[arg-type]
        with open_gallery(home=home) as gallery:
            return find_similar(
                gallery,
                PixelsQuery(picture),
                criteria,  # type: ignore[arg-type]
                options,
                models=models,
                **({"kind": kind} if kind else {}),  # type: ignore[arg-type]
            )

    return find


@pytest.fixture(scope="module")
def picture(works: Path) -> Callable[[str], RGBImage]:
    return lambda name: load_image(works / name).pixels


@pytest.fixture(scope="module")
def wall(picture: Callable[[str], RGBImage]) -> RGBImage:
    """A wall of a thousand pixels on which two paintings hang, one of them askew."""
    scene = Image.new("RGB", (1000, 700), (206, 204, 200))
    scene.paste(Image.fromarray(picture(FIELD)).resize((300, 235)), (80, 120))
    turned = (
        Image.fromarray(picture(PIANO)).resize((220, 270)).convert("RGBA").rotate(8, expand=True)
    )
    scene.paste(turned, (620, 330), turned)
    return np.asarray(scene)


def ids(answer: Answer) -> list[str]:
    return [hit.painting_id for hit in answer.hits]


def found(answer: Answer) -> dict[str, str | None]:
    return {
        h.painting_id: h.evidence.relation
        for h in answer.hits
        if h.evidence and h.evidence.is_found
    }


def test_a_picture_of_a_work_is_verified_and_the_rest_stays(
    ask: Callable[..., Answer], picture: Callable[[str], RGBImage]
) -> None:
    plain = ask(picture(FIELD), "whole")
    checked = ask(picture(FIELD))
    assert all(hit.evidence is None for hit in plain.hits)
    assert found(checked) == {FIELD: "same picture"}
    assert ids(checked) == ids(plain)
    assert [hit.score for hit in checked.hits] == [hit.score for hit in plain.hits]
    first = checked.hits[0].evidence
    assert first is not None and first.inliers > 50 and len(first.pairs) == 60
    assert np.allclose(first.outline, [(0, 0), (1, 0), (1, 1), (0, 1)], atol=0.02)
    assert ask(picture(FIELD), limit=2, offset=1).hits == checked.hits[1:3]


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_small_detail_is_found_with_its_place(
    ask: Callable[..., Answer], picture: Callable[[str], RGBImage], mirrored: bool
) -> None:
    whole = picture(IRISES)
    height, width = whole.shape[:2]
    part = whole[height // 4 : height // 2, width // 2 : 3 * width // 4]
    answer = ask(np.ascontiguousarray(part[:, ::-1]) if mirrored else part)
    assert ids(answer)[0] == IRISES and found(answer) == {IRISES: "detail"}
    evidence = answer.hits[0].evidence
    assert evidence is not None and evidence.mirrored == mirrored
    low, high = np.min(evidence.outline, axis=0), np.max(evidence.outline, axis=0)
    assert np.allclose([*low, *high], [0.5, 0.25, 0.75, 0.5], atol=0.03)
    of_details = ask(part, kind=DETAILS)
    assert ids(of_details)[0] == IRISES and found(of_details) == {IRISES: "detail"}
    assert "box" in of_details.hits[0].payload


def test_paintings_in_a_photograph_are_each_found_and_outlined(
    ask: Callable[..., Answer], wall: RGBImage
) -> None:
    assert find_windows(wall) == find_windows(wall)
    for look in ("in-photo", None):
        answer = ask(wall, look)
        assert found(answer) == {FIELD: "shown", PIANO: "shown"}
        assert {*ids(answer)[:2]} == {FIELD, PIANO}
        # Whatever is left once both are masked says nothing of the others.
        assert all(h.evidence and h.evidence.found == "not found" for h in answer.hits[2:])
    places = {
        hit.painting_id: hit.evidence.query_outline for hit in answer.hits[:2] if hit.evidence
    }
    expected = [(0.08, 120 / 700), (0.38, 120 / 700), (0.38, 355 / 700), (0.08, 355 / 700)]
    assert np.allclose(places[FIELD], expected, atol=0.02)
    assert found(ask(wall, "whole")) == {}


@pytest.mark.slow
def test_filters_hold_for_what_windows_find(ask: Callable[..., Answer], wall: RGBImage) -> None:
    for kept, expected in (((FIELD,), {FIELD: "shown"}), ((IRISES,), {})):
        criteria = Criteria((AnyOf("painting_id", kept),))
        answer = ask(wall, "in-photo", criteria=criteria)
        assert found(answer) == expected and set(ids(answer)) <= set(kept)


def test_what_is_not_there_is_not_found(ask: Callable[..., Answer], sample: Path) -> None:
    strange = load_image(sorted(sample.glob("images/*.jpg"))[-1]).pixels
    plain, checked = ask(strange, "whole"), ask(strange)
    assert found(checked) == {}
    assert [replace(hit, evidence=None) for hit in checked.hits] == plain.hits
    assert all(hit.evidence and hit.evidence.found == "not found" for hit in checked.hits)


def test_a_photograph_is_asked_by_a_picture(ask: Callable[..., Answer], home: Path) -> None:
    with open_gallery(home=home) as gallery, pytest.raises(QueryError, match="one picture"):
        find_similar(gallery, IdQuery(FIELD), options=SearchOptions(look="in-photo"))


def test_a_gallery_without_points_answers_as_before(
    sample_gallery: Gallery, models: Models, wall: RGBImage
) -> None:
    options = SearchOptions(look="whole")
    plain = find_similar(sample_gallery, PixelsQuery(wall), options=options, models=models)
    default = find_similar(sample_gallery, PixelsQuery(wall), models=models)
    assert default.hits == plain.hits
    assert "look" not in default.to_dict()["settings"]
    windows = replace(options, look="in-photo", limit=5)
    found = find_similar(sample_gallery, PixelsQuery(wall), options=windows, models=models)
    assert {Path(FIELD).stem, Path(PIANO).stem} <= set(ids(found))
    assert any("points" in note for note in found.notes)


@pytest.mark.slow
def test_the_command_line_tells_it(home: Path, wall: RGBImage, tmp_path: Path) -> None:
    Image.fromarray(wall).save(tmp_path / "wall.png")

    def artsim(*arguments: str, code: int = 0) -> str:
        given = ["query", str(tmp_path / "wall.png"), *arguments, "--home", str(home)]
        done = CliRunner().invoke(app, given, env={"COLUMNS": "160"})
        assert done.exit_code == code, done.output
        return done.stdout

    saved = str(tmp_path / "question.json")
    asked = artsim("--in-photo", "--format", "json", "--save", saved, "--limit", "3")
    answer = json.loads(asked)
    assert answer["settings"]["look"] == "in-photo"
    first = answer["hits"][0]["evidence"]
    assert first["found"] == "found" and len(first["query_outline"]) == 4
    again = CliRunner().invoke(app, ["replay", saved, "--format", "json", "--home", str(home)])
    assert again.stdout == asked
    assert "shown, " in artsim("--in-photo")
    artsim("--in-photo", "--whole", code=2)


@pytest.mark.slow
def test_another_picture_of_what_was_found_first_is_found_too(
    works: Path,
    wall: RGBImage,
    picture: Callable[[str], RGBImage],
    models: Models,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only one of the two is among the first that are checked, and it explains its place."""
    monkeypatch.setattr("artsim.search.verify._FIRST", 1)
    monkeypatch.setattr("artsim.search.verify.CANDIDATES", 1)
    folder = tmp_path / "works"
    folder.mkdir()
    (folder / FIELD).write_bytes((works / FIELD).read_bytes())
    faded = 255 - (255 - picture(FIELD).astype(float)) * (0.8, 0.7, 0.6)
    Image.fromarray(faded.astype(np.uint8)).save(folder / "faded.jpg")
    with open_gallery(home=tmp_path / "home") as gallery:
        ingest_paintings(gallery, folder, IngestOptions(kinds=(), points=True))
        answer = find_similar(gallery, PixelsQuery(wall), models=models)
    assert {*found(answer)} == {FIELD, "faded.jpg"}


def test_two_works_are_compared_by_their_stored_points(
    home: Path, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_gallery(home=home) as gallery:
        alike = compare(gallery, IdQuery(FIELD), IdQuery(FIELD), models).evidence
        assert (alike.found, alike.relation) == ("found", "same picture")
        pair = IdQuery(FIELD), IdQuery(IRISES)
        assert compare(gallery, *pair, models).evidence.found == "not found"
        monkeypatch.setitem(sys.modules, "cv2", None)
        missing = compare(gallery, *pair, models).evidence
    assert missing.found == "not checked"
    assert "pip install 'artsim[details]'" in missing.why
