import csv
import io
import json
import os
import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_answers import made_answer

from artsim.catalog.hits import Hit
from artsim.catalog.kinds import Box
from artsim.catalog.payload import FACE_FIELDS, PAINTING_FIELDS, painting_point_id
from artsim.catalog.scale import Verdict
from artsim.render.output import Form, to_csv, to_json, to_jsonl, to_paths, write_form
from artsim.search.answer import Answer, HitGroup
from artsim.search.probes import QueryFace
from artsim.search.question import SearchOptions

DOCUMENT = Path(__file__).parents[2] / "docs" / "output.md"


def documented_hit(name: str, title: str, artist: str, year: int, scores: list[float]) -> Hit:
    payload = {
        "painting_id": name,
        "title": title,
        "artist": artist,
        "attribution": "by",
        "date_text": str(year),
        "year_start": year,
        "year_end": year,
        "style": ["Baroque", "Dutch Golden Age"],
        "image_uri": f"file:///data/old%20masters/{name}.jpg",
        "image_width": 1200,
        "image_height": 1500,
    }
    near = Verdict("very near", 99.981, scores[1])
    verdict = near if scores[0] > 0.9 else Verdict("not near", 98.4)
    point_id = painting_point_id(name)
    return Hit(point_id, scores[0], payload, rerank_score=scores[1], verdict=verdict)


DOCUMENTED = made_answer(
    [
        documented_hit("hals-01", "Portrait of a Woman", "Frans Hals", 1635, [0.9127, 0.6418]),
        documented_hit("leyster-04", "=Self-Portrait", "Judith Leyster", 1630, [0.8854, 0.5702]),
    ],
    {"image": "girl.jpg"},
    {
        "gallery": "demo",
        "location": "/data/artsim",
        "encoders": ["builtin-v3"],
        "limit": 2,
        "rerank": "ssim",
    },
)


@pytest.mark.parametrize("output_format", ["json", "jsonl", "csv", "paths"])
def test_the_documented_example_is_what_is_written(output_format: Form) -> None:
    section = DOCUMENT.read_text(encoding="utf-8").split(f"\n## {output_format}\n")[1]
    example = re.search(r"```\w+\n(.*?)```", section, re.DOTALL)
    assert example is not None
    stream = io.BytesIO()
    write_form(DOCUMENTED, output_format, stream)
    assert stream.getvalue().decode() == example.group(1)


def test_every_csv_column_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for field in FACE_FIELDS.keys() - PAINTING_FIELDS.keys():
        assert f"`{field}`" in text


def test_without_hits_each_form_is_still_whole() -> None:
    empty = made_answer([], {"id": "x"})
    document = json.loads(to_json(empty))
    assert (document["schema"], document["query"]) == (1, {"id": "x"})
    assert (document["notes"], document["hits"]) == ([], [])
    assert to_jsonl(empty) == ""
    assert to_csv(empty).count("\n") == 1
    assert to_paths(empty) == b""


def test_faces_say_where_they_are() -> None:
    hit = Hit("p", 0.5, {"painting_id": "a", "face_index": 2, "box": [1, 2, 3, 4]}, query_face=1)
    faces = (QueryFace(1, Box(5.0, 6.0, 7.0, 8.0), 0.99),)
    result = made_answer([hit], {"faces": True}, query_faces=faces)
    document = json.loads(to_json(result))
    assert document["query_faces"] == [{"index": 1, "box": [5.0, 6.0, 7.0, 8.0], "score": 0.99}]
    assert document["hits"][0]["query_face"] == 1
    (row,) = csv.DictReader(io.StringIO(to_csv(result)))
    assert (row["query_face"], row["face_index"], row["box"]) == ("1", "2", "1|2|3|4")


def test_csv_columns_do_not_depend_on_the_hits() -> None:
    def header(result: Answer) -> str:
        return to_csv(result).split("\n")[0]

    assert header(made_answer([])) == header(DOCUMENTED)
    of_faces = Hit("p", 0.5, {"painting_id": "a", "face_index": 0})
    assert header(made_answer([], {"faces": True})) == header(
        made_answer([of_faces], {"faces": True})
    )


