"""Faces to learn from, networks for them, and what a step of their training does to these.

References
----------
.. [1] Hadsell, Chopra & LeCun (2006), equation 4; see ``docs/training.md``.
.. [2] Deng, Guo, Xue & Zafeiriou (2019), equation 3; see the same. Where the angle would pass half
   a turn, insightface's ``margin * sin(margin)`` is taken off the cosine instead.
.. [3] Hinton & Salakhutdinov (2006). Reducing the dimensionality of data with neural networks.
   Science 313.
.. [4] Odena, Dumoulin & Olah (2016). Deconvolution and checkerboard artifacts. Distill,
   doi:10.23915/distill.00003.
.. [5] Loshchilov & Hutter (2017). SGDR: stochastic gradient descent with warm restarts. ICLR,
   equation 5, without the restarts.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from artsim.catalog.arrays import RGBImage
from artsim.catalog.names import Side, side_of
from artsim.encoders.base import Preprocessing, Triple
from artsim.encoders.face_encoders import FACENET_INPUT
from artsim.encoders.networks import build_network
from artsim.encoders.weights import fill_model, first_line, load_state_dict
from artsim.errors import EncoderError, TrainingError
from artsim.training.lessons import normalize
from artsim.training.loop import Trainee
from artsim.training.recipes import FacesRecipe

REBUILT_SIDE: Final = 64  # pixels a side of what is rebuilt, which are enough for a face
_HALF: Final[Triple] = (0.5, 0.5, 0.5)
_DIM: Final = 256
_SIDE: Final = 112  # pixels a side, as ArcFace has it; FaceNet has 160

# A quarter of the built-in network: there are fewer faces to learn from than paintings.
_SMALL: Final[Mapping[str, Any]] = {
    "widths": [32, 64, 128, 256], "depths": [1, 1, 1, 1], "stem": 32, "dim": _DIM,
}  # fmt: skip
_CHANNELS: Final = (128, 96, 64, 32, 16)  # of the decoder's stages
_FIRST_SIDE: Final = 4
_MOST_SHIFT: Final = 0.06  # of the side, either way
_MOST_ZOOM: Final = 0.1
_MOST_TURN: Final = 0.1  # radians. Crops are aligned, so that little is left for zoom and turn.
_MOST_LIGHT: Final = 0.25  # by which brightness and contrast change, as shares
_GRAY_SHARE: Final = 0.1  # of the faces, that lose their color: it is the light's more
_MOST_COMPARED: Final = 1000  # faces of the validation side, by chance; with each other

CONTRASTIVE_MARGIN: Final = 1.0  # distance of different people that is enough: a cosine of 0.5
# ArcFace has 0.5 and 64 for tens of thousands of people. For a hundred, CosFace's bound
# (section 3.3) asks for a scale of 9 only; half of ArcFace's leaves enough to spare.
ANGULAR_MARGIN: Final = 0.3
ANGULAR_SCALE: Final = 32.0
_LEAST_SQUARE: Final = 1e-12  # under the square root, whose slope at 0 is infinite
_WEIGHT_DECAY: Final = 5e-4  # as ArcFace has it
_WARM_UP: Final = 0.05
_LARGEST_GRADIENT: Final = 5.0
_ENCODE_BATCH: Final = 64


@dataclass(frozen=True, slots=True)
class FaceSet:
    """N aligned faces (size, size, 3), whose they are, and what each person's are for."""

    crops: Sequence[RGBImage]
    people: tuple[str, ...]
    sides: tuple[Side, ...]
    identity: str  # changes with the crops and the people

    def rows(self, side: Side) -> npt.NDArray[np.intp]:
        """Return which crops are on a side, rising."""
        return np.flatnonzero([each == side for each in self.sides])

    def codes(self, side: Side) -> tuple[npt.NDArray[np.intp], list[str]]:
        """Return the number of the person of each crop of a side, and their sorted names."""
        names, codes = np.unique([self.people[i] for i in self.rows(side)], return_inverse=True)
        return codes.astype(np.intp), [str(name) for name in names]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many faces of how many people each side has."""
        return {
            side: {"faces": len(self.rows(side)), "people": len(self.codes(side)[1])}
            for side in get_args(Side)
        }


def make_face_set(
    crops: Sequence[RGBImage],
    people: Sequence[str],
    *,
    test: float = 0.2,
    validation: float = 0.1,
    seed: int = 0,
) -> FaceSet:
    """Split faces by person, as `side_of` does; TrainingError if too few are left to train on."""
    sides = tuple(side_of(one, test=test, validation=validation, seed=seed) for one in people)
    digest = hashlib.sha256("\0".join(people).encode("utf-8", "surrogatepass"))
    for crop in crops:
        digest.update(np.ascontiguousarray(crop).tobytes())
    found = FaceSet(crops, tuple(people), sides, digest.hexdigest())
    codes, names = found.codes("train")
    if len(names) < 2 or np.bincount(codes).max() < 2:
        raise TrainingError(
            f"expected faces of at least two people to train on, two of one of them, found "
            f"{len(codes)} faces of {len(names)} people on that side of the split, of "
            f"{len(set(people))} people in all; add people, or give another seed or smaller "
            "shares for testing and validation",
            hint="--seed, --test-share, --validation-share",
        )
    return found


class NetworkPlan(NamedTuple):
    """A network to be built, how faces become its input, and the length of its embeddings."""

    network: str
    settings: Mapping[str, Any]
    preprocessing: Preprocessing
    dim: int


def plan_network(recipe: FacesRecipe) -> NetworkPlan:
    """Return what the recipe's network takes and gives, found out by one picture."""
    name, taken = recipe.network, Preprocessing(_SIDE, _SIDE, mean=_HALF, std=_HALF)
    network, settings = "face", {"model": name.removeprefix("timm:"), "dim": _DIM}
    if name == "inception-resnet-v1":
        network, settings, taken = "facenet", {}, FACENET_INPUT
    elif name == "painting":
        network, settings = "painting", dict(_SMALL)
    settings |= recipe.network_settings or {}
    side = recipe.side or taken.height
    with torch.random.fork_rng(devices=[]):
        try:
            built = build_network(network, settings).eval()
        except EncoderError as exc:
            raise TrainingError(
                f"no network {name!r} to train ({exc}); there are inception-resnet-v1, painting, "
                "or a model of timm such as resnet10t"
            ) from exc
    try:
        with torch.inference_mode():
            dim = int(built(torch.zeros(1, 3, side, side)).shape[1])
    except (RuntimeError, AssertionError, ValueError) as exc:
        raise TrainingError(
            f"the network {name!r} cannot take pictures of {side} x {side} pixels "
            f"({first_line(exc)}); give another side, or another network",
            hint="--side, --network",
        ) from exc
    return NetworkPlan(network, settings, replace(taken, height=side, width=side), dim)


