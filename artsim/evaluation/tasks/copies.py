"""The task ``copies``: whether paintings are found from pictures that differ as copies do.

Copies are made of the gallery's own pictures, in the ways of `artsim.evaluation.edits`. Where
the metadata says which pictures show one painting, these real copies are searched too.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection as Group
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, ClassVar, Final, NamedTuple

import numpy as np

from artsim.catalog.arrays import RGBImage
from artsim.catalog.hits import Hit
from artsim.catalog.payload import Criteria, HasVector, Payload, painting_point_id, stored_field
from artsim.catalog.progress import Progress
from artsim.errors import EvaluationError, ImageError
from artsim.evaluation.edits import EDITS, EVERY_EDIT, JPEG_QUALITY, edit_picture
from artsim.evaluation.leave_one_out import read_labels
from artsim.evaluation.metrics import Floats, Metrics
from artsim.evaluation.report import (
    BarPlot,
    Column,
    Parts,
    Picture,
    PictureGroup,
    PictureRow,
    Report,
    Row,
    Table,
    notes_of,
)
from artsim.evaluation.runner import (
    LOOKS,
    Contender,
    Run,
    SearchChoices,
    draw,
    load_picture,
    query_values,
)
from artsim.evaluation.scenes import EditedPicture
from artsim.search.filters import check_field
from artsim.search.models import Models
from artsim.search.rerank import PIXELS
from artsim.store.gallery import Gallery

DEFAULT_QUERIES: Final = 200
"""Paintings whose copies are made where nothing else is said."""

DEPTHS: Final = (1, 10)
"""Among how many first hits a painting counts as found."""

MEAN: Final = "mean"
"""Column of the mean over the edits."""

_BATCH: Final = 32
"""Pictures that are encoded at once, or those of one painting."""

_SHOWN: Final = 5
_WORST_OF_EDIT: Final = 2
_WORST_TWINS: Final = 8
_TITLES: Final = {
    1: "Paintings found first by a copy: R@1",
    10: "Paintings among the first ten of a copy: R@10",
}


@dataclass(frozen=True, slots=True)
class CopiesOptions(SearchChoices):
    """Which copies are made, and how they are searched for; see also `SearchChoices`.

    Of so many `queries` (by default `DEFAULT_QUERIES`), or of a `fraction` of the paintings, every
    one of `edits`, of `EVERY_EDIT`, is made. Scans of one painting share the field `twins`; each
    is then a query for the others. Each encoder's whole pictures are also looked at in the ways of
    `looks`, of `LOOKS`.
    """

    queries: int | None = None
    fraction: float | None = None
    edits: tuple[str, ...] = tuple(EDITS)
    twins: str | None = "extra.near_dup_group"
    looks: tuple[str, ...] = ()

    least: ClassVar = {"queries": 1}
    shares: ClassVar = ("fraction",)

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        SearchChoices.__post_init__(self)
        if self.queries is not None and self.fraction is not None:
            raise ValueError("give a number of queries or a fraction, not both")
        if not self.edits or not set(self.edits) <= set(EVERY_EDIT):
            raise ValueError(f"edits must be some of {', '.join(EVERY_EDIT)}; not {self.edits}")
        if not set(self.looks) <= set(LOOKS):
            raise ValueError(f"looks must be some of {', '.join(LOOKS)}; not {self.looks}")

    @property
    def pictures(self) -> int:
        """How many pictures the edits take at most."""
        return max(EVERY_EDIT[edit].pictures for edit in self.edits)

    def count(self, paintings: int) -> int:
        """Return how many of so many paintings are copied."""
        if self.fraction is not None:
            return max(1, round(self.fraction * paintings))
        return min(self.queries or DEFAULT_QUERIES, paintings)


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
    that cannot be read is left out and counted. The tables are ``recall_at_1`` and
    ``recall_at_10``, with a column for each edit and one for their mean, and ``twins`` where
    there are any.

    EvaluationError if no painting has the encoders' vectors, no picture can be read, or there is
    nothing to fuse; QueryError if there is no field `options.twins`; EncoderMismatchError,
    WeightsError or StoreError if the gallery lacks an encoder, it cannot be loaded, or the
    database fails.
    """
    options = options or CopiesOptions()
    if options.twins is not None and not options.twins.startswith("extra."):
        check_field(options.twins)
    run = Run("copies", gallery, options, models, progress)
    run.contenders += [
        replace(one, name=f"{one.name}, {look}", look=look)
        for one in run.single
        for look in options.looks
    ]
    run.settings["device"] = run.models.device
    with run.progressing("Reading paintings"):
        work = _Work(run, read_originals(run))
        parts = work.search_by_copies() + work.search_by_twins()
    title = (
        f"How {gallery.name or 'the gallery'} finds {len(work.copied):,} of its "
        f"{len(work.originals.payloads):,} paintings from copies"
    )
    return run.report(title, parts)


