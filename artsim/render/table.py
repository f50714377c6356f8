"""Tables for people: hits, lists, and whatever else the command line shows.

On a terminal a table takes the terminal's width and colours; elsewhere it is the same
table, `PLAIN_WIDTH` columns wide, in plain text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from artsim.catalog.payload import ATTRIBUTIONS, FACE_FIELDS
from artsim.catalog.progress import counted
from artsim.files import local_path
from artsim.render.text import (
    clean,
    date_text,
    describe_evidence,
    describe_likelihoods,
    field_text,
    first_few,
    format_bytes,
    format_score,
    id_text,
    meaning_text,
    picture_link,
    place_text,
    sentence,
    title_text,
    verdict_text,
)
from artsim.search.answer import Answer
from artsim.search.listing import Listing

if TYPE_CHECKING:
    from artsim.catalog.hits import Classification
    from artsim.encoders.cards import Card
    from artsim.search.comparison import Comparison
    from artsim.search.listing import ValueCounts

PLAIN_WIDTH: Final = 120  # of a table in a file or pipe, unless COLUMNS says otherwise
_GAP: Final = 2  # cells between two columns
_WHOLE_ID: Final = 40  # cells of an id that everything else gives way for; a longer one is folded
_READABLE: Final = 32  # cells of a title or an artist that a path is not to cost
_FALLS_OFF: Final = "falls off here"
"""Said between two hits; no longer than the narrowest title. See `Answer.falls_off`."""

_NARROWEST: Final = 6  # cells that a title or an id keeps in the narrowest terminal


@dataclass(frozen=True, slots=True)
class Column:
    """Column of a table that fits its width.

    `least` is how many cells it keeps, None where it never shrinks. Those with a `rank` go where
    there is no room, the lowest first.
    """

    header: str
    cells: Sequence[str]
    least: int | None = None
    style: str = ""
    right: bool = False
    rank: int = 99

    @property
    def natural(self) -> int:
        """Cells of its widest text."""
        return max(cell_len(text) for text in (self.header, *self.cells))

    @property
    def least_width(self) -> int:
        """Cells that it keeps."""
        return self.natural if self.least is None else min(self.least, self.natural)


def make_console(stream: TextIO) -> Console:
    """Return a console that leaves texts as they are, of a fixed width off the terminal."""
    plain: Any = {}
    if not stream.isatty():
        width = _wanted_width() or PLAIN_WIDTH
        plain = {"width": width, "color_system": None, "force_terminal": False}
    return Console(file=stream, highlight=False, markup=False, emoji=False, **plain)


def _wanted_width() -> int | None:
    """Return the width that ``COLUMNS`` asks for."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) > 0 else None


def print_plain(console: Console, stream: TextIO, show: Callable[[], object]) -> None:
    """Write to `stream` what `show` prints, without trailing blanks where it is no terminal."""
    with console.capture() as capture:
        show()
    text = capture.get()
    if not console.is_terminal:
        text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    stream.write(text)


def print_table(table: Table, stream: TextIO, *, width: int | None = None) -> None:
    """Write `table` to `stream`, whose width it has unless another is given."""
    console = make_console(stream)
    if width is not None and not console.is_terminal:
        console.width = width
    print_plain(console, stream, lambda: console.print(table))


def new_table() -> Table:
    """Return an empty table in the style of all of them."""
    return Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), expand=False
    )


def fitted_table(columns: Mapping[str, Column], widths: Sequence[int]) -> Table:
    """Return an empty table of columns of these widths, in which only ids are folded."""
    table = new_table()
    for (key, column), cells in zip(columns.items(), widths, strict=True):
        table.add_column(
            column.header,
            width=cells,
            style=column.style,
            justify="right" if column.right else "left",
            no_wrap=key != "id",
            overflow="fold" if key == "id" else "ellipsis",
        )
    return table


def fit(columns: Mapping[str, Column], width: int) -> tuple[dict[str, Column], list[int]]:
    """Return the columns that have room in `width`, and their widths.

    Each has its natural width if all fit, else the widest ones are cut evenly. Where even the
    least widths are too much, whatever can shrink does so further.
    """
    kept = dict(columns)
    for key in sorted((k for k in kept if kept[k].rank < 99), key=lambda key: kept[key].rank):
        if sum(column.least_width + _GAP for column in kept.values()) - _GAP > width:
            del kept[key]
    widths = [column.natural for column in kept.values()]
    spare = width - _GAP * (len(widths) - 1) - sum(widths)
    least = [column.least_width for column in kept.values()]
    for floors in (least, [min(cells, _NARROWEST) for cells in least]):
        free = [i for i, column in enumerate(kept.values()) if column.least is not None]
        while spare < 0 and (free := [i for i in free if widths[i] > max(1, floors[i])]):
            widths[max(free, key=lambda i: widths[i])] -= 1
            spare += 1
    return kept, widths


