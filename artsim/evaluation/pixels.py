"""How alike hits and queries are pixel by pixel: SSIM, RMSE and LPIPS of the first K.

This is how painting-similarity work on the National Gallery of Art reports itself; see
`artsim.evaluation.pixels_published`. It says how alike pictures look to a ruler, not to
people: a mirrored copy scores like any other picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from artsim.domain.encoder_info import EncoderInfo
from artsim.errors import EncoderError, ImageError
from artsim.evaluation.pixels_pictures import Pictures
from artsim.evaluation.pixels_report import Found, make_report
from artsim.evaluation.pixels_scores import METRICS, Pair, View
from artsim.evaluation.pixels_searches import (
    RANDOM,
    Searching,
    Subjects,
    pick_encoders,
    read_subjects,
    search_faces,
    search_paintings,
    whole_pictures,
)
from artsim.evaluation.pixels_tally import Tally
from artsim.evaluation.progress import Progress, SilentProgress
from artsim.evaluation.report import Report
from artsim.search.models import Models
from artsim.search.options import SearchOptions
from artsim.search.rerank import Method
from artsim.store.gallery import Gallery

if TYPE_CHECKING:
    from artsim.encoders.lpips_distance import Backbone, PerceptualDistance

WHOLE_COLUMNS = {"ssim_color": "whole_ssim", "rmse_color": "whole_rmse"}
"""Columns of the faces' table in which whole pictures are compared."""

WHOLE_PREFIX = "whole picture: "
"""Of the rows of searches by the whole picture in the faces' table."""


@dataclass(frozen=True, slots=True)
class PixelsOptions:
    """What is compared, and how it is searched for.

    Attributes
    ----------
    fraction : float
        Share of the paintings that are queries, above 0, at most 1.
    queries : int or None
        How many of them instead.
    seed : int
        Of the sample, the random hits, and the intervals.
    k : int
        How many hits of each query are compared with it.
    size : int
        Side of the squares that pictures are brought to, at least 7.
    encoders, face_encoders : sequence of str, optional
        Of those the gallery has; all by default.
    rerank : tuple of {"ssim", "rmse"}
        Each is searched with beside the search without.
    rerank_depth : int
        How many first hits are reordered.
    faces : bool or None
        Whether faces are compared too; None: where the gallery has them.
    not_same_artist : bool
        Leave out hits by the query's artist; queries are then of known artists only.
    exact : bool
        Compare with every painting instead of the index's candidates.
    best_limit : int
        Most paintings, or faces, among which the best possible hits are looked for.
    published : bool
        Whether the figures of others stand beside.
    lpips : {"alex", "vgg", "squeeze"} or None
        Backbone of LPIPS; None leaves it out.
    """

    fraction: float = 0.2
    queries: int | None = None
    seed: int = 0
    k: int = 5
    size: int = 200
    encoders: Sequence[str] | None = None
    face_encoders: Sequence[str] | None = None
    rerank: tuple[Method, ...] = ("ssim", "rmse")
    rerank_depth: int = 100
    faces: bool | None = None
    not_same_artist: bool = False
    exact: bool = False
    best_limit: int = 500
    published: bool = True
    lpips: Backbone | None = "alex"

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not 0 < self.fraction <= 1:
            raise ValueError(f"fraction must be above 0 and at most 1, not {self.fraction}")
        least = (("k", 1), ("size", 7), ("best_limit", 0), ("rerank_depth", 1), ("seed", 0))
        for name, value in (*least, ("queries", 1)):
            given = getattr(self, name)
            if given is not None and given < value:
                raise ValueError(f"{name} must be at least {value}, not {given}")

    def count(self, paintings: int) -> int:
        """Return how many of so many paintings are queries."""
        wanted = round(self.fraction * paintings) if self.queries is None else self.queries
        return min(max(1, wanted), paintings)


def evaluate_pixels(
    gallery: Gallery,
    options: PixelsOptions | None = None,
    *,
    models: Models | None = None,
    progress: Progress | None = None,
) -> Report:
    """Compare sampled paintings with their first K hits, pixel by pixel.

    Every encoder of the gallery searches, without and with re-ranking, through the
    functions that answer queries; hits drawn by lot and the best there are in the gallery
    stand beside them. Files are opened for the comparison alone; one that is missing or
    damaged is left out and counted.

    Parameters
    ----------
    gallery : Gallery
        With the picture files that its ``image_uri`` name on this machine.
    options : PixelsOptions, optional
    models : Models, optional
        Where LPIPS's weights are looked for, and the limit on files; no encoder is loaded.
    progress : Progress, optional

    Returns
    -------
    Report
        Tables ``pictures`` and, with faces, ``faces``; values by query; bars, curves by
        rank, and the queries least like their hits.

    Raises
    ------
    ImageError
        If no query's picture can be read.
    QueryError
        If fewer than two paintings have the vectors.
    EncoderMismatchError, StoreError
        If the gallery lacks an encoder, or the database fails.
    """
    options = options or PixelsOptions()
    models = models or Models()
    progress = progress or SilentProgress()
    run = _Run(gallery, options, models, progress)
    try:
        tables = [run.pictures()]
        if options.faces or (options.faces is None and gallery.has_faces):
            tables.append(run.faces())
    finally:
        progress.finish()
    return make_report(
        tables,
        gallery=gallery,
        settings={**asdict(options), "lpips": run.lpips_identity},
        seed=options.seed,
        lpips_note=run.lpips_note,
        missing_weights=models.settings if options.published else None,
    )


