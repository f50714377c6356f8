"""The pixel task's work: draw queries, search, compare, gather."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.progress import Progress
from artsim.errors import EncoderError, ImageError, QueryError
from artsim.evaluation.contenders import Contender, list_contenders
from artsim.evaluation.pixels.options import PixelsOptions
from artsim.evaluation.pixels.pictures import Pictures
from artsim.evaluation.pixels.report import Found
from artsim.evaluation.pixels.scores import Pair, View
from artsim.evaluation.pixels.searches import (
    RANDOM,
    Searching,
    Subjects,
    pick_encoders,
    read_subjects,
    sample_queries,
    search_faces,
    search_paintings,
    whole_pictures,
)
from artsim.evaluation.pixels.tally import Tally
from artsim.search.models import Models
from artsim.search.options import SearchOptions
from artsim.store.gallery import Gallery

if TYPE_CHECKING:
    from artsim.encoders.lpips import LpipsDistance

BY_FACE = "by face: "
"""Before the names of searches by faces, where searches by pictures stand beside."""


class PixelRun:
    """One evaluation of a gallery: what its tables share.

    Attributes
    ----------
    encoders, face_encoders : list of EncoderInfo
        The second is empty until faces are compared.
    left_out : list of str
        What is not measured, and why.
    """

    def __init__(
        self, gallery: Gallery, options: PixelsOptions, models: Models, progress: Progress
    ) -> None:
        self._gallery, self._options, self._progress = gallery, options, progress
        self._models = models
        self.left_out: list[str] = []
        self._perceptual = self._load_lpips()
        self._files = Pictures(options.size, max_megapixels=models.max_megapixels)
        self._searching = Searching(
            SearchOptions(
                limit=options.k,
                rerank_depth=options.rerank_depth,
                not_same_artist=options.not_same_artist,
                exact=options.exact,
            ),
            models,
        )
        self.encoders = pick_encoders(gallery.image_encoders(), options.encoders, models)
        self.face_encoders: list[EncoderInfo] = []

    @property
    def lpips_identity(self) -> str | None:
        """Model and weights of LPIPS; None where there is none."""
        return None if self._perceptual is None else self._perceptual.identity

    def compare_pictures(self) -> Found:
        """Search by whole pictures, and compare whole pictures.

        Raises
        ------
        ImageError
            If no query's picture can be read.
        """
        contenders = self._contenders(self.encoders)
        subjects, view = self._paintings, View(self._files.whole, self._perceptual)
        tally, lots = Tally(self._options.k), self._random(1)
        queries = self._sample(list(subjects.by_painting), "Comparing pictures")
        skipped = 0
        for done, query in enumerate(queries, start=1):
            if self._files.whole(subjects.by_painting[query][0]) is None:
                skipped += 1
            else:
                found = self._search_paintings(query, contenders, lots)
                tally.add(query, found, self._all_pairs(subjects, query), view)
            self._progress.update(done)
        self._check(skipped, len(queries))
        return self._found("pictures", tally, subjects, len(queries), skipped, contenders)

    def compare_faces_if_any(self) -> list[Found]:
        """Do as `compare_faces`, if the gallery has faces enough; else say so in `left_out`."""
        if not self._gallery.has_faces:
            return []
        try:
            return self.compare_faces()
        except QueryError as error:
            self.left_out.append(f"Faces were not compared: {error}.")
            return []

    def compare_faces(self) -> list[Found]:
        """Search by faces, and compare the pictures found, then the faces themselves.

        Searches by whole pictures of the same queries stand beside in the first table.

        Raises
        ------
        QueryError
            If fewer than two paintings have faces.
        ImageError
            If no query's picture can be read.
        """
        encoders = pick_encoders(
            self._gallery.face_encoders(), self._options.face_encoders, self._models
        )
        self.face_encoders = encoders
        by_face, by_picture = self._contenders(encoders), self._contenders(self.encoders)
        subjects = self._read(encoders, "faces")
        crops = View(self._files.face, self._perceptual)
        whole = View(self._files.whole, self._perceptual)
        faces, pictures = Tally(self._options.k), Tally(self._options.k)
        lots, other_lots = self._random(2), self._random(3)
        both = [key for key in subjects.by_painting if key in self._paintings.by_painting]
        if not both:
            raise QueryError("no painting has the vectors of both its picture and its faces")
        queries = self._sample(both, "Comparing faces")
        skipped = 0
        for done, query in enumerate(queries, start=1):
            self._progress.update(done - 1)
            if not any(self._files.face(own) is not None for own in subjects.by_painting[query]):
                skipped += 1
                continue
            found = search_faces(self._gallery, query, subjects, by_face, self._searching)
            others = {BY_FACE + name: whole_pictures(pairs) for name, pairs in found.items()}
            others |= self._search_paintings(query, by_picture, other_lots)
            pictures.add(query, others, self._all_pairs(self._paintings, query), whole)
            found[RANDOM] = subjects.random_pairs(query, self._options.k, lots)
            faces.add(query, found, self._all_pairs(subjects, query), crops)
        self._check(skipped, len(queries))
        counts = len(queries), skipped
        return [
            self._found("face_pictures", pictures, self._paintings, *counts, ()),
            self._found("faces", faces, subjects, *counts, by_face),
        ]

    def _load_lpips(self) -> LpipsDistance | None:
        backbone = self._options.lpips
        if backbone is None:
            self.left_out.append("LPIPS was not asked for.")
            return None
        from artsim.encoders.lpips import LpipsDistance, find_lpips

        try:
            weights = find_lpips(backbone, self._models.settings)
        except EncoderError as error:
            self.left_out.append(f"LPIPS was not measured: {error}.")
            return None
        return LpipsDistance(backbone, weights, device=self._models.device)

    @cached_property
    def _paintings(self) -> Subjects:
        return self._read(self.encoders, "paintings")

    def _read(
        self, encoders: Sequence[EncoderInfo], part: Literal["paintings", "faces"]
    ) -> Subjects:
        collection = self._gallery.faces if part == "faces" else self._gallery.paintings
        return read_subjects(
            collection, encoders, not_same_artist=self._options.not_same_artist, part=part
        )

    def _contenders(self, encoders: Sequence[EncoderInfo]) -> list[Contender]:
        return list_contenders(encoders, self._options.rerank, fused=False)

    def _sample(self, ids: Sequence[str], description: str) -> list[str]:
        count = self._options.count(len(ids))
        self._progress.start(count, description)
        return sample_queries(ids, count, self._random(0))

    def _search_paintings(
        self, query: str, contenders: Sequence[Contender], lots: np.random.Generator
    ) -> dict[str, list[Pair]]:
        subjects, k = self._paintings, self._options.k
        found = search_paintings(self._gallery, query, subjects, contenders, self._searching)
        return {**found, RANDOM: subjects.random_pairs(query, k, lots)}

    def _random(self, stream: int) -> np.random.Generator:
        """Return random numbers of their own for each use, so that none shifts another."""
        return np.random.default_rng([self._options.seed, stream])

    def _all_pairs(self, subjects: Subjects, query: str) -> list[Pair]:
        return subjects.all_pairs(query) if len(subjects) <= self._options.best_limit else []

    def _check(self, skipped: int, queries: int) -> None:
        if skipped == queries:
            first = next(iter(self._files.problems.values()), "there is none")
            raise ImageError(f"none of {queries} query pictures could be read; the first: {first}")

    def _found(
        self,
        table: Literal["pictures", "face_pictures", "faces"],
        tally: Tally,
        subjects: Subjects,
        queries: int,
        skipped: int,
        contenders: Sequence[Contender],
    ) -> Found:
        return Found(
            table=table,
            tally=tally,
            subjects=len(subjects),
            queries=queries - skipped,
            skipped=skipped,
            problems=dict(self._files.problems),
            shown=tuple(one.name for one in contenders if one.rerank is None),
        )