def begin_network(plan: NetworkPlan, recipe: FacesRecipe) -> nn.Module:
    """Return the network with the weights it begins with; equal seeds give equal ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = build_network(plan.network, plan.settings)
    if recipe.weights is not None:
        # Published weights of FaceNet have a classifier of the people they have seen.
        state = load_state_dict(recipe.weights)
        fill_model(network, state, path=recipe.weights, unused="logits.")
    return network


class ContrastiveLoss(nn.Module):
    """Pairs of one person are drawn together, others pushed apart up to a margin [1]_.

    Of all pairs of a batch: the mean of d² over those of one person, and of max(0, margin - d)²
    over those of different people, which are many more, half of each.
    """

    def __init__(self, margin: float = CONTRASTIVE_MARGIN) -> None:
        super().__init__()
        if not 0 < margin <= 2:
            raise ValueError(f"margin must lie in 0..2 and above 0, not {margin}")
        self.margin = margin

    def forward(self, rows: torch.Tensor, people: torch.Tensor) -> torch.Tensor:
        """Return the loss of unit rows (N, D) of people (N,); 0 where there are no pairs."""
        first, second = torch.triu_indices(len(rows), len(rows), 1, device=rows.device)
        squares = (2 - 2 * (rows @ rows.T)[first, second]).clamp_min(_LEAST_SQUARE)
        same = people[first] == people[second]
        apart = (self.margin - squares.sqrt()).clamp_min(0).square()
        return (_mean(squares, same) + _mean(apart, ~same)) / 2


class AngularMarginLoss(nn.Module):
    """ArcFace [2]_: the person must be recognized though an angle is added against it.

    Each person has a learned direction, which the encoder does without; `margin`, in radians, is
    added to the angle between a face and its person's, and the cosines are scaled.
    """

    def __init__(
        self, dim: int, people: int, margin: float = ANGULAR_MARGIN, scale: float = ANGULAR_SCALE
    ) -> None:
        super().__init__()
        if not 0 <= margin < math.pi / 2:
            raise ValueError(f"margin must lie in 0..{math.pi / 2:.2f}, not {margin}")
        self.margin, self.scale = margin, scale
        self.directions = nn.Parameter(torch.empty(people, dim))
        nn.init.normal_(self.directions, std=0.01)

    def forward(self, rows: torch.Tensor, people: torch.Tensor) -> torch.Tensor:
        """Return the loss of unit rows (N, D) of people (N,)."""
        cosines = rows @ functional.normalize(self.directions).T
        own = cosines.gather(1, people[:, None])
        sines = (1 - own.square()).clamp_min(_LEAST_SQUARE).sqrt()
        turned = own * math.cos(self.margin) - sines * math.sin(self.margin)
        beyond = own - self.margin * math.sin(self.margin)
        harder = torch.where(own > -math.cos(self.margin), turned, beyond)
        scores = self.scale * cosines.scatter(1, people[:, None], harder)
        return functional.cross_entropy(scores, people)


class CropDecoder(nn.Module):
    """From embeddings to small pictures, each stage twice as wide and high.

    It rebuilds a face from its embedding, only in training: what is to be rebuilt must not be
    thrown away, as by an autoencoder [3]_. Stages enlarge by repetition before they convolve, which
    leaves no checkered pattern [4]_.
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


