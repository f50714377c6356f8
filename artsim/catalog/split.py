"""Splits in which no artist, sitter or other group is on both sides."""

from __future__ import annotations

import hashlib
from typing import Literal

Side = Literal["train", "validation", "test"]


def side_of(group: str, *, test: float, validation: float = 0.0, seed: int = 0) -> Side:
    """Return the side on which everything of `group` is.

    It depends on the group's name (an ``artist_key``, a sitter) and the seed alone, so that an
    artist is on the same side in every collection. The shares, in 0..1 and at most 1 together,
    are of the groups, not of the works.
    """
    if not (0 <= test <= 1 and 0 <= validation <= 1 and test + validation <= 1):
        raise ValueError(f"shares of {test} and {validation} are not within 0..1 together")
    digest = hashlib.sha256(f"{seed}\0{group}".encode("utf-8", "surrogatepass")).digest()
    draw = int.from_bytes(digest[:8], "big") / 2**64
    if draw < test:
        return "test"
    return "validation" if draw < test + validation else "train"
