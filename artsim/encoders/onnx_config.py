"""The JSON beside an ONNX file: what goes in, and which output is the embedding."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from artsim.catalog.encoder_info import EncoderKind
from artsim.config import Settings
from artsim.encoders.preprocess import Fit, Interpolation, Preprocessing, Triple
from artsim.encoders.weights import file_sha256
from artsim.errors import EncoderError, WeightsError

Layout = Literal["NCHW", "NHWC"]
Channels = Literal["RGB", "BGR"]

TEMPLATE: Final[dict[str, Any]] = {
    "input": {
        "name": "x",
        "size": [224, 224],
        "layout": "NCHW",
        "channels": "RGB",
        "range": [0, 1],
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "fit": "squash",
        "interpolation": "bicubic",
    },
    "output": "embedding",
    "licence": "not stated",
}
"""A configuration to fill in, for a graph of which nothing is known."""

_OPTIONAL_TEXTS: Final = ("output", "licence", "source", "summary")
_KEYS: Final = frozenset({"model", "input", "sha256", "kind", "dim", *_OPTIONAL_TEXTS})


@dataclass(frozen=True, slots=True)
class OnnxInput:
    """What the network expects of its input.

    Attributes
    ----------
    size : (int, int)
        Height and width in pixels.
    range : (float, float)
        What the pixel values 0 and 255 become, before `mean` is subtracted and `std`
        divides, both by channel in the order of `channels`.
    name : str or None
        Of the graph's input; None where it has only one.
    """

    size: tuple[int, int]
    range: tuple[float, float] = (0.0, 1.0)
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    channels: Channels = "RGB"
    layout: Layout = "NCHW"
    fit: Fit = "squash"
    interpolation: Interpolation = "bicubic"
    name: str | None = None

    @property
    def preprocessing(self) -> Preprocessing:
        """How a picture becomes the input's size."""
        return Preprocessing(*self.size, fit=self.fit, interpolation=self.interpolation)

    def to_input(self, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Scale and normalize pictures of shape (N, height, width, 3) as the network expects."""
        low, high = self.range
        if self.channels == "BGR":
            pictures = pictures[..., ::-1]
        std = np.asarray(self.std)
        scale = ((high - low) / 255 / std).astype(np.float32)
        shift = ((low - np.asarray(self.mean)) / std).astype(np.float32)
        values = pictures * scale + shift
        if self.layout == "NCHW":
            values = values.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(values)


@dataclass(frozen=True, slots=True)
class OnnxConfig:
    """What it takes to use an ONNX file, and what is known of it.

    Attributes
    ----------
    output : str or None
        Name of the output that is the embedding; None where the graph has only one.
    sha256 : str or None
        Of the ONNX file, where it must be that very one.
    model : str or None
        Name of the ONNX file; None: that of the JSON.
    """

    input: OnnxInput
    output: str | None = None
    kind: EncoderKind = "image"
    dim: int | None = None
    licence: str = "not stated"
    source: str = "not stated"
    summary: str = ""
    sha256: str | None = None
    model: str | None = None

    def identity(self, file_hash: str) -> str:
        """Return 12 hex digits of a SHA-256 over the file and all that changes its vectors."""
        settled = json.dumps([file_hash, asdict(self.input), self.output], sort_keys=True)
        return hashlib.sha256(settled.encode()).hexdigest()[:12]


def read_onnx_config(path: Path) -> OnnxConfig:
    """Read a configuration.

    Raises
    ------
    EncoderError
        If it cannot be understood; it says what is wrong.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise EncoderError(f"cannot read {path}: {exc.strerror or exc}") from exc
    except ValueError as exc:
        raise EncoderError(f"{path} is not JSON: {exc}") from exc
    if not isinstance(raw, dict):
        raise EncoderError(f"{path} holds no JSON object; expected one like {json.dumps(TEMPLATE)}")
    try:
        return _parse(raw)
    except (TypeError, ValueError, KeyError) as exc:
        what = f"{exc.args[0]!r} is missing" if isinstance(exc, KeyError) else str(exc)
        raise EncoderError(
            f"{path}: {what}; a whole one looks like {json.dumps(TEMPLATE)}"
        ) from exc


def find_model(path: Path, config: OnnxConfig, settings: Settings) -> tuple[Path, str]:
    """Return the ONNX file that the JSON at `path` is of, and its SHA-256.

    Its name is relative to the JSON or to ``ARTSIM_WEIGHTS``.

    Raises
    ------
    WeightsError
        If the file is missing, or is not the one whose ``sha256`` is stated.
    """
    name = config.model or f"{path.stem}.onnx"
    places = [path.parent / name]
    if settings.weights is not None:
        places.append(settings.weights / name)
    model = next((place for place in places if place.is_file()), None)
    if model is None:
        raise no_model(*places)
    found = file_sha256(model)
    if config.sha256 is not None and found != config.sha256.lower():
        raise WeightsError(
            f"{model} is not the file that {path} describes: its SHA-256 is {found}, "
            f"not {config.sha256}; fetch it again, or correct the JSON"
        )
    return model, found


def no_model(*places: Path) -> WeightsError:
    """Return the error for an ONNX file that is in none of the places."""
    looked = " and ".join(str(place) for place in places)
    return WeightsError(
        f"no ONNX file at {looked}; put it there, or set ARTSIM_WEIGHTS to the folder it is in"
    )


def _parse(raw: dict[str, Any]) -> OnnxConfig:
    _refuse_unknown(raw, _KEYS, "it")
    entry = raw["input"]
    if not isinstance(entry, dict):
        raise TypeError("'input' must be an object")
    _refuse_unknown(entry, OnnxInput.__dataclass_fields__.keys(), "'input'")
    taken = OnnxInput(
        size=_size(entry["size"]),
        range=_floats(entry, "range", (0.0, 1.0)),
        mean=_floats(entry, "mean", (0.0, 0.0, 0.0)),
        std=_floats(entry, "std", (1.0, 1.0, 1.0)),
        channels=_one_of(entry, "channels", Channels, "RGB"),
        layout=_one_of(entry, "layout", Layout, "NCHW"),
        fit=_one_of(entry, "fit", Fit, "squash"),
        interpolation=_one_of(entry, "interpolation", Interpolation, "bicubic"),
        name=_text(entry, "name") if entry.get("name") is not None else None,
    )
    if 0.0 in taken.std:
        raise ValueError("'std' must not be 0")
    dim = raw.get("dim")
    if dim is not None and (not isinstance(dim, int) or dim < 1):
        raise ValueError(f"'dim' must be a positive whole number, got {dim!r}")
    return OnnxConfig(
        input=taken,
        kind=_one_of(raw, "kind", EncoderKind, "image"),
        dim=dim,
        **{key: _text(raw, key) for key in _OPTIONAL_TEXTS if raw.get(key) is not None},
        **{key: str(raw[key]) for key in ("sha256", "model") if raw.get(key) is not None},
    )


def _refuse_unknown(raw: dict[str, Any], known: Any, where: str) -> None:
    unknown = sorted(set(raw) - set(known))
    if unknown:
        raise ValueError(f"{where} has unknown keys {unknown}; known: {sorted(known)}")


def _text(raw: dict[str, Any], key: str) -> str:
    if not isinstance(raw[key], str) or not raw[key]:
        raise TypeError(f"{key!r} must be a text, got {raw[key]!r}")
    return str(raw[key])


def _size(value: object) -> tuple[int, int]:
    if isinstance(value, list) and len(value) == 2 and all(type(v) is int for v in value):
        height, width = value
        if 0 < height <= 4096 and 0 < width <= 4096:
            return height, width
    raise ValueError(f"'size' must be [height, width] in 1..4096, got {value!r}")


def _floats(raw: dict[str, Any], key: str, default: Any) -> Any:
    value = raw.get(key, list(default))
    is_number = isinstance(value, list) and all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in value
    )
    if not is_number or len(value) != len(default):
        raise ValueError(f"{key!r} must be {len(default)} numbers, got {value!r}")
    return tuple(float(v) for v in value)


def _one_of(raw: dict[str, Any], key: str, choices: Any, default: str) -> Any:
    value = raw.get(key, default)
    if value not in get_args(choices):
        raise ValueError(f"{key!r} must be one of {', '.join(get_args(choices))}; got {value!r}")
    return value