def print_columns(columns: Mapping[str, Column], stream: TextIO) -> None:
    """Write to `stream` a table of its width, without the columns that are empty, but for ids."""
    known = {key: c for key, c in columns.items() if key == "id" or any(c.cells)}
    shown, widths = fit(known, make_console(stream).width)
    table = fitted_table(shown, widths)
    for row in zip(*(column.cells for column in shown.values()), strict=True):
        table.add_row(*map(Text, row))
    print_table(table, stream)


# Hits and lists


def print_hits(result: Answer, stream: TextIO) -> None:
    """Write the hits to `stream` as a table of its width.

    Columns without a value in any row are left out, but for the title. Ids are always whole,
    folded where they are very long. For them titles end in an ellipsis where the width is short,
    and the path, date, artist, faces and re-rank score go, in this order: a path is shown whole or
    not at all. Where a terminal takes links, titles are links to the pictures.
    """
    console = make_console(stream)
    width = console.width
    columns = _hit_columns(result)
    # A path is worth less than titles and artists that can be read.
    readable = [min(c.natural, max(c.least_width, _READABLE)) for c in columns.values()]
    if "path" in columns and not console.is_terminal and _wanted_width() is None:
        width += columns["path"].natural + _GAP
    elif sum(readable) + _GAP * (len(readable) - 1) > width:
        columns.pop("path", None)
    columns, widths = fit(columns, width)
    table = fitted_table(columns, widths)
    links, before = _takes_links(console), None
    for row, (_, hit, group) in enumerate(result.ranked()):
        if group is not None and group != before:
            if table.row_count:
                table.add_section()
            heading, before = clean(group), group
            table.add_row(*(Text(heading if k == "title" else "", "bold") for k in columns))
        texts = {key: Text(column.cells[row]) for key, column in columns.items()}
        if not hit.payload.get("title"):
            texts["title"].stylize("not bold dim")
        if links and (link := picture_link(hit.payload)):
            texts["title"].stylize(Style(link=link))
        table.add_row(*texts.values())
        if row + 1 == result.falls_off:
            table.add_row(*(Text(_FALLS_OFF if k == "title" else "", "dim") for k in columns))
    print_table(table, stream, width=max(width, sum(cells + _GAP for cells in widths)))


def _hit_columns(result: Answer) -> dict[str, Column]:
    hits, payloads = result.hits, [hit.payload for hit in result.hits]
    ranks = [str(result.first_rank + i) for i in range(len(hits))]
    scores = [format_score(hit.score) for hit in hits]
    reranked = ["" if h.rerank_score is None else format_score(h.rerank_score) for h in hits]
    # Which query face found the hit, where there was a choice.
    many = len(result.query_faces) > 1
    found_by = [f"face {h.query_face}" if many and h.query_face is not None else "" for h in hits]
    places_in = [place_text(p) if result.kind.by_whole else "" for p in payloads]
    uris = (payload.get("image_uri") for payload in payloads)
    places = [clean(local_path(u) or u, 4096) if isinstance(u, str) else "" for u in uris]
    columns = {
        "rank": Column("#", ranks, right=True, style="dim"),
        "title": Column("title", [title_text(p) for p in payloads], 14, "bold"),
        "artist": Column("artist", [field_text(p, "artist") for p in payloads], 12, rank=1),
        "date": Column("date", [date_text(p) for p in payloads], 9, rank=0),
        "score": Column(result.score_name, scores, right=True),
        "verdict": Column("verdict", [meaning_text(hit) for hit in hits], right=True, rank=5),
        "rerank": Column(result.rerank_name, reranked, right=True, rank=4),
        "found_by": Column("found by", found_by, rank=2),
        "face": Column("face", [field_text(p, "face_index") for p in payloads], rank=3),
        "where": Column("where", places_in, rank=3),
        "id": Column("id", [id_text(p) for p in payloads], _WHOLE_ID),
        "path": Column("path", places, style="dim"),
    }
    always = {"rank", "title", "score", "id"}
    return {k: c for k, c in columns.items() if k in always or any(c.cells)}


