"""Networks that artsim itself defines or trains, by the name that their files give them.

References
----------
.. [1] He, Zhang, Ren & Sun (2016). Deep residual learning for image recognition. CVPR.
.. [2] Huang & Belongie (2017). Arbitrary style transfer in real-time with adaptive instance
   normalization. ICCV.
.. [3] Lin, RoyChowdhury & Maji (2015). Bilinear CNN models for fine-grained visual recognition.
   ICCV.
.. [4] Deng, Guo, Xue & Zafeiriou (2019). ArcFace. CVPR; option E of its first version,
   arXiv:1801.07698v1, section 3.2.2.
.. [5] Hochreiter & Schmidhuber (1997). Long short-term memory. Neural Computation 9(8).
.. [6] ArtExtract: convolutional-recurrent classification of WikiArt by style, artist and genre
   (HumanAI, Google Summer of Code).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, cast

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from artsim.encoders.devices import import_library
from artsim.errors import EncoderError

_LEAST: Final = 1e-4  # added below square roots, whose slope at 0 has no end


def build_network(name: str, settings: Mapping[str, Any]) -> nn.Module:
    """Return a network with random weights; EncoderError if none has that name and settings."""
    if name not in BUILDERS:
        raise EncoderError(f"no network is called {name!r}; there are {', '.join(BUILDERS)}")
    try:
        return BUILDERS[name](**settings)
    except (TypeError, ValueError, RuntimeError) as exc:
        raise EncoderError(
            f"network {name!r} cannot be built from {dict(settings)}: {exc}"
        ) from exc


def build_timm(*, model: str, **settings: Any) -> nn.Module:
    """Return timm's `model` without its classifier."""
    timm = import_library("timm")
    network: nn.Module = timm.create_model(model, pretrained=False, num_classes=0, **settings)
    return network


def build_facenet(*, dropout: float = 0.6) -> nn.Module:
    """Return facenet-pytorch's InceptionResnetV1 without a classifier: 512 numbers."""
    facenet = import_library("facenet_pytorch.models.inception_resnet_v1")
    network: nn.Module = facenet.InceptionResnetV1(pretrained=None, dropout_prob=dropout)
    return network


class PaintingNetwork(nn.Module):
    """A small residual network [1]_ whose embedding sees every depth of it: the built-in one.

    Of each stage's maps the mean and the standard deviation over the picture are taken, by which
    style transfer tells manners apart [2]_, and the covariances between a few mixtures of its
    channels, as in bilinear pooling [3]_, square-rooted with their sign; all together are turned
    into the embedding. Early stages say color and touch, late ones motif. Every stage but the first
    halves the side.
    """

    at_once = 16  # pictures: 32 take a third more time each

    def __init__(
        self,
        widths: Sequence[int] = (48, 96, 192, 320),  # channels of each stage
        depths: Sequence[int] = (2, 2, 2, 2),  # blocks of each stage
        stem: int = 32,  # channels of the first convolution
        covariances: int = 32,  # mixtures of channels of each stage
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

    def make_ready(self) -> None:
        """Fuse convolutions and batch normalizations, for use only: four fifths of the time."""
        self.eval()
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
        found = []
        for stage_maps, mixture in zip(maps, self.mixtures, strict=True):
            with torch.autocast(stage_maps.device.type, enabled=False):
                values = stage_maps.float()
                mean = values.mean((2, 3))
                # `var` would take twenty times as long, a tenth of the whole network's time.
                variance = values.square().mean((2, 3)) - mean.square()
                deviation = (variance.clamp(min=0) + _LEAST).sqrt()
                found += [mean, deviation, self._covariances(mixture(values))]
        return cast("torch.Tensor", self.embed(self.norm(torch.cat(found, 1))))

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


class FaceNetwork(nn.Module):
    """A backbone of timm, and normalized numbers of a length of one's own in place of its last.

    What a backbone pools is often never negative, so that no two pictures could be unlike. The
    ending is the one that ArcFace found best [4]_. `settings` are timm's, of the backbone.
    """

    def __init__(self, model: str, dim: int = 256, dropout: float = 0.1, **settings: Any) -> None:
        super().__init__()
        self.backbone = build_timm(model=model, **settings)
        backbone: Any = self.backbone  # its last layer may widen its maps
        taken = int(getattr(backbone, "head_hidden_size", None) or backbone.num_features)
        self.ending = nn.Sequential(
            nn.BatchNorm1d(taken), nn.Dropout(dropout), nn.Linear(taken, dim), nn.BatchNorm1d(dim)
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return embeddings of any length, shape (N, dim), of normalized pictures."""
        return cast("torch.Tensor", self.ending(self.backbone(pictures)))


class RecurrentNetwork(nn.Module):
    """Bidirectional LSTM [5]_ over what a frozen backbone and Gabor filters say of each part.

    So does ArtExtract classify [6]_, where the backbone is a ConvNeXt. Of a step's numbers the
    `base_dim` of the backbone come first, then the `energies`.
    """

    def __init__(
        self, base_dim: int, energies: int, hidden: int = 192, dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.base_dim = base_dim
        self.norm_base = nn.LayerNorm(base_dim)
        self.norm_energies = nn.LayerNorm(energies)
        self.project = nn.Linear(base_dim + energies, 2 * hidden)
        self.dropout = nn.Dropout(dropout)
        self.recurrent = nn.LSTM(2 * hidden, hidden, batch_first=True, bidirectional=True)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        """Return embeddings (N, 2 * hidden) of sequences (N, T, base_dim + energies)."""
        base = self.norm_base(steps[..., : self.base_dim])
        energies = self.norm_energies(steps[..., self.base_dim :])
        taken = self.dropout(torch.cat([base, energies], dim=-1))
        taken = self.dropout(functional.gelu(self.project(taken)))
        states, _ = self.recurrent(taken)
        return cast("torch.Tensor", states.mean(dim=1))


BUILDERS: Final[Mapping[str, Callable[..., nn.Module]]] = {
    "painting": PaintingNetwork,
    "timm": build_timm,
    "recurrent": RecurrentNetwork,
    "facenet": build_facenet,
    "face": FaceNetwork,
}
