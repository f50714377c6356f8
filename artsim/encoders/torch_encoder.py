"""What the encoders that run in torch share: input, precision, cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import torch

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.encoders.base import Encoder, Prepared, Preprocessing, TextEncoder, unit_rows
from artsim.encoders.cards import Card
from artsim.encoders.devices import on_one_core, pick_device
from artsim.errors import EncoderError

LEAST_COSINE: Final = 0.999
"""Between a vector in reduced and in full precision; below it, full precision is used."""

Forward = Callable[[torch.Tensor], torch.Tensor]
"""From normalized pictures (N, 3, H, W) to rows (N, D) of any length."""


class TorchEncoder(Encoder):
    """A torch network from picture to unit vector; `forward` runs it, where not it itself.

    Batches are laid out channels-last and computed in reduced precision where the device
    does that natively and probe pictures keep their vectors (`LEAST_COSINE`). Measured on
    two cores with AVX512-BF16, pictures per second of ResNet-50: 3.3 plain, 6.0
    channels-last, 7.5 with bfloat16 too; MobileNet v2: 11.3, 21.1, 33.4. One picture alone,
    as a query is, runs on one core of a CPU: see `on_one_core`. The network's attribute
    ``at_once``, if it has one, says how many pictures a CPU takes at once: of larger batches
    small networks spend more time on getting memory than on computing.
    """

    def __init__(
        self,
        card: Card,
        network: torch.nn.Module,
        preprocessing: Preprocessing,
        forward: Forward | None = None,
        *,
        device: str = "auto",
        precision: Literal["auto", "full"] = "auto",
    ) -> None:
        self._device = pick_device(device)
        self._on_cpu = self._device.type == "cpu"
        network = network.eval().requires_grad_(False).to(self._device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._forward = forward or network
        self._preprocessing = preprocessing
        std = torch.tensor(preprocessing.std, device=self._device)
        mean = torch.tensor(preprocessing.mean, device=self._device)
        self._scale = (1 / (255 * std)).reshape(1, 3, 1, 1)
        self._shift = (-mean / std).reshape(1, 3, 1, 1)
        self._at_once = getattr(network, "at_once", None) if self._on_cpu else None
        self._reduced: torch.dtype | None = None
        self._name = card.name
        reduced = native_reduced_precision(self._device) if precision == "auto" else None
        pictures = self._probe_pictures(1 if reduced is None else 4)
        full = self.compute(pictures)
        if full.ndim != 2 or (card.dim is not None and card.dim != full.shape[1]):
            raise EncoderError(
                f"{card.spec} gives vectors of shape {full.shape[1:]}, "
                f"{'one dimension' if card.dim is None else card.dim} was expected"
            )
        if reduced is not None:
            self._reduced = reduced
            one, other = (torch.from_numpy(r).double() for r in (self.compute(pictures), full))
            # A cosine that is no number also means that the numbers did not survive.
            if not bool((torch.cosine_similarity(one, other) > LEAST_COSINE).all()):
                self._reduced = None
        super().__init__(card.info(full.shape[1]))

    @property
    def precision(self) -> str:
        """What the network computes in: ``float32``, ``bfloat16`` or ``float16``."""
        return str(self._reduced or torch.float32).removeprefix("torch.")

    def prepare(self, image: RGBImage) -> Prepared:
        """Return the picture at the input's size: uint8, shape (height, width, 3)."""
        return self._preprocessing.fit_image(image)

    def compute(self, batch: Prepared) -> npt.NDArray[np.float32]:
        """Return rows (N, D) of any length for prepared pictures (N, height, width, 3)."""
        return self._run(lambda: self.forward(self.to_input(batch)), len(batch))

    def encode_beside(self, batch: Sequence[Prepared]) -> Embeddings:
        """Encode on one core, since others do so at the same time."""
        encode = partial(self.encode_prepared, batch)
        return on_one_core(encode) if self._on_cpu else encode()

    def _run(self, work: Callable[[], torch.Tensor], count: int) -> npt.NDArray[np.float32]:
        """Return the rows of `count` inputs, on as many cores as suit it."""
        rows = on_one_core(work) if count == 1 and self._on_cpu else work()
        return np.asarray(rows.cpu().numpy())

    def to_input(self, pictures: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Scale and normalize pictures of shape (N, height, width, 3) for `forward`.

        Rows of pixels, colors innermost, are channels-last as they come.
        """
        pixels = torch.from_numpy(pictures).to(self._device, non_blocking=True)
        return pixels.permute(0, 3, 1, 2).float().mul_(self._scale).add_(self._shift)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Run the network on N ready inputs, and return its rows as float32."""
        full = self._reduced is None
        precision = nullcontext() if full else torch.autocast(self._device.type, self._reduced)
        with torch.inference_mode(), precision:
            try:
                parts = torch.split(inputs, self._at_once or len(inputs))
                return torch.cat([self._forward(part).float() for part in parts])
            except torch.OutOfMemoryError as exc:
                raise EncoderError(
                    f"{self._name}: {self._device} has too little memory for a batch of "
                    f"{len(inputs)}; give a smaller batch, or use the CPU",
                    hint="--batch-size, --device cpu",
                ) from exc

    def _probe_pictures(self, count: int) -> npt.NDArray[np.uint8]:
        """Return seeded pictures of colored patches, from coarse to fine."""
        generator = np.random.default_rng(0)
        patches = (
            generator.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (2, 5, 16, 48)
        )
        return np.stack([self.prepare(one) for one, _ in zip(patches, range(count), strict=False)])


class TorchTextEncoder(TorchEncoder, TextEncoder):
    """Encoder of pictures and of texts; these run in full precision."""

    def __init__(
        self,
        card: Card,
        network: torch.nn.Module,
        preprocessing: Preprocessing,
        forward: Forward,
        *,
        encode_text: Forward,
        tokenize: Callable[[list[str]], torch.Tensor],
        device: str = "auto",
    ) -> None:
        super().__init__(card, network, preprocessing, forward, device=device)
        self._encode_tokens = encode_text
        self._tokenize = tokenize

    def encode_text(self, texts: Sequence[str]) -> Embeddings:
        """Encode N texts, N at least 1, into unit rows of shape (N, D)."""
        if not texts:
            raise ValueError("at least one text expected")
        tokens = self._tokenize(list(texts)).to(self._device)

        def work() -> torch.Tensor:
            with torch.inference_mode():
                return self._encode_tokens(tokens).float()

        return unit_rows(self._run(work, len(texts)), encoder=self.info.name)


def native_reduced_precision(device: torch.device) -> torch.dtype | None:
    """Return the type that the device computes in faster than in float32, if any.

    On a CPU that is bfloat16 where it has instructions for it; emulated, it is slower.
    """
    if device.type == "cuda":
        return torch.float16
    has_bfloat16 = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # not in every torch
    if device.type == "cpu" and has_bfloat16 is not None and has_bfloat16():
        return torch.bfloat16
    return None
