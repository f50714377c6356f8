"""The task ``copies``: whether paintings are found from pictures that differ as copies do.

Copies are made of the gallery's own pictures, in the ways of `artsim.images.edits`. Where
the metadata says which pictures show one painting, these real copies are searched too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from artsim.catalog.arrays import RGBImage
from artsim.catalog.progress import Progress, SilentProgress
from artsim.errors import EvaluationError, ImageError
from artsim.evaluation.contenders import list_contenders
from artsim.evaluation.copies.found import Found
from artsim.evaluation.copies.options import CopiesOptions
from artsim.evaluation.copies.originals import load_original, read_originals
from artsim.evaluation.copies.report import make_report
from artsim.evaluation.copies.search import LIMIT, Tally, search_copies
from artsim.evaluation.report import Report
from artsim.images.edits import edit_picture
from artsim.search.answer import find_similar
from artsim.search.fields import check_field
from artsim.search.models import Models, choose_encoders
from artsim.search.question import IdQuery, SearchOptions
from artsim.store.gallery import Gallery

_BATCH: Final = 32
"""Pictures that are encoded at once, or those of one painting."""


def evaluate_copies(
    gallery: Gallery,
    options: CopiesOptions | None = None,
    *,
    models: Models | None = None,
    progress: Progress | None = None,
) -> Report:
    """Say how often a painting is found by a copy of it, for each way of copying.

    Each sampled painting's picture is read from its file, edited, and searched for by the
    functions that answer queries, the painting itself being one of the hits. A picture
    that cannot be read is left out and counted.

    Parameters
    ----------
    gallery : Gallery
        With the picture files that its ``image_uri`` name on this machine.
    options : CopiesOptions, optional
    models : Models, optional
        Where encoders are loaded from.
    progress : Progress, optional
        By default nothing is said.

    Returns
    -------
    Report
        Tables ``recall_at_1`` and ``recall_at_10`` with a column for each edit and one
        for their mean, and ``twins`` where there are any; values by painting.

    Raises
    ------
    EvaluationError
        If no painting has the encoders' vectors, no picture can be read, or there is
        nothing to fuse.
    QueryError
        If there is no such field as `options.twins`.
    EncoderMismatchError, WeightsError, StoreError
        If the gallery lacks an encoder, it cannot be loaded, or the database fails.
    """
    progress = progress or SilentProgress()
    run = _Run(gallery, options or CopiesOptions(), models or Models(), progress)
    try:
        copies, found_by, skipped = run.copies()
        twins = run.twins()
    finally:
        progress.finish()
    found = Found(
        run.encoders, run.contenders, run.originals, tuple(found_by), copies, skipped, twins
    )
    return make_report(found, gallery, run.options, run.models)


class _Run:
    """One evaluation: what its parts share."""

    def __init__(
        self, gallery: Gallery, options: CopiesOptions, models: Models, progress: Progress
    ) -> None:
        if options.twins is not None and not options.twins.startswith("extra."):
            check_field(options.twins)
        self.gallery, self.options, self.models, self.progress = gallery, options, models, progress
        recorded = gallery.image_encoders()
        self.encoders = (
            choose_encoders(recorded, options.encoders, models)
            if options.encoders
            else list(recorded.values())
        )
        self.contenders = list_contenders(
            self.encoders, options.rerank, fused=options.fused, weights=options.rerank_weights
        )
        self.paintings = gallery.paintings
        self.originals = read_originals(self.paintings, self.encoders, options.twins)

    def copies(self) -> tuple[dict[str, Tally], list[str], dict[str, str]]:
        """Return the tally of each edit, the paintings that were copied, and why others not."""
        sample = self.originals.sample(
            self.options.count(len(self.originals.payloads)), self.options.seed
        )
        tallies = {edit: Tally() for edit in self.options.edits}
        copied: list[str] = []
        skipped: dict[str, str] = {}
        self.progress.start(len(sample), "Searching by copies")
        for batch in self._loaded(sample, skipped):
            self._search(batch, tallies)
            copied += [painting_id for painting_id, _ in batch]
            self.progress.update(len(copied) + len(skipped))
        if not copied:
            raise EvaluationError(
                f"none of {len(sample)} sampled paintings has a picture to copy: "
                f"{next(iter(skipped.values()))}"
            )
        return tallies, copied, skipped

    def twins(self) -> Tally:
        """Search by every painting that has a twin."""
        tally = Tally()
        twins = self.originals.twins
        if twins:
            self.progress.start(len(twins), "Searching by twins")
        for done, (painting_id, others) in enumerate(twins.items(), start=1):
            for contender in self.contenders:
                result = find_similar(
                    self.gallery,
                    IdQuery(painting_id),
                    options=contender.search_options(self._search_options()),
                    encoders=contender.vector_names,
                    models=self.models,
                )
                tally.add(contender.name, result.hits, others)
            self.progress.update(done)
        return tally

    def _loaded(
        self, sample: Sequence[str], skipped: dict[str, str]
    ) -> Iterator[list[tuple[str, RGBImage]]]:
        """Yield paintings with their pictures, as many as make a batch of copies."""
        size = max(1, _BATCH // len(self.options.edits))
        batch: list[tuple[str, RGBImage]] = []
        for painting_id in sample:
            try:
                picture = load_original(self.originals.payloads[painting_id], self.models)
            except ImageError as error:
                skipped[painting_id] = str(error)
                continue
            batch.append((painting_id, picture))
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch

    def _search(self, batch: Sequence[tuple[str, RGBImage]], tallies: dict[str, Tally]) -> None:
        asked = [(painting_id, edit) for painting_id, _ in batch for edit in tallies]
        pictures = [
            edit_picture(picture, edit, painting_id=painting_id, seed=self.options.seed).pixels
            for painting_id, picture in batch
            for edit in tallies
        ]
        answers = search_copies(
            pictures, self.contenders, self.paintings, self._search_options(), self.models
        )
        for name, of_contender in answers.items():
            for (painting_id, edit), hits in zip(asked, of_contender, strict=True):
                tallies[edit].add(name, hits, self.originals.same[painting_id])

    def _search_options(self) -> SearchOptions:
        return SearchOptions(
            limit=LIMIT, rerank_depth=self.options.rerank_depth, exact=self.options.exact
        )
