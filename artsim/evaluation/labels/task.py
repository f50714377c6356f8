"""The task ``labels``: leave-one-out retrieval, with any field saying what is alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from artsim.catalog.criteria import Criteria
from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.progress import Progress, SilentProgress
from artsim.catalog.results import JSON
from artsim.errors import EvaluationError, QueryError
from artsim.evaluation.contenders import Contender, Rankers, list_contenders
from artsim.evaluation.labels.classes import class_table
from artsim.evaluation.labels.failures import worst_queries
from artsim.evaluation.labels.options import LabelsOptions
from artsim.evaluation.labels.parts import FieldResult, main_table, plots, query_values
from artsim.evaluation.leave_one_out import Judged, count_to_find, judge_rankings
from artsim.evaluation.metrics import Integers
from artsim.evaluation.relevance import Relevance, field_values, read_labels, stored_field
from artsim.evaluation.report import Report, library_versions, timestamp
from artsim.evaluation.self_check import TOP, Checker, describe_agreement
from artsim.evaluation.works import Works, read_works
from artsim.search.describe import describe_criteria
from artsim.search.fields import check_field
from artsim.search.filters import build_criteria
from artsim.search.models import Models
from artsim.search.similar import choose_encoders
from artsim.store.gallery import Gallery


def evaluate_labels(
    gallery: Gallery,
    options: LabelsOptions,
    *,
    models: Models | None = None,
    progress: Progress | None = None,
) -> Report:
    """Say how well searches find works that share a field's value with the query.

    Every work whose field is known is the query once, against all others. Works whose field
    is unknown are left out of the rankings, which condenses them [1]_: they are neither right
    nor wrong. A sample of the queries is sent through `find_similar` itself as well.

    Parameters
    ----------
    models : Models, optional
        Knows the encoders' names; none is loaded.
    progress : Progress, optional
        By default nothing is said.

    Raises
    ------
    QueryError
        If a field does not exist, or nothing meets the filters.
    EncoderMismatchError
        If the gallery has no vectors of an encoder.
    EvaluationError
        If no work has a field, no query has anything to find, there is nothing to fuse, or
        the gallery's own answers are not those that were evaluated.

    References
    ----------
    .. [1] Sakai (2007). Alternatives to Bpref. SIGIR, 71-78.
    """
    progress = progress or SilentProgress()
    for name in (*options.by, *options.exclude):
        check_field(name, gallery.paintings)
    names = options.encoders or tuple(gallery.image_encoders())
    encoders = choose_encoders(gallery.image_encoders(), names, models or Models())
    contenders = list_contenders(
        encoders, options.rerank, fused=options.fused, weights=options.rerank_weights
    )
    criteria, remarks = build_criteria(options.filters, gallery.paintings)
    try:
        progress.start(None, "Reading vectors")
        works = _read_works(gallery, encoders, criteria, options, remarks)
        results = [
            _evaluate_field(gallery, works, name, contenders, options, progress)
            for name in dict.fromkeys(options.by)
        ]
    finally:
        progress.finish()
    return _report(gallery, works, encoders, criteria, options, results, tuple(remarks))


def _read_works(
    gallery: Gallery,
    encoders: list[EncoderInfo],
    criteria: Criteria,
    options: LabelsOptions,
    remarks: Sequence[str],
) -> Works:
    """Read the works, and refuse a field that none has before the long work begins.

    One that is only to be excluded, too: nothing would be left out, and figures would be
    better than they should be for a slip of the pen.
    """
    asked = dict.fromkeys((*options.by, *options.exclude))
    fields = sorted({*map(stored_field, asked), "artist"})
    try:
        works = read_works(
            gallery.paintings, encoders, criteria, fields, with_pixels=bool(options.rerank)
        )
    except QueryError as error:
        # The remarks say which filter nothing meets, and what there is instead.
        raise QueryError("; ".join((str(error), *remarks)), hint=error.hint) from error
    for name in asked:
        if not any(field_values(payload, name) for payload in works.payloads):
            raise EvaluationError(
                f"none of the {len(works)} paintings has a field {name!r}; name one that they have",
                hint="artsim show ID",
            )
    return works


def _evaluate_field(
    gallery: Gallery,
    works: Works,
    name: str,
    contenders: list[Contender],
    options: LabelsOptions,
    progress: Progress,
) -> tuple[FieldResult, str]:
    labels = read_labels(works.payloads, name)
    known = np.flatnonzero([bool(classes) for classes in labels.of_work])
    judged_works = works.known(name, known)
    relevance = Relevance(
        read_labels(judged_works.payloads, name),
        tuple(read_labels(judged_works.payloads, other) for other in options.exclude),
    )
    rankers = Rankers(judged_works, max(*options.ks, TOP), options.rerank_depth)
    rows = _choose_queries(relevance, options, progress, name)
    judged = _judge(rankers, relevance, rows, contenders, options, progress, name)
    result = FieldResult(
        field=name,
        works=judged_works,
        relevance=relevance,
        contenders=tuple(contenders),
        judged=judged,
        ks=options.depths,
        unlabeled=len(works) - len(judged_works),
        asked=len(rows),
        rerank_depth=options.rerank_depth,
        seed=options.seed,
    )
    return result, _check(gallery, rankers, result, options, progress)


def _choose_queries(
    relevance: Relevance, options: LabelsOptions, progress: Progress, name: str
) -> Integers:
    """Return the queries: all, or a sample of those that have something to find."""
    rows = np.arange(len(relevance.labels.of_work))
    if options.limit_queries is None:
        return rows
    progress.start(len(rows), f"Sampling queries by {name}")
    rows = rows[count_to_find(relevance, rows, on_done=progress.update) > 0]
    return _sample(rows, options.limit_queries, options.seed)


def _sample(rows: Integers, count: int, seed: int) -> Integers:
    """Return at most `count` of `rows`, in their order."""
    if len(rows) <= count:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))


def _judge(
    rankers: Rankers,
    relevance: Relevance,
    rows: Integers,
    contenders: list[Contender],
    options: LabelsOptions,
    progress: Progress,
    name: str,
) -> dict[str, Judged]:
    judged = {}
    for contender in contenders:
        progress.start(len(rows), f"Ranking by {name}: {contender.name}")
        judged[contender.name] = judge_rankings(
            rankers.of(contender), relevance, rows, options.depths, on_done=progress.update
        )
        if len(judged[contender.name].rows) == 0:
            raise EvaluationError(
                f"no query has anything to find: no two works share a value of {name!r} that "
                "the filters and exclusions leave; name another field, or exclude less"
            )
    return judged


def _check(
    gallery: Gallery,
    rankers: Rankers,
    result: FieldResult,
    options: LabelsOptions,
    progress: Progress,
) -> str:
    """Send a sample through the gallery's own search; return what is to be told of it."""
    any_judged = next(iter(result.judged.values()))
    rows = _sample(any_judged.rows, options.checked, options.seed)
    checker = Checker(gallery, rankers, result.relevance, rows)
    agreement = {}
    progress.start(len(result.contenders), f"Checking by {result.field}")
    for done, contender in enumerate(result.contenders, start=1):
        checker.check(contender)
        if not options.exact:
            agreement[contender.name] = checker.agreement(contender)
        progress.update(done)
    return describe_agreement(agreement, len(rows), checker.rounded)


