"""Networks for faces, and what a step of their training does to them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from artsim.encoders.networks import build_network
from artsim.encoders.preprocess import Preprocessing, Triple
from artsim.encoders.weights import file_sha256, fill_model, load_state_dict
from artsim.errors import EncoderError, TrainingError
from artsim.training.face_data import FaceSet
from artsim.training.losses import make_loss, misordered_share, reconstruction_loss
from artsim.training.recipes import FacesRecipe

INCEPTION: Final = "inception-resnet-v1"
PAINTING: Final = "painting"

_HALF: Final[Triple] = (0.5, 0.5, 0.5)
_FACENET_STD: Final[Triple] = (128 / 255, 128 / 255, 128 / 255)

_DIM: Final = 256
_SIDE: Final = 112
"""Pixels a side, as ArcFace has it; FaceNet has 160."""

_PAINTING_SETTINGS: Final[Mapping[str, Any]] = {
    "widths": [32, 64, 128, 256],
    "depths": [1, 1, 1, 1],
    "stem": 32,
    "dim": _DIM,
}
"""A quarter of the built-in network: there are fewer faces to learn from than paintings."""

REBUILT_SIDE: Final = 64
"""Pixels a side of what is rebuilt: enough for a face, and a sixth of a crop's work."""

_CHANNELS: Final = (128, 96, 64, 32, 16)
_FIRST_SIDE: Final = 4

MOST_SHIFT: Final = 0.06
"""Of the side, either way."""

MOST_ZOOM: Final = 0.1
MOST_TURN: Final = 0.1
"""Radians. Crops are aligned, so that little is left for zoom and turn."""

MOST_LIGHT: Final = 0.25
"""By which brightness and contrast change, as shares."""

GRAY_SHARE: Final = 0.1
"""Of the faces, that lose their color: it is the light's more than the person's."""

MOST_FACES: Final = 1000
"""That are compared with each other; a seeded sample of more."""

WEIGHT_DECAY: Final = 5e-4
"""As ArcFace has it."""

