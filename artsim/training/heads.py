"""Heads on unit vectors: fitted or trained, calibrated, told when to say nothing, and scored.

References
----------
.. [1] Guo, Pleiss, Sun & Weinberger (2017). On calibration of modern neural networks. ICML.
.. [2] Platt (1999). Probabilistic outputs for support vector machines and comparisons to
   regularized likelihood methods. Advances in Large Margin Classifiers.
.. [3] Geifman & El-Yaniv (2017). Selective classification for deep neural networks. NeurIPS.
   Algorithm 1.
.. [4] Clopper & Pearson (1934). The use of confidence or fiducial limits illustrated in the case
   of the binomial. Biometrika 26.
"""

from __future__ import annotations

import math
import warnings
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from artsim.catalog.arrays import Embeddings
from artsim.catalog.progress import Progress
from artsim.encoders.base import Preprocessing
from artsim.encoders.classifier import Head, Logits, softmax
from artsim.encoders.devices import usable_cores
from artsim.encoders.networks import build_network
from artsim.encoders.registry import resolve
from artsim.encoders.timm import create_network, preprocessing_of
from artsim.encoders.trained import TrainedConfig
from artsim.images.load import load_image
from artsim.training.data import Labels
from artsim.training.lessons import normalize
from artsim.training.loop import Trainee
from artsim.training.recipes import ClassifierOptions

MOBILENET: Final = "mobilenetv2_100"
MOBILENET_DIM: Final = 1280
# Of the fit beside the regularization: scikit-learn's C, for numbers of unit variance.
STRENGTHS: Final = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
SCALE: Final = 16.0  # without it logits of unit vectors are too small for softmax to tell apart
_MAX_ITERATIONS: Final = 300
_PATIENCE: Final = 2  # stronger fits that are no better before the search ends: they take longest
_MILESTONES: Final = (0.5, 0.8)  # of the run, at which the learning rate falls to a tenth
_STEP: Final = 0.1
_WEIGHT_DECAY: Final = 1e-4
_SIDE: Final = 224
_LEAST_AREA: Final = 0.4
_LONGEST: Final = 512  # pixels of a long side before it is cropped: more than the crop shows

SURENESS: Final = 0.9  # probability that answers above a threshold are right as often as asked for

_BINS: Final = 15  # as in Guo et al. (2017).
_LOG_RANGE: Final = (-5.0, 5.0)
_FLOOR: Final = 1e-12
_TOP: Final = 5

# From some works to the network's input for them, drawn anew by the generator.
Inputs: TypeAlias = Callable[[npt.NDArray[np.intp], np.random.Generator], torch.Tensor]


def fit_linear(
    vectors: Embeddings, labels: Labels, folds: Labels, classes: int, *, progress: Progress
) -> tuple[Head, Logits, Mapping[float, float]]:
    """Fit softmax regression with class-weighted loss.

    The regularization is chosen by cross-validation, for balanced accuracy. Returns the head,
    logits (N, C) of each work by a head that was fitted to the other folds, and the balanced
    accuracy by strength.
    """
    search: dict[float, float] = {}
    held_out: dict[float, Logits] = {}
    progress.start(len(STRENGTHS), "Choosing the regularization")
    try:
        for place, strength in enumerate(STRENGTHS):
            logits = np.zeros((len(labels), classes))
            for fold in np.unique(folds):
                out = folds == fold
                head = _fit(vectors[~out], labels[~out], classes, strength)
                logits[out] = head.logits(vectors[out])
            held_out[strength] = logits
            right = logits.argmax(axis=1) == labels
            recalls = [right[labels == value].mean() for value in np.unique(labels)]
            search[strength] = float(np.mean(recalls))
            progress.update(place + 1)
            best = max(search, key=lambda c: (search[c], -c))
            if list(search).index(best) + _PATIENCE <= place:
                break
    finally:
        progress.finish()
    return _fit(vectors, labels, classes, best), held_out[best], search


