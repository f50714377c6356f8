"""What happens to a view before the network sees it: the ways in which pictures differ.

The target of a view stays that of the clean one, so that the network learns to see a painting
through a bad photograph of it. All is computed for a whole batch at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from artsim.encoders.preprocess import IMAGENET_MEAN, IMAGENET_STD


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How often and how far views are changed.

    Attributes
    ----------
    mirrored, gray, recolored, warped, framed, noisy : float
        Shares of the views, each drawn by itself.
    """

    mirrored: float = 0.5
    gray: float = 0.1
    recolored: float = 0.4
    warped: float = 0.4
    framed: float = 0.1
    noisy: float = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Augmented:
    """Changed views, and where in the views as they were each of their places lies.

    Attributes
    ----------
    pictures : Tensor of float32, shape (N, 3, side, side)
        At the network's size, normalized, laid out channels-last.
    homographies : Tensor of float32, shape (N, 3, 3)
        From places in the pictures to places in the views, both from -1 to 1.
    """

    pictures: torch.Tensor
    homographies: torch.Tensor


def augment(
    views: torch.Tensor, side: int, how: Augmentation, generator: torch.Generator
) -> Augmented:
    """Return changed views.

    Parameters
    ----------
    views : Tensor of uint8, shape (N, H, W, 3)
    side : int
        Of what comes back, in pixels.
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
    return Augmented(normalize(pictures), homographies)


def places(homographies: torch.Tensor, side: int) -> torch.Tensor:
    """Return where the cells of a grid over pictures lie in their views.

    Returns
    -------
    Tensor of float32, shape (N, side, side, 2)
        Across and down, from -1 to 1, further out where there is only wall.
    """
    line = (torch.arange(side) + 0.5) * (2 / side) - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], -1).view(1, -1, 3)
    moved = points @ homographies.transpose(1, 2)
    return (moved[..., :2] / moved[..., 2:]).view(len(homographies), side, side, 2)


def shrink(views: torch.Tensor, side: int) -> torch.Tensor:
    """Return views as they are at the network's size, normalized, as `augment` does."""
    pictures = views.permute(0, 3, 1, 2).float().div_(255)
    return normalize(functional.interpolate(pictures, (side, side), mode="bicubic", antialias=True))


def normalize(pictures: torch.Tensor) -> torch.Tensor:
    """Center and scale pictures of values in 0..1, channels-last."""
    mean = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
    return ((pictures - mean) / std).contiguous(memory_format=torch.channels_last)


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


_NOISE = 0.06
"""Standard deviation, of values in 0..1."""

_LUMA = (0.299, 0.587, 0.114)
_TINTS = ((-0.05, 0.15), (-0.1, 0.1), (-0.4, 0.1))
"""Least and greatest gain of red, green and blue, less 1: old varnish takes the blue."""


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