def _report(
    gallery: Gallery,
    works: Works,
    encoders: list[EncoderInfo],
    criteria: Criteria,
    options: LabelsOptions,
    results: list[tuple[FieldResult, str]],
    remarks: tuple[str, ...],
) -> Report:
    left_out = f", without the same {' or '.join(options.exclude)}" if options.exclude else ""
    return Report(
        task="labels",
        title=f"Leave-one-out by {' and '.join(options.by)}{left_out}: "
        f"{gallery.name or 'the default gallery'}",
        settings=_settings(gallery, works, encoders, criteria, options),
        versions=library_versions(),
        created=timestamp(),
        tables=tuple(
            table
            for result, check in results
            for table in (main_table(result, check), class_table(result.classes()))
        ),
        query_values=tuple(values for result, _ in results for values in query_values(result)),
        plots=tuple(plot for result, _ in results for plot in plots(result)),
        failures=tuple(worst_queries(result, gallery.paintings) for result, _ in results),
        notes=remarks,
    )


def _settings(
    gallery: Gallery,
    works: Works,
    encoders: list[EncoderInfo],
    criteria: Criteria,
    options: LabelsOptions,
) -> dict[str, JSON]:
    """Return everything that could change the result."""
    return {
        "gallery": gallery.name,
        "location": gallery.store.location,
        "works": len(works),
        "by": list(options.by),
        "exclude": list(options.exclude),
        "ks": list(options.depths),
        "encoders": [info.vector_name for info in encoders],
        "fused": options.fused,
        "rerank": list(options.rerank),
        "rerank_depth": options.rerank_depth if options.rerank else None,
        "rerank_weights": list(options.rerank_weights),
        "criteria": describe_criteria(criteria),
        "exact": options.exact,
        "limit_queries": options.limit_queries,
        "seed": options.seed,
    }
