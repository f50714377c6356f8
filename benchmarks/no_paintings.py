"""Pictures that are no paintings, drawn by seed: noise, pages, screens, charts, patterns."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from artsim.catalog.arrays import RGBImage

SIZES: Final = ((224, 224), (640, 480), (480, 640), (1200, 900))
"""Widths and heights, taken in turn."""

_WORDS: Final = ("invoice", "total", "of", "an", "unknown", "hand", "in", "oil", "on", "canvas")


def _rgb(values: npt.NDArray[Any]) -> RGBImage:
    """Return values of 0..255, (H, W) or (H, W, 3), as a picture."""
    picture = np.clip(np.round(values), 0, 255).astype(np.uint8)
    return picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)


def uniform_noise(rng: np.random.Generator, width: int, height: int) -> RGBImage:
    """Each number of each pixel anything."""
    return _rgb(rng.integers(0, 256, (height, width, 3)))


def gray_noise(rng: np.random.Generator, width: int, height: int) -> RGBImage:
    """Each pixel a gray."""
    return _rgb(rng.integers(0, 256, (height, width)))


def faint_noise(rng: np.random.Generator, width: int, height: int) -> RGBImage:
    """One color with normal noise, of any deviation from 5 to 40."""
    spread = rng.uniform(5, 40)
    return _rgb(rng.uniform(40, 215, 3) + spread * rng.standard_normal((height, width, 3)))


def coarse_noise(rng: np.random.Generator, width: int, height: int) -> RGBImage:
    """Squares of 2 to 32 pixels, each of any color."""
    side = int(2 ** rng.integers(1, 6))
    small = rng.integers(0, 256, (-(-height // side), -(-width // side), 3), dtype=np.uint8)
    return small.repeat(side, 0).repeat(side, 1)[:height, :width]


def pink_noise(rng: np.random.Generator, width: int, height: int) -> RGBImage:
    """Noise whose amplitude falls with the frequency, to a power of 0.5 to 2, as clouds."""
    across, down = np.fft.rfftfreq(width), np.fft.fftfreq(height)
    frequency = np.hypot(down[:, None], across[None]).clip(1 / max(width, height))
    power = rng.uniform(0.5, 2)
    channels = []
    for _ in range(3):
        spectrum = np.fft.rfft2(rng.standard_normal((height, width))) / frequency**power
        channel = np.fft.irfft2(spectrum, s=(height, width))
        channels.append(128 + 50 * (channel - channel.mean()) / channel.std())
    return _rgb(np.stack(channels, axis=2))


def jpeg_noise(rng: np.random.Generator, width: int, height: int) -> RGBImage:
    """Noise, as a JPEG of little quality."""
    stream = io.BytesIO()
    Image.fromarray(uniform_noise(rng, width, height)).save(stream, "JPEG", quality=20)
    return np.asarray(Image.open(stream))


def page(rng: np.random.Generator, width: int, height: int) -> RGBImage:
    """One color: white, black, gray, or any."""
    colors = ((255,) * 3, (0,) * 3, (128,) * 3, tuple(rng.integers(0, 256, 3).tolist()))
    return _rgb(np.full((height, width, 3), colors[int(rng.integers(4))]))


def gradient(rng: np.random.Generator, width: int, height: int) -> RGBImage:
    """From one color to another, along a direction or from a center."""
    y, x = np.mgrid[:height, :width] / max(width, height)
    angle, (one, other) = rng.uniform(0, 2 * np.pi), rng.uniform(0, 255, (2, 3))
    way = np.cos(angle) * x + np.sin(angle) * y if rng.integers(2) else np.hypot(x - 0.4, y - 0.4)
    way = (way - way.min()) / (way.max() - way.min())
    return _rgb(one + way[:, :, None] * (other - one))


def pattern(rng: np.random.Generator, width: int, height: int) -> RGBImage:
    """Stripes, squares or waves in two colors."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 60)
    turned = np.cos(angle) * x + np.sin(angle) * y
    across = np.cos(angle) * y - np.sin(angle) * x
    waves = np.sin(2 * np.pi * turned / period)
    kind = int(rng.integers(3))
    if kind == 1:
        waves = np.sign(waves)
    if kind == 2:
        waves = np.sign(waves * np.sin(2 * np.pi * across / period))
    one, other = rng.uniform(0, 255, (2, 3))
    return _rgb(one + (waves[:, :, None] + 1) / 2 * (other - one))


def _sentence(rng: np.random.Generator, count: int) -> str:
    return " ".join(rng.choice(_WORDS, count).tolist())


