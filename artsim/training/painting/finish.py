"""What is done to a network after its training: how works of one group differ counts less.

Along each axis the vectors are divided by the root of the deviation within groups, artists
usually: what an artist's works differ in says little of whose they are. On the validation artists
the nearest work was by the same artist for one or two more of a hundred, as many as by whitening
of the whole spread, and mAP and style P@10 were no lower, which by that they were (decision 0006).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from artsim.catalog.progress import Progress
from artsim.encoders.networks import PaintingNetwork
from artsim.training.painting.augment import shrink
from artsim.training.painting.whitening import Whitening

POWER: Final = 0.5

_BATCH: Final = 64


def finish(
    network: PaintingNetwork,
    views: npt.NDArray[np.uint8],
    groups: Sequence[str],
    *,
    side: int,
    progress: Progress,
) -> None:
    """Whiten a network's vectors by half within groups, by its last layer, in place.

    Parameters
    ----------
    network : PaintingNetwork
        In evaluation mode.
    views : ndarray of uint8, shape (N, V, h, w, 3)
        View 0 is the whole picture.
    groups : sequence of str
        Of each of the N pictures. The network stays as it is where all are of different
        ones.
    side : int
        Of the input, in pixels.
    """
    device = next(network.parameters()).device
    progress.start(len(views), "Whitening the vectors")
    rows = []
    with torch.inference_mode():
        for start in range(0, len(views), _BATCH):
            pictures = torch.from_numpy(np.array(views[start : start + _BATCH, 0]))
            rows.append(network(shrink(pictures, side).to(device)).float().cpu().numpy())
            progress.update(min(len(views), start + _BATCH))
    whitening = Whitening.fit_within(np.concatenate(rows), groups, POWER)
    if whitening is None:
        return
    axes, mean = (torch.from_numpy(x).to(device) for x in (whitening.axes, whitening.mean))
    with torch.no_grad():
        network.embed.bias.copy_(axes.T @ (network.embed.bias - mean))
        network.embed.weight.copy_(axes.T @ network.embed.weight)
