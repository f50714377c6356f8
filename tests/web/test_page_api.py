"""The API under the page, against a real server over the sample."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from artsim.catalog.kinds import KINDS, Region
from artsim.search.answer import answer
from artsim.search.question import IdQuery, Question, SearchOptions
from artsim.search.rerank import RERANKERS
from artsim.store.gallery import Gallery
from artsim.web import page as page_module
from artsim.web.page import static_files, texts

ONE = "met-437388"  # Rembrandt's woman with a ruff, whose pendant the sample has
PENDANT = "met-437386"
FACES = "met-438014"  # Renoir's three girls


def asked(page: httpx.Client, query: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = page.post("/api/v1/query", json={"query": query, **more})
    assert found.status_code == 200, found.text
    document: dict[str, Any] = found.json()
    return document


def ids(document: dict[str, Any]) -> list[str]:
    return [hit["painting_id"] for hit in document["hits"]]


def test_what_there_is_to_ask_comes_from_the_registries(page: httpx.Client) -> None:
    found = page.get("/api/v1/galleries").json()
    (gallery,) = found["galleries"]
    ingested = [name for name in KINDS if name != "details"]  # which have to be asked for
    assert [kind["name"] for kind in gallery["kinds"]] == ingested
    assert found["rerankers"] == list(RERANKERS)
    assert all(kind["encoders"] for kind in gallery["kinds"])


def test_a_question_has_the_answer_of_the_command_line(page: httpx.Client, shown: Gallery) -> None:
    options = {"limit": 5, "rerank": "ssim"}
    filters = {"years": "1600..1700", "any_of": {"genre": ["portrait"]}}
    found = asked(page, {"id": ONE}, filters=filters, options=options)
    question = Question.from_dict(
        {
            "query": {"id": ONE},
            "kind": "paintings",
            "part": None,
            "filters": filters,
            "criteria": {"must": [], "must_not": []},
            "encoders": [],
            "options": options,
        }
    )
    expected = answer(shown, question)
    assert [(h["painting_id"], h["score"]) for h in found["hits"]] == [
        (hit.painting_id, hit.score) for hit in expected.hits
    ]
    assert found["source"]["digest"] == expected.source.digest
    assert found["hits"][0]["verdict"] == expected.hits[0].to_dict()["verdict"]
    assert found["query_payload"]["painting_id"] == ONE


def test_a_sent_picture_is_searched_by(page: httpx.Client, sample: Path) -> None:
    path = next((sample / "images").glob(f"*{ONE}.jpg"))
    sent = page.post("/api/v1/uploads", files={"picture": ("a.jpg", path.read_bytes())}).json()
    found = asked(page, {"upload": sent["id"]}, options={"limit": 3})
    assert found["query"] == {"image": "a.jpg"}
    assert found["left_out"] == [ONE]
    assert ids(found)[0] == PENDANT
    gone = page.post("/api/v1/query", json={"query": {"upload": "0" * 64}})
    assert gone.status_code == 404
    assert "not kept any more" in gone.json()["detail"]


def test_a_region_and_examples(page: httpx.Client, shown: Gallery, sample: Path) -> None:
    part = asked(page, {"id": ONE, "region": "10%,10%,50%,40%"}, options={"limit": 3})
    found = answer(
        shown, Question(IdQuery(ONE, Region.parse("10%,10%,50%,40%")), options=SearchOptions(3))
    )
    assert ids(part) == [hit.painting_id for hit in found.hits]
    assert part["query"] == {"id": ONE, "region": "10%,10%,50%,40%"}
    path = next((sample / "images").glob(f"*{ONE}.jpg"))
    sent = page.post("/api/v1/uploads", files={"picture": ("a.jpg", path.read_bytes())}).json()
    upload = {"upload": sent["id"], "region": "10%,10%,50%,40%"}
    assert ids(asked(page, upload, options={"limit": 3})) == ids(part)
    both = asked(page, {"like": [{"id": ONE}, upload], "unlike": [{"id": FACES}]})
    assert ONE not in ids(both)
    beyond = page.post("/api/v1/query", json={"query": {"id": ONE, "region": "0,0,9999,9"}})
    assert beyond.status_code == 422
    assert "reaches beyond the picture" in beyond.json()["detail"]


def test_faces_of_a_painting_and_of_a_sent_picture(page: httpx.Client, sample: Path) -> None:
    record = page.get(f"/api/v1/paintings/{FACES}").json()
    assert len(record["faces"]) >= 3
    found = asked(page, {"id": FACES}, kind="faces", part=1, options={"limit": 4})
    assert {hit["query_face"] for hit in found["hits"]} == {1}
    assert all("box" in hit["payload"] for hit in found["hits"])
    path = next((sample / "images").glob(f"*{FACES}.jpg"))
    sent = page.post("/api/v1/uploads", files={"picture": ("a.jpg", path.read_bytes())}).json()
    parts = page.get(f"/api/v1/uploads/{sent['id']}/parts").json()
    assert (parts["width"], parts["height"]) == (record["image_width"], record["image_height"])
    boxes = {part["index"]: part["box"] for part in parts["parts"] if part["is_sure"]}
    stored = {face["face_index"]: face["box"] for face in record["faces"]}
    assert len(boxes) >= 3
    for index, box in boxes.items():
        assert box == pytest.approx(stored[index], abs=1)


def test_facets_count_under_the_other_filters(page: httpx.Client) -> None:
    def counted(**filters: Any) -> dict[str, Any]:
        given = {"field": ["artist", "genre", "date"], **filters}
        found: dict[str, Any] = page.get("/api/v1/facets", params=given).json()
        return found

    everything, portraits = counted(), counted(genre="portrait")
    genres = {one["value"]: one["count"] for one in everything["facets"][1]["values"]}
    assert portraits["total"] == genres["portrait"]
    assert portraits["facets"][1]["values"] == everything["facets"][1]["values"]
    assert portraits["facets"][0]["total"] < everything["facets"][0]["total"]
    decades = everything["facets"][2]["values"]
    assert [one["value"] for one in decades] == sorted(one["value"] for one in decades)
    assert sum(one["count"] for one in decades) >= everything["total"]


def test_a_list_goes_on_where_it_ended(page: httpx.Client) -> None:
    first, second, both = (
        page.get("/api/v1/paintings", params={"limit": n, "offset": start}).json()
        for n, start in ((3, 0), (3, 3), (6, 0))
    )
    assert [*first["points"], *second["points"]] == both["points"]
    years = [point["payload"]["year_start"] for point in both["points"]]
    assert years == sorted(years)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"query": {"id": "nobody"}}, 404, "no painting with the id"),
        ({"query": {"id": ONE}, "kind": "horses"}, 422, "kind: expected paintings or faces"),
        ({"query": {"id": ONE}, "options": {"limit": 0}}, 422, "limit must be at least 1"),
        ({"query": {"id": ONE}, "options": {"limit": 201}}, 422, "at most 200"),
        ({"query": {"id": ONE}, "options": {"rerank": "x"}}, 422, "rerank must be"),
        ({"query": {"id": ONE}, "filters": {"years": "soon"}}, 422, "years 'soon'"),
        ({"query": {"id": ONE}, "filters": {"where": ["nofield=1"]}}, 422, "no field is called"),
        ({"query": {"text": "a ship"}}, 422, "takes no texts"),
        ({"query": {"id": ONE}, "kind": "faces", "part": 99}, 422, "there is no face 99"),
        ({}, 422, "query: Field required"),
    ],
)
def test_what_is_refused_has_a_sentence(
    page: httpx.Client, body: dict[str, Any], status: int, said: str
) -> None:
    answered = page.post("/api/v1/query", json=body)
    assert answered.status_code == status, answered.text
    problem = answered.json()
    assert answered.headers["content-type"] == "application/problem+json"
    assert said in problem["detail"]
    assert problem["status"] == status


def test_thumbnails_are_small_and_kept(page: httpx.Client) -> None:
    record = page.get(f"/api/v1/paintings/{ONE}").json()
    path = f"/api/v1/thumbnails/{record['picture_id']}"
    small = page.get(path)
    image = Image.open(io.BytesIO(small.content))
    assert (image.format, max(image.size)) == ("WEBP", 240)
    assert small.headers["cache-control"].endswith("no-cache")
    again = page.get(path, headers={"if-none-match": small.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    named = page.get(path, params={"v": record["image_sha256"][:16], "side": 300})
    assert "immutable" in named.headers["cache-control"]
    assert max(Image.open(io.BytesIO(named.content)).size) == 480


def region(page: httpx.Client, address: str) -> Image.Image:
    found = page.get(address)
    assert found.status_code == 200, found.text
    return Image.open(io.BytesIO(found.content))


def test_iiif_images(page: httpx.Client, sample: Path) -> None:
    record = page.get(f"/api/v1/paintings/{ONE}").json()
    base = f"/iiif/3/{record['picture_id']}"
    described = page.get(f"{base}/info.json").json()
    width, height = described["width"], described["height"]
    assert described["id"].endswith(base)
    assert described["protocol"] == "http://iiif.io/api/image"
    path = next((sample / "images").glob(f"*{ONE}.jpg"))
    whole = Image.open(path).convert("RGB")
    assert whole.size == (width, height)
    sizes = {
        "full/max/0/default.jpg": (width, height),
        "full/200,/0/default.png": (200, round(200 * height / width)),
        "full/,200/0/default.jpg": (round(200 * width / height), 200),
        "full/100,50/0/default.webp": (100, 50),
        "full/!100,100/90/default.jpg": (100, round(100 * width / height)),
        "full/pct:50/0/gray.jpg": (round(width / 2), round(height / 2)),
        "square/max/180/color.jpg": (min(width, height),) * 2,
        "pct:25,25,50,50/max/0/bitonal.png": (round(width / 2), round(height / 2)),
        "10,20,99999,30/max/0/default.jpg": (width - 10, 30),
    }
    assert {asked: region(page, f"{base}/{asked}").size for asked in sizes} == sizes
    part = region(page, f"{base}/40,60,80,50/max/0/default.png").convert("RGB")
    assert part.tobytes() == whole.crop((40, 60, 120, 110)).tobytes()
    turned = region(page, f"{base}/40,60,80,50/max/!0/default.png").convert("RGB")
    assert turned.tobytes() == part.transpose(Image.Transpose.FLIP_LEFT_RIGHT).tobytes()
    for wrong in (
        *("full/max/45/default.jpg", "full/9999,/0/default.jpg", "0,0,0,0/max/0/default.jpg"),
        *("full/max/0/default.gif", "full/max/0/nice.jpg", "9999,0,10,10/max/0/default.jpg"),
        *("full/,/0/default.jpg", "full/!10,/0/default.jpg", "full/pct:0/0/default.jpg"),
    ):
        assert page.get(f"{base}/{wrong}").status_code == 400, wrong


def kept(page: httpx.Client, form: str, *works: dict[str, str]) -> httpx.Response:
    asked = {"works": list(works), "question": "http://127.0.0.1/?id=x"}
    return page.post("/api/v1/selection", data={"form": form, "selection": json.dumps(asked)})


def test_a_selection_is_written_and_read_back(page: httpx.Client) -> None:
    works = ({"id": ONE, "note": "=1+1 & 100 %\nlook"}, {"id": PENDANT}, {"id": "nobody"})
    table = list(csv.DictReader(io.StringIO(kept(page, "csv", *works).text)))
    assert [row["painting_id"] for row in table] == [ONE, PENDANT]
    assert table[0]["note"].startswith("'=1+1")
    document = kept(page, "json", *works).json()
    assert [work["payload"]["painting_id"] for work in document["works"]] == [ONE, PENDANT]
    assert document["question"] == "http://127.0.0.1/?id=x"
    entries = kept(page, "bibtex", *works).text
    assert entries.count("@artwork{") == 2
    assert f"@artwork{{{ONE}," in entries
    assert r"annotation = {=1+1 \& 100 \% look}" in entries
    manifest = kept(page, "iiif", *works).json()
    assert manifest["type"] == "Manifest"
    for canvas in manifest["items"]:
        body = canvas["items"][0]["items"][0]["body"]
        image = Image.open(io.BytesIO(page.get(body["id"]).content))
        assert image.size == (canvas["width"], canvas["height"])
        assert page.get(body["service"][0]["id"] + "/info.json").status_code == 200
    sheet = kept(page, "print", {"id": ONE, "note": "<script>alert(1)</script>"}).text
    assert "&lt;script&gt;alert" in sheet
    assert "<script>alert" not in sheet


@pytest.mark.parametrize("works", [[], [{"id": 1}], [{"id": "nobody"}], "x"], ids=str)
def test_a_selection_of_nothing_is_refused(page: httpx.Client, works: Any) -> None:
    asked = {"form": "csv", "selection": json.dumps({"works": works})}
    answered = page.post("/api/v1/selection", data=asked)
    assert answered.status_code in (404, 422)
    assert "pydantic" not in answered.text


def test_the_api_is_described(page: httpx.Client) -> None:
    described = page.get("/api/v1/openapi.json").json()
    question = described["paths"]["/api/v1/query"]["post"]["requestBody"]["content"]
    schema = question["application/json"]["schema"]["$ref"].rpartition("/")[2]
    form = described["components"]["schemas"][schema]
    assert set(form["properties"]) >= {"query", "kind", "part", "filters", "options"}
    for path, methods in described["paths"].items():
        for method in methods.values():
            assert method["summary"], path
            assert "200" in method["responses"] or "201" in method["responses"]


def test_the_languages_say_the_same(page: httpx.Client) -> None:
    english = texts()["en"]
    for language, own in texts().items():
        assert own.keys() == english.keys(), language
        for key, text in own.items():
            holes = [sorted(re.findall(r"\{\w+\}", of[key])) for of in (own, english)]
            assert holes[0] == holes[1], (language, key)
            assert text
    scripts = b"".join(static_files().values()).decode("utf-8", "ignore")
    folder = Path(page_module.__file__).with_name("templates")
    scripts += "".join(path.read_text(encoding="utf-8") for path in folder.iterdir())
    used = set(re.findall(r'\bt\("([\w-]+)"', scripts))
    assert used <= english.keys(), used - english.keys()
    by_name = (
        "kind_",
        "rerank_",
        "field_",
        "region_",
        "year_",
        "key_",
        "mode_",
        "fit_",
        "strength_",
        "form_",
        "view_",
        "sort_",
        "tie_",
        "look_",
        "relation_",
        "in_order_",
        "language",
        *(
            "unfinished_",
            "origin_",
            "look_for_",
            "column_",
            "missed_",
            "stage_",
            "ended_",
            "count_",
        ),
    )
    unused = {key for key in english if f'"{key}"' not in scripts}
    assert {
        key for key in unused if not key.startswith(by_name) and not key.endswith("_one")
    } == set()
    german = page.get("/", headers={"accept-language": "fr, de-AT;q=0.8"}).text
    assert '<html lang="de">' in german
    assert '<html lang="en">' in page.get("/", headers={"accept-language": "fr"}).text


def test_the_page_is_light(page: httpx.Client) -> None:
    """What a first view loads; what is only looked at sometimes is loaded then."""
    files, loaded = static_files(), {"page.css", "icon.svg", "main.js"}
    while True:
        named = (re.findall(rb'from "./([\w.-]+)"', files[name]) for name in loaded)
        found = loaded | {name.decode() for names in named for name in names}
        if found == loaded:
            break
        loaded = found
    assert "map.js" not in loaded
    assert "grid.js" in loaded
    assert len(page.get("/").content) + sum(len(files[name]) for name in loaded) < 150_000
    assert "begin.js" not in loaded
    written = [text.decode() for name, text in files.items() if not name.endswith(".webp")]
    assert "http://" not in json.dumps(written).replace("http://www.w3.org/2000/svg", "")
