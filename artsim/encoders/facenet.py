"""FaceNet: an encoder of faces, from facenet-pytorch: ``facenet:VARIANT[@FILE]``.

References
----------
.. [1] Schroff, Kalenichenko & Philbin (2015). FaceNet: a unified embedding for face
   recognition and clustering. CVPR.
.. [2] Szegedy, Ioffe, Vanhoucke & Alemi (2017). Inception-v4, Inception-ResNet and the
   impact of residual connections on learning. AAAI.
.. [3] Esler (2019). facenet-pytorch, ``models/inception_resnet_v1.py``, version 2.5.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from artsim.encoders.base import Encoder, Preprocessing
from artsim.encoders.cards import Card, Family, Request, read_cards, vector_name
from artsim.encoders.weights import (
    download_weights,
    fill_model,
    load_state_dict,
    no_weights,
    torch_home,
)
from artsim.errors import EncoderError, UnknownEncoderError, WeightsError

RELEASE: Final = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
FILES: Final[Mapping[str, str]] = {
    "vggface2": "20180402-114759-vggface2.pt",
    "casia-webface": "20180408-102900-casia-webface.pt",
}
"""Names of the published weights by what they were trained on, as in facenet-pytorch's loader."""

LARGEST_DOWNLOAD: Final = 256_000_000  # bytes; the files have less than half of it

PREPROCESSING: Final = Preprocessing(160, 160, mean=(0.5,) * 3, std=(128 / 255,) * 3)
"""``(pixel - 127.5) / 128``: facenet-pytorch's ``fixed_image_standardization``."""


def _understand(request: Request) -> Card:
    variant, pooling = request.model_and_pooling()
    if variant not in FILES:
        raise UnknownEncoderError(f"facenet has no variant {variant!r}; it has {', '.join(FILES)}")
    if pooling:
        raise EncoderError(f"{request.name!r}: facenet has no poolings; leave +{pooling} out")
    found = request.find_weights((f"facenet-{variant}",), tag=variant)
    return Card(
        name=request.name,
        spec=f"facenet:{variant}{found.suffix}",
        family="facenet",
        kind="face",
        dim=512,
        vector_name=vector_name("facenet", found.identity),
        weights=found.path,
    )


def _load(card: Card, device: str) -> Encoder:
    from artsim.encoders.devices import pick_device
    from artsim.encoders.networks import build_facenet
    from artsim.encoders.torch_encoder import TorchEncoder

    pick_device(device)  # a wrong one is known before a long download
    path = card.weights or _fetch(card.model)
    network = build_facenet()
    # The classifier of the people it was trained on, 8,631 or 10,575 of them.
    fill_model(network, load_state_dict(path), path=path, unused="logits.")
    return TorchEncoder(card, network, PREPROCESSING, device=device)


def _fetch(variant: str) -> Path:
    """Return the published weights, from where facenet-pytorch itself caches them."""
    cached = _download_path(variant)
    try:
        if not cached.is_file():
            download_weights(RELEASE + FILES[variant], cached, limit=LARGEST_DOWNLOAD)
    except WeightsError as exc:
        places = f"ARTSIM_WEIGHTS for facenet-{variant}; {cached}; {exc}"
        raise no_weights(f"facenet:{variant}", places) from exc
    return cached


def _download_path(variant: str) -> Path:
    return torch_home() / "checkpoints" / FILES[variant]


def _find_download(card: Card) -> Path | None:
    path = _download_path(card.model)
    return path if path.is_file() else None


FAMILY: Final = Family(
    load=_load,
    cards=read_cards("facenet"),
    syntax="facenet:VARIANT",
    understand=_understand,
    find_download=_find_download,
)
