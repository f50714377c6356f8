"""Two pictures beside each other, and copies of one that are looked for."""

import csv
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from runner import artsim, fails, succeeds

from artsim import (
    Comparison,
    IdQuery,
    IngestOptions,
    PixelsQuery,
    compare,
    ingest_paintings,
    write_sheet,
)
from artsim.errors import PaintingNotFoundError
from artsim.render.text import describe_likelihoods
from artsim.store.gallery import Gallery, open_gallery

LUTE = "vermeer-young-woman-lute-met-437880.jpg"


@pytest.fixture
def mirrored(sample: Path, tmp_path: Path) -> Path:
    path = tmp_path / "mirrored.jpg"
    with Image.open(sample / "images" / LUTE) as picture:
        gray = picture.convert("L")
    gray.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path, quality=70)
    return path


def test_a_mirrored_gray_copy_is_the_same_picture(
    sample_home: Path, mirrored: Path, tmp_path: Path
) -> None:
    sheet = tmp_path / "both.png"
    asked = ("compare", mirrored, "met-437880")
    shown = succeeds(*asked, "--sheet", sheet, home=sample_home)
    assert "The same picture; one is the other in a mirror" in shown
    assert "same picture, mirrored" in shown
    with Image.open(sheet) as drawn:
        assert drawn.width == 1600
    page = tmp_path / "both.html"
    succeeds(*asked, "--sheet", page, home=sample_home)
    text = page.read_text()
    assert text.count("<figure>") == 5
    assert "A and B mirrored, overlaid" in text
    assert "Face 0 of A, face 0 of B" in text
    assert "same picture, mirrored" in text


def test_the_numbers_are_those_of_the_two_ways_round(sample_home: Path, mirrored: Path) -> None:
    asked = ("compare", "met-437880", "--format", "json")
    by_file = json.loads(succeeds(*asked, mirrored, home=sample_home))
    with_itself = json.loads(succeeds(*asked, "met-437880", home=sample_home))
    assert (with_itself["ssim"], with_itself["rmse"]) == (1.0, 0.0)
    assert with_itself["wholes"][0]["cosine"] == pytest.approx(1.0, abs=1e-6)
    assert with_itself["wholes"][0]["verdict"] == "same picture"
    assert by_file["ssim_mirrored"] > 0.9
    assert by_file["ssim"] == pytest.approx(with_itself["ssim_mirrored"], abs=0.05)
    assert by_file["second"]["payload"] is None
    assert by_file["first"]["payload"]["artist"] == "Johannes Vermeer"


@pytest.mark.parametrize(
    ("common", "rare"),
    [("met-437869", "met-437397"), ("met-437875", "met-437874")],
)
def test_a_word_is_the_same_whichever_picture_is_first(
    common: str, rare: str, sample_gallery: Gallery
) -> None:
    asked = (IdQuery(common), IdQuery(rare))
    both = [compare(sample_gallery, *pair).wholes[0].verdict for pair in (asked, asked[::-1])]
    assert both[0] == both[1]
    assert both[0] is not None


