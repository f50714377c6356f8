"""Recipes: what the result of a training depends on beside the pictures.

A field says its limits and what it is for once; `artsim train` makes its options of them. No model
library is imported here, so that the command line may know recipes from the start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

PANEL: Final = "Recipe"
EPOCHS: Final = {"mobilenetv2": 20, "recurrent": 40}
LEARNING_RATES: Final = {"mobilenetv2": 5e-4, "recurrent": 1e-3}
BATCH_SIZES: Final = {"mobilenetv2": 32, "recurrent": 64}


def option(
    default: Any,
    help: str,
    *flags: str,
    least: float | None = None,
    most: float | None = None,
    panel: str | None = None,
    **shown: Any,
) -> Any:
    """Return a field of a recipe that is an option of the command line, with its limits.

    Its `flags` are its names there, where they are not the field's own; `shown` is for
    `typer.Option`.
    """
    about = {"help": help, "min": least, "max": most, "rich_help_panel": panel, **shown}
    return field(default=default, metadata={"flags": flags, "about": about})


_of_recipe = partial(option, panel=PANEL)
_of_network = partial(option, panel="Networks (mobilenetv2, recurrent)")
_of_test = partial(option, panel="Test and abstention")
_of_file = partial(option, None, exists=True, dir_okay=False)
_share = partial(option, least=0, most=0.9)
_seed = partial(option, 0, "Of the split, the first weights and all draws.", least=0)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all recipes have in common."""

    def __post_init__(self) -> None:
        """Refuse values outside their limits."""
        hints = get_type_hints(type(self))
        for each in fields(self):
            about = each.metadata.get("about", {})
            value, least, most = getattr(self, each.name), about.get("min"), about.get("max")
            if value is None:
                continue
            if get_origin(hints[each.name]) is Literal and value not in get_args(hints[each.name]):
                known = ", ".join(get_args(hints[each.name]))
                raise ValueError(f"{each.name} must be one of {known}, not {value!r}")
            if least is not None and not value >= least:
                raise ValueError(f"{each.name} must be at least {least}, not {value}")
            if most is not None and not value <= most:
                raise ValueError(f"{each.name} must be at most {most}, not {value}")

    def described(self) -> dict[str, Any]:
        """Return the settings as JSON values, as they come back from a file."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        return plain


@dataclass(frozen=True, slots=True)
class NetworkSize:
    """Of `artsim.encoders.networks.PaintingNetwork`."""

    widths: tuple[int, ...] = (48, 96, 192, 320)
    depths: tuple[int, ...] = (2, 2, 2, 2)
    stem: int = 32
    covariances: int = 32
    dim: int = 384


@dataclass(frozen=True, slots=True)
class LossWeights:
    """What counts how much beside the distance from the teachers, which counts 1."""

    cells: float = 1.0  # what the teachers see in each part of a view can be told
    group: float = 0.1  # works of one group (artist) are alike, others are not
    label: float = 0.05  # the label (style) can be told
    picture: float = 0.1  # two views of one picture are alike, others are not


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Shares of the views that are changed in each way, each drawn by itself."""

    mirrored: float = 0.5
    gray: float = 0.1
    recolored: float = 0.4
    warped: float = 0.4
    framed: float = 0.1
    noisy: float = 0.15


@dataclass(frozen=True, slots=True)
class PaintingOptions(Recipe):
    """Of an encoder of pictures.

    Two views of each work are looked at: a batch has ``2 * groups * works`` pictures, in `whole`
    of which the first is the whole picture. Of `sides` each is a share of the steps, and the side
    of the views from there on, in pixels; `input_side` is larger, since parts of pictures show
    things larger than whole ones do (Touvron, Vedaldi, Douze & Jégou 2019).
    """

    teachers: tuple[str, ...] = ("resnet50",)
    teacher_weights: tuple[float, ...] = (1.0,)
    group: str = option("artist", "Field by which works belong together.", "--by", metavar="FIELD")
    label: str = option("style", "Field that is learned to tell.", metavar="FIELD")
    parts: int = _of_recipe(12, "Views of each picture beside the whole.", least=1)
    steps: int = _of_recipe(4800, "Batches.", least=1)
    groups: int = _of_recipe(12, "Groups in a batch.", least=2)
    works: int = _of_recipe(4, "Works of each group.", least=2)
    learning_rate: float = _of_recipe(6e-3, "Highest learning rate.", least=1e-8)
    test: float = _share(0.25, "Of the groups, held back to judge by.", "--test-share")
    validation: float = _share(
        0.1, "Of the groups, held back to choose settings by.", "--validation-share"
    )
    seed: int = _seed()
    weight_decay: float = 0.05
    averaging: float = 0.995
    sides: tuple[tuple[float, int], ...] = ((0.0, 96), (0.3, 128), (0.75, 160))
    whole: float = 0.4
    input_side: int = 208
    network: NetworkSize = field(default_factory=NetworkSize)
    losses: LossWeights = field(default_factory=LossWeights)
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        Recipe.__post_init__(self)
        if not self.teachers or len(self.teachers) != len(self.teacher_weights):
            raise ValueError("teachers and their weights must be as many, at least one")

    def side_at(self, step: int) -> int:
        """Return the side of the views at a step, in pixels."""
        share = step / self.steps
        return [side for start, side in self.sides if start <= share][-1]


