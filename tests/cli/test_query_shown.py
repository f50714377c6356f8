"""What `artsim query` shows of the query itself, of ids, and of an empty answer."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from copied_home import copy_home
from PIL import Image
from PIL.ImageColor import getrgb
from typer.testing import CliRunner, Result

from artsim import PixelsQuery, find_similar, write_sheet
from artsim.cli import app
from artsim.images.load import load_image
from artsim.render.picture_cards import ACCENT
from artsim.store.gallery import Gallery

RUFF = "rembrandt-portrait-woman-probably-member-van-met-437388.jpg"
RUFF_TITLE = "Portrait of a Woman, probably a Member of the Van Beresteyn Family"
DAUGHTERS = "renoir-daughters-catulle-mendes-huguette-claudine-met-438014.jpg"
LONG = "inventory/" + "0123456789" * 19

Ask = Callable[..., Result]


def ask_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Return `artsim query` in this process, which must not fail."""

    def ask(*arguments: str | Path, fails: int = 0, stdin: bytes = b"") -> Result:
        monkeypatch.setenv("ARTSIM_HOME", str(home))
        done = CliRunner().invoke(app, ["query", *map(str, arguments)], input=stdin)
        assert done.exit_code == fails, (done.output, done.exception)
        return done

    return ask


@pytest.fixture
def ask(sample_home: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    return ask_in(sample_home, monkeypatch)


@pytest.fixture(scope="module")
def odd_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data folder with a gallery of copies, without titles, one with a very long id.

    Beside it, in ``odd``, are the pictures.
    """
    folder = tmp_path_factory.mktemp("odd-home")
    rng = np.random.default_rng(5)
    (folder / "odd").mkdir()
    for i in range(6):
        noise = rng.integers(0, 256, (5, 6, 3), np.uint8)
        picture = Image.fromarray(noise).resize((180, 150), Image.Resampling.BICUBIC)
        picture.save(folder / "odd" / f"{i}.png")
    for i in range(5):
        shutil.copy(folder / "odd" / "0.png", folder / "odd" / f"copy{i}.png")
    manifest = folder / "odd" / "metadata.csv"
    names = sorted(path.name for path in (folder / "odd").glob("*.png"))
    rows = [f"{name},{LONG if name == '5.png' else name.removesuffix('.png')}" for name in names]
    manifest.write_text("\n".join(["image,id", *rows]) + "\n", encoding="utf-8")
    home = ["--home", str(folder / "home")]
    done = CliRunner().invoke(app, ["ingest", str(manifest), "--no-faces", *home])
    assert done.exit_code == 0, done.output
    return folder / "home"


@pytest.fixture
def ask_odd(odd_home: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    return ask_in(odd_home, monkeypatch)


def query_part(page: Path) -> str:
    """Return the part of a sheet that shows the query."""
    text = page.read_text(encoding="utf-8")
    return text[text.index('<div class="query') : text.index('<ol class="hits"')]


def embedded(part: str) -> list[Image.Image]:
    """Return the pictures in a part of a page, without crops of faces."""
    found = re.findall(r'<img src="data:image/jpeg;base64,([^"]+)" alt="(?!face)', part)
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def is_picture_of(path: Path, shown: Image.Image) -> bool:
    pixels = Image.fromarray(load_image(path).pixels).resize(shown.size, Image.Resampling.LANCZOS)
    return likeness(np.asarray(pixels), np.asarray(shown.convert("RGB"))) < 8


def on_png(path: Path, sheet: Path) -> bool:
    """Return whether a picture stands at the left of a sheet, as large as a query is."""
    pixels = load_image(path).pixels
    width = 474
    height = round(pixels.shape[0] * width / pixels.shape[1])
    if height > 580:
        width, height = round(width * 580 / height), 580
    wanted = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
    with Image.open(sheet) as image:
        drawn = np.asarray(image.convert("RGB"))
    tops = range(100, 220)
    parts = [drawn[top : top + height, 56 : 56 + width] for top in tops]
    return min(likeness(part, np.asarray(wanted)) for part in parts if len(part) == height) < 8


# The query on the sheet


def test_a_blended_score_is_called_what_it_is_with(ask: Ask, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.html"
    by_ssim = ("--id", "met-437388", "--rerank", "ssim", "-k", "3", "--sheet", sheet)
    alone = ask(*by_ssim).stdout
    assert " · SSIM 0." in sheet.read_text(encoding="utf-8")
    blended = ask(*by_ssim, "--rerank-weight", "0.3", "--overwrite").stdout
    assert " · with 0.3 SSIM 0." in sheet.read_text(encoding="utf-8")
    assert "ssim" in alone and "with 0.3 ssim" not in alone
    assert "with 0.3 ssim" in blended.splitlines()[0]


def test_a_query_by_id_is_on_the_sheet(sample: Path, ask: Ask, tmp_path: Path) -> None:
    png, html = tmp_path / "alike.png", tmp_path / "alike.html"
    ask("--id", "met-436535", "--group-by", "artist", "--sheet", png, "--sheet", html)
    picture = sample / "images" / "van-gogh-wheat-field-cypresses-met-436535.jpg"
    (shown,) = embedded(query_part(html))
    assert is_picture_of(picture, shown)
    assert on_png(picture, png)
    for text in ("Wheat Field with Cypresses", ">met-436535<", picture.as_uri()):
        assert text in query_part(html)


def test_faces_of_a_query_by_id_are_numbered(sample: Path, ask: Ask, tmp_path: Path) -> None:
    png, html = tmp_path / "faces.png", tmp_path / "faces.html"
    done = ask("--id", "met-438014", "--faces", "--sheet", png, "--sheet", html)
    part = query_part(html)
    assert part.count('class="face') == 3
    assert re.findall(r'alt="(face \d)"', part) == ["face 0", "face 1", "face 2"]
    assert is_picture_of(sample / "images" / DAUGHTERS, embedded(part)[0])
    assert on_png(sample / "images" / DAUGHTERS, png)
    with Image.open(png) as image:
        left = np.asarray(image.convert("RGB"))[:, :545]
    assert (left == getrgb(ACCENT)).all(axis=2).sum() > 3000
    assert re.search(r"face 0 is \d+ x \d+ at \d+, \d+; 1 is .*; 2 is", done.stderr)
    assert "like face 1" in html.read_text(encoding="utf-8")


@pytest.mark.parametrize("by_id", [True, False])
def test_one_face_of_several_is_outlined_alone(
    by_id: bool, sample: Path, ask: Ask, tmp_path: Path
) -> None:
    html = tmp_path / "face.html"
    query = ["--id", "met-438014"] if by_id else [sample / "images" / DAUGHTERS]
    ask(*query, "--face", "1", "--sheet", html)
    part = query_part(html)
    assert part.count('class="face') == 1
    assert re.findall(r'alt="(face \d)"', part) == ["face 1"]
    assert part.count('<span class="number">1<') == 2


def test_every_example_is_on_the_sheet(sample: Path, ask: Ask, tmp_path: Path) -> None:
    html = tmp_path / "examples.html"
    ruff, daughters = sample / "images" / RUFF, sample / "images" / DAUGHTERS
    ask("--like", ruff, "--like", "id:met-438014", "--unlike", "id:met-436535", "--sheet", html)
    part = query_part(html)
    pictures = embedded(part)
    cypresses = sample / "images" / "van-gogh-wheat-field-cypresses-met-436535.jpg"
    for path, shown in zip((ruff, daughters, cypresses), pictures, strict=True):
        assert is_picture_of(path, shown)
    assert re.findall(r'class="mark">(\w+)<', part) == ["like", "like", "unlike"]


def test_a_query_in_memory_is_on_the_sheet(
    sample: Path, sample_gallery: Gallery, tmp_path: Path
) -> None:
    picture = sample / "images" / RUFF
    result = find_similar(sample_gallery, PixelsQuery(load_image(picture).pixels, "upload"))
    write_sheet(result, tmp_path / "sheet.html")
    (shown,) = embedded(query_part(tmp_path / "sheet.html"))
    assert is_picture_of(picture, shown)


# Ids and titles


def test_the_id_is_in_the_narrowest_table(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = ask("--id", "met-438014", "--faces", "--rerank", "ssim").stdout.splitlines()
    assert "id" in lines[0].split()
    assert all(re.search(r"  (met|aic)-\d+$", line) for line in lines[2:])
    assert max(map(len, lines)) <= 80


def test_works_without_titles(ask_odd: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = ask_odd("--id", "3").stdout.splitlines()
    assert lines[0].split()[:4] == ["#", "title", "score", "id"]
    at = lines[0].index("id")
    assert sum("(no title)" in line for line in lines) == 10
    assert LONG in "".join(line[at:].strip() for line in lines[2:])
    assert "…" not in "".join(lines)


def test_where_a_list_falls_off_is_shown(ask: Ask, tmp_path: Path) -> None:
    page = tmp_path / "sheet.html"
    shown = ask("--id", "met-459027", "--sheet", str(page)).stdout.splitlines()
    assert "met-459028" in shown[2]
    assert shown[3].strip() == "falls off here"
    assert page.read_text().count("Here the list falls off") == 1
    whole = ask("--id", "met-459027", "-k", "1").stdout
    assert "falls off" not in whole


# An empty answer


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--min-score", "0.99"], r"the best is 0\.\d\d \(.*\), below 0\.99\."),
        (["--offset", "70"], r"after the first 70 there is nothing; found were 59 paintings\."),
        (
            ["--year", "1200..1300"],
            r"no painting meets the filters; without them the best has 0\.\d\d \(",
        ),
        (
            ["--where", "painting_id=met-437388"],
            r"only the query picture itself, which is left out; --include-self keeps it\.",
        ),
        (["--group-by", "extra.nosuch"], r"no painting found has the field 'extra\.nosuch' to"),
        (
            ["--artist", "Rembrandt", "--not-same-artist"],
            "only works by the query painting's own artist, which are left out",
        ),
    ],
)
def test_an_empty_answer_says_why(arguments: list[str], reason: str, ask: Ask) -> None:
    done = ask("--id", "met-437388", *arguments)
    assert done.stdout == ""
    assert re.search(f"Nothing found: {reason}", done.stderr), done.stderr
    assert "all of this" not in done.stderr


def test_no_face_meets_the_filters(ask: Ask) -> None:
    done = ask("--id", "met-437388", "--faces", "--genre", "still life")
    assert "Nothing found: no face meets the filters; without them the best has 0." in done.stderr


def test_an_empty_gallery_is_said(
    odd_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_home(odd_home, tmp_path / "emptied")
    picture = odd_home.parent / "odd" / "3.png"
    every = [str(i) for i in range(5)] + [f"copy{i}" for i in range(5)] + [LONG]
    done = CliRunner().invoke(app, ["delete", *every, "--yes", "--home", str(home)])
    assert done.exit_code == 0, done.output
    assert "Nothing found: the gallery is empty." in ask_in(home, monkeypatch)(picture).stderr


# The query picture in the gallery


def test_a_file_of_the_gallery_is_named(sample: Path, ask: Ask) -> None:
    # Its address is taken too: that is what JSON has of a hit.
    done = ask((sample / "images" / RUFF).as_uri())
    note = f"“{RUFF_TITLE}”, met-437388, and left out (--include-self keeps it)"
    assert f"Note: the query picture is {note}" in done.stderr
    assert "Note: 1 face in this picture: --faces searches by it" in done.stderr
    assert "left_out" not in json.loads(ask("--id", "met-437388", "-f", "json").stdout)


def test_copies_that_are_left_out_are_counted(odd_home: Path, ask_odd: Ask) -> None:
    picture = odd_home.parent / "odd" / "copy2.png"
    done = ask_odd(picture, "-f", "json")
    assert "the query picture is 6 times in the gallery, and left out each time" in done.stderr
    # The file itself before its copies.
    assert ": copy2; 0; copy0; " in done.stderr
    assert "(--include-self keeps them)" in done.stderr
    left_out = json.loads(done.stdout)["left_out"]
    assert left_out == ["copy2", "0", "copy0", "copy1", "copy3", "copy4"]
    kept = ask_odd(picture, "--include-self", "-f", "jsonl")
    assert len(kept.stdout.splitlines()) == 10
    assert "left out" not in kept.stderr


def test_faces_that_could_be_searched_by_are_counted(ask: Ask) -> None:
    assert (
        "Note: 3 faces in this picture: --faces searches by them"
        in ask("--id", "met-438014").stderr
    )
    assert "in this picture" not in ask("--id", "met-436535").stderr
    assert "in this picture" not in ask("--id", "met-437388", "--faces").stderr
    assert "in this picture" not in ask("--id", "met-437388", "-f", "json").stderr


# What is no picture file


@pytest.mark.parametrize("arguments", [["{}"], ["--like", "{}"]])
def test_a_web_address_is_not_downloaded(arguments: list[str], ask: Ask) -> None:
    address = "https://upload.wikimedia.org//x.jpg"
    done = ask(*(part.format(address) for part in arguments), fails=1)
    told = f"Error: {address}: artsim does not download pictures; save it and give its path"
    assert told in done.stderr


def test_a_picture_from_the_standard_input(sample: Path, ask: Ask, tmp_path: Path) -> None:
    html = tmp_path / "sheet.html"
    done = ask("-", "-f", "paths", "--sheet", html, stdin=(sample / "images" / RUFF).read_bytes())
    assert done.stdout == ask("--id", "met-437388", "-f", "paths").stdout
    assert f"the query picture is “{RUFF_TITLE}”, met-437388" in done.stderr
    assert is_picture_of(sample / "images" / RUFF, embedded(query_part(html))[0])
    assert "standard input: not a picture" in ask("-", fails=1, stdin=b"no picture at all").stderr
    assert "standard input: the file is empty" in ask("-", fails=1).stderr


def test_a_folder_and_several_pictures(sample: Path, ask: Ask) -> None:
    images = sample / "images"
    assert "a folder, where one picture is expected" in ask(images, fails=1).stderr
    assert "--like A --like B" in ask(images / RUFF, images / DAUGHTERS, fails=2).stderr