class _Run:
    """One evaluation: what its tables share."""

    def __init__(
        self, gallery: Gallery, options: PixelsOptions, models: Models, progress: Progress
    ) -> None:
        self.gallery, self.options, self.models, self.progress = gallery, options, models, progress
        self.perceptual, self.lpips_note = _load_lpips(options, models)
        self.lpips_identity = self.perceptual.identity if self.perceptual else None
        self.files = Pictures(options.size, max_megapixels=models.max_megapixels)
        self.searching = Searching(
            (None, *dict.fromkeys(options.rerank)),
            SearchOptions(
                limit=options.k,
                rerank_depth=options.rerank_depth,
                not_same_artist=options.not_same_artist,
                exact=options.exact,
            ),
            models,
        )
        self.encoders = pick_encoders(gallery.image_encoders(), options.encoders, models)

    def pictures(self) -> Found:
        """Search by whole pictures, and compare whole pictures."""
        subjects = self._read(self.encoders, faces=False)
        queries = self._sample(subjects)
        view = View(self.files.whole, dict(zip(METRICS, METRICS, strict=True)), self.perceptual)
        tally, rng = Tally(self.options.k), self._rng(1)
        skipped = []
        self.progress.start(len(queries), "Comparing pictures")
        for done, query in enumerate(queries):
            if self.files.whole(subjects.by_painting[query][0]) is None:
                skipped.append(query)
                continue
            rankings = search_paintings(
                self.gallery, query, subjects, self.encoders, self.searching
            )
            rankings[RANDOM] = subjects.random_pairs(query, self.options.k, rng)
            tally.add(query, rankings, self._everything(subjects, query), view)
            self.progress.update(done + 1)
        return self._found("pictures", tally, subjects, queries, skipped, self.encoders)

    def faces(self) -> Found:
        """Search by faces, and by whole pictures for comparison; compare faces and pictures."""
        gallery, options = self.gallery, self.options
        encoders = pick_encoders(gallery.face_encoders(), options.face_encoders, self.models)
        subjects = self._read(encoders, faces=True)
        queries = self._sample(subjects)
        crops = View(self.files.face, dict(zip(METRICS, METRICS, strict=True)), self.perceptual)
        whole = View(self.files.whole, WHOLE_COLUMNS)
        tally, rng = Tally(options.k), self._rng(2)
        skipped = []
        self.progress.start(len(queries), "Comparing faces")
        for done, query in enumerate(queries):
            if not any(self.files.face(own) is not None for own in subjects.by_painting[query]):
                skipped.append(query)
                continue
            by_face = search_faces(gallery, query, subjects, encoders, self.searching)
            by_face[RANDOM] = subjects.random_pairs(query, options.k, rng)
            tally.add(query, by_face, self._everything(subjects, query), crops)
            by_whole = search_paintings(
                gallery, query, subjects, self.encoders, self.searching, prefix=WHOLE_PREFIX
            )
            pictures = {row: whole_pictures(pairs) for row, pairs in by_face.items()}
            tally.add(query, pictures | by_whole, (), whole, ranks=False)
            self.progress.update(done + 1)
        return self._found("faces", tally, subjects, queries, skipped, encoders)

    def _read(self, encoders: Sequence[EncoderInfo], *, faces: bool) -> Subjects:
        collection = self.gallery.faces if faces else self.gallery.paintings
        return read_subjects(
            collection,
            encoders,
            not_same_artist=self.options.not_same_artist,
            part="faces" if faces else "paintings",
        )

    def _sample(self, subjects: Subjects) -> list[str]:
        count = self.options.count(len(subjects.by_painting))
        return subjects.sample(count, self._rng(0))

    def _rng(self, stream: int) -> np.random.Generator:
        """Return random numbers of their own for each use, so that none shifts another."""
        return np.random.default_rng([self.options.seed, stream])

    def _everything(self, subjects: Subjects, query: str) -> list[Pair]:
        return subjects.all_pairs(query) if len(subjects) <= self.options.best_limit else []

    def _found(
        self,
        table: str,
        tally: Tally,
        subjects: Subjects,
        queries: Sequence[str],
        skipped: Sequence[str],
        encoders: Sequence[EncoderInfo],
    ) -> Found:
        if len(skipped) == len(queries):
            problem = next(iter(self.files.problems.values()))
            raise ImageError(
                f"none of the {len(queries)} query pictures could be read; the first: {problem}"
            )
        return Found(
            table=table,
            tally=tally,
            subjects=len(subjects),
            queries=len(queries) - len(skipped),
            skipped=tuple(skipped),
            problems=dict(self.files.problems),
            encoders=tuple(encoders),
        )


def _load_lpips(
    options: PixelsOptions, models: Models
) -> tuple[PerceptualDistance | None, str | None]:
    """Return LPIPS, or why there is none."""
    if options.lpips is None:
        return None, "LPIPS was not asked for."
    from artsim.encoders.lpips_distance import find_lpips

    try:
        plan = find_lpips(options.lpips, models.settings)
    except EncoderError as error:
        return None, f"LPIPS was not measured: {error}."
    return plan.load(models.device), None
