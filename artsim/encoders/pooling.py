"""From a network's feature map to one vector per picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    import torch

Pooling: TypeAlias = Literal["avg", "gem", "rmac", "cls"]
"""`avg`, `gem` and `rmac` of a feature map; `avg` of the patch tokens, or `cls`, of a ViT."""

POOLINGS: Final = ("avg", "gem", "rmac", "cls")

GEM_POWER: Final = 3.0
"""Where training starts in Radenović et al., and the usual value without training."""

RMAC_SCALES: Final = 3
RMAC_OVERLAP: Final = 0.4
"""Both as in Tolias et al., section 3.2."""

_SMALLEST: Final = 1e-6


def gem(maps: torch.Tensor, power: float = GEM_POWER) -> torch.Tensor:
    """Return the generalized mean of each channel; negative activations count as none.

    Power 1 is the average, and the maximum is approached as it grows.

    Parameters
    ----------
    maps : Tensor, shape (N, C, H, W)
    power : float
        Above 0.

    Returns
    -------
    Tensor, shape (N, C)

    References
    ----------
    .. [1] Radenović, Tolias & Chum (2019). Fine-tuning CNN image retrieval with no human
       annotation. IEEE TPAMI 41(7), 1655-1668 (arXiv 1711.02512), equation 3.
    """
    if power <= 0:
        raise ValueError(f"power above 0 expected, got {power}")
    return maps.float().clamp(min=_SMALLEST).pow(power).mean(dim=(2, 3)).pow(1 / power)


def rmac(maps: torch.Tensor, scales: int = RMAC_SCALES) -> torch.Tensor:
    """Return the regional maximum activations of convolutions (R-MAC).

    Square regions of several sizes cover the map; each gives the maximum of every
    channel, scaled to unit length, and their sum is scaled to unit length. The paper
    also whitens the regions' vectors by a PCA learned on other pictures, which is left
    out here: it would tie the vectors to those pictures.

    Parameters
    ----------
    maps : Tensor, shape (N, C, H, W)
    scales : int
        Sizes of regions, at least 1.

    Returns
    -------
    Tensor, shape (N, C)

    References
    ----------
    .. [1] Tolias, Sicre & Jégou (2016). Particular object retrieval with integral
       max-pooling of CNN activations. ICLR (arXiv 1511.05879), section 3.2.
    """
    from torch.nn import functional

    maps = maps.float()
    total = maps.new_zeros(maps.shape[:2])
    for top, left, side in rmac_regions(maps.shape[2], maps.shape[3], scales):
        region = maps[:, :, top : top + side, left : left + side].amax(dim=(2, 3))
        total += functional.normalize(region, dim=1, eps=_SMALLEST)
    return functional.normalize(total, dim=1, eps=_SMALLEST)


def rmac_regions(height: int, width: int, scales: int = RMAC_SCALES) -> list[tuple[int, int, int]]:
    """Return R-MAC's regions of a map as (top, left, side).

    At scale l the side is 2 * min(height, width) / (l + 1), and l regions stand along the
    short side, l + m - 1 along the long one, evenly spaced; m is such that neighbors at
    the first scale overlap by as near 40 % as can be.
    """
    if min(height, width, scales) < 1:
        raise ValueError(f"sizes of at least 1 expected, got {height}, {width}, {scales}")
    short = min(height, width)
    extra = _extra_regions(short, max(height, width))
    regions = []
    for scale in range(1, scales + 1):
        side = 2 * short // (scale + 1)
        if side == 0:
            break
        tops = _evenly(height - side, scale + (extra if height > width else 0))
        lefts = _evenly(width - side, scale + (extra if width > height else 0))
        regions += [(top, left, side) for top in tops for left in lefts]
    return regions


def _extra_regions(short: int, long: int) -> int:
    """Return how many more regions than one the long side takes at the first scale."""
    if short == long:
        return 0
    # The authors' program tries 2 to 7; more are needed only beyond 1 : 4.6.
    steps = range(1, max(7, 2 * long // short))
    return min(steps, key=lambda n: abs((1 - (long - short) / n / short) - RMAC_OVERLAP))


def _evenly(room: int, count: int) -> list[int]:
    """Return `count` offsets from 0 to `room`, rounded down."""
    if count == 1:
        return [0]
    return [room * i // (count - 1) for i in range(count)]
