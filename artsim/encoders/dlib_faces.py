"""dlib's face network, which is part of artsim: the same person, by one aligned face.

References
----------
.. [1] King (2017). High quality face recognition with deep metric learning;
   ``dlib_face_recognition_resnet_model_v1`` of davisking/dlib-models, CC0.
.. [2] He, Zhang, Ren & Sun (2016). Deep residual learning for image recognition. CVPR.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import Crop
from artsim.encoders.base import Prepared
from artsim.encoders.cards import Card, Family, read_cards
from artsim.encoders.face_detectors import WEIGHTS
from artsim.encoders.onnx import FloatArray, OnnxConfig, OnnxEncoder, OnnxInput
from artsim.images.align import crop_template, warp

SIDE: Final = 150  # of what the network takes, in pixels

TEMPLATE: Final = (
    (47.09, 44.92), (102.59, 45.43), (74.25, 79.26), (50.28, 103.68), (99.70, 104.13),
)  # fmt: skip
"""Where dlib's face chips of that side have the eyes, the nose and the corners of the mouth."""


class DlibFaceEncoder(OnnxEncoder):
    """The mean of the network's vectors of an aligned face and of its mirror image."""

    def __init__(self, card: Card, device: str) -> None:
        entry = OnnxInput((SIDE, SIDE), range=(0.0, 255.0))
        super().__init__(card, OnnxConfig(entry), WEIGHTS / "dlib_resnet.onnx", device)

    def prepare(self, image: RGBImage) -> Prepared:
        """Return a face, cut out as `align_face` does without a margin, as dlib cuts it."""
        return self._cut(image, 0.0)

    def prepare_crop(self, crop: Crop) -> Prepared:
        """Return a face as dlib cuts it, with its chin, which is below the plain crop."""
        if crop.wide is None:
            return self.prepare(crop.pixels)
        inner = crop.pixels.shape[0]
        return self._cut(crop.wide, (crop.wide.shape[0] - inner) / (2 * inner))

    def _cut(self, image: RGBImage, margin: float) -> Prepared:
        return warp(image, crop_template(image.shape[0], margin), TEMPLATE, SIDE)

    def compute(self, batch: Prepared) -> FloatArray:
        """Return rows (N, 128) of any length for prepared faces (N, 150, 150, 3)."""
        mirrored = np.ascontiguousarray(batch[:, :, ::-1])
        return np.float32(0.5) * (super().compute(batch) + super().compute(mirrored))


FAMILY: Final = Family(load=DlibFaceEncoder, cards=read_cards("dlib"))