def text_page(rng: np.random.Generator, width: int, height: int) -> RGBImage:
    """Lines of words, black on white, white on black or brown on yellow."""
    paper, ink = (("white", "black"), ("black", "white"), ("#e8d9b0", "#402810"))[rng.integers(3)]
    picture = Image.new("RGB", (width, height), paper)
    draw, size = ImageDraw.Draw(picture), int(rng.integers(9, 22))
    for y in range(size, height - size, round(1.4 * size)):
        draw.text((size, y), _sentence(rng, width // (3 * size)), ink, font_size=size)
    return np.asarray(picture)


def spreadsheet(rng: np.random.Generator, width: int, height: int) -> RGBImage:
    """Cells with numbers, some with a color."""
    picture = Image.new("RGB", (width, height), "white")
    draw, across, down = ImageDraw.Draw(picture), int(rng.integers(50, 110)), 20
    for y in range(0, height, down):
        for x in range(0, width, across):
            fill = "#e2efda" if rng.random() < 0.1 or y == 0 else "white"
            draw.rectangle((x, y, x + across, y + down), fill=fill, outline="#c8c8c8")
            if rng.random() < 0.7:
                draw.text((x + 4, y + 4), f"{rng.uniform(0, 99999):.2f}", fill="black")
    return np.asarray(picture)


def screenshot(rng: np.random.Generator, width: int, height: int) -> RGBImage:
    """One window with a bar, a column of buttons, text and boxes, light or dark."""
    dark = rng.random() < 0.4
    ground, ink = ("#1e1e24", "#d8d8d8") if dark else ("#f5f5f5", "#222222")
    accent = tuple(rng.integers(0, 256, 3).tolist())
    picture = Image.new("RGB", (width, height), ground)
    draw, column = ImageDraw.Draw(picture), width // 5
    draw.rectangle((0, 0, width, 36), fill=accent)
    draw.text((12, 10), _sentence(rng, 4), "white", font_size=14)
    for y in range(50, height, 28):
        draw.rounded_rectangle((8, y, column - 8, y + 22), 5, outline=accent)
        draw.text((14, y + 4), _sentence(rng, 1), ink, font_size=12)
    for y in range(50, height - 100, 120):
        shown = column + (width - column) // 2
        draw.rectangle((column + 8, y, shown, y + 100), fill=tuple(rng.integers(0, 256, 3)))
        for line in range(y, y + 100, 18):
            draw.text((shown + 10, line), _sentence(rng, 6), ink, font_size=12)
    return np.asarray(picture)


def chart(rng: np.random.Generator, width: int, height: int) -> RGBImage:
    """One diagram by matplotlib: lines, bars, points, areas, a histogram or a map of heat."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width / 100, height / 100), dpi=100)
    canvas, axes = FigureCanvasAgg(figure), figure.add_subplot()
    x, rows = np.arange(30), rng.standard_normal((3, 30)).cumsum(axis=1)
    plots: tuple[Callable[[], object], ...] = (
        lambda: axes.plot(x, rows.T),
        lambda: axes.bar(x, np.abs(rows[0])),
        lambda: axes.scatter(rng.standard_normal(300), rng.standard_normal(300), c=range(300)),
        lambda: axes.stackplot(x, np.abs(rows)),
        lambda: axes.hist(rng.standard_normal((500, 2)), 20),
        lambda: axes.imshow(rng.random((12, 16)), aspect="auto"),
    )
    plots[int(rng.integers(len(plots)))]()
    axes.set_title(_sentence(rng, 4))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


KINDS: Final[dict[str, Callable[[np.random.Generator, int, int], RGBImage]]] = {
    "noise": uniform_noise,
    "gray noise": gray_noise,
    "faint noise": faint_noise,
    "coarse noise": coarse_noise,
    "clouds": pink_noise,
    "noise as JPEG": jpeg_noise,
    "one color": page,
    "gradient": gradient,
    "pattern": pattern,
    "text": text_page,
    "spreadsheet": spreadsheet,
    "screenshot": screenshot,
    "chart": chart,
}


def draw_no_paintings(count: int) -> Iterator[tuple[str, RGBImage]]:
    """Draw `count` pictures of each kind, with its name; the same each time."""
    for kind, draw in KINDS.items():
        for seed in range(count):
            rng = np.random.default_rng([seed, *kind.encode()])
            yield kind, draw(rng, *SIZES[seed % len(SIZES)])


def plain_no_paintings() -> dict[str, Image.Image]:
    """Return noise, a page, a spreadsheet and a screen."""
    rng = np.random.default_rng(0)
    sheet = Image.new("RGB", (900, 700), "white")
    draw = ImageDraw.Draw(sheet)
    for y in range(0, 700, 24):
        draw.line((0, y, 900, y), fill=(200, 200, 200))
        for x in range(4, 900, 100):
            draw.text((x, y + 6), str(rng.integers(0, 99999)), fill="black")
    screen = Image.new("RGB", (900, 700), (245, 245, 245))
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 900, 50), fill=(40, 80, 160))
    for y in range(70, 680, 22):
        draw.text((40, y), "some words of a document on a screen, line by line", fill=(30, 30, 30))
    return {
        "noise": Image.fromarray(rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)),
        "gray noise": Image.fromarray(rng.integers(0, 256, (480, 640), dtype=np.uint8)),
        "white page": Image.new("RGB", (640, 480), "white"),
        "spreadsheet": sheet,
        "screenshot": screen,
    }
