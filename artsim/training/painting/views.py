"""Views: the parts of pictures that a network is trained on, drawn once and kept.

View 0 of a picture is the whole of it. The others are parts of it, from a twelfth of its area
up, so that the network also learns to see details. All are squashed to squares.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.catalog.progress import Progress
from artsim.encoders.devices import usable_cores
from artsim.images.load import load_image
from artsim.training.kept_rows import KeptRows
from artsim.training.works import Work

VIEW_SIDE: Final = 224
"""Pixels a side, as most teachers take them."""

_LEAST_AREA: Final = 0.08
_STRETCH: Final = 0.35
"""Parts are up to 2**0.35 times as wide or as high, for their picture, as they should be."""

_CHUNK: Final = 64


def keep_views(
    works: Sequence[Work], folder: Path, *, parts: int, identity: str, progress: Progress
) -> npt.NDArray[np.uint8]:
    """Return the views of all works, drawing those that the folder does not have yet.

    Returns
    -------
    ndarray of uint8, shape (N, 1 + parts, VIEW_SIDE, VIEW_SIDE, 3)
        Read from the file as it is used.

    Raises
    ------
    ImageError
        If a picture cannot be read.
    TrainingError
        If the folder cannot be written.
    """
    shape = (len(works), 1 + parts, VIEW_SIDE, VIEW_SIDE, 3)
    kept = KeptRows(folder / "views.npy", shape, np.uint8, identity)
    progress.start(len(works), "Drawing views")

    def draw(work: Work) -> npt.NDArray[np.uint8]:
        loaded = load_image(work.path)
        views = [draw_view(loaded.pixels, loaded.sha256, index) for index in range(1 + parts)]
        return np.stack(views)

    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(kept.done, len(works), _CHUNK):
            rows = list(pool.map(draw, works[start : start + _CHUNK]))
            kept.append(np.stack(rows))
            progress.update(kept.done)
    return kept.read()


def draw_view(image: RGBImage, key: str, index: int, *, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Return one view of a picture; always the same for the same key, index and seed.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
    key : str
        Of the picture: its SHA-256.
    index : int
        0 is the whole picture.

    Returns
    -------
    ndarray of uint8, shape (VIEW_SIDE, VIEW_SIDE, 3)
    """
    picture = Image.fromarray(np.ascontiguousarray(image))
    if index > 0:
        picture = picture.crop(_draw_box(picture.size, _generator(key, index, seed)))
    size = (VIEW_SIDE, VIEW_SIDE)
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC))


def _draw_box(size: tuple[int, int], random: np.random.Generator) -> tuple[int, int, int, int]:
    width, height = size
    area = math.exp(random.uniform(math.log(_LEAST_AREA), 0.0))
    stretch = 2.0 ** random.uniform(-_STRETCH, _STRETCH)
    across = min(width, max(1, round(width * area**0.5 * stretch)))
    down = min(height, max(1, round(height * area**0.5 / stretch)))
    left = int(random.integers(width - across + 1))
    top = int(random.integers(height - down + 1))
    return left, top, left + across, top + down


def _generator(key: str, index: int, seed: int) -> np.random.Generator:
    name = f"{seed}\0{index}\0{key}".encode("utf-8", "surrogatepass")
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name).digest()[:16], "big"))
