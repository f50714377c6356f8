"""Encoders from ONNX files, ``onnx:FILE``, by what a JSON beside each says of input and output."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import EncoderKind
from artsim.config import Settings
from artsim.encoders.base import (
    Encoder,
    Fit,
    Interpolation,
    MapReader,
    Prepared,
    Preprocessing,
    Triple,
)
from artsim.encoders.cards import Card, Family, Request, vector_name
from artsim.encoders.devices import choose, usable_cores
from artsim.encoders.weights import file_sha256, first_line, read_json
from artsim.errors import EncoderError, WeightsError

FloatArray = npt.NDArray[np.float32]

_PROVIDERS: Final = {
    "cuda": "CUDAExecutionProvider",
    "mps": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
# Operations after the mean that leave its numbers as they are.
_UNCHANGED: Final = frozenset({"Flatten", "Reshape", "Squeeze", "Identity", "Dropout", "Cast"})


@dataclass(frozen=True, slots=True)
class OnnxInput:
    """What the network expects of its input.

    Pixel values 0 and 255 become the two of `range`, before `mean` is subtracted and `std` divides,
    by channel in the order of `channels`.
    """

    size: tuple[int, int]  # height and width in pixels
    range: tuple[float, float] = (0.0, 1.0)
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    channels: Literal["RGB", "BGR"] = "RGB"
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    fit: Fit = "squash"
    interpolation: Interpolation = "bicubic"
    name: str | None = None  # of the graph's input; None where it has only one

    def __post_init__(self) -> None:
        """Refuse numbers that no network takes."""
        if not all(0 < side <= 4096 for side in self.size):
            raise ValueError(f"'size' must be [height, width] in 1..4096, got {self.size}")
        if not np.isfinite([*self.range, *self.mean, *self.std]).all() or 0.0 in self.std:
            raise ValueError("'range', 'mean' and 'std' must be finite, and 'std' not 0")


@dataclass(frozen=True, slots=True)
class OnnxConfig:
    """What it takes to use an ONNX file, and what is known of it."""

    input: OnnxInput
    output: str | None = None  # that is the embedding; None where the graph has only one
    kind: EncoderKind = "image"
    dim: int | None = None
    licence: str | None = None
    source: str | None = None
    summary: str | None = None
    sha256: str | None = None  # of the ONNX file, where it must be that very one
    model: str | None = None  # name of the ONNX file; None: that of the JSON


class OnnxEncoder(Encoder):
    """A network from picture to vector in an ONNX file, as its JSON describes it."""

    def __init__(self, card: Card, config: OnnxConfig, model: Path, device: str) -> None:
        self._model, self._device, self._input = model, device, config.input
        self._preprocessing = Preprocessing(
            *config.input.size, fit=config.input.fit, interpolation=config.input.interpolation
        )
        self._session = open_session(str(model), model, device)
        inputs = [one.name for one in self._session.get_inputs()]
        outputs = [one.name for one in self._session.get_outputs()]
        self._input_name = _pick(config.input.name, inputs, "input", model)
        self._output_name = _pick(config.output, outputs, "output", model)
        shape = self.compute(np.zeros((1, *config.input.size, 3), dtype=np.uint8)).shape
        if len(shape) != 2:
            raise EncoderError(
                f"output {self._output_name!r} of {model} has shape {shape} for one "
                "picture; (1, D) is expected: name another output in its JSON"
            )
        if config.dim is not None and config.dim != shape[1]:
            raise EncoderError(
                f"output {self._output_name!r} of {model} has {shape[1]} numbers, "
                f"its JSON says dim {config.dim}; correct the JSON"
            )
        super().__init__(card.info(shape[1]))

    def prepare(self, image: RGBImage) -> Prepared:
        """Return the picture at the input's size: uint8, shape (height, width, 3)."""
        return self._preprocessing.fit_image(image)

    def compute(self, batch: Prepared) -> FloatArray:
        """Return rows (N, D) of any length for prepared pictures (N, height, width, 3)."""
        return self.forward(self.to_input(batch))

    def to_input(self, pictures: npt.NDArray[np.uint8]) -> FloatArray:
        """Scale and normalize pictures of shape (N, height, width, 3) for `forward`."""
        low, high = self._input.range
        if self._input.channels == "BGR":
            pictures = pictures[..., ::-1]
        std = np.asarray(self._input.std)
        scale = ((high - low) / 255 / std).astype(np.float32)
        shift = ((low - np.asarray(self._input.mean)) / std).astype(np.float32)
        values = pictures * scale + shift
        if self._input.layout == "NCHW":
            values = values.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(values)

    def forward(self, inputs: FloatArray) -> FloatArray:
        """Run the network on N ready inputs, and return its rows of any length."""
        return self._run(self._session, inputs, [self._output_name])[0]

    def open_maps(self) -> MapReader | None:
        """Return a reader, or None if vectors are no means of maps; EncoderError without `onnx`."""
        model = _read_model(self._model)
        name = _find_map(model.graph, self._output_name)
        if name is None:
            return None
        if name not in [value.name for value in model.graph.output]:
            model.graph.output.add(name=name)
        session = open_session(model.SerializeToString(), self._model, self._device)

        def read(batch: Sequence[Prepared]) -> tuple[FloatArray, FloatArray]:
            inputs = self.to_input(np.stack(batch))
            vectors, maps = self._run(session, inputs, [self._output_name, name])
            return vectors, maps

        return read

    def _run(self, session: Any, inputs: FloatArray, outputs: Sequence[str]) -> list[FloatArray]:
        """Return the outputs for N inputs, in batches of the size that the graph wants."""
        fixed = session.get_inputs()[0].shape[:1]
        size = fixed[0] if fixed and isinstance(fixed[0], int) else len(inputs)
        parts = []
        for start in range(0, len(inputs), size):
            part = inputs[start : start + size]
            padded = np.pad(part, [(0, size - len(part)), *[(0, 0)] * (inputs.ndim - 1)])
            try:
                found = session.run(list(outputs), {self._input_name: padded})
            except Exception as exc:  # onnxruntime's own types share no public base
                raise EncoderError(
                    f"{self._model} refused a batch of shape {padded.shape}: {first_line(exc)}; "
                    "check size and layout in its JSON"
                ) from exc
            parts.append([np.asarray(rows[: len(part)], dtype=np.float32) for rows in found])
        return [np.concatenate(rows) for rows in zip(*parts, strict=True)]


