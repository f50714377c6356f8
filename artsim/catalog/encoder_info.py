"""What is known of an encoder apart from its computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final, Literal

PIXELS: Final = "pixels"
"""Name of the vector of small gray pictures, which is no encoder's."""

POINTS: Final = "points"
"""Name of the vector of local points, which is no encoder's either, and has many rows."""

POINT_DIM: Final = 132
"""Numbers of one of them, as `artsim.images.local_points` has them."""

DEFAULT_ENCODER: Final = "builtin"
"""Encoder of whole pictures where nobody names one; of faces it sees those painted alike."""

EncoderKind = Literal["image", "face"]
"""`image` encodes whole pictures (and aligned faces), `face` only aligned faces."""


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """Identity of a usable encoder: what `store` records beside its vectors.

    The name of its vectors holds the model, the weights' identity and the preprocessing's version,
    of letters, digits, ``.``, ``_`` and ``-`` only.
    """

    name: str  # as given on the command line: ``builtin``, ``resnet50``
    spec: str  # what makes it again: ``timm:resnet50.a1_in1k+gem``, ``onnx:/models/net.onnx``
    vector_name: str
    dim: int
    kind: EncoderKind = "image"
    takes_text: bool = False  # whether texts can be encoded into the same space

    @property
    def short_name(self) -> str:
        """Its name; of one from a file that one's: ``net`` of ``onnx:/models/net.onnx``."""
        place = PurePath(self.spec.partition(":")[2])
        if not place.is_absolute():
            return self.name
        return place.stem if place.suffix[1:].isalpha() else place.name


def short_names(encoders: Sequence[EncoderInfo]) -> list[str]:
    """Return a name for each encoder: short, or that of its vectors where two share it."""
    short = [info.short_name for info in encoders]
    return [
        name if short.count(name) == 1 else info.vector_name
        for name, info in zip(short, encoders, strict=True)
    ]


def parse_info(value: Mapping[str, Any]) -> EncoderInfo:
    """Return what was written of an encoder by `dataclasses.asdict`, else raise `ValueError`."""
    try:
        info = EncoderInfo(**value)
    except TypeError as exc:
        raise ValueError(f"no encoder's name and vectors: {exc}") from exc
    texts = (info.name, info.spec, info.vector_name)
    if not all(isinstance(text, str) and text for text in texts):
        raise ValueError("the encoder's name, spec and vector_name must be texts")
    if type(info.dim) is not int or info.dim < 1:
        raise ValueError(f"the encoder's dim must be a whole number above 0, not {info.dim!r}")
    return info
