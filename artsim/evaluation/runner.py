"""One evaluation: in which ways the gallery is searched, and how the report is put together.

A task of `artsim.evaluation.tasks` says what is measured; the encoders, the contenders, the
searches and where the figures come from are the same for all of them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from artsim.catalog.criteria import EVERYTHING, Criteria
from artsim.catalog.encoder_info import EncoderInfo, short_names
from artsim.catalog.hits import Hit
from artsim.catalog.kinds import PAINTINGS, Kind
from artsim.catalog.payload import Payload, field_value
from artsim.catalog.progress import Progress, SilentProgress
from artsim.catalog.split import side_of
from artsim.config import Settings
from artsim.errors import EncoderError, EvaluationError
from artsim.evaluation.report import Cell, Column, Parts, Report, library_versions, timestamp
from artsim.files import local_path
from artsim.search.answer import find_similar
from artsim.search.models import Models, choose_encoders
from artsim.search.question import IdQuery, SearchOptions, check_weights
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection

FUSED = "fused"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchChoices:
    """How an evaluation searches: what every task can be asked for.

    Attributes
    ----------
    encoders : sequence of str
        Names of encoders, each a row; empty is all that the gallery has.
    fused : bool
        Also all of these encoders fused, as a row.
    rerank : tuple of str
        Also with the first hits reordered by these re-rankers, each a row.
    rerank_depth : int
        How many first hits are reordered.
    rerank_weights : tuple of float
        Also reordered by the cosine plus so much of the second score, each a row.
    exact : bool
        Compare with everything instead of the index's candidates.
    seed : int
        Of samples and intervals.
    """

    encoders: Sequence[str] = ()
    fused: bool = False
    rerank: tuple[str, ...] = ()
    rerank_depth: int = 100
    rerank_weights: tuple[float, ...] = ()
    exact: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        self.check_least(rerank_depth=1, seed=0)
        check_weights(self.rerank_weights)

    def check_least(self, **least: int) -> None:
        """Raise ValueError for a setting that is below what is given for its name."""
        for name, value in least.items():
            given = getattr(self, name)
            if given is not None and given < value:
                raise ValueError(f"{name} must be at least {value}, not {given}")


def check_share(name: str, share: float | None) -> None:
    """Raise ValueError for a share that is not above 0 and at most 1; None is no share."""
    if share is not None and not 0 < share <= 1:
        raise ValueError(f"{name} must be above 0 and at most 1, not {share}")


@dataclass(frozen=True, slots=True)
class Contender:
    """One way of searching: a row of the table.

    Attributes
    ----------
    name : str
        Of the row: ``builtin``, ``fused + ssim``.
    encoders : tuple of EncoderInfo
        Several are fused.
    rerank : str or None
        By what the first hits are reordered.
    weight : float or None
        What that counts for beside the cosine; None is alone.
    """

    name: str
    encoders: tuple[EncoderInfo, ...]
    rerank: str | None = None
    weight: float | None = None

    @property
    def vector_names(self) -> list[str]:
        """Names of the vectors that it searches by."""
        return [info.vector_name for info in self.encoders]


def list_contenders(encoders: Sequence[EncoderInfo], choices: SearchChoices) -> list[Contender]:
    """Return each encoder, all of them fused if that is wanted, and each of these re-ranked.

    Encoders, not what is fused, are also re-ranked by the cosine plus each of the weights
    times the second score.

    Raises
    ------
    EvaluationError
        If there is only one encoder to fuse.
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
        plain.append(Contender(FUSED, tuple(encoders)))
    contenders = []
    for base in plain:
        contenders.append(base)
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

    Parameters
    ----------
    kind : Kind
        What is searched for.
    versions : sequence of str
        Further distributions whose versions matter.

    Attributes
    ----------
    notes : list of str
        What is said of the whole report.
    settings : dict
        What could change the result beside the options.
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

    def encoders_of(self, kind: Kind, names: Sequence[str]) -> list[EncoderInfo]:
        """Return the encoders of those names of a kind, or all that it has."""
        recorded = self.gallery.encoders(kind)
        return choose_encoders(recorded, names, self.models) if names else list(recorded.values())

    @property
    def single(self) -> list[Contender]:
        """Each encoder alone, without re-ranking."""
        return [one for one in self.contenders if len(one.encoders) == 1 and one.rerank is None]

    @contextmanager
    def progressing(self, first: str) -> Iterator[None]:
        """Report progress, beginning with a stage called `first`."""
        try:
            self.progress.start(None, first)
            yield
        finally:
            self.progress.finish()

    @property
    def gallery_name(self) -> str:
        """The gallery's name, for people."""
        return self.gallery.name or "the default gallery"

    def search_options(self, contender: Contender | None = None, **more: Any) -> SearchOptions:
        """Return the options of the searches by a contender."""
        options, second = self.options, {}
        if contender is not None:
            second = {"rerank": contender.rerank, "rerank_weight": contender.weight}
        given = {"rerank_depth": options.rerank_depth, "exact": options.exact}
        return SearchOptions(**{**given, **second, **more})

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

        Parameters
        ----------
        part : int, optional
            The only part of the painting to search by, where a point is a part.
        more
            Further `SearchOptions`, such as ``limit``.
        """
        options = self.search_options(contender, **more)
        how: dict[str, Any] = {"encoders": contender.vector_names, "models": self.models}
        how |= {"kind": kind or self.kind, "part": part}
        return find_similar(self.gallery, IdQuery(painting_id), criteria, options, **how).hits

    def row_note(self, contender: Contender) -> str:
        """Return what a row's search is, where its name does not say it all."""
        parts = []
        if len(contender.encoders) > 1:
            parts.append(f"Fused by reciprocal rank: {', '.join(short_names(contender.encoders))}.")
        if contender.rerank:
            by = contender.rerank.upper()
            if contender.weight is not None:
                by = f"cosine + {contender.weight:g} times {by}"
            parts.append(f"The first {self.options.rerank_depth} reordered by {by}.")
        return " ".join(parts)

    def trained_on(
        self, payloads: Sequence[Payload], encoders: Sequence[EncoderInfo] | None = None
    ) -> TrainedOn:
        """Return which of the evaluated works encoders were trained on, where it is known.

        The payloads need ``painting_id``, ``artist_key``, ``image_uri`` and ``image_sha256``;
        the encoders are by default all that are compared.
        """
        every = {info.vector_name: info for info in encoders or self.encoders}
        told = {n: _training(info, payloads, self.models.settings) for n, info in every.items()}
        return TrainedOn({name: text for name, text in told.items() if text})

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