def _takes_links(console: Console) -> bool:
    """Return whether hyperlinks (OSC 8) can be written; elsewhere they would be debris."""
    if not console.is_terminal or console.legacy_windows or console.is_dumb_terminal:
        return False
    # Linux's own console prints them; Apple's terminal passes them over.
    return os.environ.get("TERM") != "linux" and os.environ.get("TERM_PROGRAM") != "Apple_Terminal"


def print_listing(listing: Listing, stream: TextIO) -> None:
    """Write a list to `stream` as a table of its width, in which ids are whole."""
    payloads = [point.payload for point in listing.points]
    ids = [clean(p["painting_id"], 1000) for p in payloads]
    sizes = [field_text(p, "face_size") for p in payloads]
    columns = {
        "id": Column("id", ids, style="bold"),
        "title": Column("title", [field_text(p, "title") for p in payloads], 12, rank=3),
        "artist": Column("artist", [field_text(p, "artist") for p in payloads], 10, rank=2),
        "date": Column("date", [date_text(p) for p in payloads], 9, rank=1),
        "face": Column("face", [field_text(p, "face_index") for p in payloads], right=True, rank=4),
        "size": Column("pixels", sizes, right=True, rank=0),
    }
    print_columns(columns, stream)


def print_comparison(found: Comparison, stream: TextIO) -> None:
    """Write the measures as a table, and the verdict with its reason."""
    rows: list[tuple[str, str, str]] = [
        (f"cosine, {of.encoder}", format_score(of.cosine), verdict_text(of.verdict))
        for of in found.wholes
    ]
    for name in ("ssim", "rmse"):
        rows.append((name.upper(), format_score(getattr(found, name)), ""))
        rows.append(
            (f"{name.upper()}, mirrored", format_score(getattr(found, f"{name}_mirrored")), "")
        )
    points = found.evidence
    count = "" if points.found == "not checked" else points.inliers
    rows.append(("local points", str(count), found.by_points() or describe_evidence(points)))
    for of in found.faces:
        one, other = of.faces or (0, 0)
        named = f"face {one} and face {other}, {of.encoder}"
        rows.append((named, format_score(of.cosine), verdict_text(of.verdict)))
    print_table(rows_table(("measure", "value", "verdict"), rows, right=("value",)), stream)
    said = [sentence(found.why), *describe_likelihoods(found)]
    stream.write("".join(f"\n{line}\n" for line in said))


# Names and values


def rows_table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()
) -> Table:
    """Return rows as a table, the columns of the headers `right` aligned right.

    None is an empty cell, long cells wrap, and none is read as markup.
    """
    table = new_table()
    for position, header in enumerate(headers):
        table.add_column(
            header,
            justify="right" if header in right else "left",
            style="bold" if position == 0 else "",
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text("" if value is None else clean(value, 1000)) for value in row))
    return table


def payload_table(payload: Mapping[str, Any]) -> Table:
    """Return a point's payload as names and values, in the contract's order, then the rest."""
    fields = [field for field in FACE_FIELDS if field in payload and field != "extra"]
    fields += sorted(field for field in payload if field not in FACE_FIELDS)
    values = {field: payload[field] for field in fields}
    if isinstance(payload.get("faces"), (list, tuple)):
        del values["faces"]
        for face in payload["faces"]:
            x, y, width, height = (f"{side:g}" for side in face["box"])
            said = f"{width} x {height} pixels at {x}, {y}; score {face['detection_score']:g}"
            values[f"face {face['face_index']}"] = said
    extra = payload.get("extra")
    if isinstance(extra, Mapping):
        values |= {f"extra.{name}": value for name, value in sorted(extra.items())}
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        if value is not None:
            table.add_row(Text(clean(name, 60)), Text(clean(_shown_value(value), 4000)))
    return table


def _shown_value(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(_shown_value(part)) for part in value)
    return f"{value:.6g}" if isinstance(value, float) else value


def facets_table(counts: ValueCounts) -> Table:
    """Return values with their counts and a bar in proportion to the largest.

    Artists stand once each, however their names are written; where works of any are not
    all by the artist, a column for each tie takes the place of the bar.
    """
    there = {kind for artist in counts.artists for kind in artist.attributions}
    if not there <= {"by", "unknown"}:
        kinds = [kind for kind in ATTRIBUTIONS if kind in there]
        rows = [
            (a.artist, a.count, *(a.attributions.get(kind) for kind in kinds))
            for a in counts.artists
        ]
        return rows_table([counts.field, "count", *kinds], rows, right=["count", *kinds])
    values = [(artist.artist, artist.count) for artist in counts.artists] or counts.values
    largest = max((count for _, count in values), default=1)
    bars = [(value, count, "█" * max(1, round(20 * count / largest))) for value, count in values]
    return rows_table([counts.field, "count", ""], bars, right=["count"])


