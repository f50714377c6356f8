"""Small ONNX networks with the JSON that artsim needs beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, save


def write_network(
    path: Path,
    weight: np.ndarray,
    config: Mapping[str, Any] | None = None,
    *,
    batch: int | str = "n",
    side: int = 8,
) -> Path:
    """Write y = Flatten(GlobalAveragePool(Conv(x))), with the pooled map p as output too."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Flatten", ["p"], ["y"]),
    ]
    outputs = {"y": [batch, len(weight)], "p": [batch, len(weight), 1, 1]}
    return _write(path, nodes, {"w": weight}, [batch, 3, side, side], outputs, config)


def write_graph(path: Path, nodes: Sequence[NodeProto], config: Mapping[str, Any]) -> Path:
    """Write a graph from x of shape (n, 3, 8, 8) to y; ``axes`` are the last two."""
    axes = {"axes": np.array([-2, -1])}
    return _write(path, nodes, axes, ["n", 3, 8, 8], {"y": ["n", None]}, config)


def _write(
    path: Path,
    nodes: Sequence[NodeProto],
    constants: Mapping[str, np.ndarray],
    taken: Sequence[int | str],
    outputs: Mapping[str, Sequence[Any]],
    config: Mapping[str, Any] | None,
) -> Path:
    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, taken)],
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    opset = helper.make_opsetid("", 18)
    model: ModelProto = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    save(model, path)
    if config is not None:
        path.with_suffix(".json").write_text(json.dumps(config))
    return path
