"""What a cosine means in its collection: how rare it is there, and a word for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings

Word: TypeAlias = Literal["same picture", "very near", "near", "not near"]

LEVELS: Final = (
    *(0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.97, 0.98, 0.99),
    *(0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999, 1.0),
)
"""Shares of which a `Scale` keeps the quantiles."""

_NEAR: Final = 0.97
_VERY_NEAR: Final = 0.99
_FAR: Final = 0.1
_GAP: Final = 0.3

_NEAREST: Final = 10
_ITSELF: Final = 0.9

Floats: TypeAlias = npt.NDArray[np.float32]
NONE: Final[Floats] = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a hit's cosine says.

    Attributes
    ----------
    word : str
        ``same picture``, ``very near``, ``near`` or ``not near``; docs/quality.md tells how often
        each is right.
    percentile : float
        Percentage of the collection's own pairs that are less near.
    ssim : float or None
        Structural similarity of the two small gray pictures, where they were compared.
    mirrored : bool
        Whether it is that of the mirrored picture.
    """

    word: Word
    percentile: float
    ssim: float | None = None
    mirrored: bool = False

    def __str__(self) -> str:
        """Return the word, where it is near, and the percentage: ``near 99.912 %``."""
        word = "" if self.word == "not near" else self.word
        turned = ", mirrored" if self.mirrored and self.word == "same picture" else ""
        decimals = 1 if self.percentile < 99 else 3
        return f"{word}{turned} {self.percentile:.{decimals}f} %".strip()

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of docs/output.md; what was not compared is absent."""
        compared = {} if self.ssim is None else {"ssim": self.ssim, "mirrored": self.mirrored}
        return {"verdict": self.word, "percentile": self.percentile, **compared}


@dataclass(frozen=True, slots=True)
class Scale:
    """How near the points of a collection are to each other by one encoder, from a sample of them.

    Attributes
    ----------
    points : int
        How many the collection had then.
    pairs : tuple of float
        Cosines of pairs of points of different paintings, at `LEVELS`.
    strangers : tuple of float
        Cosine of a point and the nearest by another artist, at `LEVELS`; where an artist is not
        known, the nearest of another painting.
    above : tuple of float
        The same less how common the point is (`Cohort`), at `LEVELS`; empty where that is unknown.
    """

    points: int
    pairs: tuple[float, ...]
    strangers: tuple[float, ...]
    above: tuple[float, ...] = ()

    @classmethod
    def measured(cls, points: int, pairs: Floats, strangers: Floats, above: Floats = NONE) -> Self:
        """Return the scale of these cosines."""
        return cls(
            points,
            *(
                tuple(np.quantile(found, LEVELS).round(4).tolist()) if len(found) else ()
                for found in (pairs, strangers, above)
            ),
        )

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

    def common(self, vectors: Embeddings) -> npt.NDArray[np.float32]:
        """Return how common pictures (N, D) are, (N,): their mean cosine with the nearest ten.

        What is nearer than `_ITSELF` is the picture itself, or another of the same work.
        """
        cosines = vectors @ self.vectors.T
        cosines[cosines >= _ITSELF] = -1.0
        nearest = np.partition(cosines, -_NEAREST, axis=1)[:, -_NEAREST:]
        found: npt.NDArray[np.float32] = np.maximum(nearest.mean(axis=1), self.least)
        return found


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
