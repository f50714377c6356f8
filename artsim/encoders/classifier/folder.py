"""A classifier's folder: ``classifier.json`` and ``head.safetensors``.

An encoder that was trained with it lies beside them, so that the folder is also one of an
encoder, ``file:DIR``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from artsim.encoders.classifier.config import (
    ClassifierConfig,
    read_classifier_config,
    write_classifier_config,
)
from artsim.encoders.classifier.head import Head
from artsim.errors import EncoderError, WeightsError
from artsim.files import replacing

HEAD_FILE: Final = "head.safetensors"

_LARGEST_HEAD: Final = 2_000_000_000
"""Bytes; 100,000 classes by 4,096 numbers have 1.6 billion."""


def save_classifier(folder: Path, config: ClassifierConfig, head: Head) -> None:
    """Write a classifier's two files.

    Raises
    ------
    EncoderError
        If the folder cannot be written.
    ValueError
        If `config` and `head` are not of as many classes and numbers.
    """
    from safetensors.numpy import save

    _check_fit(config, head)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"weights": head.weights, "bias": head.bias}
        with replacing(folder / HEAD_FILE) as stream:
            stream.write(save({name: np.ascontiguousarray(t) for name, t in tensors.items()}))
        write_classifier_config(folder, config)
    except OSError as exc:
        raise EncoderError(f"cannot write the classifier to {folder}: {exc}") from exc


def read_classifier(folder: Path) -> tuple[ClassifierConfig, Head]:
    """Read a classifier's two files; nothing in them is run, and no other is opened.

    Raises
    ------
    EncoderError
        If the folder holds no classifier, or one of a newer artsim.
    WeightsError
        If the head is damaged, or of other classes.
    """
    config = read_classifier_config(folder)
    path = folder / HEAD_FILE
    if not path.is_file():
        raise WeightsError(f"{path} is missing; copy the whole folder, or train again")
    size = path.stat().st_size
    if size > _LARGEST_HEAD:
        raise WeightsError(f"{path} has {size:,} bytes, {_LARGEST_HEAD:,} are the most; not read")
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
        weights, bias = (tensors[name].astype(np.float32) for name in ("weights", "bias"))
        head = Head(weights, bias, float(config.temperature))
        _check_fit(config, head)
    except Exception as exc:  # safetensors' own type has no public base
        raise WeightsError(
            f"{path} is damaged or of another classifier ({exc}); copy the folder anew, or "
            "train again"
        ) from exc
    return config, head


def _check_fit(config: ClassifierConfig, head: Head) -> None:
    expected = (len(config.classes), config.encoder.dim)
    if head.weights.shape != expected:
        raise ValueError(f"weights of shape {expected} are expected, not {head.weights.shape}")
