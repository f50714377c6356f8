"""What a training came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artsim.training.classifier.scores import Scores


@dataclass(frozen=True, slots=True)
class Curve:
    """How a training went: losses by epoch, or scores by regularization.

    Attributes
    ----------
    x, y : tuple of float
    x_label, y_label, name : str
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    x_label: str
    y_label: str
    log_x: bool = False


@dataclass(frozen=True, slots=True)
class ClassifierOutcome:
    """A trained classifier, and what is known of it.

    Attributes
    ----------
    folder : Path
        Where it lies.
    settings : mapping
        All that the result depends on, as JSON values.
    train, test : int
        Works on either side.
    threshold : float or None
        Least probability of an answer; None where no threshold is precise enough.
    left_out, untrained : mapping of str to int
        Classes with too few works, and classes with none on the training side.
    without : int
        Works without the field.
    problems : tuple of str
        Rows and pictures that could not be read.
    """

    folder: Path
    field: str
    kind: str
    encoder: str
    settings: Mapping[str, Any]
    scores: Scores
    curve: Curve
    train: int
    test: int
    temperature: float
    threshold: float | None
    precision: float
    left_out: Mapping[str, int]
    untrained: Mapping[str, int]
    without: int
    problems: tuple[str, ...]