def _fit(vectors: Embeddings, labels: Labels, classes: int, strength: float) -> Head:
    """Fit a head of all classes; one without works, as a fold may be, is the least likely there."""
    from sklearn.linear_model import LogisticRegression

    there = np.unique(labels)
    weights, bias = np.zeros((1, vectors.shape[1])), np.zeros(1)
    if len(there) > 1:  # a fold may have held out all others
        # Vectors of a network lie in a narrow cone: what they share is no use, and slows the fit.
        center = vectors.mean(axis=0)
        scale = float(np.sqrt(vectors.var(axis=0).mean())) or 1.0
        model: Any = LogisticRegression(
            C=strength, class_weight="balanced", max_iter=_MAX_ITERATIONS, tol=1e-3
        )
        with warnings.catch_warnings():
            # A fit that is cut short is judged by cross-validation like any other.
            warnings.simplefilter("ignore")
            model.fit((vectors - center) / scale, labels)
        weights, bias = model.coef_, model.intercept_
        if len(weights) == 1:  # scikit-learn has one row for two classes
            weights, bias = (np.concatenate([-rows, rows]) / 2 for rows in (weights, bias))
        weights = weights / scale
        bias = bias - weights @ center
    head = Head(
        np.zeros((classes, vectors.shape[1]), dtype=np.float32),
        np.full(classes, bias.min() - 10.0, dtype=np.float32),
    )
    head.weights[there], head.bias[there] = weights, bias
    return head


