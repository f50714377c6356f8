"""An ONNX graph ready to run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from artsim.encoders.devices import choose, usable_cores
from artsim.errors import EncoderError, WeightsError

_PROVIDERS: Final = {
    "cuda": "CUDAExecutionProvider",
    "mps": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}


class OnnxGraph:
    """A graph from a batch of pictures to rows.

    Parameters
    ----------
    path : Path
        The ONNX file, for messages too.
    changed : bytes, optional
        The graph to run in its place.

    Raises
    ------
    EncoderError
        If onnxruntime is not installed, or has no such device.
    WeightsError
        If the file is no ONNX model that it can run.
    """

    def __init__(self, path: Path, device: str = "auto", *, changed: bytes | None = None) -> None:
        self.path = path
        self.session = _open_session(path, device, changed)
        fixed = self.session.get_inputs()[0].shape[:1]
        self._batch_size = fixed[0] if fixed and isinstance(fixed[0], int) else None

    def run(
        self, input_name: str, inputs: npt.NDArray[np.float32], outputs: Sequence[str]
    ) -> list[npt.NDArray[np.float32]]:
        """Return the outputs for N inputs, each of shape (N, …).

        Raises
        ------
        EncoderError
            If the graph takes no such inputs.
        """
        size = self._batch_size
        if size is None:
            return self._run_once(input_name, inputs, outputs)
        parts = []
        for start in range(0, len(inputs), size):
            part = inputs[start : start + size]
            padding = [(0, size - len(part)), *[(0, 0)] * (inputs.ndim - 1)]
            found = self._run_once(input_name, np.pad(part, padding), outputs)
            parts.append([rows[: len(part)] for rows in found])
        return [np.concatenate(rows) for rows in zip(*parts, strict=True)]

    def _run_once(
        self, input_name: str, inputs: npt.NDArray[np.float32], outputs: Sequence[str]
    ) -> list[npt.NDArray[np.float32]]:
        try:
            found = self.session.run(list(outputs), {input_name: inputs})
        except Exception as exc:  # onnxruntime's own types share no public base
            raise EncoderError(
                f"{self.path} refused a batch of shape {inputs.shape}: {_brief(exc)}; "
                "check size and layout in its JSON"
            ) from exc
        return [np.asarray(rows, dtype=np.float32) for rows in found]


def describe_graph(model: Path, template: dict[str, Any]) -> dict[str, Any]:
    """Fill the template of a configuration with what the graph itself tells."""
    session = OnnxGraph(model, "cpu").session
    taken = session.get_inputs()[0]
    entry = {**template["input"], "name": taken.name}
    if len(taken.shape) == 4:
        is_last = taken.shape[3] == 3
        entry["layout"] = "NHWC" if is_last else "NCHW"
        sides = taken.shape[1:3] if is_last else taken.shape[2:4]
        if all(isinstance(side, int) for side in sides):
            entry["size"] = list(sides)
    flat = [o.name for o in session.get_outputs() if len(o.shape) == 2]
    output = flat[0] if flat else session.get_outputs()[0].name
    return {**template, "input": entry, "output": output}


def _open_session(path: Path, device: str, changed: bytes | None) -> Any:
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
    try:
        return ort.InferenceSession(
            changed or str(path),
            options,
            providers=list(dict.fromkeys([_PROVIDERS[chosen], _PROVIDERS["cpu"]])),
        )
    except Exception as exc:  # onnxruntime's own types share no public base
        raise WeightsError(f"{path} cannot be run as an ONNX model: {_brief(exc)}") from exc


def _brief(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]
