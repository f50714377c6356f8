"""What the quality study works on: galleries read once, and everything encoded kept in files.

A gallery brings works, labels, plain vectors and the addresses of the pictures. Whatever is
encoded beyond that (mirrored pictures, crops, copies, poolings) is kept under the cache
folder, by gallery, encoder and variant, so that a table is made again in seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlparse

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.payload import Payload
from artsim.evaluation.leave_one_out import field_values
from artsim.images.load import load_image
from artsim.images.pixels import to_pixels
from artsim.search.neighbors import read_vectors
from artsim.search.rerank import PIXELS
from artsim.store.gallery import open_gallery

Indices = npt.NDArray[np.intp]
Array = npt.NDArray[Any]

ENCODERS: Final = {
    "handcrafted": "builtin-v1",
    "ResNet-50": "resnet50v2",
    "MobileNet": "mobilenet",
    "style": "style_predict",
}
"""Names of the tables, and what the name of their vectors holds."""

TWINS: Final = "extra.near_dup_group"
"""Field that scans of the same painting share."""

BATCH: Final = 32


class Data:
    """A gallery's works and vectors, in order of painting id.

    Parameters
    ----------
    home : Path
        Folder that ``ARTSIM_HOME`` named when the gallery was made.
    gallery : str
        Its name. Opened only where the cache lacks what is asked for.
    cache : Path
        Folder of the files that are kept.
    """

    def __init__(self, home: Path, gallery: str, cache: Path) -> None:
        self.home, self.name = home, gallery
        self.folder = cache / gallery
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "works.json").exists():
            self._read_gallery()

    @cached_property
    def works(self) -> list[Payload]:
        """Return the payloads of the works."""
        works: list[Payload] = json.loads((self.folder / "works.json").read_text("utf-8"))
        return works

    @cached_property
    def specs(self) -> dict[str, str]:
        """Return the spec of each encoder of `ENCODERS` that the gallery has."""
        specs: dict[str, str] = json.loads((self.folder / "specs.json").read_text("utf-8"))
        return specs

    def plain(self, encoder: str) -> Embeddings:
        """Return the gallery's own vectors: unit rows of shape (N, D)."""
        vectors: Embeddings = np.load(self.folder / f"{encoder}-plain.npy")
        return vectors

    def pixels(self, side: int) -> npt.NDArray[np.uint8]:
        """Return the small gray pictures of shape (N, side * side)."""
        return self.kept(f"pixels-{side}", lambda: self._map_pictures(_shrink_to(side)))

    def has(self, name: str) -> bool:
        """Return whether the cache holds the array of that name."""
        return (self.folder / f"{name}.npy").exists()

    def kept(self, name: str, make: Callable[[], Array]) -> Array:
        """Return the array of that name, made and written if it is not there."""
        path = self.folder / f"{name}.npy"
        if not path.exists():
            part = path.with_suffix(".part.npy")
            np.save(part, make())
            part.rename(path)
        array: Array = np.load(path)
        return array

    def pictures(self, indices: Sequence[int] | Indices) -> Iterator[list[RGBImage]]:
        """Load the pictures of those works, a batch at a time, one batch ahead."""
        paths = [_path(self.works[i]) for i in indices]
        chunks = [paths[i : i + BATCH] for i in range(0, len(paths), BATCH)]
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(_load, chunks[0])
            for chunk in chunks[1:]:
                images, pending = pending.result(), pool.submit(_load, chunk)
                yield images
            yield pending.result()

    def _map_pictures(self, shrink: Callable[[RGBImage], Array]) -> Array:
        rows = [shrink(i) for batch in self.pictures(range(len(self.works))) for i in batch]
        return np.stack(rows)

    def _read_gallery(self) -> None:
        with open_gallery(name=self.name, home=self.home) as gallery:
            infos = gallery.encoders(PAINTINGS)
            specs = {}
            for label, part in ENCODERS.items():
                for vector_name, info in infos.items():
                    if part in vector_name:
                        specs[label] = info.spec
                        table = read_vectors(gallery[PAINTINGS], vector_name)
                        np.save(self.folder / f"{label}-plain.npy", table.vectors)
            pixels = read_vectors(gallery[PAINTINGS], PIXELS)
        if [p["painting_id"] for p in pixels.payloads] != [
            p["painting_id"] for p in table.payloads
        ]:
            raise ValueError(f"{self.name}: some works lack pixels or vectors; ingest it again")
        side = round(pixels.vectors.shape[1] ** 0.5)
        np.save(self.folder / f"pixels-{side}.npy", pixels.vectors)
        (self.folder / "specs.json").write_text(json.dumps(specs), "utf-8")
        (self.folder / "works.json").write_text(json.dumps(table.payloads), "utf-8")


def sample(data: Data, count: int, *, seed: int = 0, always: Sequence[int] = ()) -> Indices:
    """Return `count` works by a seeded draw, in order, `always` among them."""
    rest = np.setdiff1d(np.arange(len(data.works)), always)
    drawn = np.random.default_rng(seed).permutation(rest)[: max(0, count - len(always))]
    return np.sort(np.concatenate([np.asarray(always, dtype=np.intp), drawn]))


def twin_works(data: Data) -> list[int]:
    """Return the works of which the gallery has another scan."""
    return [i for i, work in enumerate(data.works) if field_values(work, TWINS)]


def _path(work: Payload) -> Path:
    return Path(unquote(urlparse(work["image_uri"]).path))


def _load(paths: Sequence[Path]) -> list[RGBImage]:
    return [load_image(path).pixels for path in paths]


def _shrink_to(side: int) -> Callable[[RGBImage], Array]:
    return lambda image: to_pixels(image, side)
