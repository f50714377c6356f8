"""Searching for the paintings that copies were made of."""

from __future__ import annotations

from collections.abc import Collection as Group
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.catalog.criteria import EVERYTHING
from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.hits import Hit
from artsim.evaluation.contenders import Contender
from artsim.search.answer import find_hits
from artsim.search.models import Models
from artsim.search.probes import Probe, Target, probe_pixels
from artsim.search.question import SearchOptions
from artsim.store.base import Collection

DEPTHS: Final = (1, 10)
"""Among how many first hits a painting counts as found."""

LIMIT: Final = max(DEPTHS)

SHOWN: Final = 5
"""Hits of a failure that a report shows."""

Answers = Mapping[str, Sequence[Sequence[Hit]]]
"""Hits of every query, by the name of the contender."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A query whose painting did not come first.

    Attributes
    ----------
    place : int
        Of the query, in the order of the paintings.
    rank : int
        Of the first right hit; 0 where none is among the first `LIMIT`.
    hits : tuple of (str, float)
        Point ids of the first `SHOWN` hits, with their scores.
    """

    place: int
    rank: int
    hits: tuple[tuple[str, float], ...]


@dataclass(slots=True)
class Tally:
    """Ranks at which Q queries of one kind found what they should, by contender.

    Attributes
    ----------
    ranks : dict of str to list of int
        Q ranks, from 1; 0 where it is not among the first `LIMIT`.
    misses : dict of str to list of Miss
    """

    ranks: dict[str, list[int]] = field(default_factory=dict)
    misses: dict[str, list[Miss]] = field(default_factory=dict)

    def add(self, contender: str, hits: Sequence[Hit], right: Group[str]) -> None:
        """Add a query's answer; `right` are the painting ids that it was to find."""
        ranks = self.ranks.setdefault(contender, [])
        rank = rank_of(hits, right)
        if rank != 1:
            shown = tuple((hit.point_id, _shown_score(hit)) for hit in hits[:SHOWN])
            self.misses.setdefault(contender, []).append(Miss(len(ranks), rank, shown))
        ranks.append(rank)

    def found(self, contender: str, depth: int) -> npt.NDArray[np.float64]:
        """Return 1 for each query that found it among the first `depth` hits, else 0."""
        ranks = np.array(self.ranks[contender])
        return ((ranks >= 1) & (ranks <= depth)).astype(np.float64)

    def worst(self, contender: str, count: int) -> list[Miss]:
        """Return the misses furthest off, in order of the queries where they are equal."""
        misses = self.misses.get(contender, [])
        return sorted(misses, key=lambda miss: (miss.rank != 0, -miss.rank, miss.place))[:count]


def rank_of(hits: Sequence[Hit], right: Group[str]) -> int:
    """Return the rank of the first hit that is right, from 1; 0 where there is none."""
    return next((rank for rank, hit in enumerate(hits, 1) if hit.painting_id in right), 0)


def search_copies(
    pictures: Sequence[RGBImage],
    contenders: Sequence[Contender],
    paintings: Collection,
    options: SearchOptions,
    models: Models,
) -> Answers:
    """Search by each of N pictures in memory, in every way that is compared.

    As `find_similar` does for a `PixelsQuery`; but each encoder encodes the pictures once,
    as one batch, for all contenders that use it.

    Parameters
    ----------
    pictures : sequence of ndarray of uint8, shape (h, w, 3)
    options : SearchOptions
        Of every search but for re-ranking, which the contender says.

    Returns
    -------
    mapping of str to sequence of sequences of Hit
        By the contender's name the hits of each picture, in the order of `pictures`.
    """
    targets = probe_pixels(pictures, _encoders(contenders), models)
    return {
        contender.name: [
            find_hits(
                _narrowed(target, contender.vector_names),
                paintings,
                EVERYTHING,
                contender.search_options(options),
            )
            for target in targets
        ]
        for contender in contenders
    }


def _encoders(contenders: Sequence[Contender]) -> list[EncoderInfo]:
    every = {info.vector_name: info for one in contenders for info in one.encoders}
    return list(every.values())


def _narrowed(target: Target, vector_names: Sequence[str]) -> Target:
    probes = (
        Probe({name: probe.vectors[name] for name in vector_names}, probe.pictures, probe.part)
        for probe in target.probes
    )
    return replace(target, probes=tuple(probes))


def _shown_score(hit: Hit) -> float:
    return hit.score if hit.rerank_score is None else hit.rerank_score