def open_session(graph: str | bytes, path: Path, device: str, *, threads: int | None = None) -> Any:
    """Return an onnxruntime session on the device asked for, or on so many cores, or all."""
    import onnxruntime as ort

    offered = ort.get_available_providers()
    # CoreML runs only part of most graphs and is often slower: only on request.
    for_auto = [d for d in ("cuda", "cpu") if _PROVIDERS[d] in offered]
    on_request = [d for d in _PROVIDERS if _PROVIDERS[d] in offered and d not in for_auto]
    chosen = choose(device, for_auto + on_request)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or usable_cores()
    options.log_severity_level = 3  # errors only: warnings about graph clean-ups alarm users
    providers = list(dict.fromkeys([_PROVIDERS[chosen], _PROVIDERS["cpu"]]))
    try:
        return ort.InferenceSession(graph, options, providers=providers)
    except Exception as exc:  # onnxruntime's own types share no public base
        raise WeightsError(f"{path} cannot be run as an ONNX model: {first_line(exc)}") from exc


def _pick(wanted: str | None, there: list[str], what: str, model: Path) -> str:
    if wanted is None and len(there) == 1:
        return there[0]
    if wanted not in there:
        raise EncoderError(
            f"{model} has the {what}s {', '.join(there)}; its JSON must name one of "
            f"them as its {what}, and says {wanted!r}"
        )
    return wanted


def _read_model(path: Path) -> Any:
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as exc:
        raise EncoderError(
            "what a network sees in each part of a picture is found with the package onnx; "
            "install it with: pip install 'artsim[onnx]'"
        ) from exc
    try:
        return onnx.load(str(path))
    except (OSError, ValueError, DecodeError) as exc:
        raise WeightsError(f"{path} cannot be read as an ONNX model: {exc}") from exc


def _find_map(graph: Any, output: str) -> str | None:
    """Walk back from the output to the mean over height and width, and name what it is of."""
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(output)
    while node is not None and node.op_type in _UNCHANGED:
        node = makers.get(node.input[0])
    if node is None:
        return None
    is_mean = node.op_type == "GlobalAveragePool" or (
        node.op_type == "ReduceMean" and {axis % 4 for axis in _axes(graph, node)} == {2, 3}
    )
    return str(node.input[0]) if is_mean else None


def _axes(graph: Any, node: Any) -> list[int]:
    """Return the axes of a ReduceMean: an attribute, or since opset 18 an input."""
    from onnx import numpy_helper

    for attribute in node.attribute:
        if attribute.name == "axes":
            return list(attribute.ints)
    stored = {tensor.name: tensor for tensor in graph.initializer}
    if len(node.input) > 1 and node.input[1] in stored:
        return [int(axis) for axis in numpy_helper.to_array(stored[node.input[1]]).ravel()]
    return []


def _read_config(path: Path) -> OnnxConfig:
    step = f"a whole one looks like {json.dumps(_shown(OnnxConfig(OnnxInput((224, 224)))))}"
    return read_json(path, OnnxConfig, next_step=step)


