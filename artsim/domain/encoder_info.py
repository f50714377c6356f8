"""What is known of an encoder apart from its computation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EncoderKind = Literal["image", "face"]
"""`image` encodes whole pictures (and aligned faces), `face` only aligned faces."""


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """Identity of a usable encoder: what `store` records beside its vectors.

    Attributes
    ----------
    name : str
        Short name, as given on the command line: ``builtin``, ``resnet50``.
    spec : str
        Full spec that makes the same encoder again: ``timm:resnet50.a1_in1k+gem``,
        ``onnx:/models/net.onnx``.
    vector_name : str
        Name of its vectors in a collection. It holds the model, the weights' identity
        and the preprocessing's version, so that new weights have a new name. Letters,
        digits, ``.``, ``_`` and ``-`` only.
    dim : int
        Length of its vectors.
    takes_text : bool
        Whether texts can be encoded into the same space.
    """

    name: str
    spec: str
    vector_name: str
    dim: int
    kind: EncoderKind = "image"
    takes_text: bool = False
