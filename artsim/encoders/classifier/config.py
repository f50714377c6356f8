"""``classifier.json``: what a classifier answers, with which encoder, and how good it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from dataclasses import field as data_field
from pathlib import Path
from typing import Any, Final

from artsim.catalog.encoder_info import EncoderInfo, parse_info
from artsim.errors import EncoderError
from artsim.files import replacing

CONFIG_FILE: Final = "classifier.json"

_FORMAT: Final = 1
_LARGEST_CONFIG: Final = 32_000_000
"""Bytes; one of 100,000 classes has some five million."""


@dataclass(frozen=True, slots=True)
class ClassifierConfig:
    """All of a classifier but its numbers.

    Attributes
    ----------
    field : str
        What is answered: ``style``, ``artist``, ``extra.NAME``.
    kind : str
        How it was trained: ``linear``, ``mobilenetv2``, ``recurrent``.
    classes : tuple of str
        The C values, as people read them, in the order of the head's rows.
    encoder : EncoderInfo
        Whose vectors the head takes.
    own_encoder : bool
        Whether that encoder lies in the classifier's own folder.
    temperature : float
    threshold : float or None
        Least probability at which it answers; None: it never does.
    precision : float
        Share of right answers that the threshold was chosen for.
    scores, card : mapping
        How good it was on the test side; data, recipe, date. For people.
    """

    field: str
    kind: str
    classes: tuple[str, ...]
    encoder: EncoderInfo
    own_encoder: bool
    temperature: float
    threshold: float | None
    precision: float
    scores: Mapping[str, Any] = data_field(default_factory=dict)
    card: Mapping[str, Any] = data_field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no classifier can be."""
        if len(self.classes) < 2 or len(set(self.classes)) != len(self.classes):
            raise ValueError("two classes or more are needed, each once")
        if not all(isinstance(name, str) and name for name in (*self.classes, self.field)):
            raise ValueError("classes and field must be texts")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ValueError(f"the threshold must be in 0..1, not {self.threshold}")
        if not isinstance(self.own_encoder, bool):
            raise ValueError("own_encoder must be true or false")


def write_classifier_config(folder: Path, config: ClassifierConfig) -> None:
    """Write ``classifier.json`` into a folder that exists; it appears whole or not at all."""
    content = {"format": _FORMAT, **asdict(config)}
    with replacing(folder / CONFIG_FILE) as stream:
        stream.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def read_classifier_config(folder: Path) -> ClassifierConfig:
    """Read ``classifier.json``.

    Raises
    ------
    EncoderError
        If the folder holds no classifier, or one of a newer artsim.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise EncoderError(
            f"{folder} holds no classifier ({CONFIG_FILE}); name a folder in "
            "which a classifier was trained",
            hint="artsim train classifier",
            path=folder,
        )
    try:
        if path.stat().st_size > _LARGEST_CONFIG:
            raise ValueError(f"it has more than {_LARGEST_CONFIG:,} bytes")
        raw = json.loads(path.read_text(encoding="utf-8"))
        version = raw.pop("format")
        if version != _FORMAT:
            raise ValueError(f"its format is {version}, this artsim knows {_FORMAT}; update artsim")
        encoder = parse_info(raw.pop("encoder"))
        return ClassifierConfig(**{**raw, "classes": tuple(raw["classes"])}, encoder=encoder)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise EncoderError(f"{path} cannot be understood: {exc}; train again") from exc
