"""What a cosine means in its collection: how rare it is there, and a word for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

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

    Attributes
    ----------
    points : int
        How many the collection had then.
    pairs : tuple of float
        Cosines of pairs of points of different paintings, at `LEVELS`.
    strangers : tuple of float
        Cosine of a point and the nearest by another artist, at `LEVELS`; where an artist is not
        known, the nearest of another painting.
    """

    points: int
    pairs: tuple[float, ...]
    strangers: tuple[float, ...]

    @classmethod
    def measured(
        cls, points: int, pairs: npt.NDArray[np.float32], strangers: npt.NDArray[np.float32]
    ) -> Self:
        """Return the scale of these cosines."""
        of_pairs, of_strangers = (
            tuple(np.quantile(found, LEVELS).round(4).tolist()) for found in (pairs, strangers)
        )
        return cls(points, of_pairs, of_strangers)

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

    def verdict(self, cosine: float) -> Verdict:
        """Return what a cosine says by itself."""
        near: Word = "near" if cosine >= self.near else "not near"
        word: Word = "very near" if cosine >= self.very_near else near
        return Verdict(word, round(float(self.percentiles(cosine)), 3))


def noted_scales(notes: Mapping[str, Any]) -> dict[str, Scale]:
    """Return the scales that a collection's notes hold, by vector name."""
    scales = notes.get("scales")
    found = {}
    for name, noted in scales.items() if isinstance(scales, Mapping) else ():
        try:
            pairs, strangers = (tuple(map(float, noted[of])) for of in ("pairs", "strangers"))
            if len(pairs) == len(strangers) == len(LEVELS):
                found[name] = Scale(int(noted["points"]), pairs, strangers)
        except (KeyError, TypeError, ValueError):
            continue
    return found
