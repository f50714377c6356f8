"""A gallery of made-up vectors and pixels, for tests of searching."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from artsim.catalog.kinds import FACES, PAINTINGS, EncoderInfo
from artsim.catalog.payload import painting_point_id
from artsim.store.gallery import Gallery, open_gallery
from artsim.store.protocol import Point

DIM, SIDE = 16, 64
ONE = EncoderInfo("one", "one", "one-v1", DIM)
TWO = EncoderInfo("two", "two", "two-v1", DIM)
ARTISTS = [
    ("Rembrandt van Rijn", "rembrandt rijn van"),
    ("Frans Hals", "frans hals"),
    ("Dirck Hals", "dirck hals"),
    ("Judith Leyster", "judith leyster"),
]
STYLES = ["Baroque", "Rococo", "Romanticism"]


def unit_rows(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class MadeUp:
    """Vectors, pixels and metadata of `count` paintings, each with one face."""

    def __init__(self, count: int = 120, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.count = count
        self.one = unit_rows(random.normal(size=(count, DIM)))
        self.two = unit_rows(random.normal(size=(count, DIM)))
        # Smooth pictures, so that their similarities are not all alike.
        coarse = random.integers(0, 256, (count, 8, 8))
        self.pixels = np.kron(coarse, np.ones((1, 8, 8))).reshape(count, -1).astype(np.uint8)
        self.artist = random.integers(0, len(ARTISTS), count)
        self.style = random.integers(0, len(STYLES), count)
        self.year = random.integers(1600, 1700, count)

    def painting_id(self, i: int) -> str:
        return f"p{i:03d}"

    def payload(self, i: int) -> dict[str, object]:
        name, key = ARTISTS[self.artist[i]]
        return {
            "painting_id": self.painting_id(i),
            "title": f"Portrait of the Élève number {i}",
            "artist": name,
            "artist_key": key,
            "attribution": "workshop" if i % 5 == 0 else "by",
            "style": [STYLES[self.style[i]]],
            "year_start": int(self.year[i]),
            "year_end": int(self.year[i]) + 5,
            "image_sha256": f"{i:064x}",
            "image_uri": f"file:///nowhere/{i}.jpg",
            "extra": {"room": i % 7},
        }

    def fill(self, home: Path) -> Gallery:
        gallery = open_gallery(home=home)
        paintings = gallery.create(PAINTINGS, [ONE, TWO])
        faces = gallery.create(FACES, [ONE])
        paintings.upsert(
            [
                Point(
                    painting_point_id(self.painting_id(i)),
                    {"one-v1": self.one[i], "two-v1": self.two[i], "pixels": self.pixels[i]},
                    self.payload(i),
                )
                for i in range(self.count)
            ]
        )
        faces.upsert(
            [
                Point(
                    FACES.point_id(self.painting_id(i), 0),
                    {"one-v1": self.two[i], "pixels": self.pixels[i]},
                    {
                        **self.payload(i),
                        "face_index": 0,
                        "box": [1.0, 2.0, 30.0, 40.0],
                        "landmarks": [[1.0, 2.0]] * 5,
                        "detection_score": 0.99,
                        "face_size": 30,
                    },
                )
                for i in range(self.count)
            ]
        )
        return gallery
