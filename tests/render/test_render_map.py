"""Maps as pages and as PNG."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Browser
from color_vision import seen
from parsed_page import Page
from PIL import Image
from PIL.ImageColor import getrgb
from skimage.color import deltaE_ciede2000

from artsim.catalog.payload import painting_point_id
from artsim.catalog.scale import LEVELS, Scale
from artsim.errors import QueryError, RenderError
from artsim.render.collection_map import CollectionMap, Faithfulness, assign_cells, choose_grid
from artsim.render.map_page import (
    CATEGORICAL,
    UNKNOWN,
    WALL,
    ColorField,
    MapStyle,
    find_fields,
    point_colors,
    scale_colors,
    write_map,
)

HOSTILE = "</script><script>alert('x')</script><!-- \"quoted\" & \u202ebackwards \u2028 %DATA%"


def painted_map(folder: Path, count: int = 30, **changes: Any) -> CollectionMap:
    """Return a map of pictures of one color each, on a circle; `changes` are to the first."""
    payloads: list[dict[str, Any]] = []
    for i in range(count):
        path = folder / f"{i}.png"
        if not path.exists():
            Image.new("RGB", (60 + i, 40), (8 * i, 100, 200)).save(path)
        payloads.append(
            {
                "painting_id": f"p{i:03d}",
                "title": f"Painting {i}",
                "artist": ["Łukasz Dürer", "Frans Hals"][i % 2],
                "artist_key": ["durer lukasz", "frans hals"][i % 2],
                "style": [["Baroque", "Rococo", "Cubism"][min(2, i // 10)]],
                "year_start": 1500 + i,
                "image_uri": path.as_uri(),
                "image_width": 60 + i,
                "image_height": 40,
            }
        )
    payloads[0] |= changes
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    positions = (np.stack([np.cos(angle), np.sin(angle)], axis=1) / 2 + 0.5).astype(np.float32)
    near = np.array([[(i + 1) % count, (i - 1) % count] for i in range(count)], np.int32)
    return CollectionMap(
        point_ids=tuple(painting_point_id(p["painting_id"]) for p in payloads),
        payloads=tuple(payloads),
        positions=positions,
        cells=assign_cells(positions, *choose_grid(count)),
        neighbors=near,
        scores=np.full((count, 2), 0.75, np.float32),
        method="tsne",
        encoder="one-v1",
        gallery="test",
        faces=False,
        total=count,
        faithfulness=Faithfulness(0.95, 0.5, 0.1, 8, count),
    )


def page_of(made: CollectionMap, path: Path, style: MapStyle | None = None) -> Page:
    write_map(made, path, style)
    return Page(path.read_text(encoding="utf-8"))


def data_of(page: Page) -> dict[str, Any]:
    [text] = page.texts("script", id="data")
    found: dict[str, Any] = json.loads(text)
    return found


def unpack(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype)


def test_the_page_says_what_cosines_mean(tmp_path: Path) -> None:
    scale = Scale(30, pairs=LEVELS, strangers=tuple(0.5 * level for level in LEVELS))
    made = replace(painted_map(tmp_path), scale=scale)
    meaning = data_of(page_of(made, tmp_path / "map.html"))["meaning"]
    assert (meaning["near"], meaning["very_near"]) == (scale.near, scale.very_near)
    assert set(unpack(meaning["percentiles"], "<u4")) == {75_000}


def test_the_page_holds_all_there_is(tmp_path: Path) -> None:
    made = painted_map(tmp_path)
    data = data_of(page_of(made, tmp_path / "map.html"))
    assert data["id"] == [payload["painting_id"] for payload in made.payloads]
    assert data["name"] == [payload["title"] for payload in made.payloads]
    assert data["artist"][0] == "Łukasz Dürer"
    assert data["date"][3] == "1503"
    links = [data["pictures"]["base"] + rest for rest in data["pictures"]["rest"]]
    assert links == [payload["image_uri"] for payload in made.payloads]
    places = np.stack([unpack(data[axis], "<u2") for axis in "xy"], axis=1) / 65535
    np.testing.assert_allclose(places, made.positions, atol=1e-5)
    cells = np.stack([unpack(data[axis], "<u2") for axis in ("column", "row")], axis=1)
    np.testing.assert_array_equal(cells, made.cells)
    assert (data["columns"], data["rows"]) == choose_grid(30)
    np.testing.assert_array_equal(unpack(data["neighbors"], "<i4").reshape(30, 2), made.neighbors)
    assert set(unpack(data["scores"], "<i2")) == {7500}
    assert data["meaning"] is None
    fields = {field["name"]: field for field in data["fields"]}
    assert list(fields)[:3] == ["style", "artist", "year_start"]
    assert fields["style"]["values"] == ["Baroque", "Cubism", "Rococo"]
    assert set(unpack(fields["artist"]["codes"], "<i2")) == {0, 1}
    assert fields["year_start"]["values"] == list(range(1500, 1530))


def test_every_picture_is_in_the_sheets(tmp_path: Path) -> None:
    made = painted_map(tmp_path)
    page = page_of(made, tmp_path / "map.html", MapStyle(thumbnail_side=48))
    thumbnails = data_of(page)["thumbnails"]
    sizes = unpack(thumbnails["sizes"], "<u2").reshape(30, 2)
    sheets = {}
    for number, place in enumerate(thumbnails["sheets"]):
        [text] = page.texts("script", id=f"sheet-{number}")
        with Image.open(io.BytesIO(base64.b64decode(text))) as image:
            assert image.format == "WEBP"
            sheets[tuple(place)] = np.asarray(image.convert("RGB"))
    for i, (column, row) in enumerate(made.cells.tolist()):
        width, height = sizes[i].tolist()
        assert width == 48
        assert height == pytest.approx(48 * 40 / (60 + i), abs=1)
        x, y = column % 8 * 48 + width // 2, row % 8 * 48 + height // 2
        pixel = sheets[column // 8, row // 8][y, x].astype(int)
        assert np.abs(pixel - (8 * i, 100, 200)).max() <= 12, i


def test_a_picture_that_is_not_there_is_counted(tmp_path: Path) -> None:
    made = painted_map(tmp_path, 9)
    (tmp_path / "4.png").unlink()
    (tmp_path / "5.png").write_bytes(b"no picture")
    made.payloads[6].pop("image_uri")
    made.payloads[7]["image_uri"] = "https://museum.example/7.jpg"
    written = write_map(made, tmp_path / "map.html")
    pictures = data_of(Page((tmp_path / "map.html").read_text(encoding="utf-8")))["pictures"]
    assert pictures["rest"][6] is None
    assert pictures["base"] + pictures["rest"][7] == "https://museum.example/7.jpg"
    assert written.missing == 4
    assert written.size == (tmp_path / "map.html").stat().st_size
    assert write_map(made, tmp_path / "map.png", MapStyle(pictures=True)).missing == 4
    bare = page_of(made, tmp_path / "bare.html", MapStyle(thumbnail_side=0))
    assert data_of(bare)["thumbnails"] is None
    assert not bare.texts("script", type="text/plain")


def test_thumbnails_of_faces_are_of_the_faces(tmp_path: Path) -> None:
    made = painted_map(tmp_path, box=[40.0, 10.0, 10.0, 8.0])
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[10:18, 40:50] = (250, 200, 150)
    Image.fromarray(picture).save(tmp_path / "0.png")
    page = page_of(made, tmp_path / "map.html", MapStyle(thumbnail_side=56))
    thumbnails = data_of(page)["thumbnails"]
    assert unpack(thumbnails["sizes"], "<u2")[:2].tolist() == [56, 56]
    column, row = made.cells[0].tolist()
    sheet = thumbnails["sheets"].index([column // 8, row // 8])
    [text] = page.texts("script", id=f"sheet-{sheet}")
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        x, y = column % 8 * 56, row % 8 * 56
        found = np.asarray(image.convert("RGB").crop((x, y, x + 56, y + 56))).astype(int)
    assert np.abs(found[28, 28] - (250, 200, 150)).max() < 30
    assert found[2, 2].max() < 40
    share = (found[..., 0] > 125).mean()
    assert share == pytest.approx(10 * 8 / 14**2, abs=0.08)


def test_hostile_metadata_stays_text(tmp_path: Path) -> None:
    made = painted_map(
        tmp_path, title=HOSTILE, artist=HOSTILE, style=[HOSTILE], painting_id=HOSTILE,
        source_url="javascript:alert(1)", extra={HOSTILE: HOSTILE},
    )  # fmt: skip
    made.payloads[1]["title"] = "x" * 1_000_000
    made.payloads[2]["title"] = "lone \ud800 surrogate"
    made.payloads[3]["source_url"] = "https://museum.example/3?a=<b>"
    page = page_of(made, tmp_path / "map.html", MapStyle(color_by="style"))
    text = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert len(page.texts("script")) == 2 + len(page.texts("script", type="text/plain"))
    assert text.count("<!--") == 0
    data = data_of(page)
    assert data["name"][0].startswith("</script><script>alert('x')</script><!-- \"quoted\"")
    assert "\u202e" not in data["name"][0]
    assert data["name"][0].endswith("%DATA%")
    assert len(data["name"][1]) == 300
    assert data["link"][0] == ""
    assert data["link"][3] == "https://museum.example/3?a=%3Cb%3E"
    assert (tmp_path / "map.html").stat().st_size < 400_000


def test_only_the_pages_own_script_may_run(tmp_path: Path) -> None:
    page = page_of(painted_map(tmp_path), tmp_path / "map.html")
    [policy] = [a["content"] for a in page.all("meta") if "http-equiv" in a]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    script = page.texts("script")[-1]
    for kind, text in (("script-src", script), ("style-src", page.texts("style")[0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[kind] == f"'sha256-{digest}'"
    assert rules["default-src"] == "'none'"
    whole = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)\s*=\s*["']?https?:""", whole)
    assert "innerHTML" not in script
    assert "eval(" not in script


