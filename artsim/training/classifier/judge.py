"""What follows a fit: calibration, the test, and the classifier's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings
from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.progress import Progress
from artsim.encoders.base import Encoder
from artsim.encoders.classifier import ClassifierConfig, Head, Logits, save_classifier, softmax
from artsim.encoders.registry import load_encoder
from artsim.training.classifier.calibrate import choose_threshold, fit_temperature
from artsim.training.classifier.classes import Labels
from artsim.training.classifier.fits import Fit
from artsim.training.classifier.options import ClassifierOptions
from artsim.training.classifier.outcome import ClassifierOutcome
from artsim.training.classifier.scores import Scores, score_classifier
from artsim.training.classifier.sides import Sides
from artsim.training.rows import read_rows

_OWN: Final = "file:."
"""What a classifier calls the encoder in its own folder."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A calibrated head, and its scores on the test side."""

    encoder: EncoderInfo
    head: Head
    threshold: float | None
    scores: Scores


@dataclass(frozen=True, slots=True, eq=False)
class _Unseen:
    """What a head that is not yet calibrated says of works that it was not fitted to."""

    encoder: EncoderInfo
    calibration: Labels
    logits: Logits
    test: Embeddings


def judge_fit(
    fit: Fit,
    rows: npt.NDArray[np.float32],
    sides: Sides,
    base: Encoder | None,
    cache: Path,
    options: ClassifierOptions,
    *,
    progress: Progress,
) -> Judged:
    """Choose temperature and threshold on the training side, and score on the test side.

    The test side has no part in any choice.
    """
    labels, unseen = (
        sides.labeled.labels,
        _encode_unseen(fit, rows, sides, base, cache, options, progress),
    )
    truth = labels[unseen.calibration]
    temperature = fit_temperature(unseen.logits, truth)
    known = softmax(unseen.logits / temperature)
    threshold = choose_threshold(
        known.max(axis=1), known.argmax(axis=1) == truth, precision=options.precision
    )
    head = Head(fit.head.weights, fit.head.bias, temperature)
    scores = score_classifier(
        head.probabilities(unseen.test),
        labels[sides.test],
        labels[sides.train],
        sides.labeled.classes,
        threshold=threshold,
    )
    return Judged(unseen.encoder, head, threshold, scores)


def _encode_unseen(
    fit: Fit,
    rows: npt.NDArray[np.float32],
    sides: Sides,
    base: Encoder | None,
    cache: Path,
    options: ClassifierOptions,
    progress: Progress,
) -> _Unseen:
    if base is not None and fit.held_out is not None:
        return _Unseen(base.info, sides.train, fit.held_out, rows[sides.test])
    # With the encoder as it will be loaded, so that the scores are of what users get.
    encoder = load_encoder(f"file:{fit.encoder}", device=options.device)
    calibration = np.flatnonzero(sides.folds == 0)
    works = [sides.labeled.works[row] for row in (*calibration, *sides.test)]
    name = encoder.info.vector_name
    seen = read_rows(works, encoder, cache, name, progress=progress, description="Testing")
    logits = fit.head.logits(seen.rows[: len(calibration)])
    # The folder may be moved: what is written names no place.
    info = replace(encoder.info, name=_OWN, spec=_OWN)
    return _Unseen(info, calibration, logits, seen.rows[len(calibration) :])


def save_outcome(
    fit: Fit,
    judged: Judged,
    sides: Sides,
    out: Path,
    options: ClassifierOptions,
    identity: Mapping[str, Any],
    problems: tuple[str, ...],
) -> ClassifierOutcome:
    """Write the classifier into its folder, and return what is known of it.

    Raises
    ------
    EncoderError
        If the folder cannot be written.
    """
    card = {
        "recipe": dict(identity),
        "works": len(sides.labeled.works),
        "date": datetime.now(UTC).date().isoformat(),
    }
    config = ClassifierConfig(
        field=options.by,
        kind=options.kind,
        classes=sides.labeled.classes,
        encoder=judged.encoder,
        own_encoder=fit.encoder is not None,
        temperature=judged.head.temperature,
        threshold=judged.threshold,
        precision=options.precision,
        scores=judged.scores.summary(),
        card=card,
    )
    save_classifier(out, config, judged.head)
    return ClassifierOutcome(
        folder=out,
        field=options.by,
        kind=options.kind,
        encoder=judged.encoder.short_name if fit.encoder is None else out.absolute().name,
        settings={**identity, "precision": options.precision},
        scores=judged.scores,
        curve=fit.curve,
        train=len(sides.train),
        test=len(sides.test),
        temperature=judged.head.temperature,
        threshold=judged.threshold,
        precision=options.precision,
        left_out=sides.labeled.left_out,
        untrained=sides.untrained,
        without=sides.labeled.without,
        problems=problems,
    )
