"""Small films, made by the tests that read them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageOps

from artsim.catalog.arrays import RGBImage

RATE = 10


def scene(number: int, width: int = 96, height: int = 64) -> RGBImage:
    """A picture of rectangles in colors, another for each number, with a white top left corner."""
    random = np.random.default_rng(number)
    small = random.integers(0, 256, (4, 6, 3)).astype(np.uint8)
    small[0, 0] = 255
    return np.kron(small, np.ones((height // 4, width // 6, 1), np.uint8))


def framed(picture: Path, width: int = 192, height: int = 128) -> RGBImage:
    """A picture of a file as a film shows it: whole, between dark bars."""
    with Image.open(picture) as image:
        inner = ImageOps.contain(image.convert("RGB"), (width, height))
    return np.asarray(ImageOps.pad(inner, (width, height), color=(8, 8, 8)))


def write_film(
    path: Path,
    scenes: Sequence[tuple[RGBImage, float]],
    *,
    rotation: int = 0,
    codec: str = "libx264",
    rates: Sequence[int] = (RATE,),
) -> Path:
    """Write pictures, each with the seconds that it is seen, each at its rate of frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.height, stream.width = scenes[0][0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        if codec == "libx264":
            stream.options = {"crf": "20", "preset": "ultrafast", "g": "20"}
        if rotation:
            stream.set_display_rotation(rotation)
        start = 0
        for place, (pixels, seconds) in enumerate(scenes):
            step = 1000 // rates[place % len(rates)]
            for time in range(start, start + round(seconds * 1000), step):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                frame.pts, frame.time_base = time, Fraction(1, 1000)
                container.mux(stream.encode(frame))
            start += round(seconds * 1000)
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """Write a second of silence, without pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        stream.layout = "mono"
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate, frame.pts = 8000, 0
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
