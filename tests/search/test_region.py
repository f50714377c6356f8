"""Searching by a region of a picture: in a file, in memory, of a work, and among examples."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from artsim import FACES, PAINTINGS, PixelsQuery, Region, find_similar
from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import Box
from artsim.errors import ArtsimError, NoFaceError, OptionError, QueryError
from artsim.images.load import load_image
from artsim.search.models import Models
from artsim.search.question import ExamplesQuery, IdQuery, ImageQuery, Question, SearchOptions
from artsim.store.gallery import Gallery, open_gallery

PIANO = "met-438014"
FILE = "renoir-daughters-catulle-mendes-huguette-claudine-met-438014.jpg"
QUARTER = Region(50, 0, 50, 50, in_percent=True)


@pytest.fixture(scope="module")
def models() -> Models:
    return Models()


@pytest.fixture
def piano(sample: Path) -> Path:
    return sample / "images" / FILE


def quarter(pixels: RGBImage) -> RGBImage:
    height, width = pixels.shape[:2]
    return pixels[: -(-height // 2), width // 2 :]


@pytest.mark.parametrize("rerank", [None, "ssim", "rmse"])
def test_a_region_finds_what_its_pixels_find(
    piano: Path, sample_gallery: Gallery, models: Models, rerank: str | None
) -> None:
    pixels = load_image(piano).pixels
    options = SearchOptions(rerank=rerank, include_self=True)

    def ids(query: IdQuery | ImageQuery | PixelsQuery) -> list[str]:
        found = find_similar(sample_gallery, query, options=options, models=models)
        return [hit.painting_id for hit in found.hits]

    cut = ids(PixelsQuery(quarter(pixels)))
    assert ids(ImageQuery(piano, region=QUARTER)) == cut
    assert ids(ImageQuery(piano.read_bytes(), region=QUARTER)) == cut
    assert ids(PixelsQuery(pixels, region=QUARTER)) == cut
    assert ids(IdQuery(PIANO, QUARTER)) == cut
    assert ids(IdQuery(PIANO)) != cut


def test_an_answer_says_the_region(
    piano: Path, sample_gallery: Gallery, models: Models, tmp_path: Path
) -> None:
    found = find_similar(sample_gallery, IdQuery(PIANO, QUARTER), models=models)
    assert found.query_region == Box(257, 0, 258, 320)
    assert PIANO not in [hit.painting_id for hit in found.hits]
    document = found.to_dict()
    assert document["query"] == {"id": PIANO, "region": "50%,0%,50%,50%"}
    assert document["query_region"] == [257, 0, 258, 320]
    like = ExamplesQuery((ImageQuery(piano, "piano", region=QUARTER),), (IdQuery("met-437388"),))
    examples = find_similar(sample_gallery, like, models=models)
    assert examples.query == {"like": ["piano@50%,0%,50%,50%"], "unlike": ["met-437388"]}
    assert [example.region for example in examples.examples] == [found.query_region, None]
    assert "query_region" not in find_similar(sample_gallery, IdQuery(PIANO)).to_dict()


def test_words_are_for_whole_pictures(sample_gallery: Gallery, models: Models) -> None:
    by_part = find_similar(sample_gallery, IdQuery(PIANO, QUARTER), models=models)
    assert all(hit.verdict is None for hit in by_part.hits)
    assert by_part.falls_off is None
    faces = find_similar(sample_gallery, IdQuery(PIANO, QUARTER), kind=FACES, models=models)
    assert all(hit.verdict is not None for hit in faces.hits)


def test_the_region_is_of_the_upright_picture(
    piano: Path, sample_gallery: Gallery, models: Models, tmp_path: Path
) -> None:
    upright = Image.fromarray(load_image(piano).pixels)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by a quarter
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    upright.save(tmp_path / "upright.png")
    region = Region(300, 40, 180, 200)
    turned, straight = (
        find_similar(sample_gallery, ImageQuery(tmp_path / name, region=region), models=models)
        for name in ("turned.png", "upright.png")
    )
    assert [hit.score for hit in turned.hits] == [hit.score for hit in straight.hits]


def test_a_small_part_of_a_large_picture_is_sharp(
    piano: Path, sample_gallery: Gallery, models: Models, tmp_path: Path
) -> None:
    small = Image.open(piano).convert("RGB")
    large = Image.new("RGB", (4000, 3000), "white")
    large.paste(small, (3000, 2000))
    large.save(tmp_path / "wall.png")
    region = Region(3000, 2000, *small.size)
    found = find_similar(
        sample_gallery, ImageQuery(tmp_path / "wall.png", region=region), models=models
    )
    assert found.hits[0].painting_id == PIANO
    assert found.hits[0].score > 0.9999


def test_faces_within_a_region(piano: Path, sample_gallery: Gallery, models: Models) -> None:
    everyone = find_similar(sample_gallery, ImageQuery(piano), kind=FACES, models=models)
    assert len(everyone.query_faces) == 3
    for query in (ImageQuery(piano, region=QUARTER), IdQuery(PIANO, QUARTER)):
        one = find_similar(sample_gallery, query, kind=FACES, models=models)
        (face,) = one.query_faces
        assert face.box.x > 257 and face.box.y < 320
        nearest = min(everyone.query_faces, key=lambda other: abs(other.box.x - face.box.x))
        assert face.box.x == pytest.approx(nearest.box.x, abs=8)
        assert face.box.y == pytest.approx(nearest.box.y, abs=8)
    floor = Region(0, 90, 100, 10, in_percent=True)
    with pytest.raises(NoFaceError, match=re.escape(f"region {floor}: no face")):
        find_similar(sample_gallery, ImageQuery(piano, region=floor), kind=FACES, models=models)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_uri": "https://museum.example/1.jpg"}, "is at https://museum.example/1.jpg, and"),
        ({"image_uri": "file:///nowhere/1.jpg"}, "1.jpg: no such file"),
        ({"image_sha256": "0" * 64}, "the file of 'met-438014' has changed since"),
    ],
)
def test_a_region_of_a_work_needs_its_file(
    changeable_home: Path, models: Models, change: dict[str, str], said: str
) -> None:
    with open_gallery(home=changeable_home) as gallery:
        paintings, point_id = gallery[PAINTINGS], PAINTINGS.point_id(PIANO)
        payload = paintings.retrieve([point_id])[point_id].payload
        paintings.overwrite_payload({point_id: {**payload, **change}})
        with pytest.raises(ArtsimError, match=said):
            find_similar(gallery, IdQuery(PIANO, QUARTER), models=models)
        assert find_similar(gallery, IdQuery(PIANO), models=models).hits


def test_a_region_beyond_the_picture(sample_gallery: Gallery, models: Models) -> None:
    with pytest.raises(OptionError, match="met-438014: the region 500,0,20,20 reaches beyond"):
        find_similar(sample_gallery, IdQuery(PIANO, Region(500, 0, 20, 20)), models=models)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected x,y,width,height"),
        ("1,2,3", "expected x,y,width,height"),
        ("1,2,3,4,5", "expected x,y,width,height"),
        ("a,b,c,d", "expected x,y,width,height"),
        ("10%,10%,50,50", "expected x,y,width,height"),
        ("0,0,0,5", "nothing is in it"),
        ("-1,0,5,5", "numbers of 0 and more"),
        ("nan,0,5,5", "numbers of 0 and more"),
        ("1e400,0,5,5", "numbers of 0 and more"),
        ("50%,0%,60%,10%", "ends at 110 %"),
    ],
)
def test_what_is_no_region(text: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        Region.parse(text)


PARTS = st.tuples(st.floats(0, 50), st.floats(0, 50), st.floats(1e-9, 50), st.floats(1e-9, 50))


@given(PARTS, st.integers(1, 3000), st.integers(1, 3000), st.booleans())
def test_a_region_is_some_pixels_of_the_picture(
    parts: tuple[float, float, float, float], width: int, height: int, in_percent: bool
) -> None:
    region = Region(*parts, in_percent=in_percent)
    assert Region.parse(str(region)) == region
    if not in_percent and (width < 100 or height < 100):
        return
    box = region.within(width, height, "it")
    assert box.width >= 1 and box.height >= 1
    assert 0 <= box.x <= box.x + box.width <= width
    assert 0 <= box.y <= box.y + box.height <= height
    whole = Region(0, 0, 100, 100, in_percent=True)
    assert whole.within(width, height, "it") == Box(0, 0, width, height)


def test_a_question_of_a_region_is_json() -> None:
    like = (ImageQuery("a.jpg", region=QUARTER), IdQuery("b"), ImageQuery(b"c", "c"))
    for query in (IdQuery("a", QUARTER), *like, ExamplesQuery(like, (IdQuery("d", QUARTER),))):
        question = Question(query)
        assert Question.from_dict(json.loads(json.dumps(question.to_dict()))) == question
    pixels = PixelsQuery(np.zeros((4, 4, 3), np.uint8), region=QUARTER)
    again = Question.from_dict(Question(pixels).to_dict()).query
    assert isinstance(again, PixelsQuery) and again.region == QUARTER


@pytest.mark.parametrize(
    "query",
    [
        {"id": "a", "region": "1,2,3"},
        {"id": "a", "region": [1, 2, 3, 4]},
        {"id": "a", "region": None},
        {"text": "a ship", "region": "1,2,3,4"},
        {"like": [{"id": "a"}], "unlike": [], "region": "1,2,3,4"},
    ],
)
def test_json_that_is_no_region(query: dict[str, object]) -> None:
    with pytest.raises(QueryError, match="query"):
        Question.from_dict({**Question(IdQuery("a")).to_dict(), "query": query})
