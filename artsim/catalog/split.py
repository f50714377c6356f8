"""Splits in which no artist, sitter or other group is on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from typing import Literal, TypeVar

Side = Literal["train", "validation", "test"]
Group = TypeVar("Group", bound=Hashable)


def side_of(group: str, *, test: float, validation: float = 0.0, seed: int = 0) -> Side:
    """Return the side on which everything of `group` is.

    It depends on the group's name and the seed alone, so that an artist is on the same
    side in every collection, whatever else is in it.

    Parameters
    ----------
    group : str
        What must not be on two sides: an ``artist_key``, a sitter's name.
    test, validation : float
        Shares of the groups, in 0..1 and at most 1 together. The shares of the works differ
        from them where groups differ in size.

    Raises
    ------
    ValueError
        If the shares are no shares.
    """
    if not (0 <= test <= 1 and 0 <= validation <= 1 and test + validation <= 1):
        raise ValueError(f"shares of {test} and {validation} are not within 0..1 together")
    digest = hashlib.sha256(f"{seed}\0{group}".encode("utf-8", "surrogatepass")).digest()
    draw = int.from_bytes(digest[:8], "big") / 2**64
    if draw < test:
        return "test"
    return "validation" if draw < test + validation else "train"


def sides_of(
    groups: Sequence[str], *, test: float, validation: float = 0.0, seed: int = 0
) -> list[Side]:
    """Return `side_of` each group."""
    return [side_of(group, test=test, validation=validation, seed=seed) for group in groups]