@dataclass(frozen=True, slots=True)
class Originals:
    """The paintings of a gallery, in order of their ids.

    `same` are by painting id those that show the very same painting: itself, other scans of it,
    and paintings ingested from an equal file; `twins` the other scans, of those that have any.
    """

    payloads: Mapping[str, Payload]
    same: Mapping[str, set[str]]
    twins: Mapping[str, set[str]]


def read_originals(run: Run[Any]) -> Originals:
    """Read the paintings that have the vectors of every encoder, and pixels.

    Those that share a value of the field `twins` of the options, if it is one, are scans of the
    same painting. EvaluationError if there are none.
    """
    twins: str | None = run.options.twins
    fields = ["painting_id", "image_uri", "image_sha256", "artist_key"]
    fields += [] if twins is None else [stored_field(twins).split(".")[0]]
    vectors = (*(info.vector_name for info in run.encoders), PIXELS)
    having = Criteria(tuple(map(HasVector, vectors))) & run.criteria
    payloads = {
        str(record.payload["painting_id"]): record.payload
        for record in run.collection.scroll(having, payload_fields=fields, page_size=1000)
    }
    if not payloads:
        names = ", ".join(info.name for info in run.encoders)
        raise EvaluationError(
            f"{run.collection.name!r} has no painting with vectors of {names}; "
            "ingest its source with that encoder",
            hint="--encoder",
        )
    payloads = dict(sorted(payloads.items()))
    scans = {} if twins is None else _sharing(payloads, twins)
    equal = _sharing(payloads, "image_sha256")
    same = {one: {one} | scans.get(one, set()) | equal.get(one, set()) for one in payloads}
    return Originals(payloads, same, scans)


def _sharing(payloads: Mapping[str, Payload], name: str) -> dict[str, set[str]]:
    """Return by painting id the others that share a value of a field with it, if any do."""
    labels, ids = read_labels([*payloads.values()], name), [*payloads]
    sharing = (
        {ids[row] for value in values for row in labels.members[value]} for values in labels.of_work
    )
    return {one: near - {one} for one, near in zip(ids, sharing, strict=True) if near - {one}}


def load_original(payload: Payload, models: Models) -> RGBImage:
    """Return a painting's picture, its long side at most 1024 pixels, as `load_picture` does.

    ImageError also if the file is no longer the one that was ingested.
    """
    image = load_picture(payload, models)
    if payload.get("image_sha256", image.sha256) != image.sha256:
        raise ImageError(
            f"{payload['image_uri']}: not the file that was ingested; ingest its source again"
        )
    return image.pixels


@dataclass(frozen=True, slots=True)
class Shown:
    """The paintings that copies show, the one to be found first, and their pictures."""

    ids: tuple[str, ...]
    pictures: tuple[RGBImage, ...]

    def copy(self, edit: str, seed: int) -> EditedPicture:
        """Return the copy of the first, beside as many others as the edit takes."""
        picture, *others = self.pictures[: EVERY_EDIT[edit].pictures]
        return edit_picture(picture, edit, painting_id=self.ids[0], seed=seed, others=others)


