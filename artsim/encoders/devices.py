"""Where models run: devices, cores, and torchvision beside a torch that it does not fit.

The package index serves torchvision built for CUDA. Beside a CPU build of torch its
shared library does not load, and importing it ends in ``operator torchvision::nms does
not exist``: its Python code describes two operators that the library would have defined.
open_clip, timm and facenet-pytorch all import torchvision, and of the operators use only
non-maximum suppression. Where the shared library loads, nothing here changes it.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from artsim.errors import EncoderError

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

DEVICES: Final = ("auto", "cpu", "cuda", "mps")  # what ``--device`` takes
_WORKERS: Final = "artsim-one-core"

Floats: TypeAlias = npt.NDArray[np.floating[Any]]

_BLOCK: Final = 512  # boxes compared at once: bounds the overlap matrix to a megabyte

# As in torchvision's ``csrc/ops/nms.cpp`` and ``csrc/ops/quantized/cpu/qnms_kernel.cpp``.
_NMS_SCHEMAS: Final = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}

_lock = threading.Lock()
_definitions: list[torch.library.Library] = []  # operators vanish when their library is freed
_is_ready = False


def pick_device(name: str) -> torch.device:
    """Return the torch device of that name, ``auto`` the fastest; EncoderError without it."""
    import torch

    found = {"mps": torch.backends.mps.is_available(), "cuda": torch.cuda.is_available()}
    return torch.device(choose(name, [*(one for one in found if found[one]), "cpu"]))


def choose(name: str, here: list[str]) -> str:
    """Return `name` if it is among the devices `here`, best first; the first for ``auto``."""
    if name == "auto":
        return here[0]
    if name not in here:
        known = "" if name in DEVICES else f" (known: {', '.join(DEVICES)})"
        raise EncoderError(
            f"no device {name!r} for this encoder{known}; here: auto, {', '.join(here)}"
        )
    return name


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def on_one_core(work: Callable[[], T]) -> T:
    """Return ``work()``, computed by torch on one core; several calls at a time run side by side.

    Torch splits each operation over all cores. For small nets, and for a batch of one, that costs
    as much as it gains, and where others want the cores too, each operation waits, spinning, for
    the slowest of its parts: beside two busy programs on two cores, a query picture took the
    built-in encoder 1.7 s, on one core 0.13 s.
    """
    if threading.current_thread().name.startswith(_WORKERS):
        return work()
    return _workers().submit(work).result()


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(
        usable_cores(), thread_name_prefix=_WORKERS, initializer=_use_one_core
    )


def _use_one_core() -> None:
    """Let torch use one core in this thread, and as many as before in all others.

    With OpenMP the number is the calling thread's own, except that threads that are new
    to torch start from the one that was set last; so another thread sets the old again.
    """
    import torch

    if "OpenMP" not in torch.__config__.parallel_info():
        return
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    restore = threading.Thread(target=torch.set_num_threads, args=(cores,))
    restore.start()
    restore.join()


def import_library(name: str) -> Any:
    """Import a library that imports torchvision."""
    ensure_torchvision()
    return importlib.import_module(name)


def ensure_torchvision() -> None:
    """Import torchvision, supplying the operators that it lacks; EncoderError without it."""
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


def _define_missing() -> list[str]:
    """Define those operators that torchvision's shared library does not; return which."""
    import torch

    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise EncoderError(
            "torchvision is not installed, and the learned encoders and the face detector "
            "need it; install it with: pip install torchvision"
        )
    for library in sorted(Path(spec.origin).parent.glob("_C*")):
        if library.suffix in {".so", ".pyd", ".dylib"}:
            # It may be built against another torch: what this module is for.
            with contextlib.suppress(ImportError, OSError):
                torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
    missing = [name for name in _NMS_SCHEMAS if not hasattr(torch.ops.torchvision, name)]
    for name in missing:
        definition = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        definition.define(_NMS_SCHEMAS[name])  # type: ignore[no-untyped-call]
        definition.impl(name, suppress_overlaps, "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]
        _definitions.append(definition)
    return missing


def suppress_overlaps(
    boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float
) -> torch.Tensor:
    """Return what torchvision's ``csrc/ops/cpu/nms_kernel.cpp`` does, on any device."""
    import torch

    if boxes.dim() != 2 or boxes.shape[1] != 4 or scores.shape != boxes.shape[:1]:
        raise ValueError(
            f"boxes (N, 4) and scores (N,) expected, got {tuple(boxes.shape)} "
            f"and {tuple(scores.shape)}"
        )
    there = (values.detach().cpu() for values in (boxes, scores))
    rows, ranks = ((x if x.dtype == torch.float64 else x.float()).numpy() for x in there)
    kept = suppress(rows, ranks, iou_threshold)
    return torch.from_numpy(kept).to(boxes.device)


def suppress(boxes: Floats, scores: Floats, threshold: float) -> npt.NDArray[np.int64]:
    """Return which boxes stay when of any two that overlap the better one wins, best first.

    By falling score, equal ones in the given order, a box (x1, y1, x2, y2) stays unless it overlaps
    one that stayed by more than `threshold` of their union.
    """
    # The overlap is compared as a double, as in torchvision's kernel.
    threshold = np.float64(threshold)
    order = np.argsort(-scores, kind="stable")
    kept = order[:0]
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        if len(kept):
            block = block[~(_overlap(boxes[kept], boxes[block]) > threshold).any(axis=0)]
        hides = np.triu(_overlap(boxes[block], boxes[block]) > threshold, 1)
        stays = np.ones(len(block), dtype=np.bool_)
        for i in np.flatnonzero(hides.any(axis=1)):
            if stays[i]:
                stays &= ~hides[i]
        kept = np.concatenate([kept, block[stays]])
    return kept


def _overlap(first: Floats, second: Floats) -> Floats:
    """Return the overlap of each of the first boxes with each of the second."""
    a, b = first[:, None], second[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.maximum(sides, 0).prod(axis=-1)
    area_a, area_b = ((c[..., 2:] - c[..., :2]).prod(axis=-1) for c in (a, b))
    with np.errstate(divide="ignore", invalid="ignore"):  # boxes without area overlap nothing
        return np.asarray(shared / (area_a + area_b - shared))
