"""Encoders of the recurrent kind: a trained network over a frozen backbone's vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.catalog.encoder_info import EncoderInfo
from artsim.config import Settings
from artsim.encoders.base import Prepared
from artsim.encoders.devices import pick_device
from artsim.encoders.networks import build_network
from artsim.encoders.plan import EncoderPlan
from artsim.encoders.recall import recall_encoder
from artsim.encoders.sequence import SequenceReader
from artsim.encoders.trained_config import TrainedConfig
from artsim.encoders.vectors import unit_rows
from artsim.encoders.weights import fill_model, load_state_dict
from artsim.errors import EncoderError


class RecurrentEncoder:
    """From a picture to the parts' sequence, and from that to a unit vector."""

    def __init__(
        self,
        plan: EncoderPlan,
        dim: int,
        reader: SequenceReader,
        network: torch.nn.Module,
        *,
        device: str = "auto",
    ) -> None:
        # A backbone outside torch may run on devices that torch has not, and the reverse.
        self._device = pick_device(device)
        self._network = network.eval().requires_grad_(False).to(self._device)
        self._reader = reader
        self._info = plan.info(dim)

    @property
    def info(self) -> EncoderInfo:
        """Identity and dimension."""
        return self._info

    def prepare(self, image: RGBImage) -> Prepared:
        """Return the parts of the picture as the backbone wants them."""
        return self._reader.prepare(image)

    def encode_prepared(self, batch: Sequence[Prepared]) -> Embeddings:
        """Encode N prepared pictures, N at least 1, into unit rows of shape (N, D)."""
        steps = torch.from_numpy(self._reader.encode_prepared(batch)).to(self._device)
        with torch.inference_mode():
            rows = self._network(steps).cpu().numpy()
        return unit_rows(rows, encoder=self._info.name)

    def encode(self, images: Sequence[RGBImage]) -> Embeddings:
        """Encode N pictures, each of its own size, into unit rows of shape (N, D)."""
        return self.encode_prepared([self.prepare(image) for image in images])


def load_recurrent(
    plan: EncoderPlan,
    config: TrainedConfig,
    weights: Path,
    device: str,
    settings: Settings | None = None,
) -> RecurrentEncoder:
    """Load a recurrent network, and the backbone that its configuration names.

    Raises
    ------
    EncoderMismatchError
        If the backbone now makes other vectors than the network was trained on.
    EncoderError
        If the backbone or the device is not to be had.
    WeightsError
        If the weights are damaged or of another network.
    """
    if config.base is None:
        raise EncoderError(f"{weights.parent}: a recurrent network needs a base encoder; train it")
    reader = SequenceReader(recall_encoder(config.base, settings=settings).load(device))
    network = build_network(config.network, config.settings)
    fill_model(network, load_state_dict(weights), path=weights)
    if config.settings.get("base_dim") != reader.base.info.dim:
        raise EncoderError(
            f"{weights.parent}: a network for vectors of {config.settings.get('base_dim')} numbers "
            f"and a backbone with {reader.base.info.dim}; train again"
        )
    return RecurrentEncoder(plan, config.dim, reader, network, device=device)
