"""A network for faces in training: what one step does to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from artsim.training.faces.augment import augment
from artsim.training.faces.batches import draw_batch, step_generator
from artsim.training.faces.decoder import CropDecoder, reconstruction_loss
from artsim.training.faces.face_set import FaceSet
from artsim.training.faces.losses import make_loss
from artsim.training.faces.networks import NetworkPlan
from artsim.training.faces.options import FacesRecipe
from artsim.training.faces.validation import MOST_FACES, misordered_share

WEIGHT_DECAY: Final = 5e-4
"""As ArcFace has it."""

_WARM_UP: Final = 0.05
_LARGEST_GRADIENT: Final = 5.0
_ENCODE_BATCH: Final = 64


class FacesTrainee:
    """The network, its loss, the decoder and the optimizer; a `Trainee` of the loop.

    After each epoch the people of the validation side are compared, and the network that
    tells them apart best is kept.

    Raises
    ------
    WeightsError, EncoderError
        As for `NetworkPlan.build`.
    """

    def __init__(
        self, faces: FaceSet, plan: NetworkPlan, recipe: FacesRecipe, device: torch.device
    ) -> None:
        self._faces, self._recipe, self._device = faces, recipe, device
        self._preprocessing = plan.preprocessing
        self._rows = faces.rows("train")
        self._codes, self._people = faces.codes("train")
        self.network = plan.build(recipe.seed).to(device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed + 1)
            self._loss = make_loss(
                recipe.loss, dim=plan.dim, people=len(self._people), margin=recipe.margin
            ).to(device)
            self._decoder = CropDecoder(plan.dim).to(device) if recipe.has_decoder else None
        self._optimizer = torch.optim.AdamW(
            [weight for part in self._parts().values() for weight in part.parameters()],
            lr=recipe.highest_rate,
            weight_decay=WEIGHT_DECAY,
        )
        self._validation = _sample(faces.rows("validation"), recipe.seed)
        _, self._validation_codes = np.unique(
            [faces.people[i] for i in self._validation], return_inverse=True
        )
        self._best: dict[str, Any] = {}

    @property
    def steps_per_epoch(self) -> int:
        """How many batches hold as many faces as there are to train on."""
        batch = min(self._recipe.people, len(self._people)) * self._recipe.faces
        return math.ceil(len(self._rows) / batch)

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.steps_per_epoch * self._recipe.epochs

    @property
    def best_step(self) -> int | None:
        """How many steps had been taken when unseen people were told apart best, if any looked."""
        return self._best.get("step")

    def state(self) -> dict[str, Any]:
        """Return all that a later step depends on."""
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return {**parts, "optimizer": self._optimizer.state_dict(), "best": self._best}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self._optimizer.load_state_dict(state["optimizer"])
        self._best = dict(state["best"])

    def step(self, index: int) -> dict[str, float]:
        """Take step `index` of the run, from 0, and return its losses by name."""
        recipe = self._recipe
        random = step_generator(recipe.seed, index)
        places = draw_batch(self._codes, people=recipe.people, faces=recipe.faces, random=random)
        crops = augment(self._crops(self._rows[places]), random)
        people = torch.from_numpy(self._codes[places]).to(self._device)
        for group in self._optimizer.param_groups:
            group["lr"] = recipe.highest_rate * rate_at(index, self.steps)
        for part in self._parts().values():
            part.train()
        rows = functional.normalize(self.network(self._normalized(crops)).float())
        loss = self._loss(rows, people)
        losses: dict[str, float] = {recipe.loss: loss.item()}
        if self._decoder is not None:
            rebuilt = reconstruction_loss(self._decoder(rows), crops)
            losses["reconstruction"] = rebuilt.item()
            loss = loss + recipe.decoder_weight * rebuilt
        self._optimizer.zero_grad()
        loss.backward()
        weights = [weight for group in self._optimizer.param_groups for weight in group["params"]]
        torch.nn.utils.clip_grad_norm_(weights, _LARGEST_GRADIENT)
        self._optimizer.step()
        if (index + 1) % self.steps_per_epoch == 0:
            losses |= self._validate(index)
        return losses

    def finish(self) -> torch.nn.Module:
        """Return the network that was best on the validation side; the last where nobody looked."""
        if self._best:
            self.network.load_state_dict(self._best["network"])
        return self.network.eval()

    def encode(self, rows: npt.NDArray[np.intp]) -> torch.Tensor:
        """Return the unit embeddings (N, D) of faces as they are, as the encoder will give them."""
        self.network.eval()
        found = []
        with torch.no_grad():
            for start in range(0, len(rows), _ENCODE_BATCH):
                crops = self._crops(rows[start : start + _ENCODE_BATCH])
                found.append(functional.normalize(self.network(self._normalized(crops)).float()))
        return torch.cat(found)

    def _validate(self, index: int) -> dict[str, float]:
        if not len(self._validation):
            return {}
        share = misordered_share(self.encode(self._validation), self._validation_codes)
        if share is None:
            return {}
        if not self._best or share < self._best["share"]:
            weights = {
                name: tensor.detach().cpu().clone()
                for name, tensor in self.network.state_dict().items()
            }
            self._best = {"share": share, "step": index + 1, "network": weights}
        return {"validation": share}

    def _parts(self) -> dict[str, torch.nn.Module]:
        parts = {"network": self.network, "loss": self._loss}
        return parts if self._decoder is None else {**parts, "decoder": self._decoder}

    def _crops(self, rows: npt.NDArray[np.intp]) -> torch.Tensor:
        """Return crops at the input's size, shape (N, 3, H, W) in 0..1."""
        fitted = [self._preprocessing.fit_image(self._faces.crops[int(i)]) for i in rows]
        pixels = torch.from_numpy(np.stack(fitted)).to(self._device)
        return pixels.permute(0, 3, 1, 2).float() / 255

    def _normalized(self, crops: torch.Tensor) -> torch.Tensor:
        mean = torch.tensor(self._preprocessing.mean, device=self._device).reshape(1, 3, 1, 1)
        std = torch.tensor(self._preprocessing.std, device=self._device).reshape(1, 3, 1, 1)
        return ((crops - mean) / std).contiguous(memory_format=torch.channels_last)


def rate_at(step: int, steps: int) -> float:
    """Return the learning rate's share of its highest: a short rise, then half a cosine [1]_.

    References
    ----------
    .. [1] Loshchilov & Hutter (2017). SGDR: stochastic gradient descent with warm restarts.
       ICLR, equation 5, without the restarts.
    """
    rise = max(1, round(_WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def _sample(rows: npt.NDArray[np.intp], seed: int) -> npt.NDArray[np.intp]:
    if len(rows) <= MOST_FACES:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, MOST_FACES, replace=False))
