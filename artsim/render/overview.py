"""What there is: the encoders, and the galleries of a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from artsim.encoders.plan import EncoderCard
from artsim.render.table import print_table, rows_table
from artsim.render.text import format_bytes


def print_models(cards: Iterable[EncoderCard], stream: TextIO) -> None:
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
        (
            gallery["gallery"] or "(default)",
            collection["name"],
            f"{collection['points']:,}",
            ", ".join(f"{e['name']} ({e['vector_name']})" for e in collection["encoders"]),
            None
            if collection["bytes_on_disk"] is None
            else format_bytes(collection["bytes_on_disk"]),
        )
        for gallery in described["galleries"]
        for collection in gallery["collections"]
    ]
    headers = ["gallery", "collection", "points", "encoders", "on disk"]
    print_table(rows_table(headers, rows, right=["points", "on disk"]), stream)