def test_ranks_go_on_after_an_offset_and_groups_are_named() -> None:
    first, second = DOCUMENTED.hits
    asked = replace(DOCUMENTED.question, options=SearchOptions(offset=20))
    result = replace(
        DOCUMENTED,
        question=asked,
        groups=(HitGroup("Frans Hals", (first,)), HitGroup("Judith Leyster", (second,))),
    )
    hits = [json.loads(line) for line in to_jsonl(result).splitlines()]
    assert [(hit["rank"], hit["group"]) for hit in hits] == [
        (21, "Frans Hals"),
        (22, "Judith Leyster"),
    ]
    assert hits == json.loads(to_json(result))["hits"]


def test_json_is_strict_whatever_the_metadata_holds() -> None:
    extra = {
        "nan": float("nan"),
        "array": np.arange(3, dtype=np.float32),
        "scalar": np.int64(7),
        "path": Path("a"),
        "lone": "x\ud800",
        3: (1, 2),
    }
    hit = Hit("p", float(np.float32(0.5)), {"painting_id": "é", "extra": extra})

    def refuse(token: str) -> None:
        raise AssertionError(token)

    text = to_jsonl(made_answer([hit]))
    text.encode("utf-8")
    assert "é" in text
    assert json.loads(text, parse_constant=refuse)["payload"]["extra"] == {
        "nan": None,
        "array": [0.0, 1.0, 2.0],
        "scalar": 7,
        "path": "a",
        "lone": "x?",
        "3": [1, 2],
    }


@settings(deadline=None, derandomize=True)
@given(st.lists(st.text(max_size=20), max_size=4), st.text(max_size=40))
def test_csv_gives_back_what_went_in(tags: list[str], title: str) -> None:
    hit = Hit("p", 0.25, {"painting_id": "a", "title": title, "tags": tags, "year_start": -50})
    stream = io.BytesIO()
    write_form(made_answer([hit]), "csv", stream)
    (row,) = csv.DictReader(io.StringIO(stream.getvalue().decode(), newline=""))
    assert row["score"] == "0.25"
    assert row["year_start"] == "-50"
    assert unguarded(row["title"]) == plain(title)
    cell = unguarded(row["tags"])
    split = [
        re.sub(r"\\([\\|])", r"\1", part)
        for part in re.findall(r"((?:[^\\|]|\\.)*)(?:\||$)", cell, re.DOTALL)
    ]
    assert split[: len(tags)] == [plain(tag) for tag in tags]


def plain(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in text if c in "\t\n" or unicodedata.category(c) != "Cc")


def unguarded(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:2] in {"=", "+", "-", "@", "\t", "\n"} else cell


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_formulas_are_defused(start: str) -> None:
    title = f"{start}HYPERLINK(1)"
    hit = Hit("p", -0.5, {"painting_id": "a", "title": title, "tags": [title, "x"]})
    (row,) = csv.DictReader(io.StringIO(to_csv(made_answer([hit])), newline=""))
    assert row["title"] == "'" + plain(title)
    assert row["tags"] == f"'{plain(title)}|x"
    assert row["score"] == "-0.5"


def test_paths_are_each_written_once_best_first() -> None:
    uris = [
        "file:///b%0Ac.jpg",
        "https://example.org/ä.jpg",
        "file:///b%0Ac.jpg",
        None,
        "file:///caf%E9.jpg",
    ]
    hits = [
        Hit("p", 0.5, {"painting_id": "a"} | ({"image_uri": uri} if uri else {})) for uri in uris
    ]
    expected = [
        b"/b\nc.jpg",
        "https://example.org/ä.jpg".encode(),
        os.fsencode(os.fsdecode(b"/caf\xe9.jpg")),
    ]
    assert to_paths(made_answer(hits), null=True) == b"".join(p + b"\0" for p in expected)
    assert to_paths(made_answer(hits[1:2])) == expected[1] + b"\n"
