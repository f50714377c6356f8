"""Thin scratches over a picture, light and dark."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from artsim.catalog.arrays import RGBImage

_POINTS = 24


def scratch(image: RGBImage, random: np.random.Generator) -> tuple[RGBImage, dict[str, float]]:
    """Return the picture with 6 to 14 scratches, as of a worn negative or a hurt surface.

    Each is a thin, slightly bent line of 10 to 80 percent of the diagonal, nearly white
    or nearly black, and of uneven strength.
    """
    height, width = image.shape[:2]
    thickness = max(1, round(0.0025 * max(height, width)))
    lights, darks = int(random.integers(4, 10)), int(random.integers(2, 6))
    scratched = image
    for count, color in ((lights, (238, 232, 220)), (darks, (28, 22, 18))):
        mask = Image.new("L", (width, height))
        for _ in range(count):
            _draw(mask, thickness, random)
        mask = mask.filter(ImageFilter.GaussianBlur(0.35 * thickness))
        opacity = np.asarray(mask, np.float32)[..., None] / np.float32(255)
        mixed = scratched + opacity * (np.array(color, np.float32) - scratched)
        scratched = np.rint(mixed).astype(np.uint8)
    return scratched, {"light": lights, "dark": darks, "thickness": thickness}


def _draw(mask: Image.Image, thickness: int, random: np.random.Generator) -> None:
    """Draw one scratch: a quadratic Bézier curve in short pieces of varying strength."""
    width, height = mask.size
    diagonal = float(np.hypot(width, height))
    length = random.uniform(0.1, 0.8) ** 1.5 * diagonal
    angle = random.uniform(0, 2 * np.pi)
    start = random.uniform((0, 0), (width, height))
    end = start + length * np.array([np.cos(angle), np.sin(angle)])
    bend = (start + end) / 2 + random.uniform(-0.08, 0.08, 2) * length
    t = np.linspace(0, 1, _POINTS)[:, None]
    curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end
    strength = random.uniform(0.55, 0.95) * random.uniform(0.5, 1.0, _POINTS - 1)
    draw = ImageDraw.Draw(mask)
    wide = thickness * int(random.integers(1, 3))
    for a, b, opacity in zip(curve[:-1], curve[1:], strength, strict=True):
        draw.line((*map(float, a), *map(float, b)), fill=int(255 * opacity), width=wide)
