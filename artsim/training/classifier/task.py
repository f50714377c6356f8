"""From works with labels to a classifier in a folder, with its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from artsim.catalog.progress import Progress, SilentProgress
from artsim.encoders.base import Encoder
from artsim.encoders.recurrent import SequenceReader
from artsim.encoders.registry import load_encoder, resolve
from artsim.errors import TrainingError
from artsim.training.classifier.classes import LabeledWorks, label_works
from artsim.training.classifier.fits import (
    Fit,
    fit_mobilenet,
    fit_recurrent,
    fit_to_vectors,
    schedule_of,
)
from artsim.training.classifier.judge import judge_fit, save_outcome
from artsim.training.classifier.mobilenet import Beginning, begin_mobilenet
from artsim.training.classifier.options import ClassifierOptions
from artsim.training.classifier.outcome import ClassifierOutcome
from artsim.training.classifier.run_folder import CACHE_FOLDER, claim_folder
from artsim.training.classifier.sides import Sides, split_works
from artsim.training.rows import LookOnly, Reader, WorkRows, read_rows
from artsim.training.works import read_works, works_identity


def train_classifier(
    sources: Sequence[Path],
    out: Path,
    options: ClassifierOptions,
    *,
    column_map: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> ClassifierOutcome:
    """Train a classifier of one field, calibrate it, and test it on works put aside.

    A run that was killed goes on where it was when it is called again, and comes to the
    same classifier.

    Parameters
    ----------
    sources : sequence of Path
        Folders and manifests, as for an ingest.
    out : Path
        Folder of the classifier; of the kinds that train a network it is also that of an
        encoder, ``file:OUT``.

    Raises
    ------
    TrainingError
        If there are too few works or classes, the split makes no sense for the field, or
        the folder holds another run.
    SourceError, MetadataError, QueryError, EncoderError, WeightsError
        If a source, the field, an encoder or its weights are missing or wrong.
    """
    progress = progress or SilentProgress()
    if options.split == "artist" and options.by in ("artist", "artist_key"):
        raise TrainingError(
            "artists cannot be learned from works of other artists; split by chance",
            hint="--split random",
        )
    _check_kind(options)
    works, rejected = read_works(sources, column_map=column_map)
    labeled = label_works(works, options.by, least=options.min_works)
    start = _start(options)
    identity = _identity(labeled, options, start)
    claim_folder(out, identity, restart=options.restart)
    cache = options.cache or out / CACHE_FOLDER
    found = read_rows(
        labeled.works,
        _reader(options, start),
        cache,
        _cache_name(options, start),
        progress=progress,
        description="Encoding" if start.base is not None else "Checking pictures",
    )
    readable, rows = _relabel(found, labeled, options)
    sides = split_works(readable, options.split, test=options.test_share, seed=options.seed)
    kept = {work.key: row for row, work in enumerate(readable.works)}
    rows = rows[[kept[work.key] for work in sides.labeled.works]]
    fit = _fit(rows, sides, start, out, options, identity, progress)
    tested = judge_fit(fit, rows, sides, start.base, cache, options, progress=progress)
    problems = (*map(str, rejected), *found.problems)
    return save_outcome(fit, tested, sides, out, options, identity, problems)


def _check_kind(options: ClassifierOptions) -> None:
    if options.from_scratch and options.kind != "mobilenetv2":
        raise TrainingError(
            "only mobilenetv2 can begin from scratch", hint="leave --from-scratch out"
        )
    if options.from_scratch and options.weights is not None:
        raise TrainingError(
            "a network begins from weights or from scratch, not from both",
            hint="--weights or --from-scratch",
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Start:
    """What a training begins with: a frozen encoder, or a network that is to change."""

    base: Encoder | None
    mobilenet: Beginning | None


def _start(options: ClassifierOptions) -> _Start:
    """Load what it begins with, which may not be there, before any work is done."""
    if options.kind == "mobilenetv2":
        network = begin_mobilenet(
            from_scratch=options.from_scratch, weights=options.weights, seed=options.seed
        )
        return _Start(None, network)
    card = resolve(options.encoder, weights=options.weights)
    if card.kind != "image":
        raise TrainingError(f"{options.encoder!r} encodes faces only; name an encoder of pictures")
    return _Start(load_encoder(card, device=options.device), None)


def _reader(options: ClassifierOptions, start: _Start) -> Reader:
    if start.base is None:
        return LookOnly()
    return SequenceReader(start.base) if options.kind == "recurrent" else start.base


def _cache_name(options: ClassifierOptions, start: _Start) -> str:
    if start.base is None:
        return "readable"
    kind = "parts" if options.kind == "recurrent" else "whole"
    return f"{start.base.info.vector_name}-{kind}"


def _identity(labeled: LabeledWorks, options: ClassifierOptions, start: _Start) -> dict[str, Any]:
    """Return all that the result depends on but steps and seed, which the loop adds."""
    settings: dict[str, Any] = {
        "by": options.by,
        "kind": options.kind,
        "works": works_identity(labeled.works, (options.by, "artist")),
        "classes": len(labeled.classes),
        "split": options.split,
        "test_share": options.test_share,
        "min_works": options.min_works,
        "seed": options.seed,
    }
    if start.base is not None:
        settings["encoder"] = start.base.info.vector_name
    if start.mobilenet is not None:
        settings["begun_with"] = start.mobilenet.weights
    if options.kind != "linear":
        settings |= asdict(schedule_of(options, len(labeled.works)))
    return settings


def _relabel(
    found: WorkRows, labeled: LabeledWorks, options: ClassifierOptions
) -> tuple[LabeledWorks, npt.NDArray[np.float32]]:
    """Return the readable works, again of classes that have enough of them."""
    if len(found.works) == len(labeled.works):
        return labeled, found.rows
    again = label_works(found.works, options.by, least=options.min_works)
    place = {work.key: row for row, work in enumerate(found.works)}
    rows = found.rows[[place[work.key] for work in again.works]]
    return LabeledWorks(
        again.works,
        again.labels,
        again.classes,
        {**labeled.left_out, **again.left_out},
        labeled.without,
    ), rows


def _fit(
    rows: npt.NDArray[np.float32],
    sides: Sides,
    start: _Start,
    out: Path,
    options: ClassifierOptions,
    identity: dict[str, Any],
    progress: Progress,
) -> Fit:
    if start.mobilenet is not None:
        return fit_mobilenet(start.mobilenet, sides, out, options, identity, progress=progress)
    if start.base is not None and options.kind == "recurrent":
        return fit_recurrent(rows, sides, start.base, out, options, identity, progress=progress)
    return fit_to_vectors(rows, sides, progress=progress)
