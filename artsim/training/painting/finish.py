"""What is done to a network after its training: its vectors are whitened by a quarter.

It makes the axes of the embedding more alike in how far works spread along them, and so what
few works share counts more. On the validation artists the nearest work was by the same artist
for one more of a hundred at the most, and mAP and style P@10 changed by less than one either way;
whitened by half, the nearest is so for two or three more, and mAP loses one or two (decision
0006).

References
----------
.. [1] Jégou & Chum (2012). Negative evidences and co-occurences in image retrieval: the
   benefit of PCA and whitening. ECCV.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from artsim.domain.progress import Progress
from artsim.encoders.networks.painting import PaintingNetwork
from artsim.training.painting.augment import shrink
from artsim.training.painting.whitening import Whitening

POWER: Final = 0.25

_BATCH: Final = 64


def finish(
    network: PaintingNetwork, views: npt.NDArray[np.uint8], *, side: int, progress: Progress
) -> None:
    """Turn the network's last layer to the axes of its vectors, and whiten them, in place.

    Parameters
    ----------
    network : PaintingNetwork
        In evaluation mode.
    views : ndarray of uint8, shape (N, V, h, w, 3)
        View 0 is the whole picture.
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
    whitening = Whitening.fit(np.concatenate(rows), network.embed.out_features, POWER)
    axes, mean = (torch.from_numpy(x).to(device) for x in (whitening.axes, whitening.mean))
    turned = torch.zeros_like(network.embed.weight)
    shifted = torch.zeros_like(network.embed.bias)
    turned[: axes.shape[1]] = axes.T @ network.embed.weight
    shifted[: axes.shape[1]] = axes.T @ (network.embed.bias - mean)
    with torch.no_grad():
        network.embed.weight.copy_(turned)
        network.embed.bias.copy_(shifted)
