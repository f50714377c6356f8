"""Settings of a training on faces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from artsim.training.faces.losses import LossName
from artsim.training.faces.networks import PAINTING


@dataclass(frozen=True, slots=True)
class FacesRecipe:
    """All that a training's result depends on, apart from the faces.

    Attributes
    ----------
    network : str
        As for `artsim.training.faces.networks.plan_network`.
    network_settings : mapping or None
        Of the network, over its usual ones.
    side : int or None
        Pixels a side of the network's input; None is the network's own.
    weights : Path or None
        File of weights to begin with.
    loss : {"contrastive", "margin"}
    margin : float or None
        Of the loss; None is its own.
    decoder : bool or None
        Whether the face is rebuilt from the embedding as well; None: with the
        contrastive loss.
    decoder_weight : float
        Of the reconstruction's mean squared error beside the loss.
    epochs : int
        How often as many faces are drawn as there are to train on.
    people, faces : int
        People of a batch, and faces of each.
    learning_rate : float or None
        The highest; None is 1e-3, and 1e-4 from given weights.
    test, validation : float
        Shares of the people.
    seed : int
        Of the split, the first weights and everything drawn.
    """

    network: str = PAINTING
    network_settings: Mapping[str, Any] | None = None
    side: int | None = None
    weights: Path | None = None
    loss: LossName = "margin"
    margin: float | None = None
    decoder: bool | None = None
    decoder_weight: float = 1.0
    epochs: int = 30
    people: int = 16
    faces: int = 4
    learning_rate: float | None = None
    test: float = 0.2
    validation: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for name, number, least in (
            ("epochs", self.epochs, 1),
            ("people", self.people, 2),
            ("faces", self.faces, 2),
            ("side", self.side or 8, 8),
        ):
            if number < least:
                raise ValueError(f"{name} must be at least {least}, not {number}")
        for name, value in (
            ("learning_rate", self.learning_rate),
            ("decoder_weight", self.decoder_weight),
        ):
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0, not {value}")

    @property
    def has_decoder(self) -> bool:
        """Whether the face is rebuilt as well."""
        return self.loss == "contrastive" if self.decoder is None else self.decoder

    @property
    def highest_rate(self) -> float:
        """The highest learning rate."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 1e-3 if self.weights is None else 1e-4

    def described(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return {
            **asdict(self),
            "network_settings": dict(self.network_settings or {}),
            "weights": None if self.weights is None else self.weights.name,
            "decoder": self.has_decoder,
            "learning_rate": self.highest_rate,
        }
