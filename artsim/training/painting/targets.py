"""Targets: the vectors that a network learns to give, from its teachers.

Each teacher's vectors are centered, turned to their principal axes and whitened by half,
which makes the teachers better at telling artists and styles than they are by themselves;
scaled to length 1, weighted and joined; and turned to the axes that matter most.

References
----------
.. [1] Jégou & Chum (2012). Negative evidences and co-occurences in image retrieval: the
   benefit of PCA and whitening. ECCV.
.. [2] Hinton, Vinyals & Dean (2015). Distilling the knowledge in a neural network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.training.painting.whitening import Whitening, to_unit

TEACHER_AXES: Final = 256
"""Most axes that are kept of one teacher. On the validation artists 512 were no better."""

_POWER: Final = 0.5


def join_targets(
    teachers: Sequence[npt.NDArray[np.float16]], weights: Sequence[float], dim: int
) -> npt.NDArray[np.float32]:
    """Return what the network is to give for each view.

    All axes are those of the whole pictures.

    Parameters
    ----------
    teachers : sequence of ndarray, shape (N, V, D)
        Of view 0 the whole picture.
    dim : int
        Length of the network's vectors.

    Returns
    -------
    ndarray of float32, shape (N, V, dim)
        Unit rows; zeros at the end where there are fewer axes than `dim`.
    """
    count, views = teachers[0].shape[:2]
    joined = []
    for vectors, weight in zip(teachers, weights, strict=True):
        whitening = Whitening.fit(vectors[:, 0], TEACHER_AXES, _POWER)
        joined.append(weight * whitening.apply(vectors.reshape(count * views, -1)))
    rows = to_unit(np.concatenate(joined, axis=1))
    axes = Whitening.fit(rows.reshape(count, views, -1)[:, 0], dim, 0.0)
    targets = axes.apply(rows)
    padded = np.zeros((len(targets), dim), np.float32)
    padded[:, : targets.shape[1]] = targets
    return padded.reshape(count, views, dim)
