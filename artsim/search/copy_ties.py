"""What ties two pictures of a gallery: one photograph, one work, a version of it, a part, a motif.

Where both have local points (`artsim.images.local_points`), a homography says which part of the
one shows which part of the other, and the small gray pictures are compared after it; where they
have none, as they are. Which values make which tie was measured: see docs/quality.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np

from artsim.catalog.scale import Scale
from artsim.search.rerank import PIXELS
from artsim.search.verdicts import SAME_SSIM
from artsim.store.protocol import Collection, Record

TieKind: TypeAlias = Literal[
    "same photograph",
    "other photograph",
    "mirrored",
    "copy or version",
    "detail of",
    "shared motif",
]
"""How two pictures are tied."""

TIES: Final[tuple[TieKind, ...]] = get_args(TieKind)
"""Every kind of tie, the closest first."""

SAME_PHOTOGRAPH: Final = 0.95
"""Least structural similarity of two copies of one photograph."""


@dataclass(frozen=True, slots=True)
class Tie:
    """That two pictures are tied, and the evidence.

    Attributes
    ----------
    first, second : str
        Ids of their points; of a detail the first is the detail.
    kind : str
        One of `TIES`.
    cosine : float
        Of their embeddings.
    ssim : float
        Structural similarity of the small gray pictures.
    mirrored : bool
        Whether the one is seen in a mirror.
    """

    first: str
    second: str
    kind: TieKind
    cosine: float
    ssim: float
    mirrored: bool = False

    @property
    def checked(self) -> str:
        """What the tie was checked by: ``points`` or ``pixels``."""
        return "pixels"

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence as an object of docs/output.md."""
        return {
            "kind": self.kind,
            "checked": self.checked,
            "cosine": round(self.cosine, 4),
            "ssim": round(self.ssim, 4),
            "mirrored": self.mirrored,
        }


@dataclass(frozen=True, slots=True)
class Checker:
    """Says whether two works of a collection are tied; `needs` are the vectors that it compares.

    `least` is the least cosine of two pictures of one work that pixels alone may tie, as that of
    verdicts; one of a work and its mirror image may be anything.
    """

    least: float = -1.0
    needs: tuple[str, ...] = (PIXELS,)

    @classmethod
    def of(cls, paintings: Collection, scale: Scale | None) -> Checker:
        """Return what checks pairs of this collection."""
        return cls() if scale is None else cls(scale.very_near)

    def check(
        self,
        pairs: Sequence[tuple[str, str]],
        cosines: Sequence[float],
        works: Mapping[str, Record],
    ) -> list[Tie]:
        """Return the ties among pairs of points, of which `works` has what is compared."""
        from artsim.images.pixels import mirrored, ssim

        ties = []
        for (first, second), cosine in zip(pairs, cosines, strict=True):
            one, other = (works[name].vectors[PIXELS] for name in (first, second))
            if len(one) != len(other):
                continue
            straight, turned = ssim(other, np.stack([one, mirrored(one)])).tolist()
            is_turned, score = turned > straight, max(straight, turned)
            if score >= SAME_SSIM and (is_turned or cosine >= self.least):
                kind: TieKind = "mirrored" if is_turned else "other photograph"
                if not is_turned and score >= SAME_PHOTOGRAPH:
                    kind = "same photograph"
                ties.append(Tie(first, second, kind, cosine, score, is_turned))
        return ties