# What there is


def print_models(cards: Iterable[Card], stream: TextIO) -> None:
    """Write the encoders that have a short name as a table."""
    headers = ["name", "for", "dim", "download", "weights", "licence", "what it is"]
    rows = [
        (
            card.name,
            "faces" if card.kind == "face" else "pictures" + ", texts" * card.takes_text,
            card.dim,
            format_bytes(round(card.size_mb * 1e6)) if card.size_mb else "none",
            "here" if card.weights_here else "missing",
            card.licence,
            card.summary,
        )
        for card in cards
    ]
    print_table(rows_table(headers, rows, right=["dim", "download"]), stream)


def print_store(described: Mapping[str, Any], stream: TextIO) -> None:
    """Write the collections of a store, as `describe_store` returns them, as a table."""
    stream.write(f"{described['location']}\n")
    found = [
        (gallery["gallery"] or "(default)", collection)
        for gallery in described["galleries"]
        for collection in gallery["collections"]
    ]
    if found:
        rows = [(name, collection["name"], *_cells(collection)) for name, collection in found]
        headers = ["gallery", "collection", "points", "encoders", "on disk", "written (UTC)"]
        print_table(rows_table(headers, rows, right=["points", "on disk"]), stream)
    else:
        stream.write("No galleries yet.\n")
    for _, collection in found:
        if server := collection.get("server"):
            stream.write(f"{collection['name']}: {_server_words(server)}\n")
    if others := described["other_collections"]:
        names = first_few([clean(name, 80) for name in others], 12)
        stream.write(f"Collections that are not artsim's: {names}\n")


def _cells(collection: Mapping[str, Any]) -> tuple[str | None, ...]:
    if "error" in collection:
        states = {"StoreDamagedError": "damaged", "StoreLockedError": "in use by another process"}
        return None, states.get(collection["error"]["kind"], "cannot be used"), None, None
    size, written = collection["bytes_on_disk"], collection["written"]
    return (
        f"{collection['points']:,}",
        ", ".join(f"{e['name']} ({e['vector_name']})" for e in collection["encoders"]),
        None if size is None else format_bytes(size),
        None if written is None else written[:16].replace("T", " "),
    )


def _server_words(server: Mapping[str, Any]) -> str:
    """Return how a server keeps a collection, as a line."""
    status, indexed = server["status"], f"{server['indexed']:,} of {server['vectors']:,} vectors"
    small = status == "green" and server["indexed"] < server["vectors"]
    indexed += " indexed, the rest in parts too small for one" if small else " indexed"
    shards = counted(server["shards"], "shard")
    if server["replicas"] > 1:
        shards += f", {server['replicas']} replicas of each"
    if (server["copies"] or 0) > 1:
        shards += f" ({server['alive']} of {server['copies']} alive)"
    return f"{status} ({_STATUS.get(status, 'unknown')}); {indexed}; {shards}; {server['survives']}"


_STATUS: Final = {
    "green": "all is well",
    "yellow": "it builds indexes",
    "grey": "it builds indexes when something is written next",
    "red": "something failed: look at the server's log",
}


def print_classification(found: Classification, stream: TextIO, *, top: int) -> None:
    """Write what was answered, the first `top` candidates, and the voters, as tables."""
    verdict = "no answer (this classifier is at no probability right often enough)"
    if found.answer is not None:
        verdict = clean(found.answer)
    elif found.threshold is not None:
        verdict = f"no answer (it takes {100 * found.threshold:.1f} %)"
    stream.write(f"{clean(found.image)}: {verdict}\n")
    rows = [(c.label, f"{100 * c.probability:.1f} %") for c in found.candidates[:top]]
    what = "share of the vote" if found.voters else "probability"
    print_table(rows_table([found.field, what], rows, right=[what]), stream)
    if found.voters:
        stream.write("\n")
        headers = ["voter", found.field, "cosine", "verdict", "id"]
        voters = [
            (
                field_text(voter.hit.payload, "title") or voter.hit.painting_id,
                ", ".join(voter.labels),
                format_score(voter.hit.score),
                verdict_text(voter.hit.verdict),
                voter.hit.painting_id,
            )
            for voter in found.voters
        ]
        print_table(rows_table(headers, voters, right=["cosine", "verdict"]), stream)
    stream.write("\n")
