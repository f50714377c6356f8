"""FaceNet's network with random weights, to be trained or filled."""

from __future__ import annotations

from typing import cast

import torch


def build_facenet(*, dropout: float = 0.6) -> torch.nn.Module:
    """Return facenet-pytorch's InceptionResnetV1 [1]_ without a classifier: 512 numbers.

    Parameters
    ----------
    dropout : float
        Before the last layer, in training only.

    References
    ----------
    .. [1] Esler (2019). facenet-pytorch, ``models/inception_resnet_v1.py``, version 2.5.3.
    """
    from artsim.encoders.torchvision_ops import ensure_torchvision

    ensure_torchvision()
    from facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1

    return cast("torch.nn.Module", InceptionResnetV1(pretrained=None, dropout_prob=dropout))
