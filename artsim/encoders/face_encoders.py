"""Encoders of faces: dlib's, which is part of artsim, and FaceNet, ``facenet:VARIANT[@FILE]``.

References
----------
.. [1] King (2017). High quality face recognition with deep metric learning;
   ``dlib_face_recognition_resnet_model_v1`` of davisking/dlib-models, CC0.
.. [2] He, Zhang, Ren & Sun (2016). Deep residual learning for image recognition. CVPR.
.. [3] Schroff, Kalenichenko & Philbin (2015). FaceNet: a unified embedding for face
   recognition and clustering. CVPR.
.. [4] Szegedy, Ioffe, Vanhoucke & Alemi (2017). Inception-v4, Inception-ResNet and the
   impact of residual connections on learning. AAAI.
.. [5] Esler (2019). facenet-pytorch, ``models/inception_resnet_v1.py``, version 2.5.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import Crop
from artsim.encoders.base import Encoder, Prepared, Preprocessing
from artsim.encoders.cards import Card, Family, Request, read_cards
from artsim.encoders.devices import pick_device
from artsim.encoders.face_detectors import WEIGHTS
from artsim.encoders.onnx import FloatArray, OnnxConfig, OnnxEncoder, OnnxInput
from artsim.encoders.weights import (
    download_weights,
    fill_model,
    load_state_dict,
    no_weights,
    nothing_drawn,
    torch_home,
)
from artsim.errors import EncoderError, UnknownEncoderError, WeightsError
from artsim.images.align import crop_template, warp

SIDE: Final = 150  # of what dlib's network takes, in pixels
# Where dlib's face chips of that side have the eyes, the nose and the corners of the mouth.
TEMPLATE: Final = (
    (47.09, 44.92), (102.59, 45.43), (74.25, 79.26), (50.28, 103.68), (99.70, 104.13),
)  # fmt: skip

RELEASE: Final = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
# FaceNet's published weights by what they were trained on, as in facenet-pytorch's loader.
FILES: Final[Mapping[str, str]] = {
    "vggface2": "20180402-114759-vggface2.pt",
    "casia-webface": "20180408-102900-casia-webface.pt",
}
LARGEST_DOWNLOAD: Final = 256_000_000  # bytes; the files have less than half of it
# ``(pixel - 127.5) / 128``: facenet-pytorch's ``fixed_image_standardization``.
FACENET_INPUT: Final = Preprocessing(160, 160, mean=(0.5,) * 3, std=(128 / 255,) * 3)


class DlibFaceEncoder(OnnxEncoder):
    """The mean of the network's vectors of an aligned face and of its mirror image [1]_, [2]_."""

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


def _understand(request: Request) -> Card:
    """Understand ``facenet:VARIANT[@FILE]``."""
    variant, pooling, _ = request.split_model()
    if variant not in FILES:
        raise UnknownEncoderError(f"facenet has no variant {variant!r}; it has {', '.join(FILES)}")
    if pooling:
        raise EncoderError(f"{request.name!r}: facenet has no poolings; leave +{pooling} out")
    found = request.find_weights((f"facenet-{variant}",), tag=variant)
    identity = ("facenet", found.identity)
    return request.card_of(f"facenet:{variant}", found, *identity, kind="face", dim=512)


def _load(card: Card, device: str) -> Encoder:
    """Load FaceNet [3]_, [4]_, as facenet-pytorch has it [5]_."""
    from artsim.encoders.networks import build_facenet
    from artsim.encoders.torch_encoder import TorchEncoder

    pick_device(device)  # a wrong one is known before a long download
    path = card.weights or _fetch(card.model)
    with nothing_drawn():
        network = build_facenet()
    # The classifier of the people it was trained on, 8,631 or 10,575 of them.
    fill_model(network, load_state_dict(path), path=path, unused="logits.")
    return TorchEncoder(card, network, FACENET_INPUT, device=device)


def _fetch(variant: str) -> Path:
    """Return the published weights, from where facenet-pytorch itself caches them."""
    path = torch_home() / "checkpoints" / FILES[variant]
    try:
        if not path.is_file():
            download_weights(RELEASE + FILES[variant], path, limit=LARGEST_DOWNLOAD)
    except WeightsError as exc:
        places = f"ARTSIM_WEIGHTS for facenet-{variant}; {path}; {exc}"
        raise no_weights(f"facenet:{variant}", places) from exc
    return path


def _find_download(card: Card) -> Path | None:
    path = torch_home() / "checkpoints" / FILES[card.model]
    return path if path.is_file() else None


DLIB: Final = Family(load=DlibFaceEncoder, cards=read_cards("dlib"))
FACENET: Final = Family(
    load=_load,
    cards=read_cards("facenet"),
    syntax="facenet:VARIANT",
    understand=_understand,
    find_download=_find_download,
)
