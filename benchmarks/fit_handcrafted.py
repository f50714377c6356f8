"""Remake the handcrafted encoder's constants from a folder of pictures, without labels.

    python benchmarks/fit_handcrafted.py DIR OUT.npz

Every picture that Pillow's decoders know below DIR is used, in order of its path. New
constants make new vectors: rename ``vector_name`` in ``artsim/encoders/handcrafted/encoder.py``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import overload

from artsim.catalog.arrays import RGBImage
from artsim.encoders.handcrafted.constants import write_constants
from artsim.encoders.handcrafted.fit import fit_constants
from artsim.images.load import IMAGE_SUFFIXES, load_image


class Pictures(Sequence[RGBImage]):
    """Pictures that are loaded whenever they are asked for, however many there are."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> RGBImage: ...

    @overload
    def __getitem__(self, index: slice) -> Pictures: ...

    def __getitem__(self, index: int | slice) -> RGBImage | Pictures:
        """Load one, or choose several."""
        if isinstance(index, slice):
            return Pictures(self._paths[index])
        return load_image(self._paths[index]).pixels


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("pictures", type=Path, help="folder, searched recursively")
    parser.add_argument("out", type=Path, help="file to write")
    arguments = parser.parse_args()
    paths = sorted(p for p in arguments.pictures.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    images = Pictures(paths)
    write_constants(fit_constants(images), arguments.out)
    print(f"{arguments.out}: from {len(images)} pictures, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
