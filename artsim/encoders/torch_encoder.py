"""Encoders that run in torch: of pictures, of texts too, and of sequences of a picture's parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.encoders.base import Encoder, Prepared, Preprocessing, TextEncoder, unit_rows
from artsim.encoders.cards import Card
from artsim.encoders.devices import on_one_core, pick_device
from artsim.encoders.handcrafted import cell_energies
from artsim.errors import EncoderError

LEAST_COSINE: Final = 0.999  # of a vector in reduced precision to one in full, which else is used
GRID: Final = 3  # parts of a picture a side
STEPS: Final = 1 + GRID * GRID  # of a sequence: the whole, then its parts row by row
_SIDE: Final = 96  # of the gray square whose Gabor energies are taken, in pixels
_FREQUENCIES: Final = (0.25, 0.125, 0.0625)
_ORIENTATIONS: Final = 6
_CELLS: Final = 2
ENERGIES: Final = len(_FREQUENCIES) * _ORIENTATIONS * _CELLS * _CELLS  # numbers of a step
_BATCH: Final = 32  # parts that the base encoder takes at once

# From normalized pictures (N, 3, H, W) to rows (N, D) of any length.
Forward = Callable[[torch.Tensor], torch.Tensor]


class TorchEncoder(Encoder):
    """A torch network from picture to unit vector; `forward` runs it, where not it itself.

    Batches are laid out channels-last and computed in reduced precision where the device does that
    natively and probe pictures keep their vectors (`LEAST_COSINE`). On two cores with AVX512-BF16
    ResNet-50 takes 3.3 pictures a second plain, 6.0 channels-last, 7.5 with bfloat16 too. One
    picture alone, as a query is, runs on one core of a CPU: see `on_one_core`. The network's
    attribute ``at_once``, if it has one, says how many pictures a CPU takes at once: of larger
    batches small networks spend more time on getting memory than on computing.
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
        network = network.eval().requires_grad_(False).to(self._device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._forward = forward or network
        self._preprocessing = preprocessing
        std = torch.tensor(preprocessing.std, device=self._device)
        mean = torch.tensor(preprocessing.mean, device=self._device)
        self._scale = (1 / (255 * std)).reshape(1, 3, 1, 1)
        self._shift = (-mean / std).reshape(1, 3, 1, 1)
        self._at_once = getattr(network, "at_once", None) if self._device.type == "cpu" else None
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
        return _run(lambda: self.forward(self.to_input(batch)), len(batch), self._device)

    def encode_beside(self, batch: Sequence[Prepared]) -> Embeddings:
        """Encode on one core, since others do so at the same time."""
        encode = partial(self.encode_prepared, batch)
        return on_one_core(encode) if self._device.type == "cpu" else encode()

    def to_input(self, pictures: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Scale and normalize pictures (N, height, width, 3) for `forward`, channels-last."""
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
    """Encoder of pictures and of texts, by a network of open_clip's; texts in full precision."""

    def __init__(
        self,
        card: Card,
        network: Any,
        preprocessing: Preprocessing,
        tokenize: Callable[[list[str]], torch.Tensor],
        *,
        device: str = "auto",
    ) -> None:
        super().__init__(card, network, preprocessing, network.encode_image, device=device)
        self._encode_tokens: Forward = network.encode_text
        self._tokenize = tokenize

    def encode_text(self, texts: Sequence[str]) -> Embeddings:
        """Encode N texts, N at least 1, into unit rows of shape (N, D)."""
        if not texts:
            raise ValueError("at least one text expected")
        tokens = self._tokenize(list(texts)).to(self._device)

        def work() -> torch.Tensor:
            with torch.inference_mode():
                return self._encode_tokens(tokens).float()

        return unit_rows(_run(work, len(texts), self._device), encoder=self.info.name)


class SequenceReader:
    """Makes sequences of steps from pictures: a base encoder's vector and Gabor energies each."""

    def __init__(self, base: Encoder) -> None:
        self._base = base

    def prepare(self, image: RGBImage) -> Prepared:
        """Return a picture's parts, (STEPS,): ``base``, ready for the encoder, and ``energies``."""
        rows, columns = (_edges(size) for size in image.shape[:2])
        # The whole picture and its parts, which repeat where it has fewer pixels than these.
        tiles = [image, *(image[a:b, c:d] for a, b in rows for c, d in columns)]
        ready = [self._base.prepare(tile) for tile in tiles]
        fields = [
            ("base", ready[0].dtype, ready[0].shape),
            ("energies", np.dtype(np.float32), (ENERGIES,)),
        ]
        parts = np.empty(STEPS, dtype=np.dtype(fields))
        parts["base"] = ready
        parts["energies"] = [_gabor_energies(tile) for tile in tiles]
        return parts

    def encode_prepared(self, batch: Sequence[Prepared]) -> npt.NDArray[np.float32]:
        """Return sequences of N prepared pictures, shape (N, STEPS, D + ENERGIES)."""
        parts = np.stack(batch)
        tiles = parts["base"].reshape(-1, *parts["base"].shape[2:])
        rows = [
            self._base.encode_prepared(list(tiles[start : start + _BATCH]))
            for start in range(0, len(tiles), _BATCH)
        ]
        vectors = np.concatenate(rows).reshape(*parts.shape, -1)
        return np.concatenate([vectors, parts["energies"]], axis=-1, dtype=np.float32)


class RecurrentEncoder(Encoder):
    """From a picture to the parts' sequence, and by a trained network to a unit vector."""

    def __init__(
        self, card: Card, base: Encoder, network: torch.nn.Module, *, device: str = "auto"
    ) -> None:
        # A base encoder outside torch may run on devices that torch has not, and the reverse.
        self._device = pick_device(device)
        self._network = network.eval().requires_grad_(False).to(self._device)
        self._reader = SequenceReader(base)
        super().__init__(card.info())

    def prepare(self, image: RGBImage) -> Prepared:
        """Return the parts of the picture as the base encoder wants them."""
        return self._reader.prepare(image)

    def compute(self, batch: Prepared) -> npt.NDArray[np.float32]:
        """Return rows (N, D) of any length for N prepared pictures."""

        def work() -> torch.Tensor:
            steps = torch.from_numpy(self._reader.encode_prepared(list(batch)))
            with torch.inference_mode():
                rows: torch.Tensor = self._network(steps.to(self._device))
            return rows

        return _run(work, len(batch), self._device)


def _run(
    work: Callable[[], torch.Tensor], count: int, device: torch.device
) -> npt.NDArray[np.float32]:
    """Return the rows of `count` inputs, on as many cores as suit it."""
    rows = on_one_core(work) if count == 1 and device.type == "cpu" else work()
    return np.asarray(rows.cpu().numpy())


def _edges(size: int) -> list[tuple[int, int]]:
    starts = [min(size - 1, size * i // GRID) for i in range(GRID)]
    ends = [max(start + 1, size * (i + 1) // GRID) for i, start in enumerate(starts)]
    return list(zip(starts, ends, strict=True))


def _gabor_energies(tile: RGBImage) -> npt.NDArray[np.float32]:
    """Return the roots of mean Gabor energies by scale, orientation and quarter of the tile."""
    gray = Image.fromarray(np.ascontiguousarray(tile)).convert("L")
    square = gray.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    plane = np.asarray(square, dtype=np.float32) / np.float32(255)
    energies = cell_energies(plane, _FREQUENCIES, _ORIENTATIONS, cells=_CELLS)
    # Twice the square root, as the handcrafted encoder takes it: few strong edges are evened out.
    return np.asarray(np.maximum(energies.ravel(), 0) ** 0.25, dtype=np.float32)


def native_reduced_precision(device: torch.device) -> torch.dtype | None:
    """Return the type that the device computes in faster than in float32, if any."""
    if device.type == "cuda":
        return torch.float16
    # On a CPU bfloat16 is slower where it is emulated.
    has_bfloat16 = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # not in every torch
    if device.type == "cpu" and has_bfloat16 is not None and has_bfloat16():
        return torch.bfloat16
    return None
