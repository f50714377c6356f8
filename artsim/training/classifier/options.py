"""How a classifier is to be trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["linear", "mobilenetv2", "recurrent"]
Split: TypeAlias = Literal["random", "artist"]

DEFAULT_ENCODER: Final = "builtin"

EPOCHS: Final = {"mobilenetv2": 20, "recurrent": 40}
LEARNING_RATES: Final = {"mobilenetv2": 5e-4, "recurrent": 1e-3}
BATCH_SIZES: Final = {"mobilenetv2": 32, "recurrent": 64}


@dataclass(frozen=True, slots=True)
class ClassifierOptions:
    """Settings of one training.

    Attributes
    ----------
    by : str
        Field that is learned: ``style``, ``artist``, ``genre``, ``extra.NAME``.
    kind : {"linear", "mobilenetv2", "recurrent"}
        A linear head on a frozen encoder; MobileNetV2 trained as a whole; or a recurrent
        network over a frozen encoder's vectors of the picture's parts.
    encoder : str
        Name of the frozen encoder, for the kinds that have one.
    weights : Path or None
        File of weights: of the frozen encoder, or ImageNet's of MobileNetV2.
    from_scratch : bool
        Begin MobileNetV2 with random weights.
    split : {"random", "artist"}
        Whether works, or artists with all of their works, are put aside for the test.
    test_share : float
        Share of works (artists) that are.
    min_works : int
        Classes with fewer works are left out.
    precision : float
        Share of right answers that is aimed at by abstaining.
    epochs, batch_size, learning_rate : int, int, float, or None
        Of the networks; None is the kind's own.
    seed : int
        Of the split, the order and the beginning.
    device : str
    restart : bool
        Begin anew, whatever the folder holds.
    cache : Path or None
        Where vectors are kept; by default below the classifier's folder.
    checkpoint_every_s : float
        Seconds between checkpoints of the networks.
    """

    by: str
    kind: Kind = "linear"
    encoder: str = DEFAULT_ENCODER
    weights: Path | None = None
    from_scratch: bool = False
    split: Split = "random"
    test_share: float = 0.2
    min_works: int = 10
    precision: float = 0.8
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    seed: int = 0
    device: str = "auto"
    restart: bool = False
    cache: Path | None = None
    checkpoint_every_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.kind not in get_args(Kind) or self.split not in get_args(Split):
            raise ValueError(f"no such kind or split: {self.kind!r}, {self.split!r}")
        if not 0 < self.test_share < 1 or not 0 < self.precision < 1:
            raise ValueError("test_share and precision must lie between 0 and 1")
        if self.min_works < 5:
            raise ValueError(f"min_works must be at least 5, not {self.min_works}")
        if min(self.epochs or 1, self.batch_size or 2) < 1 or not (self.learning_rate or 1) > 0:
            raise ValueError("epochs, batch_size and learning_rate must be above 0")