def test_a_png_of_dots(tmp_path: Path) -> None:
    made = painted_map(tmp_path)
    write_map(made, tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as image:
        assert image.text["Title"] == "30 paintings of test"
        counted = image.convert("RGB").getcolors(1 << 20)
    areas_by_color = {color: count for count, color in counted}
    assert areas_by_color[getrgb(WALL)] > 0.8 * sum(areas_by_color.values())
    areas = [areas_by_color.get(getrgb(color), 0) for color in CATEGORICAL[:4]]
    assert min(areas[:3]) > 2000
    assert areas[0] == pytest.approx(areas[1], rel=0.1)
    assert areas[3] == 0


def test_a_png_of_pictures(tmp_path: Path) -> None:
    made = painted_map(tmp_path, 6)
    write_map(made, tmp_path / "map.png", MapStyle(pictures=True))
    with Image.open(tmp_path / "map.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    corners = []
    for i in range(6):
        ys, xs = np.nonzero((pixels == (8 * i, 100, 200)).all(axis=2))
        width, height = np.ptp(xs) + 1, np.ptp(ys) + 1
        assert len(xs) == width * height, "covered by another"
        assert width / height == pytest.approx((60 + i) / 40, abs=0.06)
        corners.append((int(xs.min()) // 190, int(ys.min()) // 190))
    assert len(set(corners)) == 6


@pytest.mark.parametrize("count", [1, 2])
def test_few_points(tmp_path: Path, count: int) -> None:
    made = painted_map(tmp_path, count)
    for name, pictures in (("dots.png", False), ("map.png", True), ("map.html", False)):
        assert write_map(made, tmp_path / name, MapStyle(pictures=pictures)).missing == 0


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    made = painted_map(tmp_path, 3)
    (tmp_path / "folder.html").mkdir()
    for wrong in ("map.pdf", "no/map.html", "folder.html"):
        with pytest.raises(RenderError, match=re.escape(str(tmp_path / wrong))):
            write_map(made, tmp_path / wrong)
    with pytest.raises(ValueError, match="16 to 512"):
        MapStyle(thumbnail_side=5)


def test_a_map_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    made = painted_map(tmp_path)
    out = tmp_path / "out"
    out.mkdir()

    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    for name in ("map.html", "map.png"):
        with pytest.raises(KeyboardInterrupt):
            write_map(made, out / name, MapStyle(pictures=True), report=interrupt)
    assert list(out.iterdir()) == []


# Fields and colors


def test_useful_fields_are_found() -> None:
    payloads = [
        {
            "painting_id": str(i),
            "title": f"T{i}",
            "style": ["A", "B"] if i % 2 else ["B"],
            "school": "Dutch",
            "year_start": 1600 + i % 7,
            "extra": {"room": str(i % 3), "key": f"k{i}", "wall": "north" if i < 10 else "south"},
        }
        for i in range(20)
    ]
    fields = find_fields(payloads)
    assert [field.name for field in fields] == ["style", "year_start", "extra.room", "extra.wall"]
    style, year, room, wall = fields
    assert (style.values, style.counts) == (("A", "B"), (10, 10))
    assert year.label == "date"
    assert year.numbers and room.numbers and wall.codes
    first, *rest = find_fields(payloads, "school")
    assert first.name == "school"
    assert [field.name for field in rest] == [field.name for field in fields]
    assert find_fields(payloads, "extra.key")[0].name == "extra.key"
    with pytest.raises(QueryError, match="fields that it has: style, year_start"):
        find_fields(payloads, "genre")
    assert find_fields([{"painting_id": "1"}]) == []


def test_the_legend_names_artists_without_what_ties_one_work_to_them() -> None:
    names = ["Umkreis des Giovanni Bellini"] * 3 + [
        "BELLINI, Giovanni",
        "Giovanni Bellini",
        "Titian",
    ]
    names += ["Florentine 15th Century"] * 2
    payloads = [{"painting_id": str(i), "artist": name} for i, name in enumerate(names)]
    for payload in payloads[:6]:
        payload["artist_key"] = "titian" if payload["artist"] == "Titian" else "bellini giovanni"
    [field] = find_fields([*payloads, {"painting_id": "none"}])
    assert field.values == ("Giovanni Bellini", "Florentine 15th Century", "Titian")
    assert field.counts == (5, 2, 1)
    assert field.codes == (0, 0, 0, 0, 0, 2, 1, 1, -1)


def test_an_outlier_does_not_take_the_scale() -> None:
    years = [1500 + i for i in range(300)] + [12]
    payloads = [{"painting_id": str(i), "year_start": y} for i, y in enumerate(years)]
    [field] = find_fields(payloads)
    assert field.low > 1490
    colors = point_colors(field, 301)
    assert colors[-1] == scale_colors([0])[0]
    assert len(set(colors)) > 100
    assert point_colors(ColorField("n", "n", numbers=(None, 1.0), high=2), 2)[0] == UNKNOWN


@pytest.mark.parametrize("deficiency", ["none", "protan", "deutan"])
def test_colors_can_be_told_apart(deficiency: str) -> None:
    lab = seen(CATEGORICAL, deficiency)
    pairs = [float(deltaE_ciede2000(lab[i], lab[j])) for i, j in combinations(range(12), 2)]
    first = [float(deltaE_ciede2000(lab[i], lab[j])) for i, j in combinations(range(5), 2)]
    assert min(pairs) > (26 if deficiency == "none" else 11)
    assert min(first) > 12
    walls = seen([WALL, "#191817"], "none")
    assert min(float(deltaE_ciede2000(one, wall)) for one in lab for wall in walls) > 8


# In a real browser

VISITOR = """
const one = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];
const seen = { ready: document.documentElement.dataset.ready };
const texts = (selector) => all(selector).map((part) => part.textContent);
seen.options = texts("option");
seen.legend = texts("bdi");
one("#words").value = "DÜRER lukasz";
one("#words").dispatchEvent(new Event("input"));
seen.found = one("#found").textContent;
const press = (target, key) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
press(one("#words"), "Enter");
press(one("#words"), "Enter");
seen.match = one("#found").textContent;
seen.title = one("#card h2").textContent;
seen.near = all("#card .near button").map((button) => button.getAttribute("aria-label"));
seen.said = one("#said").textContent;
seen.opens = one("#card .head a").href.split("/").pop();
seen.id = one("#card .copying .id").textContent;
one("#card .copy").click();
seen.selected = String(getSelection());
all("#card .near button")[0].click();
seen.next = one("#card h2").textContent;
press(document.body, "Escape");
seen.closed = one("#card").hidden;
one("#words").value = "nobody";
one("#words").dispatchEvent(new Event("input"));
seen.nothing = one("#found").textContent;
one("#words").value = "";
one("#words").dispatchEvent(new Event("input"));
all("#legend button")[1].click();
seen.pressed = all("#legend button").map((button) => button.getAttribute("aria-pressed"));
press(one("#map"), "Enter");
seen.middle = one("#card .words").textContent;
one("#field").value = "2";
one("#field").dispatchEvent(new Event("change"));
seen.years = all("#legend b").map((count) => Number(count.textContent));
one("#arrange").click();
const turn = { deltaY: -300, clientX: 200, clientY: 200, cancelable: true };
one("#map").dispatchEvent(new WheelEvent("wheel", turn));
for (const key of ["ArrowLeft", "+", "-", "0", "g"]) press(one("#map"), key);
return seen;
"""


def test_what_a_visitor_does(browser: Browser, tmp_path: Path) -> None:
    scale = Scale(30, pairs=LEVELS, strangers=LEVELS)
    made = replace(painted_map(tmp_path, title=HOSTILE), scale=scale)
    write_map(made, tmp_path / "map.html")
    seen = browser.visit(tmp_path / "map.html", VISITOR)
    assert seen["ready"] == "30"
    assert seen["options"] == ["style", "artist", "date", "nothing"]
    assert seen["legend"][:3] == ["Baroque", "Cubism", "Rococo"]
    assert seen["found"] == "15 found; Enter goes through them"
    assert seen["match"] == "2 of 15"
    assert seen["title"] == "Painting 2"
    assert seen["said"] == "Selected: Painting 2, Łukasz Dürer, 1502"
    assert seen["near"] == [
        "Painting 3, Frans Hals, 1503; cosine 0.75, 75.0 %",
        "Painting 1, Frans Hals, 1501; cosine 0.75, 75.0 %",
    ]
    assert seen["opens"] == "2.png"
    assert seen["id"] == seen["selected"] == "p002"
    assert seen["next"] == "Painting 3"
    assert seen["closed"]
    assert seen["nothing"] == "nothing found"
    assert seen["pressed"] == ["false", "true", "false"]
    assert "style: Cubism" in seen["middle"]
    assert sum(seen["years"]) == 30
    assert len(seen["years"]) == 8
