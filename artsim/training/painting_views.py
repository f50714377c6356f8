"""Views: the parts of pictures that a network is trained on, and how it comes to see them.

View 0 of a picture is the whole of it. The others are parts of it, from a twelfth of its area
up, so that the network also learns to see details. All are squashed to squares, drawn once and
kept. Before the network sees one it is changed in the ways in which photographs of paintings
differ; its target stays that of the clean view, so that the network learns to see through that.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.nn import functional

from artsim.catalog.arrays import RGBImage
from artsim.catalog.progress import Progress
from artsim.encoders.base import IMAGENET_MEAN, IMAGENET_STD, Triple
from artsim.images.load import LoadedImage
from artsim.training.data import Work
from artsim.training.recipes import Augmentation
from artsim.training.rows import Kept, Row, read_pictures

VIEW_SIDE: Final = 224  # pixels a side, as most teachers take them
_LEAST_AREA: Final = 0.08
_STRETCH: Final = 0.35  # parts are up to 2**0.35 times as wide or as high as their picture

_CHUNK: Final = 64
_NOISE: Final = 0.06  # standard deviation, of values in 0..1
_LUMA: Final = (0.299, 0.587, 0.114)
_TINTS: Final = ((-0.05, 0.15), (-0.1, 0.1), (-0.4, 0.1))
"""Least and greatest gain of red, green and blue, less 1: old varnish takes the blue."""


def keep_views(
    works: Sequence[Work], folder: Path, *, parts: int, progress: Progress
) -> list[Kept]:
    """Return the views of each work, (1 + parts, VIEW_SIDE, VIEW_SIDE, 3) of uint8."""

    def draw(loaded: LoadedImage) -> Row:
        views = [draw_view(loaded.pixels, loaded.sha256, index) for index in range(1 + parts)]
        return np.stack(views)

    return read_pictures(
        [(work.key, work.path) for work in works],
        draw,
        list,
        folder,
        f"{parts} parts of {VIEW_SIDE}",
        progress=progress,
        description="Drawing views",
        chunk=_CHUNK,
        row_bytes=(1 + parts) * VIEW_SIDE**2 * 3,
    )


def draw_view(image: RGBImage, key: str, index: int) -> npt.NDArray[np.uint8]:
    """Return one view of a picture: the same for the same `key`, its SHA-256, and `index`."""
    picture = Image.fromarray(np.ascontiguousarray(image))
    if index > 0:
        name = f"0\0{index}\0{key}".encode("utf-8", "surrogatepass")
        seed = int.from_bytes(hashlib.sha256(name).digest()[:16], "big")
        picture = picture.crop(_draw_box(picture.size, np.random.default_rng(seed)))
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


def augment(
    views: torch.Tensor, side: int, how: Augmentation, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return changed views, all of a batch at once, and where their places were before.

    Of views (N, H, W, 3) of uint8 normalized pictures (N, 3, side, side), channels-last; and
    homographies (N, 3, 3) from places in the pictures to places in the views, from -1 to 1.
    """
    pictures = views.permute(0, 3, 1, 2).contiguous().float().div_(255)
    if pictures.shape[-1] >= 2 * side:
        pictures = functional.avg_pool2d(pictures, 2)  # bilinear sampling would skip pixels
    homographies = _draw_homographies(len(pictures), how, generator)
    pictures = _warp(pictures, side, homographies, generator)
    pictures = _recolor(pictures, how, generator)
    noisy = _chosen(len(pictures), how.noisy, generator).nonzero().flatten()
    if len(noisy):
        noise = torch.randn((len(noisy), *pictures.shape[1:]), generator=generator)
        pictures[noisy] += _NOISE * noise
    return normalize(pictures), homographies


def places(homographies: torch.Tensor, side: int) -> torch.Tensor:
    """Return where the cells of a grid over pictures lie in their views, (N, side, side, 2)."""
    line = (torch.arange(side) + 0.5) * (2 / side) - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], -1).view(1, -1, 3)
    moved = points @ homographies.transpose(1, 2)
    return (moved[..., :2] / moved[..., 2:]).view(len(homographies), side, side, 2)


