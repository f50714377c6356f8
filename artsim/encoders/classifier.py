"""Classifiers: a linear head on an encoder's vectors, in a folder of their own.

The folder holds ``classifier.json`` and ``head.safetensors``. An encoder that was trained
with it lies beside them, so that the folder is also one of an encoder, ``file:DIR``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.catalog.hits import Candidate, Classification, rank_candidates
from artsim.catalog.kinds import EncoderInfo, parse_info
from artsim.config import Settings
from artsim.encoders.base import Encoder
from artsim.encoders.registry import load_encoder, recall_encoder, resolve
from artsim.encoders.weights import read_json, write_folder
from artsim.errors import EncoderError, EncoderMismatchError, WeightsError
from artsim.images.load import ImageLimits, load_image

CONFIG_FILE: Final = "classifier.json"
HEAD_FILE: Final = "head.safetensors"

# Scores of C classes for N pictures, shape (N, C); softmax turns them into probabilities.
Logits: TypeAlias = npt.NDArray[np.float64]

_LARGEST_CONFIG: Final = 32_000_000  # bytes; one of 100,000 classes has some five million
_LARGEST_HEAD: Final = 2_000_000_000  # bytes; 100,000 classes by 4,096 numbers have 1.6 billion


@dataclass(frozen=True, slots=True)
class ClassifierConfig:
    """All of a classifier but its numbers."""

    field: str  # what is answered: ``style``, ``artist``, ``extra.NAME``
    kind: str  # how it was trained: ``linear``, ``mobilenetv2``, ``recurrent``
    classes: tuple[str, ...]  # as people read them, in the order of the head's C rows
    encoder: EncoderInfo  # whose vectors the head takes
    own_encoder: bool  # whether that lies in the classifier's own folder
    temperature: float
    threshold: float | None  # least probability at which it answers; None: it never does
    precision: float  # share of right answers that the threshold was chosen for
    # For people: how good it was on the test side; data, recipe, date.
    scores: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    card: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    format: Literal[1] = 1

    def __post_init__(self) -> None:
        """Refuse what no classifier can be."""
        if len(self.classes) < 2 or len(set(self.classes)) != len(self.classes):
            raise ValueError("two classes or more are needed, each once")
        if not all((*self.classes, self.field)):
            raise ValueError("classes and field must be texts")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ValueError(f"the threshold must be in 0..1, not {self.threshold}")
        parse_info(dataclasses.asdict(self.encoder))


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Softmax regression on an encoder's vectors, in NumPy.

    The logits are divided by the temperature, above 0, so that probabilities are as large as
    they should be [1]_; it changes no order of classes.

    References
    ----------
    .. [1] Guo, Pleiss, Sun & Weinberger (2017). On calibration of modern neural networks. ICML.
    """

    weights: npt.NDArray[np.float32]  # (C, D)
    bias: npt.NDArray[np.float32]  # (C,)
    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together or hold no numbers."""
        if self.weights.ndim != 2 or self.bias.shape != self.weights.shape[:1]:
            shapes = f"{self.weights.shape} and {self.bias.shape}"
            raise ValueError(f"weights (C, D) and a bias (C,) are expected, not {shapes}")
        if not (np.isfinite(self.weights).all() and np.isfinite(self.bias).all()):
            raise ValueError("weights or bias hold what is no finite number")
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"the temperature must be above 0, not {self.temperature}")

    def logits(self, vectors: Embeddings) -> Logits:
        """Return scores before the temperature, shape (N, C), of unit rows (N, D)."""
        wide = np.asarray(vectors, dtype=np.float64)
        return np.asarray(wide @ self.weights.astype(np.float64).T + self.bias)

    def probabilities(self, vectors: Embeddings) -> npt.NDArray[np.float64]:
        """Return calibrated probabilities, shape (N, C), of unit rows (N, D)."""
        return softmax(self.logits(vectors) / self.temperature)


def softmax(logits: Logits) -> npt.NDArray[np.float64]:
    """Return rows that add up to 1, without overflow."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def save_classifier(folder: Path, config: ClassifierConfig, head: Head) -> None:
    """Write a classifier's two files; EncoderError if that cannot be."""
    from safetensors.numpy import save

    _check_fit(config, head)
    weights, bias = map(np.ascontiguousarray, (head.weights, head.bias))
    content = save({"weights": weights, "bias": bias})
    write_folder(folder, (HEAD_FILE, content), (CONFIG_FILE, config))


