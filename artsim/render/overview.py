"""What there is: the encoders, and the galleries of a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from artsim.encoders.cards import Card
from artsim.render.table import print_table, rows_table
from artsim.render.text import clean, format_bytes


def print_models(cards: Iterable[Card], stream: TextIO) -> None:
    """Write the encoders that have a short name as a table."""
    headers = ["name", "for", "dim", "download", "weights", "licence", "what it is"]
    rows = [
        (
            card.name,
            "faces"
            if card.kind == "face"
            else "pictures, texts"
            if card.takes_text
            else "pictures",
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
    rows = [
        (gallery["gallery"] or "(default)", collection["name"], *_cells(collection))
        for gallery in described["galleries"]
        for collection in gallery["collections"]
    ]
    if rows:
        headers = ["gallery", "collection", "points", "encoders", "on disk", "written (UTC)"]
        print_table(rows_table(headers, rows, right=["points", "on disk"]), stream)
    else:
        stream.write("No galleries yet.\n")
    others = described["other_collections"]
    if others:
        names = ", ".join(clean(name, 80) for name in others[:12])
        more = f" and {len(others) - 12} more" if len(others) > 12 else ""
        stream.write(f"Collections that are not artsim's: {names}{more}\n")


def _cells(collection: Mapping[str, Any]) -> tuple[str | None, ...]:
    if "error" in collection:
        states = {
            "StoreDamagedError": "damaged",
            "StoreLockedError": "in use by another process",
        }
        return None, states.get(collection["error"]["kind"], "cannot be used"), None, None
    size, written = collection["bytes_on_disk"], collection["written"]
    return (
        f"{collection['points']:,}",
        ", ".join(f"{e['name']} ({e['vector_name']})" for e in collection["encoders"]),
        None if size is None else format_bytes(size),
        None if written is None else written[:16].replace("T", " "),
    )


def store_notes(described: Mapping[str, Any]) -> list[str]:
    """Return the remarks on the galleries of a store, each with its gallery's name."""
    return [
        f"{gallery['gallery'] or '(default)'}: {note}"
        for gallery in described["galleries"]
        for note in gallery["notes"]
    ]