def _shown(config: OnnxConfig) -> dict[str, Any]:
    """Return what a JSON says, without what may be left out."""
    return asdict(config, dict_factory=lambda pairs: {k: v for k, v in pairs if v is not None})


def _find_model(path: Path, config: OnnxConfig, settings: Settings) -> tuple[Path, str]:
    """Return the ONNX file of a JSON, beside it or in ``ARTSIM_WEIGHTS``, and its SHA-256."""
    name = config.model or f"{path.stem}.onnx"
    places = [folder / name for folder in (path.parent, settings.weights) if folder is not None]
    model = next(filter(Path.is_file, places), None)
    if model is None:
        raise _no_model(*places)
    found = file_sha256(model)
    if config.sha256 is not None and found != config.sha256.lower():
        raise WeightsError(
            f"{model} is not the file that {path} describes: its SHA-256 is {found}, "
            f"not {config.sha256}; fetch it again, or correct the JSON"
        )
    return model, found


def _no_model(*places: Path) -> WeightsError:
    looked = " and ".join(map(str, places))
    return WeightsError(
        f"no ONNX file at {looked}; put it there, or set ARTSIM_WEIGHTS to the folder it is in"
    )


def _understand(request: Request) -> Card:
    """Understand ``onnx:FILE``: the ONNX file with a JSON of the same stem beside it, or a JSON."""
    if request.weights is not None:
        raise EncoderError(
            "an ONNX encoder's file is in its name, onnx:FILE; give no weights beside it",
            hint="leave --weights out",
        )
    path = request.find_place()
    card = _describe(path, request.settings)
    return replace(card, name=request.name, spec=f"onnx:{path.absolute()}")


def _describe(path: Path, settings: Settings) -> Card:
    """Return the card of an ONNX file or its JSON."""
    json_path = path.with_suffix(".json")
    if path != json_path and not path.is_file():
        raise _no_model(path)
    if not json_path.is_file():
        if path == json_path:
            raise EncoderError(f"no configuration of an ONNX encoder at {path}")
        raise EncoderError(
            f"{path} has no {json_path.name} beside it, which says what the network takes; "
            f"write one like {json.dumps(_shown(_guess_config(path)))}"
        )
    config = _read_config(json_path)
    if path != json_path:
        config = replace(config, model=path.name)
    model, file_hash = _find_model(json_path, config, settings)
    # All that changes its vectors.
    settled = json.dumps([file_hash, asdict(config.input), config.output], sort_keys=True)
    identity = hashlib.sha256(settled.encode()).hexdigest()[:12]
    return Card(
        name=f"onnx:{path.name}",
        spec=f"onnx:{path.name}",
        family="onnx",
        kind=config.kind,
        dim=config.dim,
        size_mb=model.stat().st_size / 1e6,
        licence=config.licence or "not stated",
        source=config.source or "not stated",
        summary=config.summary or "",
        weights_here=True,
        vector_name=vector_name("onnx", model.stem, config.output or "", identity),
        weights=model,
    )


def _guess_config(model: Path) -> OnnxConfig:
    """Return a configuration to fill in, with names and sizes from the graph if it is readable."""
    config = OnnxConfig(OnnxInput((224, 224)))
    try:
        session = open_session(str(model), model, "cpu")
    except EncoderError:  # no runtime or no ONNX file; loading will say so in its turn
        return config
    taken = session.get_inputs()[0]
    entry = replace(config.input, name=taken.name)
    if len(taken.shape) == 4:
        is_last = taken.shape[3] == 3
        height, width = taken.shape[1:3] if is_last else taken.shape[2:4]
        is_known = isinstance(height, int) and isinstance(width, int)
        size = (height, width) if is_known else entry.size
        entry = replace(entry, layout="NHWC" if is_last else "NCHW", size=size)
    flat = [o.name for o in session.get_outputs() if len(o.shape) == 2]
    return replace(config, input=entry, output=[*flat, session.get_outputs()[0].name][0])


def _load(card: Card, device: str) -> OnnxEncoder:
    path = Path(card.model)
    config = _read_config(path.with_suffix(".json"))
    return OnnxEncoder(card, config, card.weights or path, device)


def _find_cards(settings: Settings) -> Iterator[Card]:
    """Describe the ONNX encoders whose JSON lies in ``ARTSIM_WEIGHTS``."""
    if settings.weights is None:
        return
    for path in sorted(settings.weights.glob("*.json")):
        try:
            yield _describe(path, settings)
        except EncoderError:  # a JSON of something else; named as an encoder, it would say so
            continue


FAMILY: Final = Family(
    load=_load, syntax="onnx:FILE", understand=_understand, find_cards=_find_cards
)