class HeadTraining(Trainee):
    """Network and head by class-weighted cross-entropy; works that fill no batch wait an epoch."""

    def __init__(
        self,
        network: nn.Module,
        inputs: Inputs,
        labels: Labels,
        *,
        dim: int,
        classes: int,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        seed: int,
        device: torch.device,
    ) -> None:
        self._network = network.to(device)
        self._head = nn.Linear(dim, classes).to(device)
        self._inputs, self._labels = inputs, labels
        self._batch_size, self._rate = batch_size, learning_rate
        self._seed, self._device = seed, device
        self.batches = max(1, len(labels) // batch_size)
        self.steps = epochs * self.batches
        counts = np.bincount(labels, minlength=classes)
        weights = len(labels) / (len(np.unique(labels)) * np.maximum(counts, 1))
        self._loss = nn.CrossEntropyLoss(torch.tensor(weights, dtype=torch.float32, device=device))
        self._optimizer = torch.optim.Adam(
            [*self._network.parameters(), *self._head.parameters()],
            lr=learning_rate,
            weight_decay=_WEIGHT_DECAY,
        )
        self.parts = {"network": network, "head": self._head, "optimizer": self._optimizer}

    def step(self, index: int) -> dict[str, float]:
        """Learn from one batch."""
        epoch, batch = divmod(index, self.batches)
        order = np.random.default_rng([self._seed, 0, epoch]).permutation(len(self._labels))
        start = batch * self._batch_size
        rows = np.asarray(order[start : start + self._batch_size])
        falls = sum(index / self.steps >= milestone for milestone in _MILESTONES)
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate * _STEP**falls
        self._network.train()
        random = np.random.default_rng([self._seed, 1, index])
        inputs = self._inputs(rows, random).to(self._device)
        targets = torch.from_numpy(self._labels[rows]).to(self._device)
        vectors = nn.functional.normalize(self._network(inputs).float(), dim=1)
        loss = self._loss(self._head(SCALE * vectors), targets)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        return {"loss": float(loss.detach())}

    def head(self) -> Head:
        """Return the head on unit vectors."""
        weights, bias = (part.detach().cpu() for part in (self._head.weight, self._head.bias))
        return Head((SCALE * weights).numpy(), bias.numpy())


class Beginning(NamedTuple):
    """MobileNetV2 before training, with how a picture becomes its input."""

    network: nn.Module
    preprocessing: Preprocessing
    config: TrainedConfig  # of the encoder that it will be
    weights: str  # their identity, or ``random``


def begin_mobilenet(recipe: ClassifierOptions) -> Beginning:
    """Return the network before training, channels-last: CPUs compute twice as fast in that.

    Random weights never take the place of ImageNet's unasked: without these a WeightsError says so.
    """
    if recipe.from_scratch:
        torch.manual_seed(recipe.seed)
        network: Any = build_network("timm", {"model": MOBILENET})
        preprocessing, identity = Preprocessing(_SIDE, _SIDE), "random"
    else:
        card = resolve("mobilenetv2", weights=recipe.weights)
        network = create_network(card)
        preprocessing = preprocessing_of(network, _SIDE)
        identity = card.vector_name.removeprefix(f"{MOBILENET}-").removesuffix("-avg-v1")
    settings, summary = {"model": MOBILENET}, f"MobileNetV2, trained for {recipe.by}"
    config = TrainedConfig("timm", settings, preprocessing, MOBILENET_DIM, summary=summary)
    network = network.to(memory_format=torch.channels_last)
    return Beginning(network, preprocessing, config, identity)


class PictureInputs:
    """Batches of pictures, each squashed after a crop of 40 % of its area or more, and mirrored."""

    def __init__(self, paths: Sequence[Path], preprocessing: Preprocessing) -> None:
        self._paths = list(paths)
        self._preprocessing = preprocessing
        self._pool = ThreadPoolExecutor(usable_cores())

    def __call__(self, rows: npt.NDArray[np.intp], random: np.random.Generator) -> torch.Tensor:
        """Return normalized pictures, shape (N, 3, 224, 224)."""
        draws = random.random((len(rows), 5))
        pictures = np.stack(list(self._pool.map(self._draw, rows.tolist(), draws)))
        values = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
        return normalize(values, self._preprocessing.mean, self._preprocessing.std)

    def _draw(self, row: int, draw: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
        image = load_image(self._paths[row], max_side=_LONGEST).pixels
        height, width = image.shape[:2]
        side = (_LEAST_AREA + (1 - _LEAST_AREA) * draw[0]) ** 0.5
        stretch = 2 ** (0.3 * (draw[1] - 0.5))
        across = min(width, max(1, round(width * side * stretch)))
        down = min(height, max(1, round(height * side / stretch)))
        left = int(draw[2] * (width - across + 1))
        top = int(draw[3] * (height - down + 1))
        part = image[top : top + down, left : left + across]
        fitted = self._preprocessing.fit_image(part)
        return fitted[:, ::-1] if draw[4] < 0.5 else fitted


def log_loss(probabilities: npt.NDArray[np.float64], labels: Labels) -> float:
    """Return the mean negative log likelihood of N labels."""
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(right, _FLOOR)).mean())


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """Return the temperature that makes N held-out labels most likely [1]_.

    Each label is believed but for one part in N + 2, as Platt does [2]_: the less was held
    out, the less sure one may be of it, even where all of it was right.
    """
    from scipy.optimize import minimize_scalar

    doubt = 1 / (len(labels) + 2)

    def loss(log_temperature: float) -> float:
        likely = softmax(logits / np.exp(log_temperature))
        anything = -np.log(np.maximum(likely, _FLOOR)).mean()
        return float((1 - doubt) * log_loss(likely, labels) + doubt * anything)

    found = minimize_scalar(loss, bounds=_LOG_RANGE, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def choose_threshold(
    confidences: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], *, precision: float
) -> float | None:
    """Return the least confidence from which on answers are right often enough.

    Often enough is more than the share of held-out answers, the least confidence with which
    would be a lucky one: with the probability `SURENESS`, `precision` of all answers at or above
    it are right, if they come from where the held-out works do. The answers are as many as
    a binary search finds, each of whose looks has its part in the doubt [3]_, by the interval
    of Clopper & Pearson [4]_. None where no threshold is found that reaches it.
    """
    from scipy.stats import beta

    levels = np.unique(confidences)[::-1]
    doubt = (1 - SURENESS) / max(1, math.ceil(math.log2(len(levels) + 1)))

    def falls_short(level: float) -> bool:
        answered = confidences >= level
        good = int(right[answered].sum())
        wrong = int(answered.sum()) - good
        return good == 0 or not beta.ppf(doubt, good, wrong + 1) >= precision

    count = bisect_left(levels, True, key=falls_short)
    return float(levels[count - 1]) if count else None


