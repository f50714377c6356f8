"""Searches from Python: pictures in every form in which a program holds them."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from artsim import (
    ImageQuery,
    IngestOptions,
    Models,
    PixelsQuery,
    SearchOptions,
    find_similar,
    ingest_paintings,
    open_gallery,
)
from artsim.cli import app
from artsim.errors import ArtsimError, OptionError
from artsim.store.gallery import Gallery


@pytest.fixture(scope="module")
def models() -> Models:
    return Models()


@pytest.fixture
def picture(sample: Path) -> Path:
    return sorted((sample / "images").iterdir())[2]


def test_a_file_is_asked_for_in_any_form(
    sample_gallery: Gallery, picture: Path, models: Models
) -> None:
    content = picture.read_bytes()
    by_path = find_similar(sample_gallery, ImageQuery(picture), models=models)
    with picture.open("rb") as file:
        queries = [
            ImageQuery(str(picture)),
            ImageQuery(content),
            ImageQuery(bytearray(content)),
            ImageQuery(io.BytesIO(content)),
            ImageQuery(file),
        ]
    for query in queries:
        result = find_similar(sample_gallery, query, models=models)
        # The picture itself, which the gallery has, is left out in every form.
        assert result.hits == by_path.hits
        assert result.query_payload == by_path.query_payload


def test_what_answers_call_it(picture: Path) -> None:
    assert ImageQuery(picture).name == str(picture)
    assert ImageQuery(b"...").name == "a picture"
    assert ImageQuery(b"...", "an upload").name == "an upload"
    with picture.open("rb") as file:
        assert ImageQuery(file).name == str(picture)


def test_an_image_of_pillow_is_turned_upright(
    sample_gallery: Gallery, picture: Path, models: Models
) -> None:
    upright = Image.open(picture).convert("RGB")
    expected = find_similar(sample_gallery, PixelsQuery(upright), models=models)
    assert expected.hits[0].score == pytest.approx(1.0, abs=1e-3)
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    exif = lying.getexif()
    exif[0x0112] = 6
    lying.info["exif"] = exif.tobytes()
    found = find_similar(sample_gallery, PixelsQuery(lying), models=models)
    assert [hit.painting_id for hit in found.hits] == [hit.painting_id for hit in expected.hits]


@pytest.mark.parametrize("picture", [None, 3, ["a.jpg"], io.StringIO("text"), object()])
def test_what_is_no_picture_is_said_in_words(picture: object) -> None:
    for query in (ImageQuery, PixelsQuery):
        with pytest.raises(TypeError, match="picture"):
            query(picture)  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ["a.jpg", b"", Path("a.jpg"), None])
def test_a_search_by_what_is_no_query_is_refused_in_words(
    sample_gallery: Gallery, query: object
) -> None:
    with pytest.raises(TypeError, match=r"ImageQuery\('a.jpg'\)"):
        find_similar(sample_gallery, query)  # type: ignore[arg-type]


def test_lists_are_ingested_by_str_and_never_replaced(picture: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture.read_bytes())
    listed = tmp_path / "list.jsonl"
    listed.write_text('{"image": "a.jpg", "id": "a"}\n{"image": "gone.jpg", "id": "b"}\n')
    before = listed.read_bytes()
    with open_gallery(home=tmp_path / "home") as gallery:
        options = IngestOptions(encoders=("handcrafted",), faces=False)
        assert ingest_paintings(gallery, str(listed), options).counts.written == 1
    home = ["--home", str(tmp_path / "home")]
    for arguments in (["export"], ["list"], ["query", "--id", "a"]):
        run = [*arguments, "-o", str(listed), "--overwrite", *home]
        done = CliRunner().invoke(app, run)
        assert done.exit_code == 1, run
        assert "ingested from this list" in done.stderr
        assert listed.read_bytes() == before


@pytest.mark.parametrize(
    "options",
    [
        {"rerank": "foo"},
        {"limit": 0},
        {"offset": -1},
        {"min_score": 2.0},
        {"rerank_weight": 0.1},
        {"rerank": "ssim", "rerank_weight": -1.0},
    ],
)
def test_options_that_make_no_sense(options: dict[str, object]) -> None:
    with pytest.raises(OptionError, match=str(next(iter(options))).split("_")[0]) as refused:
        SearchOptions(**options)  # type: ignore[arg-type]
    assert isinstance(refused.value, ArtsimError)
    assert isinstance(refused.value, ValueError)


def test_an_answer_as_a_dictionary_is_what_the_command_line_writes(
    sample_gallery: Gallery, sample_home: Path, picture: Path, models: Models
) -> None:
    options = SearchOptions(limit=3, rerank="ssim", group_by="artist")
    result = find_similar(sample_gallery, ImageQuery(picture), options=options, models=models)
    sample_gallery.close()
    arguments = ["query", str(picture), "-k", "3", "--rerank", "ssim", "--group-by", "artist"]
    done = CliRunner().invoke(app, [*arguments, "-f", "json", "--home", str(sample_home)])
    written = json.loads(done.stdout)
    written.pop("notes")
    made = result.to_dict()
    made.pop("notes")
    assert json.loads(json.dumps(made)) == written
    first = result.hits[0]
    assert first.to_dict(1)["score"] == first.score
