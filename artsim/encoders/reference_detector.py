"""facenet-pytorch's face detector as its users call it: what ours is measured against.

Imported by measurements only.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from artsim.catalog.arrays import RGBImage
from artsim.encoders.torchvision_ops import ensure_torchvision

LIBRARY_SCORE = 0.7
"""Last threshold of facenet-pytorch's ``MTCNN`` [1]_."""


class ReferenceDetector:
    """``MTCNN(keep_all=True)`` with the library's own settings, one picture at a time.

    Smallest face and thresholds are those of `artsim.encoders.mtcnn.MTCNNDetector` with
    a score of `LIBRARY_SCORE`.

    References
    ----------
    .. [1] Esler (2019). facenet-pytorch, ``models/mtcnn.py``, version 2.5.3.
    """

    def __init__(self) -> None:
        ensure_torchvision()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks on the library's weight files
            from facenet_pytorch import MTCNN

            self._mtcnn = MTCNN(keep_all=True)

    def boxes(self, image: RGBImage) -> npt.NDArray[np.float64]:
        """Return rows (left, top, right, bottom, score) of N faces, shape (N, 5).

        In pixels, clipped to the picture as artsim's boxes are.
        """
        from PIL import Image

        boxes, scores, _ = self._mtcnn.detect(Image.fromarray(image), landmarks=True)
        if boxes is None:
            return np.zeros((0, 5))
        rows = np.column_stack([np.asarray(boxes, float), np.asarray(scores, float)])
        height, width = image.shape[:2]
        rows[:, :4] = rows[:, :4].clip(0, (width, height, width, height))
        return rows


@contextlib.contextmanager
def one_torch_core() -> Iterator[None]:
    """Let torch use one core for what this thread calls inside."""
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(cores)
