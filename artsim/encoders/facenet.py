"""FaceNet: an encoder of faces, from facenet-pytorch.

References
----------
.. [1] Schroff, Kalenichenko & Philbin (2015). FaceNet: a unified embedding for face
   recognition and clustering. CVPR.
.. [2] Szegedy, Ioffe, Vanhoucke & Alemi (2017). Inception-v4, Inception-ResNet and the
   impact of residual connections on learning. AAAI.
.. [3] Esler (2019). facenet-pytorch, ``models/inception_resnet_v1.py``, version 2.5.3.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from artsim.config import load_settings
from artsim.encoders.base import Encoder
from artsim.encoders.devices import pick_device
from artsim.encoders.download import download_weights
from artsim.encoders.facenet_family import Variant, plan_facenet, weights_stems
from artsim.encoders.plan import EncoderPlan, EncoderRequest
from artsim.encoders.preprocess import Preprocessing
from artsim.encoders.torch_encoder import TorchImageEncoder
from artsim.encoders.torchvision_ops import ensure_torchvision
from artsim.encoders.weights import fill_model, load_state_dict, no_weights
from artsim.errors import WeightsError

RELEASE: Final = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"

FILES: Final[dict[Variant, str]] = {
    "vggface2": "20180402-114759-vggface2.pt",
    "casia-webface": "20180408-102900-casia-webface.pt",
}
"""Names of the published weights, as in facenet-pytorch's own loader."""

LARGEST_DOWNLOAD: Final = 256_000_000
"""Bytes; the files have less than half of it."""

PREPROCESSING: Final = Preprocessing(
    height=160,
    width=160,
    mean=(0.5, 0.5, 0.5),
    std=(128 / 255, 128 / 255, 128 / 255),
)
"""``(pixel - 127.5) / 128``: facenet-pytorch's ``fixed_image_standardization``."""


def load_facenet(
    variant: Variant,
    *,
    weights: Path | None = None,
    device: str = "auto",
    plan: EncoderPlan | None = None,
) -> Encoder:
    """Load the face encoder; its crops are aligned ones, best of 160 x 160 pixels.

    Parameters
    ----------
    variant : {"vggface2", "casia-webface"}
        What the published weights were trained on.
    weights : Path, optional
        Local file of weights. By default the one in ``ARTSIM_WEIGHTS``, else the one
        that facenet-pytorch has downloaded before, else a download.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    plan : EncoderPlan, optional
        From `plan_facenet`, where the caller has it already.

    Raises
    ------
    WeightsError
        If the weights are missing, damaged, unsafe, or of another model.
    EncoderError
        If the device is not there.
    """
    pick_device(device)  # a wrong one is known before a long download
    if plan is None:
        spec = f"facenet:{variant}"
        plan = plan_facenet(EncoderRequest(spec, variant, weights, load_settings()))
    path = weights or plan.weights or _fetch(variant)
    network = create_network()
    # The classifier of the people it was trained on, 8,631 or 10,575 of them.
    fill_model(network, load_state_dict(path), path=path, unused="logits.")
    return TorchImageEncoder(plan, network, network, PREPROCESSING, device=device)


def create_network() -> Any:
    """Return facenet-pytorch's InceptionResnetV1 with random weights, no classifier."""
    ensure_torchvision()
    from facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1

    return InceptionResnetV1(pretrained=None)


def _fetch(variant: Variant) -> Path:
    """Return the published weights, from where facenet-pytorch itself caches them."""
    ensure_torchvision()
    from facenet_pytorch.models.inception_resnet_v1 import get_torch_home

    cached = Path(get_torch_home()) / "checkpoints" / FILES[variant]
    if cached.is_file():
        return cached
    try:
        download_weights(RELEASE + FILES[variant], cached, limit=LARGEST_DOWNLOAD)
    except WeightsError as exc:
        places = f"ARTSIM_WEIGHTS for {weights_stems(variant)[0]}; {cached}; {exc}"
        raise no_weights(f"facenet:{variant}", places) from exc
    return cached
