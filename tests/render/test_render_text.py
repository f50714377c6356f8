# ruff: noqa: RUF001 - titles and dates have such letters
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_answers import made_answer

from artsim.catalog.kinds import Box
from artsim.catalog.payload import AnyOf, Between, Criteria, Words
from artsim.render.text import (
    clean,
    date_text,
    describe_left_out,
    describe_query,
    describe_query_faces,
    describe_settings,
    field_text,
    format_bytes,
    format_score,
    picture_link,
)
from artsim.search.probes import QueryFace


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=400), st.integers(1, 60))
def test_clean_text_is_one_short_line_without_controls(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert not {unicodedata.category(c) for c in cleaned} & {"Cc", "Cs", "Co", "Zl", "Zp"}
    cleaned.encode("utf-8")


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;owned\x07title", "title"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jgone", "gone"),
        ("a\x00b\tc\r\nd", "a b c d"),
        ("abc\u202edef", "abcdef"),
        ("zero\u200bwidth", "zerowidth"),
        ("half \ud800 pair", "half \N{REPLACEMENT CHARACTER} pair"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("[bold]", "[bold]"),
        ("e\u0301", "é"),
        ("o" + "\u0335" * 40, "o" + "\u0335" * 3),
        (1642, "1642"),
    ],
)
def test_clean(hostile: object, shown: str) -> None:
    assert clean(hostile) == shown


def test_clean_does_not_read_a_megabyte() -> None:
    assert clean("x" * 1_000_000, 10) == "xxxxxxxxx…"


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"date_text": "c. 1500–25", "year_start": 1495, "year_end": 1530}, "c. 1500–25"),
        ({"year_start": 1642, "year_end": 1642}, "1642"),
        ({"year_start": 1642, "year_end": 1650}, "1642–1650"),
        ({"year_end": 1650}, "1650"),
        ({}, ""),
    ],
)
def test_date(payload: dict[str, object], text: str) -> None:
    assert date_text(payload) == text


def test_field_lists_are_joined() -> None:
    assert field_text({"style": ["Baroque", "Rococo"]}, "style") == "Baroque, Rococo"
    assert field_text({}, "style") == ""


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (0.93124, "0.9312"),
        (-0.00001, "0.0000"),
        (1, "1.0000"),
        (-31.456, "-31.46"),
        (-4321.9, "-4322"),
    ],
)
def test_format_score(score: float, text: str) -> None:
    assert format_score(score) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (999_600, "1.0 MB")]
)
def test_format_bytes(count: int, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("uri", "link"),
    [
        ("file:///data/old%20masters/a.jpg", "file:///data/old%20masters/a.jpg"),
        ("/data/k\x1b]8;;x\x07ö.jpg", "file:///data/k%1B%5D8%3B%3Bx%07%C3%B6.jpg"),
        ("https://x.org/a b?c=%20\x1b\\ö", "https://x.org/a%20b?c=%20%1B%5C%C3%B6"),
        ("a.jpg", ""),
        ("javascript:alert(1)", ""),
        ("s3://bucket/a.jpg", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_a_link_to_the_picture_is_plain_ascii(uri: object, link: str) -> None:
    assert picture_link({"image_uri": uri}) == link


def test_copies_of_the_query_are_named() -> None:
    known = [{"painting_id": f"g{i}", "title": "The Madonna"} for i in range(20)]
    known[1].pop("title")
    assert describe_left_out(made_answer([])) == ""
    one = describe_left_out(made_answer([], left_out=tuple(known[:1])))
    assert one == "the query picture is “The Madonna”, g0, and left out"
    many = describe_left_out(made_answer([], left_out=tuple(known)))
    assert "20 times" in many and "; g1; " in many and many.endswith("; and 12 more")


def test_query_faces_are_told_apart_by_their_boxes() -> None:
    faces = tuple(QueryFace(i, Box(10.4 + i, 20, 30, 40.6), 0.9) for i in range(9))
    words = describe_query_faces(made_answer([], query_faces=faces))
    assert words.startswith("face 0 is 30 x 41 at 10, 20; 1 is 30 x 41 at 11, 20; 2 is")
    assert "; and 1 more (pixels" in words


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ({"image": "art/girl.jpg"}, "Paintings like girl.jpg"),
        ({"image": "girl.jpg", "faces": True}, "Faces like girl.jpg"),
        ({"text": "a stormy sea"}, "Paintings that look like “a stormy sea”"),
        ({"id": "hals-01"}, "Paintings like hals-01"),
        ({"like": ["a"], "unlike": ["b"]}, "Paintings like these examples"),
    ],
)
def test_describe_query(query: dict[str, object], title: str) -> None:
    assert describe_query(made_answer([], query)) == title


def test_a_query_by_id_is_named_by_its_title() -> None:
    result = made_answer([], {"id": "hals-01"}, query_payload={"title": "The Lute Player"})
    assert describe_query(result) == "Paintings like The Lute Player"


def test_settings_left_unset_are_not_described() -> None:
    settings = {"gallery": "nga", "encoders": ["builtin", "clip"], "rerank": None, "limit": 10}
    assert describe_settings(made_answer([], {}, settings)) == "gallery nga · encoder builtin, clip"


def test_filters_are_said_in_words() -> None:
    criteria = Criteria(
        (
            AnyOf("style", ("Baroque", "Rococo")),
            Between("year_start", most=1660.0),
            Words("title", "girl pearl"),
        ),
        (AnyOf("artist_key", ("frans hals",)),),
    )
    result = made_answer(
        [],
        criteria=criteria,
        query_payload={"artist": "Frans Hals", "artist_key": "frans hals"},
    )
    assert describe_settings(result) == (
        "style Baroque or Rococo · begun up to 1660 · title “girl pearl” · not artist Frans Hals"
    )
