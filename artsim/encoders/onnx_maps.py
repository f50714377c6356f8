"""What an ONNX network sees in each part of a picture: the map that its vector is the mean of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from artsim.encoders.base import Encoder, Prepared
from artsim.encoders.onnx_encoder import OnnxEncoder
from artsim.encoders.onnx_graph import OnnxGraph
from artsim.errors import EncoderError, WeightsError

_UNCHANGED: Final = frozenset({"Flatten", "Reshape", "Squeeze", "Identity", "Dropout", "Cast"})
"""Operations after the mean that leave its numbers as they are."""


class OnnxMaps:
    """Reader of an encoder's vectors together with the maps that they are the means of.

    Parameters
    ----------
    encoder : OnnxEncoder
    changed : bytes
        Its graph with `map_name` among the outputs.
    """

    def __init__(
        self, encoder: OnnxEncoder, changed: bytes, map_name: str, *, device: str = "auto"
    ) -> None:
        self._encoder = encoder
        self._graph = OnnxGraph(encoder.model, device, changed=changed)
        self._outputs = (encoder.output_name, map_name)

    def encode_prepared(
        self, batch: Sequence[Prepared]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return what the network gives for N prepared pictures.

        Returns
        -------
        vectors : ndarray of float32, shape (N, D)
            Of any length.
        maps : ndarray of float32, shape (N, D, rows, columns)
            Whose means the vectors are.
        """
        inputs = self._encoder.to_input(np.stack(batch))
        vectors, maps = self._graph.run(self._encoder.input_name, inputs, self._outputs)
        return vectors, maps


def open_maps(encoder: Encoder, *, device: str = "auto") -> OnnxMaps | None:
    """Return the reader of an encoder's maps; None where its vectors are no means of maps.

    Maps are found in graphs with their channels first.

    Raises
    ------
    EncoderError
        If the package `onnx` is not installed.
    WeightsError
        If the encoder's file cannot be read any more.
    """
    if not isinstance(encoder, OnnxEncoder):
        return None
    model = _read_model(encoder.model)
    name = _find_map(model.graph, encoder.output_name)
    if name is None:
        return None
    if name not in [value.name for value in model.graph.output]:
        model.graph.output.add(name=name)
    return OnnxMaps(encoder, model.SerializeToString(), name, device=device)


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
