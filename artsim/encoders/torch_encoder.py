"""What the encoders that run in torch share: batches, precision, unit rows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.catalog.encoder_info import EncoderInfo
from artsim.encoders.base import Prepared
from artsim.encoders.devices import pick_device
from artsim.encoders.plan import EncoderPlan
from artsim.encoders.preprocess import Preprocessing
from artsim.encoders.vectors import unit_rows
from artsim.errors import EncoderError

LEAST_COSINE: Final = 0.999
"""Between a vector in reduced and in full precision; below it, full precision is used."""

Forward = Callable[[torch.Tensor], torch.Tensor]
"""From normalized pictures (N, 3, H, W) to rows (N, D) of any length."""


class TorchImageEncoder:
    """A torch network from picture to unit vector.

    Batches are laid out channels-last and computed in reduced precision where the device
    does that natively and probe pictures keep their vectors (`LEAST_COSINE`). Measured on
    two cores with AVX512-BF16, pictures per second of ResNet-50: 3.3 plain, 6.0
    channels-last, 7.5 with bfloat16 too; MobileNet v2: 11.3, 21.1, 33.4.

    Parameters
    ----------
    network : Module
        Put on the device and into evaluation mode, in place.
    forward : callable
        Runs `network`.
    precision : {"auto", "full"}
    at_once : int, optional
        Most pictures that a CPU takes at once: of larger batches small networks spend more
        time on getting memory than on computing. By default all of a batch.
    """

    def __init__(
        self,
        plan: EncoderPlan,
        network: torch.nn.Module,
        forward: Forward,
        preprocessing: Preprocessing,
        *,
        device: str = "auto",
        precision: str = "auto",
        at_once: int | None = None,
    ) -> None:
        self._device = pick_device(device)
        network = network.eval().requires_grad_(False).to(self._device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._forward = forward
        self._preprocessing = preprocessing
        std = torch.tensor(preprocessing.std, device=self._device)
        mean = torch.tensor(preprocessing.mean, device=self._device)
        self._scale = (1 / (255 * std)).reshape(1, 3, 1, 1)
        self._shift = (-mean / std).reshape(1, 3, 1, 1)
        self._at_once = at_once if self._device.type == "cpu" else None
        self._reduced: torch.dtype | None = None
        self._name = plan.name
        probe = self.forward(self.to_input(self._probe_pictures()))
        if precision == "auto":
            self._reduced = self._choose_precision(probe)
        self._info = plan.info(_checked_dim(plan, probe))

    @property
    def info(self) -> EncoderInfo:
        """Identity and dimension."""
        return self._info

    @property
    def precision(self) -> str:
        """What the network computes in: ``float32``, ``bfloat16`` or ``float16``."""
        return str(self._reduced or torch.float32).removeprefix("torch.")

    def prepare(self, image: RGBImage) -> Prepared:
        """Return the picture at the input's size: uint8, shape (height, width, 3)."""
        return self._preprocessing.fit_image(image)

    def encode_prepared(self, batch: Sequence[Prepared]) -> Embeddings:
        """Encode N prepared pictures, N at least 1, into unit rows of shape (N, D)."""
        rows = self.forward(self.to_input(np.stack(batch)))
        return unit_rows(rows.cpu().numpy(), encoder=self._name)

    def encode(self, images: Sequence[RGBImage]) -> Embeddings:
        """Encode N pictures, each of its own size, into unit rows of shape (N, D)."""
        return self.encode_prepared([self.prepare(image) for image in images])

    def to_input(self, pictures: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Scale and normalize pictures of shape (N, height, width, 3) for `forward`.

        Rows of pixels, colors innermost, are channels-last as they come.
        """
        pixels = torch.from_numpy(pictures).to(self._device, non_blocking=True)
        return pixels.permute(0, 3, 1, 2).float().mul_(self._scale).add_(self._shift)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Run the network on N ready inputs, and return its rows as float32."""
        with torch.inference_mode(), self.reduced_precision():
            try:
                parts = torch.split(inputs, self._at_once or len(inputs))
                return torch.cat([self._forward(part).float() for part in parts])
            except torch.OutOfMemoryError as exc:
                raise EncoderError(
                    f"{self._name}: {self._device} has too little memory for a batch of "
                    f"{len(inputs)}; give a smaller batch, or use the CPU",
                    hint="--batch-size, --device cpu",
                ) from exc

    def reduced_precision(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context in which the network runs."""
        if self._reduced is None:
            return contextlib.nullcontext()
        return torch.autocast(self._device.type, self._reduced)

    def _choose_precision(self, full: torch.Tensor) -> torch.dtype | None:
        self._reduced = native_reduced_precision(self._device)
        if self._reduced is None:
            return None
        rows = self.forward(self.to_input(self._probe_pictures()))
        cosines = torch.cosine_similarity(rows.double(), full.double())
        # A cosine that is no number also means that the numbers did not survive.
        return self._reduced if bool((cosines > LEAST_COSINE).all()) else None

    def _probe_pictures(self) -> npt.NDArray[np.uint8]:
        """Return four seeded pictures of colored patches, from coarse to fine."""
        generator = np.random.default_rng(0)
        pictures = []
        for side in (2, 5, 16, 48):
            patches = generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
            pictures.append(self._preprocessing.fit_image(patches))
        return np.stack(pictures)


def native_reduced_precision(device: torch.device) -> torch.dtype | None:
    """Return the type that the device computes in faster than in float32, if any.

    On a CPU that is bfloat16 where it has instructions for it; emulated, it is slower.
    """
    if device.type == "cuda":
        return torch.float16
    if device.type == "cpu" and _has_bfloat16_instructions():
        return torch.bfloat16
    return None


def _has_bfloat16_instructions() -> bool:
    ask = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # not in every torch
    return ask is not None and bool(ask())


def _checked_dim(plan: EncoderPlan, rows: torch.Tensor) -> int:
    if rows.dim() != 2 or (plan.dim is not None and plan.dim != rows.shape[1]):
        raise EncoderError(
            f"{plan.spec} gives vectors of shape {tuple(rows.shape[1:])}, "
            f"{'one dimension' if plan.dim is None else plan.dim} was expected"
        )
    return int(rows.shape[1])
