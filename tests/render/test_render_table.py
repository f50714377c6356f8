import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from artsim.domain.faces import Box
from artsim.domain.hits import Hit
from artsim.domain.results import HitGroup, QueryFace, SearchResult
from artsim.render.table import (
    counts_table,
    key_values_table,
    payload_table,
    print_hits,
    print_table,
    rows_table,
)

HALS = Hit(
    "p1",
    0.91234,
    {
        "painting_id": "hals-01",
        "title": "Portrait of a Woman",
        "artist": "Frans Hals",
        "date_text": "1635",
        "image_uri": "file:///data/old%20masters/hals-01.jpg",
    },
    rerank_score=0.5,
)
BARE = Hit("p2", 0.8, {"painting_id": "bare"})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(result: SearchResult, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = io.StringIO()
    print_hits(result, stream)
    return stream.getvalue().splitlines()


def test_a_row_has_rank_title_artist_date_scores_and_path(monkeypatch: pytest.MonkeyPatch) -> None:
    result = SearchResult([HALS, BARE], settings={"rerank": "ssim", "offset": 10})
    header, rule, first, second = printed(result, 140, monkeypatch)
    assert header.split() == ["#", "title", "artist", "date", "score", "ssim", "id", "path"]
    assert set(rule) == {"─"}
    for part in ("11 ", "Portrait of a Woman", "Frans Hals", "1635", "0.9123", "0.5000"):
        assert part in first
    assert first.endswith("/data/old masters/hals-01.jpg")
    assert second.split() == ["12", "bare", "0.8000", "bare"]


@pytest.mark.parametrize(
    ("width", "headers"),
    [
        (100, {"#", "title", "artist", "date", "score", "id", "path"}),
        (62, {"#", "title", "artist", "date", "score", "path"}),
        (50, {"#", "title", "artist", "score", "path"}),
        (40, {"#", "title", "score", "path"}),
        (26, {"#", "title", "score"}),
    ],
)
def test_the_path_goes_last(width: int, headers: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    hit = replace(HALS, rerank_score=None, payload=HALS.payload | {"painting_id": "inventory-778"})
    lines = printed(SearchResult([hit]), width, monkeypatch)
    assert set(lines[0].split()) == headers


@settings(deadline=None, derandomize=True)
@given(
    texts=st.lists(st.text(max_size=120), min_size=3, max_size=3),
    uri=st.text(max_size=80),
    width=st.integers(40, 200),
)
def test_any_metadata_keeps_to_the_width(texts: list[str], uri: str, width: int) -> None:
    payload = dict(zip(["title", "artist", "date_text"], texts, strict=True))
    hit = Hit("p", 0.5, {"painting_id": "x", "image_uri": uri, **payload})
    with pytest.MonkeyPatch.context() as patch:
        lines = printed(SearchResult([hit, HALS]), width, patch)
    assert len(lines) == 4
    assert max(cell_len(line) for line in lines) <= width
    assert not any(ord(char) < 32 or char == "\x9b" for line in lines for char in line)


def test_markup_and_wide_letters_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    titles = ["[red]Sunset[/red]", "\x1b[31m睡蓮", ":smile:", "שלום"]
    hits = [Hit("p", 0.5, {"painting_id": t, "title": t}) for t in titles]
    lines = printed(SearchResult(hits), 80, monkeypatch)
    scores_at = {cell_len(line[: line.index("0.5000")]) for line in lines[2:]}
    assert [line.split()[1] for line in lines[2:]] == [
        "[red]Sunset[/red]",
        "睡蓮",
        ":smile:",
        "שלום",
    ]
    assert len(scores_at) == 1


def test_a_terminal_gets_color_and_a_pipe_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal, pipe = Terminal(), io.StringIO()
    print_hits(SearchResult([HALS]), terminal)
    print_hits(SearchResult([HALS]), pipe)
    assert "\x1b[" in terminal.getvalue()
    assert "\x1b[" not in pipe.getvalue()


def test_faces_say_which_query_face_found_them(monkeypatch: pytest.MonkeyPatch) -> None:
    hit = replace(HALS, payload=HALS.payload | {"face_index": 3}, query_face=1)
    faces = tuple(QueryFace(i, Box(0, 0, 9, 9), 0.9) for i in range(2))
    header, _, row = printed(
        SearchResult([hit], {"faces": True}, query_faces=faces), 140, monkeypatch
    )
    assert "found by" in header
    assert "face 1" in row
    assert row[header.index("  face  ") + 2] == "3"
    alone = printed(SearchResult([hit], {"faces": True}, query_faces=faces[:1]), 140, monkeypatch)
    assert "found by" not in alone[0]


def test_groups_have_headings(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = (HitGroup("Frans Hals", (HALS,)), HitGroup("unknown", (BARE,)))
    lines = printed(SearchResult([HALS, BARE], groups=groups), 100, monkeypatch)
    headings = [line.strip() for line in lines]
    assert headings.index("Frans Hals") == 2
    assert headings.index("unknown") > 3


def test_no_hits_are_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(SearchResult([]), 80, monkeypatch)[0].split() == ["#", "title", "score"]


def test_other_tables_show_values_unread() -> None:
    stream = io.StringIO()
    print_table(rows_table(["name", "dim"], [("[b]x", 512), ("y", None)], right=["dim"]), stream)
    print_table(key_values_table({"folder": "/a/[b]", "url": None}), stream)
    print_table(counts_table("artist", [("Hals", 40), ("Rubens", 20)]), stream)
    text = stream.getvalue()
    assert "[b]x  512" in text
    assert "folder  /a/[b]" in text
    assert "url" not in text
    bars = {line.split()[0]: line.count("█") for line in text.splitlines() if "█" in line}
    assert bars == {"Hals": 20, "Rubens": 10}


def test_a_payload_is_shown_in_the_contract_order() -> None:
    stream = io.StringIO()
    payload = {
        "zeta": 1,
        "box": [1.0, 2.5, 3.0, 4.0],
        "title": "T",
        "painting_id": "p",
        "extra": {"b": ["x", "y"], "a": 2},
    }
    print_table(payload_table(payload), stream)
    rows = [line.split(maxsplit=1) for line in stream.getvalue().splitlines()]
    assert rows == [
        ["painting_id", "p"],
        ["title", "T"],
        ["box", "1, 2.5, 3, 4"],
        ["zeta", "1"],
        ["extra.a", "2"],
        ["extra.b", "x, y"],
    ]


def test_a_short_width_keeps_the_end_of_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "file:///a/very/long/way/down/many/folders/hals.jpg"
    hit = replace(HALS, payload=HALS.payload | {"image_uri": uri, "painting_id": "hals.jpg"})
    for width in (60, 80, 100):
        assert printed(SearchResult([hit]), width, monkeypatch)[2].endswith("/hals.jpg")