_WARM_UP: Final = 0.05
_LARGEST_GRADIENT: Final = 5.0
_ENCODE_BATCH: Final = 64


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """A network that can be built, and how faces become its input.

    Attributes
    ----------
    network, settings
        As in `artsim.encoders.trained_config.TrainedConfig`.
    dim : int
        Length of its embeddings.
    weights : Path or None
        File of weights to begin with; None begins at random.
    """

    network: str
    settings: Mapping[str, Any]
    preprocessing: Preprocessing
    dim: int
    weights: Path | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)

    def build(self, seed: int) -> torch.nn.Module:
        """Return the network with the weights it begins with; equal seeds give equal ones.

        Raises
        ------
        WeightsError
            If the file of weights is damaged or of another network.
        EncoderError
            If the network cannot be built.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = build_network(self.network, self.settings)
        if self.weights is not None:
            # Published weights of FaceNet have a classifier of the people they have seen.
            state = load_state_dict(self.weights)
            fill_model(network, state, path=self.weights, unused="logits.")
        return network


def plan_network(
    name: str,
    *,
    side: int | None = None,
    weights: Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> NetworkPlan:
    """Understand the name of a network to train.

    Parameters
    ----------
    name : str
        ``inception-resnet-v1`` (FaceNet), ``painting`` (small, artsim's own), or a model of
        timm, which gets an ending for faces.
    side : int, optional
        Pixels a side of its input; by default 160 for FaceNet and 112 for others.
    weights : Path, optional
        File of that network's weights to begin with.
    settings : mapping, optional
        Of the network, over its usual ones.

    Raises
    ------
    TrainingError
        If nothing has that name, or the network cannot take pictures of that size.
    WeightsError
        If the file of weights cannot be read.
    """
    network, usual, size = _described(name)
    chosen = {**usual, **(settings or {})}
    size = side or size
    std = _FACENET_STD if network == "facenet" else _HALF
    preprocessing = Preprocessing(height=size, width=size, mean=_HALF, std=std)
    identity = {
        "network": network,
        "settings": chosen,
        "side": size,
        "weights": None if weights is None else file_sha256(weights),
    }
    dim = _probe(name, network, chosen, size)
    return NetworkPlan(network, chosen, preprocessing, dim, weights, identity)


def _described(name: str) -> tuple[str, Mapping[str, Any], int]:
    if name == INCEPTION:
        return "facenet", {}, 160
    if name == PAINTING:
        return "painting", _PAINTING_SETTINGS, _SIDE
    return "face", {"model": name.removeprefix("timm:"), "dim": _DIM}, _SIDE


def _probe(name: str, network: str, settings: Mapping[str, Any], side: int) -> int:
    """Return the length of the embeddings, by one picture."""
    with torch.random.fork_rng(devices=[]):
        try:
            built = build_network(network, settings).eval()
        except EncoderError as exc:
            known = f"{INCEPTION}, {PAINTING}, or a model of timm such as resnet10t"
            raise TrainingError(f"no network {name!r} to train ({exc}); there are {known}") from exc
    try:
        with torch.inference_mode():
            rows = built(torch.zeros(1, 3, side, side))
    except (RuntimeError, AssertionError, ValueError) as exc:
        reason = (str(exc).strip().splitlines() or [type(exc).__name__])[0]
        raise TrainingError(
            f"the network {name!r} cannot take pictures of {side} x {side} pixels ({reason}); "
            "give another side, or another network",
            hint="--side, --network",
        ) from exc
    return int(rows.shape[1])


class CropDecoder(nn.Module):
    """From embeddings to small pictures, each stage twice as wide and high.

    The reconstruction that reverse search on Labeled Faces in the Wild adds to a contrastive
    loss: an autoencoder [1]_ whose code is the embedding. Stages enlarge by
    repetition before they convolve, which leaves no checkered pattern [2]_.

    References
    ----------
    .. [1] Hinton & Salakhutdinov (2006). Reducing the dimensionality of data with neural
           networks. Science 313.
    .. [2] Odena, Dumoulin & Olah (2016). Deconvolution and checkerboard artifacts. Distill,
           doi:10.23915/distill.00003.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.first = nn.Linear(dim, _CHANNELS[0] * _FIRST_SIDE**2)
        stages: list[nn.Module] = []
        for taken, given in pairwise(_CHANNELS):
            stages += [
                nn.Upsample(scale_factor=2),
                nn.Conv2d(taken, given, 3, padding=1, bias=False),
                nn.BatchNorm2d(given),
                nn.ReLU(inplace=True),
            ]
        self.stages = nn.Sequential(*stages, nn.Conv2d(_CHANNELS[-1], 3, 3, padding=1))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return pictures (N, 3, REBUILT_SIDE, REBUILT_SIDE) in 0..1 of unit rows (N, D)."""
        maps = self.first(rows).reshape(-1, _CHANNELS[0], _FIRST_SIDE, _FIRST_SIDE)
        return torch.sigmoid(self.stages(maps))


def augment(crops: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Return crops (N, 3, H, W) in 0..1 as they might also have been, by draws of `random`."""
    return _relight(_move(crops, random), random)


def _move(crops: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    count = len(crops)
    zoom = 1 + random.uniform(-MOST_ZOOM, MOST_ZOOM, count)
    turn = random.uniform(-MOST_TURN, MOST_TURN, count)
    shift = random.uniform(-2 * MOST_SHIFT, 2 * MOST_SHIFT, (count, 2))  # the side has length 2
    mirror = np.where(random.random(count) < 0.5, -1.0, 1.0)
    places = np.empty((count, 2, 3), dtype=np.float32)
    places[:, 0, 0], places[:, 0, 1] = zoom * mirror * np.cos(turn), -zoom * np.sin(turn)
    places[:, 1, 0], places[:, 1, 1] = zoom * mirror * np.sin(turn), zoom * np.cos(turn)
    places[:, :, 2] = shift
    grid = functional.affine_grid(
        torch.from_numpy(places).to(crops.device), list(crops.shape), align_corners=False
    )
    return functional.grid_sample(crops, grid, padding_mode="border", align_corners=False)


def _relight(crops: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    count = len(crops)
    factors = 1 + random.uniform(-MOST_LIGHT, MOST_LIGHT, (2, count, 1, 1, 1)).astype(np.float32)
    brightness, contrast = torch.from_numpy(factors).to(crops.device)
    gray = torch.from_numpy(random.random((count, 1, 1, 1)) < GRAY_SHARE).to(crops.device)
    colored = torch.where(gray, crops.mean(1, keepdim=True), crops)
    means = colored.mean((1, 2, 3), keepdim=True)
    relit: torch.Tensor = ((colored - means) * contrast + means) * brightness
    return relit.clamp(0, 1)


def step_generator(seed: int, step: int) -> np.random.Generator:
    """Return the generator of one step of a run; what it draws depends on nothing else."""
    return np.random.default_rng((seed, step))


def draw_batch(
    codes: npt.NDArray[np.intp], *, people: int, faces: int, random: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Return the places of up to `people` x `faces` faces, every person with equally many.

    Each person is as likely as any other, however many faces of it there are. A person
    with fewer than `faces` gives some of them more than once.

    Parameters
    ----------
    codes : ndarray of int, shape (N,)
        Number of each face's person, from 0, each at least once.
    people, faces : int
        At least 1; with fewer people in all, all are taken.

    Returns
    -------
    ndarray of int, shape (min(people, P) * faces,)
        Person by person.
    """
    by_person = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    chosen = random.choice(len(sizes), min(people, len(sizes)), replace=False)
    return np.concatenate(
        [by_person[starts[person] + _draw(int(sizes[person]), faces, random)] for person in chosen]
    )


def _draw(size: int, count: int, random: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return `count` of `size`, none a second time before all have come."""
    rounds = [random.permutation(size) for _ in range(-(-count // size))]
    return np.concatenate(rounds)[:count].astype(np.intp)


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
