"""What a cosine means in its collection: how rare it is, a word for it, whether it is one person.

References
----------
.. [1] Morrison (2013). Tutorial on logistic-regression calibration and fusion: converting a score
   to a likelihood ratio. Australian Journal of Forensic Sciences 45, 173-197.
.. [2] ENFSI (2015). Guideline for evaluative reporting in forensic science.
.. [3] Vergeer, van Es, de Jongh, Alberink & Stoel (2016). Numerical likelihood ratios outputted by
   LR systems are often based on extrapolation: when to stop extrapolating? Science & Justice 56.
.. [4] Bolle, Ratha & Pankanti (2004). Error analysis of pattern recognition systems: the subsets
   bootstrap. Computer Vision and Image Understanding 93, 1-33.
.. [5] Platt (1999). Probabilistic outputs for support vector machines and comparisons to
   regularized likelihood methods. Advances in Large Margin Classifiers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.intp]
Relation: TypeAlias = Literal["one artist", "two artists", "unknown artists"]
"""How the artists of the works that two faces are in are related."""

Word: TypeAlias = Literal["same picture", "very near", "near", "not near"]

LEVELS: Final = (
    *(0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.97, 0.98, 0.99),
    *(0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999, 1.0),
)
"""Shares of which a `Scale` keeps the quantiles."""

FEWEST_PAIRS: Final = 30
FEWEST_PEOPLE: Final = 10
"""Least known pairs of portraits of one person, and people, that a likelihood is said from."""

MOST_PAIRS: Final = 3_000
"""Most pairs of either kind that it is fitted to, a sample of them."""

_RESAMPLES: Final = 200
_STEPS: Final = 30
_NEAR: Final = 0.97
_VERY_NEAR: Final = 0.99
_FAR: Final = 0.1
_GAP: Final = 0.3

_NEAREST: Final = 10
_ITSELF: Final = 0.9

Cosines: TypeAlias = npt.NDArray[np.float32]
NONE: Final[Cosines] = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a hit's cosine says; docs/quality.md tells how often each word is right."""

    word: Word
    percentile: float  # percentage of the collection's own pairs that are less near
    ssim: float | None = None  # of the two small gray pictures, where they were compared
    mirrored: bool = False  # whether it is that of the mirrored picture

    def __str__(self) -> str:
        """Return the word, where it is near, and the percentage: ``near 99.912 %``."""
        word = "" if self.word == "not near" else self.word
        turned = ", mirrored" if self.mirrored and self.word == "same picture" else ""
        return f"{word}{turned} {self.percent}".strip()

    @property
    def percent(self) -> str:
        """The percentile as it is shown, of which no pair has 100."""
        return f"{self.percentile:.{1 if self.percentile < 99 else 3}f} %"

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of docs/output.md; what was not compared is absent."""
        compared = {} if self.ssim is None else {"ssim": self.ssim, "mirrored": self.mirrored}
        return {"verdict": self.word, "percentile": self.percentile, **compared}


@dataclass(frozen=True, slots=True)
class Scale:
    """How near the points of a collection are to each other by one encoder, from a sample of them.

    `pairs` are cosines of points of different paintings, at `LEVELS`; `strangers` those of a point
    and the nearest by another artist, or of another painting where an artist is not known; `above`
    the latter less how common the point is (`Cohort`), empty where that is unknown.
    """

    points: int  # how many the collection had then
    pairs: tuple[float, ...]
    strangers: tuple[float, ...]
    above: tuple[float, ...] = ()

    @classmethod
    def measured(
        cls, points: int, pairs: Cosines, strangers: Cosines, above: Cosines = NONE
    ) -> Self:
        """Return the scale of these cosines."""
        return cls(points, *map(_at_levels, (pairs, strangers, above)))

    @property
    def near(self) -> float:
        """Least cosine that is near: of 3 % of the points the nearest stranger is as near."""
        return float(np.interp(_NEAR, LEVELS, self.strangers))

    @property
    def very_near(self) -> float:
        """Least cosine that is very near: of 1 % of the points the nearest stranger is as near."""
        return float(np.interp(_VERY_NEAR, LEVELS, self.strangers))

    @property
    def far(self) -> float:
        """Cosine below which nothing is alike: 90 % of the points have a nearer stranger."""
        return float(np.interp(_FAR, LEVELS, self.strangers))

    @property
    def gap(self) -> float:
        """Least step down between two hits at which a list falls off; see docs/quality.md."""
        return _GAP * (self.near - self.far)

    def percentiles(self, cosines: float | npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the percentages of the collection's own pairs that are less near than these."""
        # The nearest pair of a sample is not as near as all others are.
        return 100 * np.minimum(np.interp(cosines, self.pairs, LEVELS), 0.99995)

    def verdict(self, cosine: float, common: float | None = None) -> Verdict:
        """Return what a cosine says, of a query that is `common` by its encoder's cohort."""
        near, very_near = self.near, self.very_near
        if common is not None and self.above:
            near, very_near = np.interp((_NEAR, _VERY_NEAR), LEVELS, self.above) + common
        word: Word = "near" if cosine >= near else "not near"
        if cosine >= very_near:
            word = "very near"
        return Verdict(word, round(float(self.percentiles(cosine)), 3))


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Works by many artists, as one encoder sees them: what is common among paintings.

    Some manners have neighbors everywhere, others none: a cosine that is chance among views of
    rivers is none among gold grounds. So it is compared with those that the query has with works
    that have nothing to do with the gallery, as scores are with a cohort's in speaker verification
    [1]_ and with a neighborhood's mean in CSLS [2]_.

    References
    ----------
    .. [1] Auckenthaler, Carey & Lloyd-Thomas (2000). Score normalization for text-independent
       speaker verification systems. Digital Signal Processing 10, 42-54.
    .. [2] Conneau, Lample, Ranzato, Denoyer & Jégou (2018). Word translation without parallel
       data. ICLR.
    """

    vectors: Embeddings
    least: float  # what is strange to all paintings is taken for as common as this

    def common(self, vectors: Embeddings) -> Cosines:
        """Return how common pictures (N, D) are, (N,): their mean cosine with the nearest ten.

        What is nearer than `_ITSELF` is the picture itself, or another of the same work.
        """
        cosines = vectors @ self.vectors.T
        cosines[cosines >= _ITSELF] = -1.0
        nearest = np.partition(cosines, -_NEAREST, axis=1)[:, -_NEAREST:]
        found: Cosines = np.maximum(nearest.mean(axis=1), self.least)
        return found


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How much better one person explains a cosine of two faces than two people do.

    No probability that it is one person: that depends on all else that is known of the two
    portraits as well [2]_. Above a ratio of 1 one person explains it better, below 1 two; it is at
    most `others` and at least 1 / `known`, since what is rarer than that nobody has seen [3]_.
    """

    ratio: float
    low: float  # its 95 % interval, by drawing people [4]_
    high: float
    relation: Relation  # of which pairs it comes
    known: int  # pairs of portraits of one person
    people: int  # of whom there are such
    others: int  # pairs of two people
    as_near: int  # how many of those are as near at least
    faces: int  # of the gallery in works that are so related to the first of the two

    @property
    def by_chance(self) -> float:
        """How many of `faces` are as near to the face of another person, on average."""
        return self.faces * self.as_near / self.others

    @property
    def is_at_an_end(self) -> bool:
        """Whether the ratio is as far from 1 as the pairs that are known allow."""
        return self.ratio in map(_rounded, (self.others, 1 / self.known))

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of docs/output.md."""
        return {**asdict(self), "by_chance": round(self.by_chance, 4)}


@dataclass(frozen=True, slots=True, eq=False)
class KnownPairs:
    """Cosines of pairs of faces of which it is known whether they show one person."""

    same: Floats  # of M pairs of one person, shape (M,)
    whose: Integers  # the numbers of these people, from 0, shape (M,)
    others: Floats  # of N pairs of two people, shape (N,)
    of_two: Integers  # their numbers, shape (N, 2)
    faces: int  # as of `Likelihood`
    relation: Relation

    @property
    def people(self) -> int:
        """How many people there are pairs of."""
        return len(np.unique(self.whose))

    def likelihoods(self, cosines: Sequence[float]) -> list[Likelihood]:
        """Return the likelihood of each cosine, by logistic calibration [1]_."""
        found = []
        for cosine, logs in zip(cosines, self.log_ratios(cosines).T, strict=True):
            said = np.exp([logs[0], *np.quantile(logs[1:], (0.025, 0.975))])
            as_near = int((self.others >= cosine).sum())
            counts = (len(self.same), self.people, len(self.others), as_near, self.faces)
            ratio, low, high = map(_rounded, said.tolist())
            found.append(Likelihood(ratio, low, high, self.relation, *counts))
        return found

    def log_ratios(self, cosines: npt.ArrayLike) -> Floats:
        """Return the log ratio of N cosines, of all pairs and of R resamples, shape (1 + R, N)."""
        lines = self._lines()
        logs = lines[:, :1] + lines[:, 1:] * np.asarray(cosines, np.float64)
        return np.clip(logs, -np.log(len(self.same)), np.log(len(self.others)))

    def _lines(self) -> Floats:
        """Return log ratios as lines of the cosine, shape (1 + R, 2): of all pairs, of resamples.

        Each person counts the same however many pairs there are of it, and so do both kinds of
        pairs. A pair is believed but for one part in as many as there are [5]_, lest a line be
        endlessly steep where no two cosines of the two kinds cross.
        """
        rng = np.random.default_rng(0)
        same, others = (
            np.sort(rng.permutation(len(of))[:MOST_PAIRS]) for of in (self.same, self.others)
        )
        cosines = np.concatenate([self.same[same], self.others[others]])
        targets = np.repeat(
            [1 - 1 / (len(same) + 2), 1 / (len(others) + 2)], [len(same), len(others)]
        )
        whose, of_two = self.whose[same], self.of_two[others]
        known = np.unique(whose)
        unknown, count = np.setdiff1d(of_two, known), int(max(whose.max(), of_two.max())) + 1
        share = 1 / np.bincount(whose)[whose]

        def line(times: Integers, start: Floats) -> Floats:
            alike, unlike = share * times[whose], times[of_two].prod(axis=1)
            weights = np.concatenate([alike / alike.sum(), unlike / max(1, unlike.sum())])
            return _fit_line(cosines, targets, weights, start)

        first = line(np.ones(count, np.intp), np.zeros(2))
        lines = [first]
        for _ in range(_RESAMPLES):
            drawn = [of[rng.integers(0, len(of), len(of))] for of in (known, unknown) if len(of)]
            lines.append(line(np.bincount(np.concatenate(drawn), minlength=count), first))
        return np.array(lines)


def _at_levels(cosines: Cosines) -> tuple[float, ...]:
    """Return quantiles that one more cosine exceeds as often as they say, however few there are."""
    if not len(cosines):
        return ()
    return tuple(np.quantile(cosines, LEVELS, method="weibull").round(4).tolist())


def _rounded(ratio: float) -> float:
    return float(f"{ratio:.3g}")


def _fit_line(cosines: Floats, targets: Floats, weights: Floats, start: Floats) -> Floats:
    """Return (a, b) of log odds a + b * cosine that make the targets likeliest, by Newton's way."""
    middle, spread = cosines.mean(), cosines.std() or 1.0
    design = np.stack([np.ones_like(cosines), (cosines - middle) / spread])
    found = np.array([start[0] + start[1] * middle, start[1] * spread])
    for _ in range(_STEPS):
        said = 1 / (1 + np.exp(-(found @ design)))
        curve = (design * (weights * said * (1 - said))) @ design.T + 1e-9 * np.eye(2)
        step = np.linalg.solve(curve, design @ (weights * (targets - said)))
        found = found + np.clip(step, -3, 3)
        if np.abs(step).max() < 1e-6:
            break
    if found[1] < 0:  # What is nearer is no less one person: by this encoder, cosines say nothing.
        return np.zeros(2)
    return np.array([found[0] - found[1] * middle / spread, found[1] / spread])


def noted_scales(notes: Mapping[str, Any]) -> dict[str, Scale]:
    """Return the scales that a collection's notes hold, by vector name."""
    scales = notes.get("scales")
    found = {}
    for name, noted in scales.items() if isinstance(scales, Mapping) else ():
        try:
            pairs, strangers = (tuple(map(float, noted[of])) for of in ("pairs", "strangers"))
            above = tuple(map(float, noted.get("above", ())))
            if len(pairs) == len(strangers) == len(LEVELS) and len(above) in (0, len(LEVELS)):
                found[name] = Scale(int(noted["points"]), pairs, strangers, above)
        except (KeyError, TypeError, ValueError):
            continue
    return found