def vary(crops: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Return crops (N, 3, H, W) in 0..1 mirrored, moved and lit as they might have been."""
    count = len(crops)
    zoom = 1 + random.uniform(-_MOST_ZOOM, _MOST_ZOOM, count)
    turn = random.uniform(-_MOST_TURN, _MOST_TURN, count)
    shift = random.uniform(-2 * _MOST_SHIFT, 2 * _MOST_SHIFT, (count, 2))  # the side has length 2
    mirror = np.where(random.random(count) < 0.5, -1.0, 1.0)
    places = np.empty((count, 2, 3), dtype=np.float32)
    places[:, 0, 0], places[:, 0, 1] = zoom * mirror * np.cos(turn), -zoom * np.sin(turn)
    places[:, 1, 0], places[:, 1, 1] = zoom * mirror * np.sin(turn), zoom * np.cos(turn)
    places[:, :, 2] = shift
    where = torch.from_numpy(places).to(crops.device)
    grid = functional.affine_grid(where, list(crops.shape), align_corners=False)
    moved = functional.grid_sample(crops, grid, padding_mode="border", align_corners=False)
    light = 1 + random.uniform(-_MOST_LIGHT, _MOST_LIGHT, (2, count, 1, 1, 1)).astype(np.float32)
    brightness, contrast = torch.from_numpy(light).to(crops.device)
    gray = torch.from_numpy(random.random((count, 1, 1, 1)) < _GRAY_SHARE).to(crops.device)
    colored = torch.where(gray, moved.mean(1, keepdim=True), moved)
    means = colored.mean((1, 2, 3), keepdim=True)
    relit: torch.Tensor = ((colored - means) * contrast + means) * brightness
    return relit.clamp(0, 1)


def draw_batch(
    codes: npt.NDArray[np.intp], *, people: int, faces: int, random: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Return the places of up to `people` x `faces` faces, person by person, by their `codes`.

    Each person is as likely as any other. One with fewer than `faces` gives some of them more than
    once, none before all have come.
    """
    by_person = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    drawn = []
    for person in random.choice(len(sizes), min(people, len(sizes)), replace=False):
        size = int(sizes[person])
        rounds = [random.permutation(size) for _ in range(-(-faces // size))]
        drawn.append(by_person[starts[person] + np.concatenate(rounds)[:faces]])
    return np.concatenate(drawn).astype(np.intp)


def reconstruction_loss(rebuilt: torch.Tensor, crops: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error against crops (N, 3, H, W) in 0..1, shrunk to match."""
    small = functional.interpolate(
        crops, rebuilt.shape[-2:], mode="bilinear", align_corners=False, antialias=True
    )
    return functional.mse_loss(rebuilt, small)


def misordered_share(rows: torch.Tensor, codes: npt.NDArray[np.intp]) -> float | None:
    """Return how often a pair of different people is at least as alike as one of one person.

    One minus the area under the ROC curve of unit embeddings (N, D), a tie counting half: 0 is
    perfect, 0.5 chance. None where there are no pairs of either kind.
    """
    first, second = np.triu_indices(len(rows), k=1)
    cosines = (rows @ rows.T).double().cpu().numpy()[first, second]
    same = codes[first] == codes[second]
    if not same.any() or same.all():
        return None
    ranked = np.sort(cosines[same])
    below, up_to = (np.searchsorted(ranked, cosines[~same], side) for side in ("left", "right"))
    return float(((below + up_to) / 2).mean() / len(ranked))


def _mean(values: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    return (values * chosen).sum() / chosen.sum().clamp_min(1)


class FacesTrainee(Trainee):
    """Network, loss, decoder and optimizer; what tells unseen people apart best is kept."""

    def __init__(
        self, faces: FaceSet, plan: NetworkPlan, recipe: FacesRecipe, device: torch.device
    ) -> None:
        self._faces, self._recipe, self._device = faces, recipe, device
        self._preprocessing = plan.preprocessing
        self._rows = faces.rows("train")
        self._codes, people = faces.codes("train")
        network: Any = begin_network(plan, recipe).to(device)
        self.network: nn.Module = network.to(memory_format=torch.channels_last)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed + 1)
            given: Any = {} if recipe.margin is None else {"margin": recipe.margin}
            if recipe.loss == "contrastive":
                self._loss: nn.Module = ContrastiveLoss(**given).to(device)
            else:
                self._loss = AngularMarginLoss(plan.dim, len(people), **given).to(device)
            self._decoder = CropDecoder(plan.dim).to(device) if recipe.has_decoder else None
        self._modules: dict[str, nn.Module] = {"network": self.network, "loss": self._loss}
        if self._decoder is not None:
            self._modules["decoder"] = self._decoder
        self._weights = [w for module in self._modules.values() for w in module.parameters()]
        self._optimizer = torch.optim.AdamW(
            self._weights, lr=recipe.highest_rate, weight_decay=_WEIGHT_DECAY
        )
        self.parts = {**self._modules, "optimizer": self._optimizer}
        batch = min(recipe.people, len(people)) * recipe.faces
        self._epoch = math.ceil(len(self._rows) / batch)
        self.steps = self._epoch * recipe.epochs
        rows = faces.rows("validation")
        if len(rows) > _MOST_COMPARED:
            random = np.random.default_rng(recipe.seed)
            rows = np.sort(random.choice(rows, _MOST_COMPARED, replace=False))
        self._compared = rows
        self._compared_codes = np.unique([faces.people[i] for i in rows], return_inverse=True)[1]
        self._best: dict[str, Any] = {}

    @property
    def best_step(self) -> int | None:
        """How many steps had been taken when unseen people were told apart best, if any looked."""
        return self._best.get("step")

    def state(self) -> dict[str, Any]:
        """Return all that a later step depends on."""
        return {**super().state(), "best": self._best}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        super().load_state(state)
        self._best = dict(state["best"])

    def step(self, index: int) -> dict[str, float]:
        """Take step `index` of the run, from 0, and return its losses by name."""
        recipe = self._recipe
        random = np.random.default_rng((recipe.seed, index))
        places = draw_batch(self._codes, people=recipe.people, faces=recipe.faces, random=random)
        crops = vary(self._crops(self._rows[places]), random)
        people = torch.from_numpy(self._codes[places]).to(self._device)
        for group in self._optimizer.param_groups:
            group["lr"] = recipe.highest_rate * rate_at(index, self.steps)
        for module in self._modules.values():
            module.train()
        rows = self._embed(crops)
        loss = self._loss(rows, people)
        losses: dict[str, float] = {recipe.loss: loss.item()}
        if self._decoder is not None:
            rebuilt = reconstruction_loss(self._decoder(rows), crops)
            losses["reconstruction"] = rebuilt.item()
            loss = loss + recipe.decoder_weight * rebuilt
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._weights, _LARGEST_GRADIENT)
        self._optimizer.step()
        if (index + 1) % self._epoch == 0 and len(self._compared):
            losses |= self._validate(index)
        return losses

    def finish(self) -> nn.Module:
        """Return the network that was best on the validation side; the last where nobody looked."""
        if self._best:
            self.network.load_state_dict(self._best["network"])
        return self.network.eval()

    def encode(self, rows: npt.NDArray[np.intp]) -> torch.Tensor:
        """Return the unit embeddings (N, D) of faces as they are, as the encoder will give them."""
        self.network.eval()
        starts = range(0, len(rows), _ENCODE_BATCH)
        with torch.no_grad():
            return torch.cat(
                [self._embed(self._crops(rows[s : s + _ENCODE_BATCH])) for s in starts]
            )

    def _validate(self, index: int) -> dict[str, float]:
        share = misordered_share(self.encode(self._compared), self._compared_codes)
        if share is None:
            return {}
        if not self._best or share < self._best["share"]:
            weights = self.network.state_dict().items()
            kept = {name: tensor.detach().cpu().clone() for name, tensor in weights}
            self._best = {"share": share, "step": index + 1, "network": kept}
        return {"validation": share}

    def _crops(self, rows: npt.NDArray[np.intp]) -> torch.Tensor:
        """Return crops at the input's size, shape (N, 3, H, W) in 0..1."""
        fitted = [self._preprocessing.fit_image(self._faces.crops[int(i)]) for i in rows]
        pixels = torch.from_numpy(np.stack(fitted)).to(self._device)
        return pixels.permute(0, 3, 1, 2).float() / 255

    def _embed(self, crops: torch.Tensor) -> torch.Tensor:
        inputs = normalize(crops, self._preprocessing.mean, self._preprocessing.std)
        return functional.normalize(self.network(inputs).float())


def rate_at(step: int, steps: int) -> float:
    """Return the learning rate's share of its highest: a short rise, then half a cosine [5]_."""
    rise = max(1, round(_WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