def calibration_error(confidences: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """Return the expected calibration error: how far confidence is from accuracy, in 0..1.

    The mean over 15 bins of equal width, weighted by their counts, of the difference between
    mean confidence and share of right answers: Guo et al. (2017), equation 3.
    """
    bins = np.clip(np.ceil(confidences * _BINS).astype(int) - 1, 0, _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    gaps = np.abs(
        np.bincount(bins, weights=confidences, minlength=_BINS)
        - np.bincount(bins, weights=right.astype(float), minlength=_BINS)
    )
    return float(gaps.sum() / counts.sum())


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class of the test side: precision, recall and F1 in 0..1, and how many works it has."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores on N works of the test side; all but counts and `log_loss` are in 0..1."""

    count: int
    accuracy: float
    accuracy_interval: tuple[float, float]  # Wilson's, of 95 %
    top_5: float
    balanced_accuracy: float  # mean recall of the classes that have works on the test side
    macro_f1: float  # mean F1 of the same
    majority: float  # accuracy of always naming the training side's most frequent class
    log_loss: float
    calibration_error: float
    coverage: float  # share of works that are answered
    answered_accuracy: float  # share of right answers among these (0 where none)
    classes: tuple[ClassScore, ...]
    confusion: npt.NDArray[np.int64]  # (C, C): class by most probable one, abstentions or not

    def summary(self) -> dict[str, float | int]:
        """Return the single numbers, by name."""
        listed = ("accuracy_interval", "classes", "confusion")
        names = [each.name for each in fields(self) if each.name not in listed]
        return {name: getattr(self, name) for name in names}


def score_classifier(
    probabilities: npt.NDArray[np.float64],
    labels: Labels,
    trained_on: Labels,
    classes: Sequence[str],
    *,
    threshold: float | None,
) -> Scores:
    """Return the scores of probabilities (N, C); `trained_on` are the training side's labels."""
    from scipy.stats import binomtest
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    predicted = probabilities.argmax(axis=1)
    confidences = probabilities.max(axis=1)
    right = predicted == labels
    answered = confidences >= threshold if threshold is not None else np.zeros(len(labels), bool)
    names = np.arange(len(classes))
    each = precision_recall_fscore_support(labels, predicted, labels=names, zero_division=0)
    _, recall, f1, support = each
    rank_of_right = (probabilities > probabilities[np.arange(len(labels)), labels][:, None]).sum(1)
    interval = binomtest(int(right.sum()), len(labels)).proportion_ci(0.95, "wilson")
    most_frequent = np.bincount(trained_on, minlength=len(classes)).argmax()
    return Scores(
        count=len(labels),
        accuracy=float(right.mean()),
        accuracy_interval=(float(interval.low), float(interval.high)),
        top_5=float((rank_of_right < _TOP).mean()),
        balanced_accuracy=float(recall[support > 0].mean()),
        macro_f1=float(f1[support > 0].mean()),
        majority=float((labels == most_frequent).mean()),
        log_loss=log_loss(probabilities, labels),
        calibration_error=calibration_error(confidences, right),
        coverage=float(answered.mean()),
        answered_accuracy=float(right[answered].mean()) if answered.any() else 0.0,
        classes=tuple(
            ClassScore(name, float(p), float(r), float(f), int(count))
            for name, p, r, f, count in zip(classes, *each, strict=True)
        ),
        confusion=confusion_matrix(labels, predicted, labels=names),
    )


class PublishedAccuracy(NamedTuple):
    """An accuracy, in 0..1, on the publication's own data, classes and split."""

    name: str
    field: str
    accuracy: float
    note: str


_ARTEXTRACT: Final = (
    "published, on its own classes and split of WikiArt; convolutional-recurrent network of "
    "ArtExtract"
)
_PANDORA: Final = "published, on its own data, the 18 styles of Pandora18k; MobileNetV2 fine-tuned"
PUBLISHED: Final = (
    PublishedAccuracy("ArtExtract, WikiArt", "artist", 0.63, _ARTEXTRACT),
    PublishedAccuracy("ArtExtract, WikiArt", "genre", 0.70, _ARTEXTRACT),
    PublishedAccuracy("ArtExtract, WikiArt", "style", 0.40, _ARTEXTRACT),
    PublishedAccuracy("MobileNetV2, Pandora18k", "style", 0.462, _PANDORA),
)


def published_for(field: str) -> list[PublishedAccuracy]:
    """Return what was published for a field, to stand beside one's own."""
    return [figure for figure in PUBLISHED if figure.field == field]
