"""Encoders from ONNX files, run by onnxruntime (the extra ``onnx``): ``onnx:FILE``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.config import Settings
from artsim.encoders.base import Encoder, MapReader, Prepared
from artsim.encoders.cards import Card, Family, Request, vector_name
from artsim.encoders.devices import choose, usable_cores
from artsim.encoders.onnx_config import TEMPLATE, OnnxConfig, find_model, no_model, read_onnx_config
from artsim.errors import EncoderError, WeightsError

FloatArray = npt.NDArray[np.float32]

_PROVIDERS: Final = {
    "cuda": "CUDAExecutionProvider",
    "mps": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}

_UNCHANGED: Final = frozenset({"Flatten", "Reshape", "Squeeze", "Identity", "Dropout", "Cast"})
"""Operations after the mean that leave its numbers as they are."""


class OnnxEncoder(Encoder):
    """A network from picture to vector in an ONNX file, as its JSON describes it.

    Pictures are fitted to the input's size with Pillow, scaled and normalized.
    """

    def __init__(self, card: Card, config: OnnxConfig, model: Path, device: str) -> None:
        self._model, self._device, self._input = model, device, config.input
        self._preprocessing = config.input.preprocessing
        self._session = _open_session(str(model), model, device)
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
        return self._input.to_input(pictures)

    def forward(self, inputs: FloatArray) -> FloatArray:
        """Run the network on N ready inputs, and return its rows of any length."""
        return self._run(self._session, inputs, [self._output_name])[0]

    def open_maps(self) -> MapReader | None:
        """Return a reader of maps; None where the vectors are no means of channels-first maps.

        Raises
        ------
        EncoderError
            If the package `onnx` is not installed.
        WeightsError
            If the encoder's file cannot be read any more.
        """
        model = _read_model(self._model)
        name = _find_map(model.graph, self._output_name)
        if name is None:
            return None
        if name not in [value.name for value in model.graph.output]:
            model.graph.output.add(name=name)
        session = _open_session(model.SerializeToString(), self._model, self._device)

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
                    f"{self._model} refused a batch of shape {padded.shape}: {_brief(exc)}; "
                    "check size and layout in its JSON"
                ) from exc
            parts.append([np.asarray(rows[: len(part)], dtype=np.float32) for rows in found])
        return [np.concatenate(rows) for rows in zip(*parts, strict=True)]


def _open_session(graph: str | bytes, path: Path, device: str) -> Any:
    """Return an onnxruntime session on all usable cores, or on the device asked for."""
    try:
        import onnxruntime as ort
    except ImportError as exc:
        raise EncoderError(
            "ONNX encoders need onnxruntime; install it with: pip install 'artsim[onnx]'"
        ) from exc

    offered = ort.get_available_providers()
    # CoreML runs only part of most graphs and is often slower: only on request.
    for_auto = [d for d in ("cuda", "cpu") if _PROVIDERS[d] in offered]
    on_request = [d for d in _PROVIDERS if _PROVIDERS[d] in offered and d not in for_auto]
    chosen = choose(device, for_auto + on_request)
    options = ort.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = 3  # errors only: warnings about graph clean-ups alarm users
    providers = list(dict.fromkeys([_PROVIDERS[chosen], _PROVIDERS["cpu"]]))
    try:
        return ort.InferenceSession(graph, options, providers=providers)
    except Exception as exc:  # onnxruntime's own types share no public base
        raise WeightsError(f"{path} cannot be run as an ONNX model: {_brief(exc)}") from exc


def _brief(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]


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


def _understand(request: Request) -> Card:
    """Understand ``onnx:FILE``: the ONNX file with a JSON of the same stem beside it, or a JSON."""
    if request.weights is not None:
        raise EncoderError(
            "an ONNX encoder's file is in its name, onnx:FILE; give no weights beside it",
            hint="leave --weights out",
        )
    path = Path(request.model).expanduser()
    folder = request.settings.weights
    if not path.exists() and folder is not None and (folder / path).exists():
        path = folder / path
    card = _describe(path, request.settings)
    return replace(card, name=request.name, spec=f"onnx:{path.absolute()}")


def _describe(path: Path, settings: Settings) -> Card:
    """Return the card of an ONNX file or its JSON."""
    json_path = path.with_suffix(".json")
    if path != json_path and not path.is_file():
        raise no_model(path)
    if not json_path.is_file():
        if path == json_path:
            raise EncoderError(f"no configuration of an ONNX encoder at {path}")
        raise EncoderError(
            f"{path} has no {json_path.name} beside it, which says what the network takes; "
            f"write one like {json.dumps(_template_for(path))}"
        )
    config = read_onnx_config(json_path)
    if path != json_path:
        config = replace(config, model=path.name)
    model, file_hash = find_model(json_path, config, settings)
    return Card(
        name=f"onnx:{path.name}",
        spec=f"onnx:{path.name}",
        family="onnx",
        kind=config.kind,
        dim=config.dim,
        size_mb=model.stat().st_size / 1e6,
        licence=config.licence,
        source=config.source,
        summary=config.summary,
        weights_here=True,
        vector_name=vector_name(
            "onnx", model.stem, config.output or "", config.identity(file_hash)
        ),
        weights=model,
    )


def _template_for(model: Path) -> dict[str, Any]:
    """Return a configuration to fill in, with names and sizes from the graph if it is readable."""
    try:
        session = _open_session(str(model), model, "cpu")
    except EncoderError:  # no runtime or no ONNX file; loading will say so in its turn
        return TEMPLATE
    taken = session.get_inputs()[0]
    entry = {**TEMPLATE["input"], "name": taken.name}
    if len(taken.shape) == 4:
        is_last = taken.shape[3] == 3
        entry["layout"] = "NHWC" if is_last else "NCHW"
        sides = taken.shape[1:3] if is_last else taken.shape[2:4]
        if all(isinstance(side, int) for side in sides):
            entry["size"] = list(sides)
    flat = [o.name for o in session.get_outputs() if len(o.shape) == 2]
    output = flat[0] if flat else session.get_outputs()[0].name
    return {**TEMPLATE, "input": entry, "output": output}


def _load(card: Card, device: str) -> OnnxEncoder:
    path = Path(card.model)
    config = read_onnx_config(path.with_suffix(".json"))
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