def shrink(views: torch.Tensor, side: int) -> torch.Tensor:
    """Return views as they are at the network's size, normalized, as `augment` does."""
    pictures = views.permute(0, 3, 1, 2).float().div_(255)
    return normalize(functional.interpolate(pictures, (side, side), mode="bicubic", antialias=True))


def normalize(
    pictures: torch.Tensor, mean: Triple = IMAGENET_MEAN, std: Triple = IMAGENET_STD
) -> torch.Tensor:
    """Center and scale pictures of values in 0..1, channels-last."""
    center, scale = (torch.tensor(v, device=pictures.device).view(1, 3, 1, 1) for v in (mean, std))
    return ((pictures - center) / scale).contiguous(memory_format=torch.channels_last)


def _recolor(pictures: torch.Tensor, how: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Multiply every pixel's color by a matrix and add a color: fading, varnish, gray."""
    count = len(pictures)
    changed = _chosen(count, how.recolored, generator)
    gray = _chosen(count, how.gray, generator)
    saturation = 1 + changed * _uniform(count, -0.7, 0.3, generator)
    saturation = saturation * (1 - gray)
    contrast = 1 + changed * _uniform(count, -0.5, 0.25, generator)
    gains = 1 + changed[:, None] * torch.stack(
        [_uniform(count, low, high, generator) for low, high in _TINTS], 1
    )
    brightness = changed * _uniform(count, -0.12, 0.12, generator)
    luma = torch.tensor(_LUMA)
    identity = torch.eye(3)
    mixing = saturation.view(-1, 1, 1) * identity + (1 - saturation.view(-1, 1, 1)) * luma
    matrix = (contrast[:, None] * gains)[:, :, None] * mixing
    shift = (0.5 * (1 - contrast) + brightness).view(-1, 1, 1, 1)
    flat = pictures.flatten(2)
    return (matrix @ flat).view_as(pictures).add_(shift).clamp_(0, 1)


def _draw_homographies(count: int, how: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Turn, tilt, shrink into a wall, and mirror."""
    mirrored = 1 - 2 * _chosen(count, how.mirrored, generator)
    warped = _chosen(count, how.warped, generator)
    framed = _chosen(count, how.framed, generator)
    angle = warped * _uniform(count, -0.14, 0.14, generator)
    zoom = 1 + warped * _uniform(count, -0.12, 0.06, generator)
    zoom = zoom * (1 + framed * _uniform(count, 0.1, 0.7, generator))
    homography = torch.zeros(count, 3, 3)
    homography[:, 0, 0] = mirrored * zoom * angle.cos()
    homography[:, 0, 1] = -mirrored * zoom * angle.sin()
    homography[:, 1, 0] = zoom * angle.sin()
    homography[:, 1, 1] = zoom * angle.cos()
    homography[:, 0, 2] = framed * _uniform(count, -0.15, 0.15, generator)
    homography[:, 1, 2] = framed * _uniform(count, -0.15, 0.15, generator)
    homography[:, 2, 0] = warped * _uniform(count, -0.12, 0.12, generator)
    homography[:, 2, 1] = warped * _uniform(count, -0.12, 0.12, generator)
    homography[:, 2, 2] = 1
    return homography


def _warp(
    pictures: torch.Tensor, side: int, homographies: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Look at all places at once, in one resampling; outside is a wall of some color."""
    grid = places(homographies, side)
    found = functional.grid_sample(pictures, grid, align_corners=False)
    is_outside = (grid.abs() > 1).any(-1).unsqueeze(1)
    wall = torch.rand((len(pictures), 3, 1, 1), generator=generator)
    return torch.where(is_outside, wall, found)


def _chosen(count: int, share: float, generator: torch.Generator) -> torch.Tensor:
    return (torch.rand(count, generator=generator) < share).float()


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low
