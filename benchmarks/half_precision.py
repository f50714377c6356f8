"""Store an ONNX file's weights in half precision, as artsim's networks for faces are stored.

``python -m benchmarks.half_precision FILE.onnx OUT.onnx``: numbers become float16, and a Cast
before each use brings them back to float32 when the file is loaded. What no node uses is left out.
"""

from __future__ import annotations

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LEAST = 64
"""Numbers from which on a tensor is stored so: biases and settings stay as they are."""


def halve(model: onnx.ModelProto) -> None:
    """Change a model's large tensors in place."""
    graph = model.graph
    used = {name for node in graph.node for name in node.input}
    known = {tensor.name for tensor in graph.initializer}
    kept, casts = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.name in used and values.dtype == np.float32 and values.size >= LEAST:
            half = f"{tensor.name}_half"
            kept.append(numpy_helper.from_array(values.astype(np.float16), half))
            casts.append(helper.make_node("Cast", [half], [tensor.name], to=TensorProto.FLOAT))
        elif tensor.name in used:
            kept.append(tensor)
    inputs = [one for one in graph.input if one.name not in known]
    nodes = [*casts, *graph.node]
    for field, values in (("initializer", kept), ("input", inputs), ("node", nodes)):
        graph.ClearField(field)
        getattr(graph, field).extend(values)


if __name__ == "__main__":
    loaded = onnx.load(sys.argv[1])
    halve(loaded)
    onnx.checker.check_model(loaded)
    onnx.save(loaded, sys.argv[2])
