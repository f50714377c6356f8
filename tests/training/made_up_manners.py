"""A small collection of three manners, made in code."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

MANNERS = ("Stripes", "Blots", "Glow")
ARTISTS_OF_EACH = 6
WORKS_OF_EACH = 2
WORKS = len(MANNERS) * ARTISTS_OF_EACH * WORKS_OF_EACH


def paint(manner: str, seed: int) -> Image.Image:
    """Return a picture of 72 x 64 pixels in one of three manners."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:64, 0:72]
    color = random.uniform(40, 200, 3)
    if manner == "Stripes":
        plane = np.sin(x / random.uniform(1.5, 3) + random.uniform(0, 6))
    elif manner == "Blots":
        plane = np.kron(random.uniform(-1, 1, (8, 9)), np.ones((8, 8)))
    else:
        plane = 1 - np.hypot(x - random.uniform(20, 50), y - random.uniform(20, 44)) / 30
    levels = color + 55 * plane[..., None] + random.normal(0, 4, (64, 72, 3))
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def write_manners(folder: Path) -> None:
    """Paint 36 works of 18 artists, each of one manner, with their metadata."""
    folder.mkdir(parents=True)
    rows = []
    for m, manner in enumerate(MANNERS):
        for a in range(ARTISTS_OF_EACH):
            for w in range(WORKS_OF_EACH):
                name = f"{manner.lower()}-{a}-{w}.png"
                paint(manner, 100 * m + 10 * a + w).save(folder / name)
                genre = "landscape" if w else ""
                rows.append([name, f"Painter {manner} {a}", manner, genre])
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["filename", "artist", "style", "genre"], *rows])
