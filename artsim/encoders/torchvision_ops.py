"""Make `import torchvision` work beside a torch that its compiled operators do not fit.

The package index serves torchvision built for CUDA. Beside a CPU build of torch its
shared library does not load, and importing it ends in ``operator torchvision::nms does
not exist``: its Python code describes two operators that the library would have defined.
open_clip, timm and facenet-pytorch all import torchvision, and of the operators use only
non-maximum suppression, through `torchvision.ops.nms` and `batched_nms`.

Call `ensure_torchvision` before importing any of them. Where the shared library loads,
it changes nothing.
"""

from __future__ import annotations

import importlib.util
import threading
import warnings
from pathlib import Path
from typing import Final

import numpy as np
import torch

from artsim.errors import EncoderError

_NMS_SCHEMAS: Final = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
"""As in torchvision's ``csrc/ops/nms.cpp`` and ``csrc/ops/quantized/cpu/qnms_kernel.cpp``."""

_lock = threading.Lock()
_definitions: list[torch.library.Library] = []  # operators vanish when their library is freed
_is_ready = False


def ensure_torchvision() -> None:
    """Import torchvision, supplying the operators that it lacks; quick when repeated.

    Raises
    ------
    EncoderError
        If torchvision is not installed.
    """
    global _is_ready
    with _lock:
        if _is_ready:
            return
        missing = _define_missing()
        with warnings.catch_warnings():
            # Only its decoders of image files are lost, which artsim never calls.
            warnings.filterwarnings("ignore", message="Failed to load image Python extension")
            import torchvision.ops.boxes

        if missing:
            # The check asks for the whole shared library; `nms` now does without it.
            torchvision.ops.boxes._assert_has_ops = lambda: None
        _is_ready = True


def suppress_overlaps(
    boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float
) -> torch.Tensor:
    """Return the indices of the boxes that survive greedy non-maximum suppression.

    What torchvision's CPU kernel computes, on any device: a box goes when its
    intersection over union with a kept box of a higher score is above the threshold.

    Parameters
    ----------
    boxes : Tensor, shape (N, 4)
        Corners (x1, y1, x2, y2).
    scores : Tensor, shape (N,)
    iou_threshold : float
        In 0..1; an overlap equal to it survives.

    Returns
    -------
    Tensor of int64, shape (K,)
        Highest score first, equal scores by index.

    Raises
    ------
    ValueError
        If the shapes do not fit together.

    References
    ----------
    .. [1] torchvision, ``csrc/ops/cpu/nms_kernel.cpp``.
    """
    if boxes.dim() != 2 or boxes.shape[1] != 4 or scores.shape != boxes.shape[:1]:
        raise ValueError(
            f"boxes (N, 4) and scores (N,) expected, got {tuple(boxes.shape)} "
            f"and {tuple(scores.shape)}"
        )
    x1, y1, x2, y2 = (_to_numpy(column) for column in boxes.unbind(1))
    areas = (x2 - x1) * (y2 - y1)
    # The kernel compares the overlap as a double, whatever the boxes' own precision.
    threshold = np.float64(iou_threshold)
    remaining = np.argsort(-_to_numpy(scores), kind="stable")
    kept: list[int] = []
    while remaining.size:
        best, rest = remaining[0], remaining[1:]
        kept.append(int(best))
        width = np.minimum(x2[best], x2[rest]) - np.maximum(x1[best], x1[rest])
        height = np.minimum(y2[best], y2[rest]) - np.maximum(y1[best], y1[rest])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 of empty boxes: not above
            overlap = shared / (areas[best] + areas[rest] - shared)
        remaining = rest[~(overlap > threshold)]
    return torch.tensor(kept, dtype=torch.int64, device=boxes.device)


def _to_numpy(tensor: torch.Tensor) -> np.ndarray[tuple[int], np.dtype[np.floating]]:
    values = tensor.detach().cpu()
    return (values if values.dtype == torch.float64 else values.float()).numpy()


def _define_missing() -> list[str]:
    """Define those operators that torchvision's shared library does not; return which."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise EncoderError(
            "torchvision is not installed, and the learned encoders and the face detector "
            "need it; install it with: pip install torchvision"
        )
    for library in sorted(Path(spec.origin).parent.glob("_C*")):
        if library.suffix in {".so", ".pyd", ".dylib"}:
            _try_load(library)
    missing = [name for name in _NMS_SCHEMAS if not hasattr(torch.ops.torchvision, name)]
    for name in missing:
        definition = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        definition.define(_NMS_SCHEMAS[name])  # type: ignore[no-untyped-call]
        definition.impl(name, suppress_overlaps, "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]
        _definitions.append(definition)
    return missing


def _try_load(library: Path) -> None:
    try:
        torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
    except (ImportError, OSError):  # built against another torch: what this module is for
        return