def read_classifier(folder: Path) -> tuple[ClassifierConfig, Head]:
    """Read a classifier's files, running nothing; EncoderError without, WeightsError if damaged."""
    from safetensors.numpy import load_file

    place, path = folder / CONFIG_FILE, folder / HEAD_FILE
    if not place.is_file():
        raise EncoderError(
            f"{folder} holds no classifier ({CONFIG_FILE}); name a folder in "
            "which a classifier was trained",
            hint="artsim train classifier",
            path=folder,
        )
    step = "train again, or update artsim"
    config = read_json(place, ClassifierConfig, next_step=step, largest=_LARGEST_CONFIG)
    try:
        if path.stat().st_size > _LARGEST_HEAD:
            raise ValueError(f"it has more than {_LARGEST_HEAD:,} bytes")
        tensors = load_file(path)
        weights, bias = (tensors[name].astype(np.float32) for name in ("weights", "bias"))
        head = Head(weights, bias, config.temperature)
        _check_fit(config, head)
    except Exception as exc:  # safetensors' own type has no public base
        raise WeightsError(
            f"{path} is missing, damaged or of another classifier ({exc}); copy the folder anew, "
            "or train again"
        ) from exc
    return config, head


def _check_fit(config: ClassifierConfig, head: Head) -> None:
    expected = (len(config.classes), config.encoder.dim)
    if head.weights.shape != expected:
        raise ValueError(f"weights of shape {expected} are expected, not {head.weights.shape}")


@dataclass(frozen=True, slots=True)
class Classifier:
    """An encoder and the head on its vectors."""

    config: ClassifierConfig
    head: Head
    encoder: Encoder

    def rank(self, images: Sequence[RGBImage]) -> list[tuple[Candidate, ...]]:
        """Return the classes of each of N pictures, most probable first."""
        rows = self.head.probabilities(self.encoder.encode(images)).tolist()
        classes = self.config.classes
        return [rank_candidates(dict(zip(classes, row, strict=True))) for row in rows]

    def classify(
        self, path: Path, *, threshold: float | None = None, limits: ImageLimits | None = None
    ) -> Classification:
        """Say of which class a picture is, or abstain; ImageError if it cannot be read.

        `threshold` is the least probability of an answer, by default what the training chose.
        """
        (candidates,) = self.rank([load_image(path, limits=limits).pixels])
        least = self.config.threshold if threshold is None else threshold
        return Classification(path, self.config.field, candidates, least)


def load_classifier(
    folder: Path,
    *,
    device: str = "auto",
    weights: Path | None = None,
    settings: Settings | None = None,
) -> Classifier:
    """Load a classifier and its encoder out of the folder that its training wrote.

    The device is as for `load_encoder`, `weights` a file of the frozen encoder's, where it is not
    found by itself. Raises `EncoderError` if the folder holds no classifier, its encoder is not to
    be had or makes other vectors (`EncoderMismatchError`), or weights are damaged (`WeightsError`).
    """
    config, head = read_classifier(folder)
    if config.own_encoder:
        card = resolve(f"file:{folder.absolute()}", weights=weights, settings=settings)
        # The folder may have been renamed, and its vectors with it: their hash is what counts.
        now, then = (n.split("-")[-2:] for n in (card.vector_name, config.encoder.vector_name))
        if now != then:
            raise EncoderMismatchError(
                f"{folder}: the head was trained on vectors {config.encoder.vector_name!r}, the "
                f"encoder makes {card.vector_name!r}; copy the whole folder anew, or train again"
            )
    else:
        card = recall_encoder(config.encoder, weights=weights, settings=settings)
    return Classifier(config, head, load_encoder(card, device=device, settings=settings))