def _said(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(map(_said, value))
    if isinstance(value, Kind):
        return value.name
    return str(value) if isinstance(value, Path) else value


@dataclass(frozen=True, slots=True)
class TrainedOn:
    """Which of the evaluated works encoders were trained on, as a column of a table.

    Attributes
    ----------
    by_vector : mapping of str to str
        In words, by vector name; encoders of which it is not known are missing.
    """

    by_vector: Mapping[str, str]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The column; none where nothing is known of any encoder."""
        return (Column("trained_on", "trained on", "text", None),) if self.by_vector else ()

    @property
    def notes(self) -> tuple[str, ...]:
        """How the column is meant."""
        if not self.by_vector:
            return ()
        return (
            "Trained on: how many of these works the encoder saw in its training, by the notes "
            "in its folder. They say how works were split, by artist or person; where they list "
            "no works, those on its side of the split may have been in it, and no others.",
        )

    def cells(self, contender: Contender) -> dict[str, Cell]:
        """Return the cell of a contender's row."""
        told = [self.by_vector.get(name, "not known") for name in contender.vector_names]
        return {"trained_on": "; ".join(dict.fromkeys(told))} if self.by_vector else {}


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
        # By the picture's file; where that was not read, by its name.
        seen = {row.get("sha256") or row["picture"] for row in rows}
        count = sum(not seen.isdisjoint(_names(payload)) for payload in payloads)
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


def _names(payload: Payload) -> set[str]:
    """Return how a list may name a work: its file's digest or name, or its id."""
    path = local_path(str(payload.get("image_uri", "")))
    named = {path.name} if path else set()
    return {str(payload.get("image_sha256")), str(payload["painting_id"]), *named}
