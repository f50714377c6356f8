"""Rankings of all faces for some of them, and the proof that searches by face answer so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.criteria import EVERYTHING
from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.hits import Hit
from artsim.catalog.kinds import FACES
from artsim.errors import EvaluationError
from artsim.evaluation.contenders import Contender, Rankers
from artsim.evaluation.metrics import Integers, RelevantRanks
from artsim.evaluation.self_check import ROUNDING, TOP
from artsim.evaluation.works import Works, read_works
from artsim.search.answer import find_similar
from artsim.search.neighbors import Ranker, over_blocks
from artsim.search.question import IdQuery, SearchOptions
from artsim.store.gallery import Gallery

UNKNOWN: Final = -1
"""Number of the person of a face that nobody named."""


@dataclass(frozen=True, slots=True)
class FaceRanks:
    """Where Q queries found their person.

    Attributes
    ----------
    ranks : RelevantRanks
        Of the right faces, those of the query's own painting left out.
    first : ndarray of int, shape (Q, H)
        The first faces of each ranking; -1 where there are fewer.
    """

    ranks: RelevantRanks
    first: Integers


class FaceRankings:
    """All faces of a gallery, ranked as searches by one of them rank.

    Parameters
    ----------
    gallery : Gallery
    encoders : sequence of EncoderInfo
        Faces without the vectors of one of them are left out.
    rerank_depth : int
        How many first faces are reordered.
    with_pixels : bool
        Whether anything will be reordered.

    Attributes
    ----------
    works : Works
        The N faces, in order of painting id, then of point id.
    """

    def __init__(
        self,
        gallery: Gallery,
        encoders: Sequence[EncoderInfo],
        *,
        rerank_depth: int,
        with_pixels: bool,
    ) -> None:
        self.works: Works = read_works(
            gallery.faces, encoders, EVERYTHING, ("face_index",), with_pixels=with_pixels
        )
        self._gallery = gallery
        self._rerank_depth = rerank_depth
        self._rankers = Rankers(self.works, TOP, rerank_depth)
        self._painting = np.unique(self.works.ids, return_inverse=True)[1]

    def __len__(self) -> int:
        """Return N."""
        return len(self.works)

    def rank(
        self, contender: Contender, rows: Integers, person: Integers, *, shown: int
    ) -> FaceRanks:
        """Rank the faces of other paintings for each of `rows`.

        Parameters
        ----------
        rows : ndarray of int, shape (Q,)
        person : ndarray of int, shape (N,)
            Number of each face's person; `UNKNOWN` is nobody's equal.
        shown : int
            How many first faces to return.
        """
        ranker = self._rankers.of(contender)

        def rank_block(block: Integers) -> tuple[npt.NDArray[np.bool_], Integers]:
            ranking = ranker.rank(block, self._barred(block), head=0)
            left_out = np.arange(len(self)) >= ranking.lengths[:, None]
            asked = person[block][:, None]
            right = (person[ranking.order] == asked) & (asked != UNKNOWN) & ~left_out
            first = np.where(left_out, -1, ranking.order)[:, :shown]
            return right, first

        blocks = over_blocks(rows, len(self), rank_block)
        parts = [np.nonzero(right) for right, _ in blocks]
        starts = np.cumsum([0, *(len(right) for right, _ in blocks)])
        found = RelevantRanks(
            np.concatenate(
                [query + start for (query, _), start in zip(parts, starts, strict=False)]
            ),
            np.concatenate([rank + 1 for _, rank in parts]),
            self.to_find(rows, person),
        )
        return FaceRanks(found, np.concatenate([first for _, first in blocks]))

    def to_find(self, rows: Integers, person: Integers) -> Integers:
        """Return how many faces of other paintings are right answers to each of `rows`."""
        everyone = np.bincount(person + 1)
        both = self._painting * len(everyone) + person + 1
        _, here, counts = np.unique(both, return_inverse=True, return_counts=True)
        others = everyone[person[rows] + 1] - counts[here[rows]]
        return np.where(person[rows] == UNKNOWN, 0, others)

    def ranked(self, rows: Integers) -> Integers:
        """Return how many faces of other paintings there are for each of `rows`."""
        sizes = np.bincount(self._painting)
        return np.asarray(len(self) - sizes[self._painting[rows]])

    def check(self, contender: Contender, rows: Integers, *, by_index: bool) -> float | None:
        """Compare the rankings for some faces with what searches by them answer.

        Returns
        -------
        float or None
            Share of the first ten that a search by the index finds as well; None unless
            `by_index` asks for it.

        Raises
        ------
        EvaluationError
            If an exact search answers otherwise, by more than how faces are ordered whose
            scores differ in the last digits.
        """
        ranker = self._rankers.of(contender)
        shares = []
        for row in rows.tolist():
            ours, tied = self._scores(ranker, contender, row)
            exact = self._search(contender, row, exact=True)
            if not tied and not _agree(ours, exact):
                raise self._contradiction(contender, row, list(ours), exact)
            if by_index:
                hits = self._search(contender, row, exact=False)
                same = {hit.point_id for hit in hits} & {hit.point_id for hit in exact}
                shares.append(len(same) / max(len(exact), 1))
        return float(np.mean(shares)) if shares else None

    def _barred(self, rows: Integers) -> npt.NDArray[np.bool_]:
        return np.asarray(self._painting[rows][:, None] == self._painting[None, :])

    def _scores(
        self, ranker: Ranker, contender: Contender, row: int
    ) -> tuple[dict[str, float], bool]:
        """Return the scores by point id, best first, and whether ties decide on what they are."""
        one = np.array([row])
        ranking = ranker.rank(one, self._barred(one), head=len(self))
        scores = ranking.head_scores[0].tolist()
        faces = [self.works.point_ids[face] for face in ranking.order[0]]
        by_id = {face: score for face, score in zip(faces, scores, strict=True) if score > -np.inf}
        if contender.rerank is None:
            return by_id, False
        plain = self._rankers.exact(contender.vector_names[0])
        cosines = plain.rank(one, self._barred(one), head=self._rerank_depth + 1).head_scores[0]
        ends = cosines[self._rerank_depth - 1 : self._rerank_depth + 1]
        # Which of two equal faces is still reordered is the database's choice.
        return by_id, len(ends) == 2 and bool(ends[0] - ends[1] <= ROUNDING)

    def _search(self, contender: Contender, row: int, *, exact: bool) -> Sequence[Hit]:
        options = SearchOptions(
            limit=TOP if contender.rerank is None else min(TOP, self._rerank_depth),
            rerank_depth=self._rerank_depth,
            exact=exact,
        )
        payload = self.works.payloads[row]
        return find_similar(
            self._gallery,
            IdQuery(str(payload["painting_id"])),
            self.works.criteria,
            contender.search_options(options),
            kind=FACES,
            part=int(payload["face_index"]),
            encoders=contender.vector_names,
        ).hits

    def _contradiction(
        self, contender: Contender, row: int, expected: Sequence[str], found: Sequence[Hit]
    ) -> EvaluationError:
        return EvaluationError(
            f"{contender.name}: the gallery's exact answers for the face "
            f"{self.works.point_ids[row]} are not those that were evaluated: expected "
            f"{', '.join(expected[:TOP])}, found "
            f"{', '.join(hit.point_id for hit in found)}. If the gallery was written to meanwhile, "
            "run the same command again; otherwise report this as a bug"
        )


def _agree(ours: Mapping[str, float], hits: Sequence[Hit]) -> bool:
    """Return whether hits are ours but for the order of scores that rounding may swap."""
    expected = list(ours.values())
    for hit, score in zip(hits, expected, strict=False):
        theirs = hit.score if hit.rerank_score is None else hit.rerank_score
        if abs(theirs - score) > ROUNDING:
            return False
        if abs(ours.get(hit.point_id, np.inf) - score) > ROUNDING:
            return False
    return len(hits) == min(TOP, len(expected)) or len(hits) == len(expected)