def load_shown(run: Run[Any], originals: Originals, painting_id: str, pictures: int) -> Shown:
    """Return a painting and others drawn for it, so many; ImageError if one cannot be read."""
    ids = [painting_id]
    if others := pictures - 1:
        name = f"{run.options.seed}\0{painting_id}".encode("utf-8", "surrogatepass")
        random = np.random.default_rng(list(hashlib.sha256(name).digest()))
        apart = [one for one in originals.payloads if one not in originals.same[painting_id]]
        if len(apart) < others:
            raise EvaluationError(
                "an edit shows two paintings, and the gallery has no two that differ"
            )
        ids += [apart[int(i)] for i in random.choice(len(apart), others, replace=False)]
    shown = (load_original(originals.payloads[one], run.models) for one in ids)
    return Shown(tuple(ids), tuple(shown))


class Miss(NamedTuple):
    """The query of that place, whose painting came at a rank other than 1; 0 is not at all."""

    place: int
    rank: int
    hits: list[tuple[str, float]]


@dataclass(slots=True)
class Tally:
    """Ranks at which Q queries of one kind found what they should, by contender; 0 is none."""

    ranks: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    misses: dict[str, list[Miss]] = field(default_factory=lambda: defaultdict(list))

    def add(self, contender: str, hits: Sequence[Hit], right: Group[str]) -> None:
        """Add a query's answer; `right` are the painting ids that it was to find."""
        ranks = self.ranks[contender]
        rank = next((i for i, hit in enumerate(hits, 1) if hit.painting_id in right), 0)
        if rank != 1:
            shown = [(hit.point_id, hit.best_score) for hit in hits[:_SHOWN]]
            self.misses[contender].append(Miss(len(ranks), rank, shown))
        ranks.append(rank)

    def found(self, contender: str, depth: int) -> Floats:
        """Return 1 for each query that found it among the first `depth` hits, else 0."""
        ranks = np.array(self.ranks[contender])
        return ((ranks >= 1) & (ranks <= depth)).astype(np.float64)

    def worst(self, contender: str, count: int) -> list[Miss]:
        """Return the misses furthest off, in order of the queries where they are equal."""
        misses = self.misses[contender]
        return sorted(misses, key=lambda miss: (miss.rank != 0, -miss.rank, miss.place))[:count]


def rank_of_all(hits: Sequence[Hit], wanted: Sequence[Group[str]]) -> int:
    """Return the rank of the last of several paintings to be found, or 0 if one is missing.

    Each of `wanted` are the painting ids of one; its further pictures take no rank.
    """
    rank, left = 0, list(wanted)
    for hit in hits:
        of = next((same for same in wanted if hit.painting_id in same), None)
        if of is None or of in left:
            rank += 1
        left = [same for same in left if same is not of]
        if not left:
            return rank
    return 0


