"""What the built-in encoder learned from unlabeled pictures, as one small file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np

from artsim.encoders.handcrafted.blocks import BLOCKS
from artsim.encoders.handcrafted.fisher import Codebook
from artsim.encoders.handcrafted.projection import Projection

FILE_NAME: Final = "builtin-v1.npz"

_BOOK_FIELDS: Final = ("center", "axes", "weights", "means", "variances")
_PROJECTION_FIELDS: Final = ("center", "axes", "scales")


@dataclass(frozen=True, slots=True)
class Constants:
    """Codebooks and projections, by block."""

    books: Mapping[str, Codebook]
    projections: Mapping[str, Projection]


@cache
def load_constants() -> Constants:
    """Return the constants that artsim ships."""
    with resources.as_file(resources.files(__package__) / FILE_NAME) as path:
        return read_constants(path)


def read_constants(path: Path) -> Constants:
    """Return the constants of a file that `write_constants` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return Constants(
            books={
                block.name: Codebook(
                    *(arrays[f"{block.name}.book.{f}"].astype(np.float32) for f in _BOOK_FIELDS)
                )
                for block in BLOCKS
                if block.components
            },
            projections={
                block.name: Projection(
                    *(arrays[f"{block.name}.projection.{f}"] for f in _PROJECTION_FIELDS)
                )
                for block in BLOCKS
            },
        )


def write_constants(constants: Constants, path: Path) -> None:
    """Write the constants as compressed arrays, without pickles."""
    arrays = {
        f"{name}.book.{f}": getattr(book, f)
        for name, book in constants.books.items()
        for f in _BOOK_FIELDS
    } | {
        f"{name}.projection.{f}": getattr(projection, f)
        for name, projection in constants.projections.items()
        for f in _PROJECTION_FIELDS
    }
    np.savez_compressed(path, **arrays)
