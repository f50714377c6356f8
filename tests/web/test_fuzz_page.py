"""Whatever is asked of the API, the answer is one of its own: never a crash, never a traceback."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ONE = "met-437388"

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "..",
            "../../etc/passwd",
            "a\0b",
            "\ud800",
            "1..2",
            "x=1",
            "extra.a=b",
            "0,0,5,5",
            "9%,1,1,1",
        ]
    )
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
QUESTION: dict[str, Any] = {
    "query": {"id": ONE, "region": "0,0,50,50"},
    "kind": "paintings",
    "part": None,
    "filters": {"any_of": {"artist": ["Rembrandt"]}, "years": "1600..1700", "title": "woman",
                "where": ["width_cm=10..90"], "where_not": ["school=Dutch"]},
    "encoders": ["builtin"],
    "options": {"limit": 3, "offset": 0, "rerank": "ssim", "rerank_depth": 5, "group_by": "artist",
                "min_score": 0.1, "exact": False, "rerank_weight": 0.1},
}  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "query": QUESTION,
    "query?gallery=none": QUESTION,
    "compare": {"first": {"id": ONE}, "second": {"id": "met-437386", "region": None}},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    return [path, *(place for key in keys for place in places(value[key], (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], to: Any) -> Any:
    if not path:
        return to
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = changed(copied[path[0]], path[1:], to)
    return copied


def sound(answer: httpx.Response) -> None:
    assert answer.status_code < 500 or answer.status_code == 503, answer.text
    assert "Traceback" not in answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]


fuzzing = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@pytest.mark.parametrize("path", BODIES)
@fuzzing
@given(data=st.data())
def test_bodies(page: httpx.Client, path: str, data: st.DataObject) -> None:
    body = BODIES[path]
    place = data.draw(st.sampled_from(places(body)))
    content = json.dumps(changed(body, place, data.draw(values)))
    headers = {"content-type": "application/json"}
    sound(page.post(f"/api/v1/{path}", content=content, headers=headers))


@fuzzing
@given(data=st.data())
def test_addresses(page: httpx.Client, data: st.DataObject) -> None:
    names = [
        "field",
        "kind",
        "gallery",
        "limit",
        "offset",
        "sort",
        "artist",
        "year",
        "title",
        "where",
    ]
    texts = st.text(max_size=8) | st.sampled_from(
        ["date", "-1", "1e9", "1600..", "extra", "box", "a=b"]
    )
    params = data.draw(
        st.dictionaries(st.sampled_from([*names, "not", "side", "v"]), texts, max_size=4)
    )
    plain = {name: text.encode("utf-8", "replace").decode() for name, text in params.items()}
    path = data.draw(
        st.sampled_from(
            ["facets", "paintings", "galleries", f"paintings/{ONE}", "paintings/%00%2e"]
        )
    )
    sound(page.get(f"/api/v1/{path}", params=plain))


@fuzzing
@given(content=st.binary(max_size=200), form=st.sampled_from(["csv", "print", "iiif", "x"]))
def test_forms(page: httpx.Client, content: bytes, form: str) -> None:
    sound(page.post("/api/v1/uploads", files={"picture": ("a\r\n.png", content)}))
    sound(
        page.post("/api/v1/selection", data={"form": form, "selection": content.decode("latin-1")})
    )
    sound(page.post("/api/v1/uploads", content=content))
