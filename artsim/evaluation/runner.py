"""One evaluation: in which ways the gallery is searched, and how the report is put together.

A task of `artsim.evaluation.tasks` says what is measured; the rest is the same for all of them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

import numpy as np

from artsim.catalog.arrays import RGBImage
from artsim.catalog.hits import Hit
from artsim.catalog.kinds import DETAILS, PAINTINGS, EncoderInfo, Kind, short_names
from artsim.catalog.names import side_of
from artsim.catalog.payload import EVERYTHING, Criteria, Payload, field_value
from artsim.catalog.progress import Progress, SilentProgress
from artsim.catalog.scale import noted_scales
from artsim.config import Settings
from artsim.errors import EncoderError, EvaluationError, ImageError
from artsim.evaluation.metrics import Metrics
from artsim.evaluation.report import (
    Column,
    Parts,
    QueryValues,
    Report,
    Table,
    library_versions,
    notes_of,
    timestamp,
)
from artsim.evaluation.statistics import Estimate, estimate_means
from artsim.files import local_path
from artsim.search.answer import find_hits, find_similar
from artsim.search.models import Models, choose_encoders
from artsim.search.probes import Target, probe_pixels
from artsim.search.question import IdQuery, PixelsQuery, SearchOptions, check_weights
from artsim.search.rerank import PIXELS, RERANKERS
from artsim.store.gallery import Gallery, without_frames
from artsim.store.protocol import Collection

if TYPE_CHECKING:
    from artsim.images.load import LoadedImage

LOOKS: Final = ("details", "in-photo", "verified")
"""Ways to look at pictures beside that of whole ones: by the paintings' details, by windows of the
picture, and as a query is answered that says nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchChoices:
    """How an evaluation searches: what every task can be asked for.

    Each of the `encoders`, by default all that the gallery has, is a row of the table; so are all
    of them `fused`, and each of these with its first `rerank_depth` hits reordered by every one of
    `rerank`: by the second score alone, and by the cosine plus each of `rerank_weights` times that.
    With `exact` the query is compared with everything instead of the index's candidates; `seed`
    is that of samples and intervals.
    """

    encoders: Sequence[str] = ()
    fused: bool = False
    rerank: tuple[str, ...] = ()
    rerank_depth: int = 100
    rerank_weights: tuple[float, ...] = ()
    exact: bool = False
    seed: int = 0

    least: ClassVar[Mapping[str, int]] = {}
    """What settings of a task are at least, unless they are None."""

    shares: ClassVar[Sequence[str]] = ()
    """Settings of a task that are above 0 and at most 1, or None."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for name, value in {"rerank_depth": 1, "seed": 0, **self.least}.items():
            given = getattr(self, name)
            if given is not None and given < value:
                raise ValueError(f"{name} must be at least {value}, not {given}")
        for name in self.shares:
            share = getattr(self, name)
            if share is not None and not 0 < share <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, not {share}")
        check_weights(self.rerank_weights)


@dataclass(frozen=True, slots=True)
class Contender:
    """One way of searching: a row of the table.

    Several encoders are fused; `rerank` reorders the first hits by a second score alone, or by
    the cosine plus `weight` times that. `look` is one of `LOOKS`, or None.
    """

    name: str
    encoders: tuple[EncoderInfo, ...]
    rerank: str | None = None
    weight: float | None = None
    look: str | None = None

    @property
    def vector_names(self) -> list[str]:
        """Names of the vectors that it searches by."""
        return [info.vector_name for info in self.encoders]


def list_contenders(encoders: Sequence[EncoderInfo], choices: SearchChoices) -> list[Contender]:
    """Return each encoder, all of them fused if that is wanted, and each of these re-ranked.

    EvaluationError if there is only one encoder to fuse.
    """
    if choices.fused and len(encoders) < 2:
        raise EvaluationError(
            "fusing takes two encoders or more, and there is one; ingest with another",
            hint="artsim ingest SOURCE --encoder NAME",
        )
    plain = [
        Contender(name, (info,)) for name, info in zip(short_names(encoders), encoders, strict=True)
    ]
    if choices.fused:
        plain.append(Contender("fused", tuple(encoders)))
    contenders = []
    for base in plain:
        contenders.append(base)
        # What is fused has no one cosine to add to.
        weights = dict.fromkeys(choices.rerank_weights) if len(base.encoders) == 1 else ()
        for method in dict.fromkeys(choices.rerank):
            contenders.append(replace(base, name=f"{base.name} + {method}", rerank=method))
            contenders += [
                replace(base, name=f"{base.name} + {w:g} {method}", rerank=method, weight=w)
                for w in weights
            ]
    return contenders


Choices = TypeVar("Choices", bound=SearchChoices)


class Run(Generic[Choices]):
    """One evaluation of one gallery: what its parts share.

    `kind` is what is searched for; `versions` are further distributions whose versions matter.
    `notes` are said of the whole report, and `settings` could change the result beside the
    options: a task adds to both.
    """

    def __init__(
        self,
        task: str,
        gallery: Gallery,
        options: Choices,
        models: Models | None = None,
        progress: Progress | None = None,
        kind: Kind = PAINTINGS,
        versions: Sequence[str] = (),
    ) -> None:
        self.task, self.gallery, self.options, self.kind = task, gallery, options, kind
        self.models = models or Models()
        self.progress = progress or SilentProgress()
        self.encoders = self.encoders_of(kind, options.encoders)
        self.contenders = list_contenders(self.encoders, options)
        self.notes: list[str] = []
        self.settings: dict[str, Any] = {}
        self._versions = versions

    @property
    def collection(self) -> Collection:
        """What is searched."""
        return self.gallery[self.kind]

    @property
    def criteria(self) -> Criteria:
        """What the points meet that an evaluation is of: no frames of films beside paintings."""
        return without_frames(self.collection)

    @property
    def gallery_name(self) -> str:
        """The gallery's name, for people."""
        return self.gallery.name or "the default gallery"

    @property
    def single(self) -> list[Contender]:
        """Each encoder alone, without re-ranking."""
        return [one for one in self.contenders if len(one.encoders) == 1 and one.rerank is None]

    def encoders_of(self, kind: Kind, names: Sequence[str]) -> list[EncoderInfo]:
        """Return the encoders of those names of a kind, or all that it has."""
        recorded = self.gallery.encoders(kind)
        return choose_encoders(recorded, names, self.models) if names else list(recorded.values())

    def caption(self, row: str, score: float, name: str = "score") -> tuple[str, ...]:
        """Return a hit's score by the contender of that row, and what a plain cosine means here."""
        plain = {one.name: one.vector_names[0] for one in self.single}
        scale = noted_scales(self.collection.schema.notes).get(plain.get(row, ""))
        said = () if scale is None else (str(scale.verdict(score)),)
        return (f"{name} {score:.3f}", *said)

    @contextmanager
    def progressing(self, first: str) -> Iterator[None]:
        """Report progress, beginning with a stage called `first`."""
        try:
            self.progress.start(None, first)
            yield
        finally:
            self.progress.finish()

    def search_options(self, contender: Contender, **more: Any) -> SearchOptions:
        """Return the options of the searches by a contender."""
        given = {"rerank": contender.rerank, "rerank_weight": contender.weight, "all_faces": True}
        given |= {"rerank_depth": self.options.rerank_depth, "exact": self.options.exact}
        return SearchOptions(**given | more)

    def search(
        self,
        contender: Contender,
        painting_id: str,
        *,
        criteria: Criteria = EVERYTHING,
        kind: Kind | None = None,
        part: int | None = None,
        **more: Any,
    ) -> Sequence[Hit]:
        """Return what a search by a painting of the gallery finds, as `artsim query` does.

        Of faces all are hits, also small and doubtful ones. `part` is the only part of the
        painting to search by; `more` are further `SearchOptions`, such as ``limit``.
        """
        return find_similar(
            self.gallery,
            IdQuery(painting_id),
            criteria,
            self.search_options(contender, **more),
            kind=kind or self.kind,
            part=part,
            encoders=contender.vector_names,
            models=self.models,
        ).hits

    def search_pictures(
        self, pictures: Sequence[RGBImage], limit: int
    ) -> dict[str, list[Sequence[Hit]]]:
        """Return the hits of N pictures in memory by contender; whole ones are encoded once."""
        needs = {name for one in self.options.rerank for name in RERANKERS[one].needs} | {PIXELS}
        targets = probe_pixels(pictures, self.encoders, self.models, sorted(needs))

        def find(target: Target, one: Contender) -> Sequence[Hit]:
            (probe,) = target.probes
            vectors = {name: probe.vectors[name] for name in one.vector_names}
            options = self.search_options(one, limit=limit)
            asked = Target((replace(probe, vectors=vectors),))
            return find_hits(asked, self.collection, self.criteria, options)

        return {
            one.name: [self.look(one, picture, limit) for picture in pictures]
            if one.look
            else [find(target, one) for target in targets]
            for one in self.contenders
        }

    def look(self, contender: Contender, picture: RGBImage, limit: int) -> Sequence[Hit]:
        """Return the hits of a picture in memory in a contender's own way of looking."""
        look = {"details": "whole", "in-photo": "in-photo"}.get(contender.look or "")
        return find_similar(
            self.gallery,
            PixelsQuery(picture),
            self.criteria,
            self.search_options(contender, limit=limit, look=look),
            encoders=contender.vector_names,
            kind=DETAILS if contender.look == "details" else PAINTINGS,
            models=self.models,
        ).hits

    def means(self, values: Metrics) -> dict[str, Estimate]:
        """Return the means over queries of each column, with their intervals."""
        means = estimate_means(np.stack([*values.values()], axis=1), seed=self.options.seed)
        return dict(zip(values, means, strict=True))

    def with_training(
        self, table: Table, contenders: Sequence[Contender], works: Sequence[Payload]
    ) -> Table:
        """Return `table` with how many of the works its encoders were trained on, if any tells.

        The works need ``painting_id``, ``artist_key``, ``image_uri`` and ``image_sha256``.
        """
        infos = {info.vector_name: info for one in contenders for info in one.encoders}
        found = {name: _training(one, works, self.models.settings) for name, one in infos.items()}
        if not any(found.values()):
            return table
        said = {}
        for one in contenders:
            words = dict.fromkeys(found[name] or "not known" for name in one.vector_names)
            said[one.name] = {"trained_on": "; ".join(words)}
        columns = (*table.columns, Column("trained_on", "trained on", "text", None))
        rows = (replace(row, values={**row.values, **said.get(row.name, {})}) for row in table.rows)
        notes = (*table.notes, *notes_of("trained_on"))
        return replace(table, columns=columns, rows=tuple(rows), notes=notes)

    def report(self, title: str, parts: Parts) -> Report:
        """Return the report: what was found, by which settings and versions."""
        options = {
            f.name: _said(getattr(self.options, f.name))
            for f in fields(self.options)
            if f.name != "filters"  # which are told as criteria
        }
        place = {"gallery": self.gallery.name, "location": self.gallery.store.location}
        used = {"encoders": [info.vector_name for info in self.encoders]}
        return Report(
            task=self.task,
            title=title,
            settings={**place, **options, **used, **self.settings},
            versions=library_versions(self._versions),
            created=timestamp(),
            tables=parts.tables,
            query_values=parts.query_values,
            plots=parts.plots,
            failures=tuple(group for group in parts.failures if group.rows),
            notes=(*self.notes, *parts.notes),
        )


