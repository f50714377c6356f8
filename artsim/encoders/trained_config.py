"""The folder of an encoder that was trained here: ``encoder.json`` and its weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from artsim.catalog.encoder_info import EncoderInfo, EncoderKind, parse_info
from artsim.encoders.preprocess import Preprocessing
from artsim.encoders.weights import file_sha256
from artsim.errors import EncoderError
from artsim.files import replacing

CONFIG_FILE: Final = "encoder.json"
WEIGHTS_FILE: Final = "weights.safetensors"

_FORMAT: Final = 1
_LARGEST_CONFIG: Final = 1_000_000
"""Bytes; a real one has a few thousand."""


@dataclass(frozen=True, slots=True)
class TrainedConfig:
    """What it takes to use an encoder's weights, and what is known of them.

    Attributes
    ----------
    network : str
        Its name in `artsim.encoders.networks`.
    settings : mapping
        What that network is built from.
    preprocessing : Preprocessing
        How a picture becomes its input.
    dim : int
        Length of its vectors.
    base : EncoderInfo or None
        The frozen encoder whose vectors the network takes, where it takes no pixels.
    card : mapping
        Data, terms, recipe, date, scores: for people, and without influence on vectors.
    """

    network: str
    settings: Mapping[str, Any]
    preprocessing: Preprocessing
    dim: int
    kind: EncoderKind = "image"
    base: EncoderInfo | None = None
    licence: str = "not stated"
    source: str = "trained here"
    summary: str = ""
    card: Mapping[str, Any] = field(default_factory=dict)

    def identity(self, weights: Path) -> str:
        """Return 12 hex digits of a SHA-256 over the weights and all that changes vectors.

        Raises
        ------
        WeightsError
            If the weights cannot be read.
        """
        decisive: dict[str, Any] = {
            "network": self.network,
            "settings": dict(self.settings),
            "preprocessing": asdict(self.preprocessing),
            "weights": file_sha256(weights),
        }
        if self.base is not None:
            decisive["base"] = self.base.vector_name  # wherever its files lie
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:12]


def write_config(folder: Path, config: TrainedConfig) -> None:
    """Write ``encoder.json`` into a folder that exists."""
    content = {"format": _FORMAT, **asdict(config)}
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    with replacing(folder / CONFIG_FILE) as stream:
        stream.write(text.encode())


def read_config(folder: Path) -> TrainedConfig:
    """Read ``encoder.json``.

    Raises
    ------
    EncoderError
        If the folder holds no trained encoder, or one of a newer artsim.
    """
    path = folder / CONFIG_FILE
    if not path.is_file() or not (folder / WEIGHTS_FILE).is_file():
        raise EncoderError(
            f"{folder} holds no trained encoder ({CONFIG_FILE} and {WEIGHTS_FILE}); name a "
            "folder in which an encoder was trained",
            hint="artsim train",
            path=folder,
        )
    try:
        if path.stat().st_size > _LARGEST_CONFIG:
            raise ValueError(f"it has more than {_LARGEST_CONFIG:,} bytes")
        raw = json.loads(path.read_text(encoding="utf-8"))
        version = raw.pop("format")
        if version != _FORMAT:
            raise ValueError(f"its format is {version}, this artsim knows {_FORMAT}; update artsim")
        shape = {**raw.pop("preprocessing")}
        for name in ("mean", "std"):
            shape[name] = tuple(shape[name])
        base = raw.pop("base", None)
        return TrainedConfig(
            **raw,
            preprocessing=Preprocessing(**shape),
            base=None if base is None else parse_info(base),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as exc:
        raise EncoderError(f"{path} cannot be understood: {exc}") from exc
