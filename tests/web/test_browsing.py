"""The gallery along the years, on the map and by person, over HTTP."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser_steps import ONE, PENDANT
from starlette.requests import Request
from starlette.responses import Response

from artsim.catalog.kinds import PAINTINGS
from artsim.errors import ArtsimError
from artsim.search.copy_groups import find_copies
from artsim.store.gallery import Gallery
from artsim.web.browsing import Surveys, Work


def ask(page: httpx.Client, path: str, **parameters: Any) -> Any:
    found = page.get(f"/api/v1/{path}", params=parameters)
    assert found.status_code == 200, found.text
    return found.json()


@pytest.fixture
def named(shown: Gallery, page: httpx.Client) -> Iterator[str]:
    """A file of names in which one face has one."""
    face = ask(page, f"paintings/{ONE}")["faces"][0]
    file = shown.names_file
    assert file is not None
    with file.open("w", newline="") as stream:
        columns = ["name", "painting_id", "x", "y", "width", "height"]
        csv.writer(stream).writerows([columns, ["Griet Jans", ONE, *face["box"]]])
    yield "Griet Jans"
    file.unlink()


@pytest.mark.slow
def test_what_fails_in_the_background_is_told_once_and_tried_again(
    shown: Gallery, tmp_path: Path
) -> None:
    surveys, request = Surveys(tmp_path), Request({"type": "http", "headers": []})
    tries: list[int] = []

    def fail_once(gallery: Gallery, work: Work) -> dict[str, Any]:
        tries.append(len(tries))
        return {"one": 1 // (len(tries) - 1)}

    def ended() -> Response:
        while (found := surveys.answer(request, shown, fail_once)).status_code == 202:
            pass
        return found

    with pytest.raises(ArtsimError, match="did not expect"):
        ended()
    assert ended().body == b'{"one": 1}'


def test_every_work_stands_once_along_the_years(page: httpx.Client) -> None:
    total = ask(page, "paintings", limit=1)["total"]
    line = ask(page, "timeline", most=12, shown=5)
    spans = line["spans"]
    assert len(spans) <= 12
    assert sum(span["count"] for span in [*spans, line["undated"]]) == total
    assert len({span["last"] - span["first"] for span in spans}) == 1
    for before, span in pairwise(spans):
        assert span["first"] == before["last"] + 1
    for span in spans:
        assert len(span["points"]) <= min(5, span["count"])
        assert bool(span["points"]) == bool(span["count"])
        for point in span["points"]:
            dates = point["payload"]
            assert span["first"] <= (dates["year_start"] + dates["year_end"]) // 2 <= span["last"]
    # The fullest has most works to look at, others as many in proportion.
    fullest = max(spans, key=lambda span: span["count"])
    assert len(fullest["points"]) == 5
    assert line == ask(page, "timeline", most=12, shown=5)


def test_a_period_is_laid_out_within_its_years(page: httpx.Client) -> None:
    line = ask(page, "timeline", year="1600..1699", most=20)
    spans = line["spans"]
    total = ask(page, "paintings", year="1600..1699", limit=1)["total"]
    assert sum(span["count"] for span in spans) == total
    assert spans[0]["first"] >= 1600
    assert spans[-1]["first"] <= 1699
    one = ask(page, "timeline", year="1632", most=20)["spans"]
    assert [(span["first"], span["last"]) for span in one] == [(1632, 1632)]
    assert ask(page, "timeline", artist="nobody at all")["spans"] == []


def test_an_undated_work_is_counted(page: httpx.Client, shown: Gallery) -> None:
    collection, point_id = shown[PAINTINGS], PAINTINGS.point_id(ONE)
    before = collection.retrieve([point_id])[point_id].payload
    assert ask(page, "timeline")["undated"]["count"] == 0
    dates = ("year_start", "year_end", "date_text")
    collection.overwrite_payload({point_id: {k: v for k, v in before.items() if k not in dates}})
    collection.flush()
    try:
        undated = ask(page, "timeline", artist="rembrandt")["undated"]
        assert undated["count"] == 1
        assert [point["painting_id"] for point in undated["points"]] == [ONE]
    finally:
        collection.overwrite_payload({point_id: before})


def test_the_map_is_laid_out_once(page: httpx.Client) -> None:
    found = page.get("/api/v1/map")
    while found.status_code == 202:
        assert {"stage", "done", "total"} == set(found.json())
        found = page.get("/api/v1/map")
    assert found.status_code == 200, found.text
    drawn = found.json()
    total = ask(page, "paintings", limit=1)["total"]
    assert len(drawn["ids"]) == total == drawn["total"]
    assert len(set(map(tuple, drawn["cells"]))) == total
    for name in ("points", "x", "y", "ratios", "pictures"):
        assert len(drawn[name]) == total
    assert 0 <= min(drawn["x"] + drawn["y"]) <= max(drawn["x"] + drawn["y"]) <= 65535
    etag = found.headers["etag"]
    assert page.get("/api/v1/map", headers={"if-none-match": etag}).status_code == 304
    chosen = ask(page, "map/chosen", artist="rembrandt")["points"]
    listed = ask(page, "paintings", artist="rembrandt", limit=200)["points"]
    assert set(chosen) == {point["point_id"] for point in listed} <= set(drawn["points"])


def test_copies_are_groups_of_works(page: httpx.Client, shown: Gallery) -> None:
    found = page.get("/api/v1/copies")
    while found.status_code == 202:
        found = page.get("/api/v1/copies")
    assert found.status_code == 200, found.text
    groups = found.json()
    expected = find_copies(shown)
    assert groups["compared"] == expected.compared
    assert groups["total"] == len(expected.groups)
    for group, own in zip(groups["groups"], expected.groups, strict=True):
        assert [work["point_id"] for work in group["works"]] == [w.point_id for w in own.works]
        assert all(work["picture_id"] for work in group["works"])
    assert "file:" not in found.text


def test_people_are_groups_of_faces(page: httpx.Client) -> None:
    found = ask(page, "people")
    assert found["compared"] > 20
    assert not found["has_names"]
    for group in found["people"]:
        assert group["count"] == len(group["faces"]) >= 2
        assert all("box" in face["payload"] for face in group["faces"])
    said = page.get("/api/v1/people").text
    assert "file:" not in said


def test_a_named_person_is_a_filter(page: httpx.Client, named: str) -> None:
    record = ask(page, f"paintings/{ONE}")
    assert record["faces"][0]["name"] == named
    facet = ask(page, "facets", field="person")["facets"][0]
    assert facet["values"] == [{"value": named, "count": 1}]
    assert facet["unknown"] == ask(page, "paintings", limit=1)["total"] - 1
    of_faces = ask(page, "facets", field="person", kind="faces")["facets"][0]
    assert of_faces["values"] == facet["values"]
    listed = ask(page, "paintings", person="griet jans")["points"]
    assert [point["painting_id"] for point in listed] == [ONE]
    question = {"query": {"id": PENDANT}, "filters": {"people": [named]}}
    hits = page.post("/api/v1/query", json=question).json()["hits"]
    assert [hit["painting_id"] for hit in hits] == [ONE]
    first = ask(page, "people")["people"][0]
    assert first["name"] == named
