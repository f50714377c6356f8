"""What a server answers is read the same by the quick way, for pixels, as by any JSON reader."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from artsim.store.answers import load_result
from artsim.store.protocol import CollectionSchema, VectorSpec

DIM = 16
SCHEMA = CollectionSchema(
    {"v-1": VectorSpec(4), "pixels": VectorSpec(DIM, "euclid", "uint8", indexed=False)}
)
NAMES = ["v-1", "pixels"]


def points(rows: Any, payload: Any = None) -> list[dict[str, Any]]:
    return [
        {"id": i, "payload": payload or {}, "vector": {"v-1": [0.5] * 4, "pixels": row}}
        for i, row in enumerate(rows)
    ]


def answer(result: object) -> bytes:
    return json.dumps({"result": result, "status": "ok"}, separators=(",", ":")).encode()


def plain(value: Any) -> Any:
    """What was read, with lists for arrays."""
    return json.loads(json.dumps(value, default=lambda array: array.tolist()))


@pytest.mark.parametrize("shape", ["retrieve", "scroll", "batch"])
def test_pixels_come_as_arrays(shape: str) -> None:
    rows = np.random.default_rng(1).integers(0, 256, (40, DIM)).astype(float)
    rows[0], rows[-1], rows[1] = 0, 255, np.arange(DIM)
    made = points(rows.tolist())
    del made[5]["vector"]["pixels"]
    result: Any = {
        "retrieve": made,
        "scroll": {"points": made, "next_page_offset": None},
        "batch": [{"points": made[:3]}, {"points": []}, {"points": made[3:]}],
    }[shape]
    found = load_result(answer(result), NAMES, SCHEMA)
    assert plain(found) == plain(result)
    first = (
        found["points"]
        if shape == "scroll"
        else found
        if shape == "retrieve"
        else found[0]["points"]
    )
    assert first[0]["vector"]["pixels"].dtype == np.uint8


EIGHT = "1.0,2.0,3.0,4.0,5.0,6.0,7.0,"


@pytest.mark.parametrize(
    "row",
    [
        EIGHT * 2 + "1.0,256.0",
        EIGHT * 2 + "1.0,1000.0",
        EIGHT * 2 + "1.0,1e2",
        EIGHT * 2 + "1.0,-1.0",
        EIGHT * 2 + "1.0, 2.0",
        EIGHT * 2 + "1.0,2",
        EIGHT * 2 + "1.0",
        EIGHT * 2 + "1.0,2.0,3.0",
        EIGHT * 2 + "1.0,null",
        "",
    ],
)
def test_what_is_written_otherwise_is_read_as_any_json(row: str) -> None:
    text = answer(points([[]])).replace(b'"pixels":[]', b'"pixels":[%b]' % row.encode())
    assert load_result(text, NAMES, SCHEMA) == json.loads(text)["result"]
    good = points([[1.0] * DIM])
    text = answer([{"points": good}, {"points": points([[]])}])
    text = text.replace(b'"pixels":[]', b'"pixels":[%b]' % row.encode())
    assert plain(load_result(text, NAMES, SCHEMA)) == json.loads(text)["result"]


def test_a_field_of_that_name_stays() -> None:
    result = points([[7.0] * DIM], {"extra": {"pixels": [1.0] * DIM}})
    assert load_result(answer(result), NAMES, SCHEMA) == result
    result[0]["payload"] = {"title": '"pixels":[1.0]'}
    assert plain(load_result(answer(result), NAMES, SCHEMA)) == result


@pytest.mark.parametrize(
    "row", ["1.0,a.0", "1.0,2:0", "1.0;2.0", "1.012.0", "1.0,2.0,", "x1.0,2.0"]
)
def test_what_is_no_json_is_refused(row: str) -> None:
    schema = CollectionSchema({"pixels": VectorSpec(2, "euclid", "uint8")})
    text = b'{"result":[{"id":1,"vector":{"pixels":[%b]}}]}' % row.encode()
    with pytest.raises(ValueError):
        load_result(text, ["pixels"], schema)
