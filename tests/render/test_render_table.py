import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_answers import made_answer
from rich.cells import cell_len

from artsim.catalog.hits import Hit
from artsim.catalog.kinds import Box
from artsim.render.table import (
    facets_table,
    payload_table,
    print_hits,
    print_table,
    rows_table,
)
from artsim.search.answer import Answer, HitGroup
from artsim.search.listing import ValueCounts
from artsim.search.probes import QueryFace

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


def printed(result: Answer, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = io.StringIO()
    print_hits(result, stream)
    return stream.getvalue().splitlines()


def test_a_row_has_rank_title_artist_date_scores_and_path(monkeypatch: pytest.MonkeyPatch) -> None:
    result = made_answer([HALS, BARE], settings={"rerank": "ssim", "offset": 10})
    header, rule, first, second = printed(result, 140, monkeypatch)
    assert header.split() == ["#", "title", "artist", "date", "score", "ssim", "id", "path"]
    assert set(rule) == {"─"}
    for part in ("11 ", "Portrait of a Woman", "Frans Hals", "1635", "0.9123", "0.5000"):
        assert part in first
    assert first.endswith("/data/old masters/hals-01.jpg")
    assert second.split() == ["12", "(no", "title)", "0.8000", "bare"]


@pytest.mark.parametrize(
    ("width", "headers"),
    [
        (100, {"#", "title", "artist", "date", "score", "id", "path"}),
        (80, {"#", "title", "artist", "date", "score", "id"}),
        (56, {"#", "title", "artist", "score", "id"}),
        (46, {"#", "title", "score", "id"}),
        (26, {"#", "title", "score", "id"}),
    ],
)
def test_the_id_never_goes(width: int, headers: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    hit = replace(HALS, rerank_score=None, payload=HALS.payload | {"painting_id": "inventory-778"})
    lines = printed(made_answer([hit]), width, monkeypatch)
    assert set(lines[0].split()) == headers
    assert max(map(cell_len, lines)) <= width
    path = "/data/old masters/hals-01.jpg"
    assert all(line.endswith(path) for line in lines[2:]) == ("path" in headers)
    if width > 26:
        assert " inventory-778" in lines[2]


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
        lines = printed(made_answer([hit, HALS]), width, patch)
    assert len(lines) == 4
    assert max(cell_len(line) for line in lines) <= width
    assert not any(ord(char) < 32 or char == "\x9b" for line in lines for char in line)


def test_markup_and_wide_letters_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    titles = ["[red]Sunset[/red]", "\x1b[31m睡蓮", ":smile:", "שלום"]
    hits = [Hit("p", 0.5, {"painting_id": t, "title": t}) for t in titles]
    lines = printed(made_answer(hits), 80, monkeypatch)
    scores_at = {cell_len(line[: line.index("0.5000")]) for line in lines[2:]}
    names = ["[red]Sunset[/red]", "睡蓮", ":smile:", "שלום"]
    assert [line.split()[1] for line in lines[2:]] == names
    assert [line.split()[-1] for line in lines[2:]] == names
    assert len(scores_at) == 1


def test_a_terminal_gets_color_and_a_pipe_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal, pipe = Terminal(), io.StringIO()
    print_hits(made_answer([HALS]), terminal)
    print_hits(made_answer([HALS]), pipe)
    assert "\x1b[" in terminal.getvalue()
    assert "\x1b[" not in pipe.getvalue()


def test_faces_say_which_query_face_found_them(monkeypatch: pytest.MonkeyPatch) -> None:
    hit = replace(HALS, payload=HALS.payload | {"face_index": 3}, query_face=1)
    faces = tuple(QueryFace(i, Box(0, 0, 9, 9), 0.9) for i in range(2))
    header, _, row = printed(
        made_answer([hit], {"faces": True}, query_faces=faces), 140, monkeypatch
    )
    assert "found by" in header
    assert "face 1" in row
    assert row[header.index("  face  ") + 2] == "3"
    alone = printed(made_answer([hit], {"faces": True}, query_faces=faces[:1]), 140, monkeypatch)
    assert "found by" not in alone[0]


def test_groups_have_headings(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = (HitGroup("Frans Hals", (HALS,)), HitGroup("unknown", (BARE,)))
    lines = printed(made_answer([HALS, BARE], groups=groups), 100, monkeypatch)
    headings = [line.strip() for line in lines]
    assert headings.index("Frans Hals") == 2
    assert headings.index("unknown") > 3


def test_no_hits_are_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(made_answer([]), 80, monkeypatch)[0].split() == ["#", "title", "score", "id"]


def test_other_tables_show_values_unread() -> None:
    stream = io.StringIO()
    print_table(rows_table(["name", "dim"], [("[b]x", 512), ("y", None)], right=["dim"]), stream)
    print_table(payload_table({"folder": "/a/[b]", "url": None}), stream)
    print_table(facets_table(ValueCounts("artist", (("Hals", 40), ("Rubens", 20)), 2, 0)), stream)
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


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_long_id_is_folded_and_whole(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "".join(f"{i:03d}-" for i in range(50))
    hits = [replace(HALS, payload=HALS.payload | {"painting_id": name}) for name in (long, "hals")]
    faces = tuple(QueryFace(i, Box(0, 0, 9, 9), 0.9) for i in range(2))
    settings = {"rerank": "ssim"}
    result = made_answer(hits, {"faces": True}, settings, query_faces=faces)
    lines = printed(result, width, monkeypatch)
    assert max(map(cell_len, lines)) <= width
    at = lines[0].index("id")
    assert "".join(line[at:].split("  ")[0].strip() for line in lines[2:]) == f"{long}hals"


def test_everything_else_gives_way_to_an_id_at_80_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "flemish/rubens-peter-paul/0193.jpeg"
    payload = HALS.payload | {"painting_id": name, "face_index": 0, "title": "T" * 90}
    hit = replace(HALS, payload=payload, query_face=1)
    faces = tuple(QueryFace(i, Box(0, 0, 9, 9), 0.9) for i in range(2))
    result = made_answer([hit], {"faces": True}, {"rerank": "ssim"}, query_faces=faces)
    header, _, row = printed(result, 80, monkeypatch)
    assert header.split() == ["#", "title", "score", "ssim", "face", "id"]
    assert row.endswith(f"  {name}")


def test_a_pipe_gets_whole_paths_beyond_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    place = "/a/very/long/way" + "/down/many/folders" * 12 + "/hals.jpg"
    hit = replace(HALS, payload=HALS.payload | {"image_uri": place, "title": "T" * 200})
    stream = io.StringIO()
    print_hits(made_answer([hit, BARE]), stream)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[2].endswith(f"  hals-01  {place}")
    assert lines[2].index(place) <= 122


def test_only_a_terminal_that_takes_them_gets_links(monkeypatch: pytest.MonkeyPatch) -> None:
    link = "\x1b]8;id="
    address = ";file:///data/old%20masters/hals-01.jpg\x1b\\"
    for name in ("COLUMNS", "NO_COLOR", "TERM_PROGRAM"):
        monkeypatch.delenv(name, raising=False)

    def shown(term: str, stream: io.StringIO) -> str:
        monkeypatch.setenv("TERM", term)
        print_hits(made_answer([HALS, BARE]), stream)
        return stream.getvalue()

    text = shown("xterm-256color", Terminal())
    assert text.count(link) == 1 and address in text
    for term in ("dumb", "linux"):
        assert link not in shown(term, Terminal())
    assert link not in shown("xterm-256color", io.StringIO())
    monkeypatch.setenv("TERM_PROGRAM", "Apple_Terminal")
    assert link not in shown("xterm-256color", Terminal())


def test_fused_scores_are_named_for_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    fused = made_answer([HALS], settings={"encoders": ["one-v1", "two-v1"]})
    assert "rrf" in printed(fused, 100, monkeypatch)[0].split()
    alone = made_answer([HALS], settings={"encoders": ["one-v1"]})
    assert "rrf" not in printed(alone, 100, monkeypatch)[0]
