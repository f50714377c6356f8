"""Compositions without a subject, for the sample collection."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from artsim.ingest.sample_art.canvas import Color, Picture, Shape, blank, ellipse, lay, polygon


def quarter_circles(
    random: np.random.Generator, shape: Shape, colors: Sequence[Color], *, across: int = 4
) -> Picture:
    """Return a grid of squares, each with a quarter of a disk in one of its corners."""
    picture = blank(shape, colors[0])
    cell = shape[1] / across
    for row in range(int(np.ceil(shape[0] / cell))):
        for column in range(across):
            ground, disk, inner = (colors[i] for i in random.choice(len(colors), 3, replace=False))
            left, top = column * cell, row * cell
            square = [
                (left, top),
                (left + cell, top),
                (left + cell, top + cell),
                (left, top + cell),
            ]
            tile = polygon(shape, square)
            lay(picture, tile, ground)
            corner = square[int(random.integers(4))]
            lay(picture, tile * ellipse(shape, corner, (cell, cell)), disk)
            if random.random() < 0.55:
                lay(picture, tile * ellipse(shape, corner, (cell / 2, cell / 2)), inner)
    return picture


def rings(random: np.random.Generator, shape: Shape, colors: Sequence[Color]) -> Picture:
    """Return concentric disks, off center."""
    picture = blank(shape, colors[0])
    x, y = shape[1] * random.uniform(0.4, 0.6), shape[0] * random.uniform(0.42, 0.58)
    for i, radius in enumerate(np.linspace(0.46, 0.06, 7) * min(shape)):
        color = colors[1 + i % (len(colors) - 1)]
        lay(picture, ellipse(shape, (x, y), (float(radius), float(radius))), color)
    return picture


def lattice(random: np.random.Generator, shape: Shape, colors: Sequence[Color]) -> Picture:
    """Return rectangles between black bars; `colors` begin with the ground and the bars."""
    h, w = shape
    picture = blank(shape, colors[0])
    xs = [0, *np.sort(random.uniform(0.12, 0.88, 3)) * w, w]
    ys = [0, *np.sort(random.uniform(0.12, 0.88, 3)) * h, h]
    fields = [(i, j) for i in range(4) for j in range(4)]
    chosen = random.choice(len(fields), 6, replace=False)
    for n, index in enumerate(chosen):
        i, j = fields[index]
        field = [(xs[i], ys[j]), (xs[i + 1], ys[j]), (xs[i + 1], ys[j + 1]), (xs[i], ys[j + 1])]
        lay(picture, polygon(shape, field), colors[2 + n % (len(colors) - 2)])
    bar = 0.011 * min(h, w)
    for x in xs[1:-1]:
        sides = [(x - bar, 0), (x + bar, 0), (x + bar, h), (x - bar, h)]
        lay(picture, polygon(shape, sides), colors[1])
    for y in ys[1:-1]:
        sides = [(0, y - bar), (w, y - bar), (w, y + bar), (0, y + bar)]
        lay(picture, polygon(shape, sides), colors[1])
    return picture


def diagonals(random: np.random.Generator, shape: Shape, colors: Sequence[Color]) -> Picture:
    """Return slanting bands, and one disk before them."""
    h, w = shape
    picture = blank(shape, colors[0])
    lean = random.uniform(0.35, 0.8) * h
    edges = np.sort(random.uniform(-0.4, 1.1, 9)) * w
    for i, (left, right) in enumerate(pairwise(edges)):
        band = [(left + lean, 0), (right + lean, 0), (right, h), (left, h)]
        lay(picture, polygon(shape, band), colors[i % len(colors)])
    radius = random.uniform(0.14, 0.2) * h
    place = (w * random.uniform(0.3, 0.7), h * random.uniform(0.3, 0.6))
    lay(picture, ellipse(shape, place, (radius, radius)), colors[-1])
    return picture


def stacked(random: np.random.Generator, shape: Shape, colors: Sequence[Color]) -> Picture:
    """Return two or three soft-edged fields of color, one above the other."""
    h, w = shape
    picture = blank(shape, colors[0])
    edges = np.cumsum([0.05, *random.dirichlet((5, 5, 3)) * 0.9])
    for color, top, bottom in zip(colors[1:], edges[:-1], edges[1:], strict=False):
        top, bottom = h * (top + 0.012), h * (bottom - 0.012)
        field = [(0.07 * w, top), (0.93 * w, top), (0.93 * w, bottom), (0.07 * w, bottom)]
        lay(picture, polygon(shape, field, soft=0.009 * h), color, 0.94)
    return picture
