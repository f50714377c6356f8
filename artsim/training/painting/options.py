"""Settings of the training of a painting encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from artsim.training.painting.augment import Augmentation


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """Of `artsim.encoders.networks.PaintingNetwork`."""

    widths: tuple[int, ...] = (48, 96, 192, 320)
    depths: tuple[int, ...] = (2, 2, 2, 2)
    stem: int = 32
    covariances: int = 32
    dim: int = 384


@dataclass(frozen=True, slots=True)
class LossWeights:
    """What counts how much beside the distance from the teachers, which counts 1.

    Attributes
    ----------
    cells : float
        What the teachers see in each part of a view can be told.
    group : float
        Works of the same group (artist) are alike, others are not.
    label : float
        The label (style) can be told.
    picture : float
        Two views of one picture are alike, others are not.
    """

    cells: float = 1.0
    group: float = 0.1
    label: float = 0.05
    picture: float = 0.1


@dataclass(frozen=True, slots=True)
class PaintingOptions:
    """Settings that the result depends on.

    Attributes
    ----------
    teachers : tuple of str
        Encoders, by spec, whose joined vectors the network learns to give.
    teacher_weights : tuple of float
        How much each counts; as many as teachers.
    group, label : str
        Payload fields: works are split and drawn by `group`, and told apart by both.
    test, validation : float
        Shares of the groups that are not trained on.
    parts : int
        Views of each picture beside the whole one.
    steps, groups, works : int
        Steps of the run; groups in each, and works of each group. Two views of each work
        are looked at, so that a batch has ``2 * groups * works`` pictures.
    sides : tuple of (float, int)
        From which share of the steps on the views have which side, in pixels.
    whole : float
        How often the first of the two views is the whole picture.
    input_side : int
        Of the trained encoder's input, in pixels: larger than the last views, at which
        networks see better than at their own size, since parts of pictures show things
        larger than whole ones do (Touvron, Vedaldi, Douze & Jégou 2019).
    """

    teachers: tuple[str, ...]
    teacher_weights: tuple[float, ...]
    group: str = "artist"
    label: str = "style"
    test: float = 0.25
    validation: float = 0.1
    parts: int = 12
    steps: int = 5000
    groups: int = 12
    works: int = 4
    learning_rate: float = 6e-3
    weight_decay: float = 0.05
    averaging: float = 0.995
    sides: tuple[tuple[float, int], ...] = ((0.0, 96), (0.3, 128), (0.75, 160))
    whole: float = 0.4
    input_side: int = 208
    seed: int = 0
    network: NetworkOptions = field(default_factory=NetworkOptions)
    losses: LossWeights = field(default_factory=LossWeights)
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not self.teachers or len(self.teachers) != len(self.teacher_weights):
            raise ValueError("teachers and their weights must be as many, at least one")
        if min(self.steps, self.groups, self.parts) < 1 or self.works < 2:
            raise ValueError("steps, groups and parts must be at least 1, works at least 2")

    def side_at(self, step: int) -> int:
        """Return the side of the views at a step, in pixels."""
        share = step / self.steps
        return [side for start, side in self.sides if start <= share][-1]

    def identity(self) -> Mapping[str, Any]:
        """Return the settings as JSON values."""
        plain: Mapping[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:
    """Turn tuples into lists, as they come back from JSON and from checkpoints."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value
