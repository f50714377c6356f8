"""The network of the built-in encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, cast

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

_LEAST: Final = 1e-4
"""Added below square roots, whose slope at 0 has no end."""


class PaintingNetwork(nn.Module):
    """A small residual network [1]_ whose embedding sees every depth of it.

    Of each stage's maps the mean and the standard deviation over the picture are taken,
    the statistics by which style transfer tells manners apart [2]_, and the covariances
    between a few mixtures of its channels, as in bilinear pooling [3]_, square-rooted
    with their sign; all of them together are turned into the embedding. Early stages say
    color and touch, late ones motif.

    Parameters
    ----------
    widths, depths : sequence of int
        Channels and blocks of each stage; every stage but the first halves the side.
    stem : int
        Channels of the first convolution.
    covariances : int
        Mixtures of channels of each stage.
    dim : int
        Length of the embedding.

    References
    ----------
    .. [1] He, Zhang, Ren & Sun (2016). Deep residual learning for image recognition. CVPR.
    .. [2] Huang & Belongie (2017). Arbitrary style transfer in real-time with adaptive
           instance normalization. ICCV.
    .. [3] Lin, RoyChowdhury & Maji (2015). Bilinear CNN models for fine-grained visual
           recognition. ICCV.
    """

    def __init__(
        self,
        widths: Sequence[int] = (48, 96, 192, 320),
        depths: Sequence[int] = (2, 2, 2, 2),
        stem: int = 32,
        covariances: int = 32,
        dim: int = 384,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(_convolution(3, stem, 2), _convolution(stem, widths[0], 2))
        self.stages = nn.ModuleList()
        channels = widths[0]
        for number, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            blocks = []
            for position in range(depth):
                stride = 2 if position == 0 and number > 0 else 1
                blocks.append(_Block(channels, width, stride))
                channels = width
            self.stages.append(nn.Sequential(*blocks))
        self.mixtures = nn.ModuleList(nn.Conv2d(w, covariances, 1, bias=False) for w in widths)
        self._upper = torch.triu_indices(covariances, covariances)
        count = 2 * sum(widths) + len(widths) * self._upper.shape[1]
        self.norm = nn.BatchNorm1d(count)
        self.embed = nn.Linear(count, dim)

    def fold_norms(self) -> None:
        """Make the batch normalizations part of the convolutions before them, in place.

        For use only: afterwards the network cannot be trained, nor filled from a file. It
        gives the same but for rounding, in four fifths of the time.
        """
        for module in [*self.modules()]:
            for convolution, norm in _pairs(module):
                fused = fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm))
                setattr(module, convolution, fused)
                setattr(module, norm, nn.Identity())

    def maps(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """Return the maps of each stage, shape (N, width, h, w), of normalized pictures."""
        maps = self.stem(pictures)
        found = []
        for stage in self.stages:
            maps = stage(maps)
            found.append(maps)
        return found

    def embed_maps(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return embeddings of any length, shape (N, dim), of what `maps` returned."""
        return cast("torch.Tensor", self.embed(self.norm(self._statistics(maps))))

    def _statistics(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the statistics of all stages' maps, shape (N, count), as float32."""
        found = []
        for stage_maps, mixture in zip(maps, self.mixtures, strict=True):
            with torch.autocast(stage_maps.device.type, enabled=False):
                values = stage_maps.float()
                mean = values.mean((2, 3))
                # `var` would take twenty times as long, a tenth of the whole network's time.
                variance = values.square().mean((2, 3)) - mean.square()
                found.append(mean)
                found.append((variance.clamp(min=0) + _LEAST).sqrt())
                found.append(self._covariances(mixture(values)))
        return torch.cat(found, 1)

    def _covariances(self, maps: torch.Tensor) -> torch.Tensor:
        values = maps.flatten(2)
        values = values - values.mean(2, keepdim=True)
        products = values @ values.transpose(1, 2) / values.shape[2]
        upper = products[:, self._upper[0], self._upper[1]]
        return upper.sign() * (upper.abs() + _LEAST).sqrt()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return embeddings of any length, shape (N, dim), of normalized pictures."""
        return self.embed_maps(self.maps(pictures))


class _Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    def __init__(self, taken: int, given: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(taken, given, stride)
        self.second = nn.Conv2d(given, given, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(given)
        nn.init.zeros_(self.norm.weight)  # begins as its shortcut
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or taken != given:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity(),
                nn.Conv2d(taken, given, 1, bias=False),
                nn.BatchNorm2d(given),
            )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        added = self.norm(self.second(self.first(maps)))
        return functional.relu_(added.add_(self.shortcut(maps)))


def _pairs(module: nn.Module) -> Iterator[tuple[str, str]]:
    """Name a module's convolutions that a batch normalization comes right after, and these."""
    if isinstance(module, _Block):
        yield "second", "norm"
    if isinstance(module, nn.Sequential):
        for (first, one), (second, other) in pairwise(module.named_children()):
            if isinstance(one, nn.Conv2d) and isinstance(other, nn.BatchNorm2d):
                yield first, second


def _convolution(taken: int, given: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(taken, given, 3, stride, 1, bias=False),
        nn.BatchNorm2d(given),
        nn.ReLU(inplace=True),
    )