@dataclass(frozen=True, slots=True)
class ClassifierOptions(Recipe):
    """Of a classifier: a linear head on a frozen encoder, or a network with its head.

    The result does not depend on the `cache` of vectors, which trainings may share, nor on
    `device`, `restart` and `checkpoint_every_s`, which are as for `LoopOptions`.
    """

    by: str = option(MISSING, "What is learned: style, artist, genre, extra.NAME.", metavar="FIELD")
    kind: Literal["linear", "mobilenetv2", "recurrent"] = option(
        "linear",
        "A linear head on a frozen encoder; MobileNetV2 fine-tuned; or a recurrent network "
        "over the picture's parts.",
    )
    encoder: str = option("builtin", "The frozen encoder (linear, recurrent).", "--encoder", "-e")
    weights: Path | None = _of_file(  # noqa: RUF009
        "File of weights of the encoder, or of ImageNet for mobilenetv2."
    )
    from_scratch: bool = _of_network(
        False, "Begin mobilenetv2 with random weights instead of ImageNet's.", "--from-scratch"
    )
    epochs: int | None = _of_network(
        None, "Passes over the works.", least=1, show_default="20 (mobilenetv2), 40 (recurrent)"
    )
    batch_size: int | None = _of_network(
        None, "Works a step.", least=2, show_default="32 (mobilenetv2), 64 (recurrent)"
    )
    learning_rate: float | None = _of_network(
        None,
        "Of Adam at the beginning; it falls to a tenth twice.",
        least=1e-9,
        show_default="5e-4 (mobilenetv2), 1e-3 (recurrent)",
    )
    split: Literal["random", "artist"] = _of_test(
        "random", "Test on works at random, as published figures are, or on artists never seen."
    )
    test_share: float = _of_test(0.2, "Share put aside for the test.", least=0.01, most=0.9)
    min_works: int = _of_test(10, "Leave out classes with fewer works.", least=5)
    precision: float = _of_test(
        0.8,
        "Abstain below the probability from which on so many answers are right.",
        least=0.01,
        most=0.99,
    )
    seed: int = _seed()
    device: str = "auto"
    restart: bool = False
    cache: Path | None = None
    checkpoint_every_s: float = 30.0


@dataclass(frozen=True, slots=True)
class FacesRecipe(Recipe):
    """Of a face encoder; in an epoch as many faces are drawn as there are to train on."""

    network: str = _of_recipe("painting", "painting, inception-resnet-v1, or a model of timm.")
    network_settings: Mapping[str, Any] | None = None  # laid over the network's usual ones
    weights: Path | None = _of_file(  # noqa: RUF009
        "File of the network's weights to begin with.", show_default="random weights", panel=PANEL
    )
    side: int | None = _of_recipe(
        None,
        "Pixels a side that the network sees of a face.",
        least=8,
        show_default="160 for inception-resnet-v1, else 112",
    )
    loss: Literal["contrastive", "margin"] = _of_recipe(
        "margin", "contrastive (Hadsell et al. 2006) or margin (ArcFace)."
    )
    margin: float | None = _of_recipe(
        None,
        "Of the loss: a distance for contrastive, radians for margin.",
        least=0,
        most=2,
        show_default="1 for contrastive, 0.3 for margin",
    )
    decoder: bool | None = _of_recipe(
        None,
        "Whether the face is rebuilt from its embedding as well.",
        "--decoder/--no-decoder",
        show_default="with the contrastive loss",
    )
    decoder_weight: float = _of_recipe(1.0, "Of the decoder's loss.", least=1e-6)
    epochs: int = _of_recipe(30, "Passes over the faces.", least=1)
    people: int = _of_recipe(16, "In a batch.", least=2)
    faces: int = _of_recipe(4, "Of each person in a batch.", least=2)
    learning_rate: float | None = _of_recipe(
        None, "Highest learning rate.", least=1e-8, show_default="1e-3, and 1e-4 with --weights"
    )
    test: float = _share(0.2, "Of the people, held back to judge by.", "--test-share")
    validation: float = _share(
        0.1, "Of the people, to choose the best epoch by.", "--validation-share"
    )
    seed: int = _seed()

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
        """Return the settings as JSON values, with those that follow from others."""
        return {
            **Recipe.described(self),
            "network_settings": dict(self.network_settings or {}),
            "weights": None if self.weights is None else self.weights.name,
            "decoder": self.has_decoder,
            "learning_rate": self.highest_rate,
        }
