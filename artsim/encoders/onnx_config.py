"""The JSON beside an ONNX file: what goes in, and which output is the embedding."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from artsim.catalog.encoder_info import EncoderKind
from artsim.config import Settings
from artsim.encoders.onnx_graph import describe_graph
from artsim.encoders.preprocess import Fit, Interpolation, Preprocessing, Triple
from artsim.encoders.weights import file_sha256
from artsim.errors import EncoderError, WeightsError

Layout = Literal["NCHW", "NHWC"]
Channels = Literal["RGB", "BGR"]


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
        return Preprocessing(
            *self.size, fit=self.fit, interpolation=self.interpolation, mean=self.mean, std=self.std
        )


@dataclass(frozen=True, slots=True)
class OnnxConfig:
    """An ONNX file with what it takes to use it.

    Attributes
    ----------
    model : Path
        The ONNX file.
    output : str or None
        Name of the output that is the embedding; None where the graph has only one.
    identity : str
        12 hex digits of a SHA-256 over the file and all that changes its vectors.
    """

    model: Path
    input: OnnxInput
    output: str | None
    identity: str
    kind: EncoderKind = "image"
    dim: int | None = None
    licence: str = "not stated"
    source: str = "not stated"
    summary: str = ""


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


def load_onnx_config(path: Path, settings: Settings) -> OnnxConfig:
    """Read the configuration of an ONNX encoder.

    Parameters
    ----------
    path : Path
        The ONNX file, with a JSON of the same stem beside it; or such a JSON, whose
        ``model`` names the ONNX file relative to the JSON or to ``ARTSIM_WEIGHTS``
        (without it: the same stem).

    Raises
    ------
    WeightsError
        If the ONNX file is missing, or is not the one whose ``sha256`` is stated.
    EncoderError
        If the JSON is missing or cannot be understood; it says what is wrong.
    """
    is_json = path.suffix == ".json"
    config_path = path if is_json else path.with_suffix(".json")
    if not is_json:
        _find_model([path])
    if not config_path.is_file():
        raise EncoderError(_no_config(config_path, path))
    raw = _read_json(config_path)
    model = _find_model(_places(config_path, raw, settings)) if is_json else path
    file_hash = file_sha256(model)
    _check_sha256(model, file_hash, raw.get("sha256"), config_path)
    try:
        return _parse(raw, model, file_hash)
    except (TypeError, ValueError, KeyError) as exc:
        what = f"{exc.args[0]!r} is missing" if isinstance(exc, KeyError) else str(exc)
        raise EncoderError(
            f"{config_path}: {what}; a whole one looks like {json.dumps(TEMPLATE)}"
        ) from exc


def _no_config(config_path: Path, model: Path) -> str:
    if config_path == model:
        return f"no configuration of an ONNX encoder at {config_path}"
    return (
        f"{model} has no {config_path.name} beside it, which says what the network takes; "
        f"write one like {json.dumps(_template_for(model))}"
    )


def _template_for(model: Path) -> dict[str, Any]:
    """Return the template with names and sizes from the graph, where it can be read."""
    try:
        return describe_graph(model, TEMPLATE)
    except EncoderError:  # no runtime or no ONNX file; loading will say so in its turn
        return TEMPLATE


def _read_json(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise EncoderError(f"cannot read {path}: {exc.strerror or exc}") from exc
    except ValueError as exc:
        raise EncoderError(f"{path} is not JSON: {exc}") from exc
    if not isinstance(raw, dict):
        raise EncoderError(f"{path} holds no JSON object; expected one like {json.dumps(TEMPLATE)}")
    return raw


def _places(config_path: Path, raw: dict[str, Any], settings: Settings) -> list[Path]:
    name = str(raw.get("model", f"{config_path.stem}.onnx"))
    places = [config_path.parent / name]
    return places if settings.weights is None else [*places, settings.weights / name]


def _find_model(places: list[Path]) -> Path:
    for place in places:
        if place.is_file():
            return place
    looked = " and ".join(str(place) for place in places)
    raise WeightsError(
        f"no ONNX file at {looked}; put it there, or set ARTSIM_WEIGHTS to the folder it is in"
    )


def _check_sha256(model: Path, found: str, expected: object, config_path: Path) -> None:
    if expected is not None and found != str(expected).lower():
        raise WeightsError(
            f"{model} is not the file that {config_path} describes: its SHA-256 is {found}, "
            f"not {expected}; fetch it again, or correct the JSON"
        )


def _parse(raw: dict[str, Any], model: Path, file_hash: str) -> OnnxConfig:
    _refuse_unknown(raw, _KEYS, "it")
    entry = raw["input"]
    if not isinstance(entry, dict):
        raise TypeError("'input' must be an object")
    _refuse_unknown(entry, OnnxInput.__dataclass_fields__.keys(), "'input'")
    texts = {key: _text(raw, key) for key in _OPTIONAL_TEXTS if raw.get(key) is not None}
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
    output = texts.pop("output", None)
    return OnnxConfig(
        model=model,
        input=taken,
        output=output,
        identity=_identity(file_hash, taken, output),
        kind=_one_of(raw, "kind", EncoderKind, "image"),
        dim=dim,
        **texts,
    )


def _identity(file_hash: str, taken: OnnxInput, output: str | None) -> str:
    settled = json.dumps([file_hash, asdict(taken), output], sort_keys=True)
    return hashlib.sha256(settled.encode()).hexdigest()[:12]


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