@pytest.mark.slow
def test_a_detail_is_one_by_its_points(sample: Path, sample_home: Path, tmp_path: Path) -> None:
    """Of two files points are found as they are compared: the gallery needs none."""
    pytest.importorskip("cv2")
    work, detail, sheet = sample / "images" / LUTE, tmp_path / "detail.png", tmp_path / "both.png"
    with Image.open(work) as picture:
        width, height = picture.size
        part = picture.crop((width // 3, height // 4, width, 3 * height // 4))
    part.resize((part.width * 3 // 2, part.height * 3 // 2)).save(detail)
    shown = succeeds("compare", detail, work, "--sheet", sheet, home=sample_home)
    assert re.search(r"local points +\d+ +the first is a detail of the second", shown)
    assert "The first is a detail of the second: " in shown
    other = json.loads(succeeds("compare", work, detail, "--format", "json", home=sample_home))
    assert other["why"].startswith("the second is seen in the first: ")
    outline = np.array(other["evidence"]["query_outline"])
    assert outline == pytest.approx(
        np.array([(1 / 3, 0.25), (1, 0.25), (1, 0.75), (1 / 3, 0.75)]), abs=0.03
    )
    with Image.open(sheet) as drawn:
        amber = (np.asarray(drawn.convert("RGB")) == (255, 176, 0)).all(axis=2)
    assert amber.sum() > 200


@pytest.mark.slow
def test_what_points_say_is_the_same_either_way_round(
    sample: Path, sample_gallery: Gallery
) -> None:
    """A print after a painting, of which points know too little, and a blank page."""
    pytest.importorskip("cv2")
    with Image.open(sample / "images" / LUTE) as picture:
        painting = np.array(picture.convert("RGB"))
    inverted = np.repeat(255 - painting.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    for other, why in (
        (inverted, "the {} has no color, as a print, and points do not find what prints are of"),
        (np.full((200, 300, 3), 255, np.uint8), "the {} has only 0 points"),
    ):
        for first, second, number in ((painting, other, "second"), (other, painting, "first")):
            found = compare(sample_gallery, PixelsQuery(first), PixelsQuery(second))
            assert found.evidence.found == "not checked"
            assert found.evidence.why == why.format(number)


def test_works_without_points_are_not_checked(sample_home: Path) -> None:
    shown = succeeds("compare", "met-437880", "met-437881", home=sample_home)
    assert "no points of the first and the second: ingest" in " ".join(shown.split())


def test_faces_are_compared_each_with_its_nearest(sample_gallery: Gallery) -> None:
    found = compare(sample_gallery, IdQuery("met-437386"), IdQuery("met-437388"))
    assert found.faces
    firsts = [of.faces and of.faces[0] for of in found.faces]
    assert len(set(firsts)) == len(firsts) == len(found.first.faces)
    cosines = [of.cosine for of in found.faces]
    assert cosines == sorted(cosines, reverse=True)


def test_too_few_known_pairs_give_no_likelihood_and_are_counted(sample_home: Path) -> None:
    """Two works by Rembrandt. The fourth pair is of Madame Roulin, once with her baby."""
    asked = ("compare", "met-437386", "met-437388")
    found = json.loads(succeeds(*asked, "--format", "json", home=sample_home))
    assert all("likelihood" not in face for face in found["faces"])
    assert found["no_likelihood"].startswith(
        "3 pairs of portraits of one person, of 3 people, by one artist,"
    )
    assert "30 pairs of 10 people are needed" in found["no_likelihood"]
    assert found["no_likelihood"] in " ".join(succeeds(*asked, home=sample_home).split())


@pytest.mark.slow
def test_a_likelihood_is_high_for_one_person_and_low_for_two(data: Path, tmp_path: Path) -> None:
    folder, count = tmp_path / "portraits", Counter[str]()
    (folder / "images").mkdir(parents=True)
    lines = ["filename,sitter"]
    with (data / "lfw" / "metadata.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            count[row["person"]] += 1
            if len(count) <= 16 and count[row["person"]] <= 4:
                shutil.copy(data / "lfw" / row["filename"], folder / row["filename"])
                lines.append(f"{row['filename']},{row['person']}")
    (folder / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    people = sorted(count)[:16]

    def ask(one: str, other: str) -> Comparison:
        first, second = (f"images/{name.replace(' ', '_')}.jpg" for name in (one, other))
        return compare(gallery, IdQuery(first), IdQuery(second))

    with open_gallery(home=tmp_path / "home") as gallery:
        ingest_paintings(gallery, folder, IngestOptions(face_encoder="dlib"))
        same = [ask(f"{who} 0001", f"{who} 0002") for who in people[:6]]
        two = [ask(f"{people[i]} 0001", f"{people[i + 1]} 0001") for i in range(6)]
    likely, unlikely = (
        [of.faces[0].likelihood for of in some if not of.no_likelihood] for some in (same, two)
    )
    assert len(likely) == len(unlikely) == 6
    for said in filter(None, (*likely, *unlikely)):
        assert said.low <= said.ratio <= said.high
        assert said.relation == "unknown artists"
        assert said.known >= 30
        assert said.people >= 10
        assert 0.99 / said.known <= said.ratio <= 1.01 * said.others
    assert np.median([said.ratio for said in likely if said]) > 30
    assert np.median([said.ratio for said in unlikely if said]) < 1 / 30
    words = " ".join(describe_likelihoods(same[0]))
    assert "if they show one person as if they show two" in words
    assert "never for the living" in words
    page = tmp_path / "both.html"
    write_sheet(two[0], page)
    assert "if they show two people as if they show one" in page.read_text(encoding="utf-8")
    assert json.loads(json.dumps(two[0].to_dict()))["faces"][0]["likelihood"]["by_chance"] >= 0


def test_an_id_that_is_not_there_is_named(sample_gallery: Gallery) -> None:
    with pytest.raises(PaintingNotFoundError, match="nosuch"):
        compare(sample_gallery, IdQuery("nosuch"), IdQuery("met-437388"))


def test_a_file_that_is_not_there_is_named(sample_home: Path) -> None:
    assert "nosuch.jpg" in fails("compare", "nosuch.jpg", "met-437388", home=sample_home)


def test_copies_is_one_word_for_how_copies_are_found(sample_home: Path, mirrored: Path) -> None:
    asked = ("query", str(mirrored), "-k", "3", "--format", "json")
    found = json.loads(succeeds(*asked, "--copies", home=sample_home))
    assert found["settings"]["rerank"] == "ssim-either-way"
    first, second, _ = found["hits"]
    assert (first["painting_id"], first["verdict"]) == ("met-437880", "same picture")
    # Mirrored, it is as near to the stored picture as straight ones are.
    assert first["rerank_score"] - first["score"] == pytest.approx(0.1, abs=0.01)
    assert second["rerank_score"] < first["rerank_score"] - 0.3
    refused = artsim(*asked, "--copies", "--rerank", "ssim", home=sample_home)
    assert refused.returncode == 2
