"""Encoding what the quality study asks for beyond a gallery's own vectors.

Every function returns what the cache holds, or encodes it: about half an hour of
one core for everything, seconds afterwards. Run by itself, it fills the cache:

    python -m benchmarks.quality_encode WHAT ... --gallery NAME
        --home DIR --weights DIR --cache DIR [--encoder NAME ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.config import Settings
from artsim.encoders.base import Encoder
from artsim.encoders.registry import load_encoder
from artsim.evaluation.edits import EDITS, edit_picture
from artsim.images.pixels import to_pixels
from benchmarks.quality_data import Array, Data, Indices, sample, twin_works
from benchmarks.quality_maps import MAPS, Pooled, encode_poolings, poolings

CROP_SHARE: Final = 0.7
CROPS: Final = 5
SAMPLED: Final = 1200
"""Queries where every work is too many, all that have a twin among them."""

DRAWN_FROM: Final = 800
CROPPED: Final = 400
COPIED: Final = 200
SIDES: Final = (32, 64, 128)
WHATS: Final = ("mirrored", "crops", "maps", "copies", "pooled-copies", "pixels")

View = Callable[[RGBImage, str], RGBImage]
"""From a picture and its painting's id to what is encoded instead."""


class Encoders:
    """The encoders of a gallery, loaded when first needed."""

    def __init__(self, data: Data, weights: Path | None) -> None:
        self._data = data
        self._settings = Settings(home=data.home, weights=weights)
        self._loaded: dict[str, Encoder] = {}

    def __getitem__(self, name: str) -> Encoder:
        """Load it, or return it."""
        if name not in self._loaded:
            self._loaded[name] = load_encoder(self._data.specs[name], settings=self._settings)
        return self._loaded[name]


def sampled_works(data: Data) -> Indices:
    """Return the queries of what takes long."""
    return sample(data, SAMPLED, always=twin_works(data))


def copied_works(data: Data) -> Indices:
    """Return the works that are edited, all without twins."""
    return np.sort(_draw(data)[:COPIED])


def cropped_works(data: Data) -> Indices:
    """Return the works of the study of crops, queries and gallery both; those edited first."""
    return np.sort(_draw(data)[:CROPPED])


def _draw(data: Data) -> Indices:
    alone = np.setdiff1d(sampled_works(data), twin_works(data))
    drawn = np.sort(np.random.default_rng(2).permutation(alone)[:DRAWN_FROM])
    return np.random.default_rng(1).permutation(drawn)


def encode_mirrored(data: Data, encoders: Encoders, name: str) -> Embeddings:
    """Return the vectors of all works, seen in a mirror: shape (N, D)."""
    everything = np.arange(len(data.works))
    return data.kept(
        f"{name}-mirrored",
        lambda: _encode(data, everything, [_mirror], encoders[name])[:, 0],
    )


def encode_crops(data: Data, encoders: Encoders, name: str) -> Array:
    """Return the vectors of five crops of each of `cropped_works`: shape (M, 5, D)."""
    views = [_crop_at(place) for place in range(CROPS)]
    return data.kept(
        f"{name}-crops", lambda: _encode(data, cropped_works(data), views, encoders[name])
    )


def encode_copies(data: Data, encoders: Encoders, name: str) -> Array:
    """Return the vectors of every edit of `copied_works`: shape (M, E, D)."""
    return data.kept(
        f"{name}-copies", lambda: _encode(data, copied_works(data), _edits(), encoders[name])
    )


def encode_pooled_copies(data: Data, name: str, weights: Path | None) -> dict[str, Array]:
    """Return the vectors of every edit of `copied_works`, by pooling: each (M, E, D)."""

    def make() -> Array:
        pooled, views = Pooled(data, name, weights), _edits()
        rows = [
            pooled.encode([np.ascontiguousarray(view(image, work)) for view in views])
            for work, image in _with_ids(data, copied_works(data))
        ]
        return np.stack(rows, axis=1)

    return dict(zip(poolings(), data.kept(f"{name}-pooled-copies", make), strict=True))


def copied_pixels(data: Data, side: int) -> Array:
    """Return the small gray pictures of every edit: shape (M, E, side * side)."""

    def make() -> Array:
        views = _edits()
        return np.stack(
            [
                np.stack([to_pixels(view(image, work), side) for view in views])
                for work, image in _with_ids(data, copied_works(data))
            ]
        )

    return data.kept(f"pixels-{side}-copies", make)


def _encode(
    data: Data,
    works: Indices,
    views: list[View],
    encoder: Encoder,
) -> Array:
    """Return the vectors of each view of each work: shape (M, V, D)."""
    rows = []
    for work, image in _with_ids(data, works):
        seen = [np.ascontiguousarray(view(image, work)) for view in views]
        rows.append(encoder.encode(seen))
    return np.stack(rows)


def _with_ids(data: Data, works: Indices) -> Iterator[tuple[str, RGBImage]]:
    ids = (str(data.works[i]["painting_id"]) for i in works)
    images = (image for batch in data.pictures(works) for image in batch)
    return zip(ids, images, strict=True)


def _mirror(image: RGBImage, work: str) -> RGBImage:
    return image[:, ::-1]


def _crop_at(place: int) -> View:
    """Return the view of a corner (0 to 3) or of the middle (4), 0.7 of each side."""

    def view(image: RGBImage, work: str) -> RGBImage:
        height, width = image.shape[:2]
        h, w = max(1, round(height * CROP_SHARE)), max(1, round(width * CROP_SHARE))
        top, left = (height - h) // 2, (width - w) // 2
        if place < 4:
            top, left = (height - h) * (place // 2), (width - w) * (place % 2)
        return image[top : top + h, left : left + w]

    return view


def _edits() -> list[View]:
    return [_edit_by(name) for name in EDITS]


def _edit_by(name: str) -> View:
    return lambda image, work: edit_picture(image, name, painting_id=work).pixels


def main() -> None:
    """Fill the cache."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", nargs="+", choices=WHATS)
    parser.add_argument("--gallery", required=True)
    parser.add_argument("--home", type=Path, required=True, help="ARTSIM_HOME of the gallery")
    parser.add_argument("--weights", type=Path, help="folder of the ONNX files")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--encoder", action="append", help="by default all of the gallery")
    arguments = parser.parse_args()
    data = Data(arguments.home, arguments.gallery, arguments.cache)
    encoders = Encoders(data, arguments.weights)
    names = arguments.encoder or list(data.specs)
    for what in arguments.what:
        if what == "pixels":
            shapes = [data.pixels(side).shape for side in SIDES]
            print(what, *shapes, flush=True)
            continue
        for name in names:
            if what == "mirrored":
                print(what, name, encode_mirrored(data, encoders, name).shape, flush=True)
            elif what == "crops":
                print(what, name, encode_crops(data, encoders, name).shape, flush=True)
            elif what == "copies":
                print(what, name, encode_copies(data, encoders, name).shape, flush=True)
            elif what == "pooled-copies" and name in MAPS:
                copies = encode_pooled_copies(data, name, arguments.weights)
                print(what, name, list(copies), flush=True)
            elif what == "maps" and name in MAPS:
                pooled = encode_poolings(data, name, arguments.weights)
                print(what, name, list(pooled), flush=True)


if __name__ == "__main__":
    main()