def load_picture(payload: Payload, models: Models) -> LoadedImage:
    """Return a painting's picture from its file.

    ImageError if there is no such file on this machine, or it cannot be read.
    """
    uri = str(payload.get("image_uri", ""))
    path = local_path(uri) if uri else None
    if path is None:
        raise ImageError(
            f"the painting {payload['painting_id']!r} has no picture file on this machine "
            f"(image_uri: {uri or 'none'}); ingest it from a folder that is here"
        )
    return models.image(path)


def draw(ids: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    """Draw some of `ids`, in their order; of one seed, more contain fewer."""
    return sorted(ids[int(i)] for i in rng.permutation(len(ids))[:count])


def query_values(
    table: str,
    ids: Sequence[str],
    by_row: Mapping[str, Metrics],
    columns: Sequence[str] | None = None,
) -> tuple[QueryValues, ...]:
    """Return the values of rows query by query, of every column or of those of `columns`."""
    return tuple(
        QueryValues(table, row, column, tuple(ids), metrics[column])
        for row, metrics in by_row.items()
        for column in (metrics if columns is None else columns)
        if column in metrics
    )


def _said(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(map(_said, value))
    if isinstance(value, Kind):
        return value.name
    return str(value) if isinstance(value, Path) else value


def _training(info: EncoderInfo, payloads: Sequence[Payload], settings: Settings) -> str | None:
    """Say how many of the works an encoder was trained on; None where nobody knows."""
    from artsim.encoders.registry import resolve
    from artsim.encoders.trained import BUILTIN_FOLDER, read_config

    try:
        card = resolve(info.spec, settings=settings)
        if card.vector_name != info.vector_name or card.family not in ("builtin", "file"):
            return None
        folder = BUILTIN_FOLDER if card.family == "builtin" else Path(card.model)
        recipe = read_config(folder).card.get("recipe", {})
    except EncoderError:
        return None
    every = f"of {len(payloads):,}"
    split = folder / "split.csv"
    if split.is_file():
        with split.open(encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["side"] == "train"]
        # By the picture's file; where that was not read, by its name, or by the painting's id.
        seen = {row.get("sha256") or row["picture"] for row in rows}
        files = [local_path(str(p.get("image_uri", ""))) for p in payloads]
        count = sum(
            not seen.isdisjoint((p.get("image_sha256"), str(p["painting_id"]), file and file.name))
            for p, file in zip(payloads, files, strict=True)
        )
        return f"{count:,} {every}"
    if not {"group", "test", "validation"} <= set(recipe):
        return None
    group = "artist_key" if recipe["group"] == "artist" else recipe["group"]
    known = [str(value) for p in payloads if (value := field_value(p, group)) is not None]
    if not known:
        return None
    sides = [side_of(v, test=recipe["test"], validation=recipe["validation"]) for v in known]
    perhaps = len(payloads) - len(known) + sides.count("train")
    return f"at most {perhaps:,} {every}" if perhaps else f"none {every}"
