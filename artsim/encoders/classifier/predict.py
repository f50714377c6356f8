"""A trained classifier at work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from artsim.catalog.arrays import RGBImage
from artsim.catalog.classification import Candidate, Classification, rank_candidates
from artsim.config import Settings
from artsim.encoders.base import Encoder
from artsim.encoders.classifier.config import ClassifierConfig
from artsim.encoders.classifier.folder import read_classifier
from artsim.encoders.classifier.head import Head
from artsim.encoders.plan import EncoderPlan
from artsim.encoders.recall import recall_encoder
from artsim.errors import EncoderMismatchError
from artsim.images.load import ImageLimits, load_image


@dataclass(frozen=True, slots=True)
class Classifier:
    """An encoder and the head on its vectors."""

    config: ClassifierConfig
    head: Head
    encoder: Encoder

    def rank(self, images: Sequence[RGBImage]) -> list[tuple[Candidate, ...]]:
        """Return the classes of each of N pictures, most probable first."""
        rows = self.head.probabilities(self.encoder.encode(images))
        return [
            rank_candidates(dict(zip(self.config.classes, row.tolist(), strict=True)))
            for row in rows
        ]

    def classify(
        self, path: Path, *, threshold: float | None = None, limits: ImageLimits | None = None
    ) -> Classification:
        """Say of which class a picture is, or abstain.

        Parameters
        ----------
        threshold : float, optional
            Least probability of an answer, in 0..1; by default what the training chose.

        Raises
        ------
        ImageError
            If the picture cannot be read.
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
    """Load a classifier and its encoder. Neither database nor, for the head, torch is needed.

    Parameters
    ----------
    folder : Path
        That ``artsim train classifier`` wrote.
    weights : Path, optional
        File of weights of the frozen encoder, where it is not found by itself.

    Raises
    ------
    EncoderError
        If the folder holds no classifier or its encoder is not to be had.
    EncoderMismatchError
        If the encoder makes other vectors than the head was trained on.
    WeightsError
        If weights are damaged.
    """
    config, head = read_classifier(folder)
    plan = plan_encoder(folder, config, weights=weights, settings=settings)
    return Classifier(config, head, plan.load(device))


def plan_encoder(
    folder: Path,
    config: ClassifierConfig,
    *,
    weights: Path | None = None,
    settings: Settings | None = None,
) -> EncoderPlan:
    """Return the encoder of a classifier: the folder's own, or the one that it names."""
    if not config.own_encoder:
        return recall_encoder(config.encoder, weights=weights, settings=settings)
    from artsim.encoders.registry import resolve

    plan = resolve(f"file:{folder.absolute()}", weights=weights, settings=settings)
    # The folder may have been renamed, and its vectors with it: their hash is what counts.
    if _hash_of(plan.vector_name) != _hash_of(config.encoder.vector_name):
        raise EncoderMismatchError(
            f"{folder}: the head was trained on vectors {config.encoder.vector_name!r}, the "
            f"encoder there makes {plan.vector_name!r}; copy the whole folder anew, or train again"
        )
    return plan


def _hash_of(vector_name: str) -> str:
    return "-".join(vector_name.split("-")[-2:])