@dataclass(slots=True)
class _Work:
    """What the parts of the report share: the paintings, which are copied, and what was found."""

    run: Run[CopiesOptions]
    originals: Originals
    copied: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def search_by_copies(self) -> Parts:
        """Search by copies of a sample."""
        run, options, ids = self.run, self.run.options, [*self.originals.payloads]
        sample = draw(ids, options.count(len(ids)), np.random.default_rng(options.seed))
        tallies, both = {edit: Tally() for edit in options.edits}, Tally()
        run.progress.start(len(sample), "Searching by copies")
        every = self._loaded(sample)
        while batch := [*islice(every, max(1, _BATCH // len(options.edits)))]:
            asked = [(shown, edit) for shown in batch for edit in options.edits]
            pictures = [shown.copy(edit, options.seed).pixels for shown, edit in asked]
            for contender, answers in run.search_pictures(pictures, max(DEPTHS)).items():
                for (shown, edit), hits in zip(asked, answers, strict=True):
                    names = shown.ids[: EVERY_EDIT[edit].pictures]
                    same = [self.originals.same[name] for name in names]
                    tallies[edit].add(contender, hits, set().union(*same))
                    if len(same) > 1:
                        both.ranks[contender].append(rank_of_all(hits, same))
            self.copied += [shown.ids[0] for shown in batch]
            run.progress.update(len(self.copied) + len(self.skipped))
        if not self.copied:
            raise EvaluationError(
                f"none of {len(sample)} sampled paintings has a picture to copy: {self.skipped[0]}"
            )
        notes = notes_of("copies", work=self, both=both.ranks, quality=JPEG_QUALITY)
        return self._of_copies(tallies) + self._of_both(both) + Parts(notes=notes)

    def _loaded(self, sample: Sequence[str]) -> Iterator[Shown]:
        for painting_id in sample:
            try:
                yield self._shown(painting_id)
            except ImageError as error:
                self.skipped.append(str(error))

    def _shown(self, painting_id: str) -> Shown:
        return load_shown(self.run, self.originals, painting_id, self.run.options.pictures)

    def _of_copies(self, tallies: Mapping[str, Tally]) -> Parts:
        """Return tables by depth, bars of the encoders and of each beside its re-rankings."""

        def found(contender: str, depth: int) -> Metrics:
            by_edit = {edit: tally.found(contender, depth) for edit, tally in tallies.items()}
            return {MEAN: np.mean([*by_edit.values()], axis=0), **by_edit}

        contenders = [one.name for one in self.run.contenders]
        titles = {MEAN: "all edits", **{edit: EVERY_EDIT[edit].title for edit in tallies}}
        columns = tuple(Column(name, title) for name, title in titles.items())
        parts = Parts()
        for depth, title in _TITLES.items():
            by_name = {name: found(name, depth) for name in contenders}
            table = Table(f"recall_at_{depth}", title, "encoder", columns, ())
            parts += self._filled(table, by_name, self.copied)
        first = {name: found(name, 1) for name in contenders}
        best = max(first, key=lambda name: float(first[name][MEAN].mean()))
        failures = self._failed_copies(tallies, best)
        return parts + Parts(plots=self._plots(first), failures=(failures,))

    def _of_both(self, both: Tally) -> Parts:
        """Return how often a photograph of two paintings finds both, where there were any."""
        if not both.ranks:
            return Parts()
        columns = (
            Column("both_at_2", "both are the first two"),
            Column("both_at_10", "both among the first ten"),
        )
        found = {row: {f"both_at_{n}": both.found(row, n) for n in (2, 10)} for row in both.ranks}
        table = Table("both", "Two paintings in a photograph, both found", "encoder", columns, ())
        return self._filled(table, found, self.copied, trained=False)

    def _filled(
        self,
        table: Table,
        found: Mapping[str, Metrics],
        ids: Sequence[str],
        *,
        trained: bool = True,
    ) -> Parts:
        """Return a table with a row of means for each search, and the values query by query."""
        rows = tuple(Row(row, self.run.means(shares)) for row, shares in found.items())
        table, works = replace(table, rows=rows), [self.originals.payloads[name] for name in ids]
        if trained:
            table = self.run.with_training(table, self.run.contenders, works)
        return Parts((table,), query_values(table.name, ids, found))

    def _plots(self, found: Mapping[str, Metrics]) -> tuple[BarPlot, ...]:
        """Return bars of the encoders side by side, and of each beside its re-rankings."""
        run, edits = self.run, self.run.options.edits
        estimates = {name: run.means(shares) for name, shares in found.items()}
        labels = tuple(EVERY_EDIT[edit].title for edit in edits)
        note = f"{len(self.copied):,} paintings; intervals are 95 % over paintings."

        def bars(name: str, title: str, contenders: Sequence[Contender]) -> BarPlot:
            names = [one.name for one in contenders]
            series = {row: [estimates[row][edit] for edit in edits] for row in names}
            return BarPlot(f"copies-{name}", title, "R@1", labels, series, note=note)

        plain = [one for one in run.contenders if one.rerank is None]
        plots = [bars("encoders", "Paintings found first by a copy", plain)]
        for base in plain:
            family = [one for one in run.contenders if one.encoders == base.encoders]
            if len(family) > 1:
                title = f"Paintings found first by a copy, re-ranked: {base.name}"
                plots.append(bars(f"rerank-{base.name}", title, family))
        return tuple(plots)

    def _failed_copies(self, tallies: Mapping[str, Tally], best: str) -> PictureGroup:
        """Return the copies that the best contender searched worst by, made once more."""
        rows = []
        for edit, tally in tallies.items():
            for miss in tally.worst(best, _WORST_OF_EDIT):
                painting_id = self.copied[miss.place]
                try:
                    copy = self._shown(painting_id).copy(edit, self.run.options.seed)
                except ImageError:
                    continue  # gone since it was searched for; the tables have counted it
                row = self._failure(best, painting_id, self.originals.same[painting_id], miss)
                caption = (EVERY_EDIT[edit].title,)
                query = replace(row.query, caption=caption, pixels=copy.pixels)
                drawn = [f"{name.replace('_', ' ')} {x:.4g}" for name, x in copy.parameters.items()]
                told = f"{row.note} The edit: {', '.join(drawn)}." if drawn else row.note
                rows.append(PictureRow(query, row.hits, told))
        title = f"Copies whose painting was not found first, by edit: {best}"
        return PictureGroup(title, tuple(rows))

    def _failure(self, best: str, painting_id: str, right: Group[str], miss: Miss) -> PictureRow:
        own = painting_point_id(painting_id)
        records = self.run.collection.retrieve([own, *(point_id for point_id, _ in miss.hits)])
        hits = []
        for point_id, score in miss.hits:
            if point_id in records:
                payload = records[point_id].payload
                is_right = str(payload["painting_id"]) in right
                hits.append(Picture(payload, self.run.caption(best, score), is_right))
        payload = records[own].payload if own in records else {"painting_id": painting_id}
        place = f"at rank {miss.rank}" if miss.rank else f"not among the first {max(DEPTHS)}"
        return PictureRow(Picture(payload), tuple(hits), f"What was to be found is {place}.")

    def search_by_twins(self) -> Parts:
        """Search by every painting that has a twin; it is left out itself."""
        run, twins, tally = self.run, self.originals.twins, Tally()
        if not twins:
            return Parts()
        run.progress.start(len(twins), "Searching by twins")
        for done, (painting_id, others) in enumerate(twins.items(), start=1):
            for one in run.contenders:
                tally.add(one.name, self._search_by_twin(one, painting_id), others)
            run.progress.update(done)
        found = {
            name: {f"recall_at_{depth}": tally.found(name, depth) for depth in DEPTHS}
            for name in tally.ranks
        }
        paintings = len({frozenset({one, *others}) for one, others in twins.items()})
        note = (
            f"{len(twins):,} pictures of {paintings:,} paintings that by {run.options.twins} have "
            "more than one; each is a query by its id, or by its picture where that is looked at "
            "in another way, and any other picture of its painting is right."
        )
        columns = tuple(Column(f"recall_at_{depth}", f"R@{depth}") for depth in DEPTHS)
        title = "Other pictures of the same painting"
        table = Table("twins", title, "encoder", columns, (), (note,))
        best = max(tally.ranks, key=lambda name: float(tally.found(name, 1).mean()))
        ids = [*twins]
        failures = tuple(
            self._failure(best, ids[miss.place], twins[ids[miss.place]], miss)
            for miss in tally.worst(best, _WORST_TWINS)
        )
        title = f"Pictures whose painting's others were not found first: {best}"
        group = PictureGroup(title, failures)
        return self._filled(table, found, ids) + Parts(failures=(group,))

    def _search_by_twin(self, one: Contender, painting_id: str) -> Sequence[Hit]:
        limit = max(DEPTHS)
        if one.look is None:
            return self.run.search(one, painting_id, limit=limit)
        picture = load_original(self.originals.payloads[painting_id], self.run.models)
        found = self.run.look(one, picture, limit + 1)
        return [hit for hit in found if hit.painting_id != painting_id][:limit]
