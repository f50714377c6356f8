"""Two pictures laid upon each other, by points that match or that are set."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from browser_steps import ONE, PENDANT, Visit, address, picture_of
from PIL import Image
from playwright.sync_api import Page, expect

LEFT, TOP, RIGHT, BOTTOM = 0.2, 0.1, 0.8, 0.7


@pytest.fixture
def detail(page: httpx.Client, sample: Path, tmp_path: Path) -> str:
    """The id of a sent picture: a detail of a painting, half as large again."""
    with Image.open(picture_of(sample, PENDANT)) as opened:
        box = [
            round(part * side)
            for part, side in zip((LEFT, TOP, RIGHT, BOTTOM), 2 * opened.size, strict=True)
        ]
        part = opened.crop(tuple(box))
    part.resize([round(1.5 * side) for side in part.size]).save(tmp_path / "detail.png")
    sent = page.post("/api/v1/uploads", files={"picture": (tmp_path / "detail.png").read_bytes()})
    return str(sent.json()["id"])


def boxes(page: Page) -> list[dict[str, float]]:
    """Where both pictures lie at one moment: what comes later moves them."""
    both = "document.querySelectorAll('.stage .first, .stage .second')"
    found: list[dict[str, float]] = page.evaluate(
        f"[...{both}].map(one => one.getBoundingClientRect().toJSON())"
    )
    return found


def match(page: httpx.Client, first: Any, second: Any) -> Any:
    found = page.post("/api/v1/compare/points", json={"first": first, "second": second})
    assert found.status_code == 200, found.text
    return found.json()


def test_points_lay_a_detail_upon_its_picture(page: httpx.Client, detail: str) -> None:
    found = match(page, {"upload": detail}, {"id": PENDANT})
    assert found["is_found"]
    assert not found["mirrored"]
    way = np.array(found["way"])
    for place in ((LEFT, TOP), (RIGHT, BOTTOM), (0.5, 0.4)):
        x, y, z = way @ (*place, 1)
        expected = (place[0] - LEFT) / (RIGHT - LEFT), (place[1] - TOP) / (BOTTOM - TOP)
        assert np.allclose((x / z, y / z), expected, atol=0.02)
    of_second, of_first = map(np.array, found["outlines"])
    corners = [(LEFT, TOP), (RIGHT, TOP), (RIGHT, BOTTOM), (LEFT, BOTTOM)]
    assert np.allclose(of_first, corners, atol=0.02)
    assert of_second.min() < -0.1
    assert 8 <= len(found["pairs"]) <= 60
    none = match(page, {"upload": detail}, {"id": ONE})
    assert none == {
        "is_found": False,
        "inliers": none["inliers"],
        "mirrored": False,
        "way": None,
        "pairs": [],
        "outlines": None,
    }


def test_a_comparison_says_what_the_same_points_do(page: httpx.Client, detail: str) -> None:
    """Of files, though the gallery has no points."""
    pair = {"first": {"upload": detail}, "second": {"id": PENDANT}}
    found = page.post("/api/v1/compare", json=pair).json()
    assert found["evidence"]["relation"] == "detail"
    assert found["evidence"]["inliers"] == match(page, **pair)["inliers"]
    assert found["why"].startswith("the first is a detail of the second: ")
    part = {**pair, "first": {"upload": detail, "region": "10%,10%,60%,60%"}}
    of_part = page.post("/api/v1/compare", json=part).json()["evidence"]
    assert (
        of_part["why"]
        == "the gallery has no points of the second: ingest its source with --details"
    )


@pytest.mark.slow
def test_pictures_are_compared_by_matched_points(visit: Visit, detail: str) -> None:
    page = visit(f"/?compare=picture:{detail}&compare={PENDANT}")
    expect(page.get_by_role("dialog")).to_contain_text("points of both pictures agree")
    expect(page.locator(".judged")).to_contain_text("The first is a detail", ignore_case=True)
    expect(page.locator(".judged .word")).to_have_count(0)
    page.get_by_label("By matched points").check()
    assert page.locator(".lines polygon").count() == 2
    assert page.locator(".lines line").count() >= 8
    page.locator("#mode-difference").check()
    second = page.locator(".stage .second")
    assert "matrix3d" in second.evaluate("one => one.style.transform")
    assert address(page)["fit"] == ["matched"]
    first_box, box = boxes(page)
    # The detail is so much of the whole, which lies around it.
    assert abs(first_box["width"] / box["width"] - (RIGHT - LEFT)) < 0.03
    assert abs((first_box["x"] - box["x"]) / box["width"] - LEFT) < 0.03
    again = visit(f"/?compare=picture:{detail}&compare={ONE}")
    expect(again.get_by_role("dialog")).to_contain_text("No points agree")
    expect(again.get_by_label("By matched points")).to_have_count(0)


@pytest.mark.slow
def test_pictures_are_compared_by_three_points(visit: Visit, detail: str) -> None:
    page = visit(f"/?compare=picture:{detail}&compare={PENDANT}")
    page.get_by_label("By three points").check()
    markers = page.locator(".marker")
    expect(markers).to_have_count(6)
    before = address(page)["points"][0].split(",")
    markers.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    after = address(page)["points"][0].split(",")
    assert float(after[0]) == float(before[0]) + 0.5
    assert float(after[1]) == float(before[1]) + 5
    box = markers.last.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 24
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 30, box["y"] + box["height"] / 2 + 10, steps=3)
    page.mouse.up()
    dragged = address(page)["points"][0].split(",")
    assert float(dragged[10]) > float(after[10])
    assert dragged[:10] == after[:10]

    # Three places of the detail, and the same in the whole.
    places = [(0.1, 0.1), (0.9, 0.2), (0.4, 0.9)]
    whole = [(LEFT + x * (RIGHT - LEFT), TOP + y * (BOTTOM - TOP)) for x, y in places]
    points = ",".join(f"{100 * part:.2f}" for place in (*places, *whole) for part in place)
    page = visit(
        f"/?compare=picture:{detail}&compare={PENDANT}&fit=points&points={points}&mode=curtain"
    )
    second = page.locator(".stage .second")
    assert re.search("matrix3d", second.evaluate("one => one.style.transform"))
    first_box, box = boxes(page)
    assert abs(first_box["height"] / box["height"] - (BOTTOM - TOP)) < 0.01
    assert abs((first_box["y"] - box["y"]) / box["height"] - TOP) < 0.01
    line = visit(
        f"/?compare={ONE}&compare={PENDANT}&fit=points&mode=overlay&points=10,10,20,20,30,30,10,10,20,20,30,30"
    )
    expect(line.get_by_role("dialog")).to_contain_text("lie on one line")
