"""The task ``labels``: leave-one-out retrieval, with any field saying what is alike."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Final

import numpy as np

from artsim.catalog.kinds import PAINTINGS, Kind, short_names
from artsim.catalog.payload import Criteria, stored_field
from artsim.catalog.progress import Progress, counted
from artsim.errors import EvaluationError, OptionError, QueryError
from artsim.evaluation.leave_one_out import (
    COPIES,
    TOP,
    Judged,
    Labels,
    Relevance,
    Works,
    field_values,
    index_note,
    judge_contenders,
    label_copies,
    read_labels,
    read_works,
    sample_queries,
    sample_rows,
)
from artsim.evaluation.metrics import (
    NDCG_DEPTH,
    RECALL_LEVELS,
    Floats,
    random_curve,
    random_metrics,
)
from artsim.evaluation.report import (
    BarPlot,
    Column,
    ConfusionPlot,
    Line,
    LinePlot,
    Parts,
    Picture,
    PictureGroup,
    PictureRow,
    Report,
    Row,
    Table,
    notes_of,
)
from artsim.evaluation.runner import Contender, Run, SearchChoices, query_values
from artsim.evaluation.statistics import estimate_mean
from artsim.search.copy_groups import find_ties, join
from artsim.search.filters import Filters, build_criteria, check_field
from artsim.search.models import Models
from artsim.search.question import describe_criteria
from artsim.store.gallery import Gallery

RANDOM: Final = "random order"

_COMPARED: Final = ("precision_at_1", "precision_at_10", "map", "ndcg")
_ALWAYS: Final = ("artist", "artist_key", "image_uri", "image_sha256")
_CONFUSED: Final = 20
_SHUFFLED: Final = 200
_WORST: Final = 8
_ENDS: Final = 10
"""Most classes shown as best, and as worst."""


@dataclass(frozen=True, slots=True)
class LabelsOptions(SearchChoices):
    """What is evaluated, and how; see also `SearchChoices`.

    Works are alike that share a value of a field; each of `by` is a table of its own. Works that
    share a value of one of `exclude` with the query are left out of its ranking, and are nothing
    to find; so are its copies, if ``copies`` is named there. `ks` are the depths of precision and
    recall; `filters` say which works are queries and answers, `limit_queries` how many queries are
    drawn, and `checked` how many of these are also searched by the index. Parts of a `kind` of one
    painting are not found by one another.
    """

    by: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    ks: tuple[int, ...] = (1, 5, 10)
    kind: Kind = field(default=PAINTINGS, kw_only=True)
    filters: Filters = field(default_factory=Filters, kw_only=True)
    limit_queries: int | None = field(default=None, kw_only=True)
    checked: int = field(default=100, kw_only=True)

    least: ClassVar = {"checked": 1, "limit_queries": 1}

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        SearchChoices.__post_init__(self)
        if not self.by:
            raise ValueError("at least one field to evaluate by is needed")
        if COPIES in self.exclude and not self.kind.is_whole:
            raise OptionError(f"copies are of whole pictures, which {self.kind.name} are not")
        if not self.ks or min(self.ks) < 1:
            raise ValueError("depths must be at least 1")

    @property
    def fields_excluded(self) -> tuple[str, ...]:
        """What is excluded by a field, and not as copies."""
        return tuple(name for name in self.exclude if name != COPIES)

    @property
    def depths(self) -> tuple[int, ...]:
        """The `ks`, each once, rising."""
        return tuple(sorted(set(self.ks)))


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
    nor wrong. `models` know the encoders' names; none is loaded.

    QueryError if a field does not exist or nothing meets the filters, EncoderMismatchError if the
    gallery has no vectors of an encoder, EvaluationError if no work has a field, no query has
    anything to find, or there is nothing to fuse.

    References
    ----------
    .. [1] Sakai (2007). Alternatives to Bpref. SIGIR, 71-78.
    """
    run = Run("labels", gallery, options, models, progress, options.kind)
    for name in (*options.by, *options.fields_excluded):
        check_field(name, run.collection)
    criteria, remarks = build_criteria(options.filters, run.collection, gallery)
    run.notes += remarks
    run.settings |= {"criteria": describe_criteria(criteria), "ks": list(options.depths)}
    with run.progressing("Reading vectors"):
        works = _read(run, criteria)
        run.settings["works"] = len(works)
        copies = _copies(run, criteria) if COPIES in options.exclude else ()
        parts = Parts()
        for name in dict.fromkeys(options.by):
            parts += _parts(_judge(run, works, name, copies))
    fields = options.fields_excluded
    left_out = f", without the same {' or '.join(fields)}" if fields else ""
    left_out += ", without copies" if COPIES in options.exclude else ""
    title = f"Leave-one-out by {' and '.join(options.by)}{left_out}: {run.gallery_name}"
    return run.report(title, parts)


def _read(run: Run[LabelsOptions], criteria: Criteria) -> Works:
    """Read the works, and refuse a field that none has before the long work begins.

    One that is only to be excluded, too: nothing would be left out, and figures would be
    better than they should be for a slip of the pen.
    """
    asked = dict.fromkeys((*run.options.by, *run.options.fields_excluded))
    own = () if run.kind.is_whole else (run.kind.index_field,)
    try:
        works = read_works(run, criteria, sorted({*map(stored_field, asked), *_ALWAYS, *own}))
    except QueryError as error:
        # The remarks say which filter nothing meets, and what there is instead.
        raise QueryError("; ".join((str(error), *run.notes)), hint=error.hint) from error
    for name in asked:
        if not any(field_values(payload, name) for payload in works.payloads):
            raise EvaluationError(
                f"none of the {len(works)} {run.kind.name} has a field {name!r}; name one that "
                "they have",
                hint="artsim show ID",
            )
    return works


def _copies(run: Run[LabelsOptions], criteria: Criteria) -> list[list[str]]:
    """Return groups of copies, by point ids, and say how many there are."""
    name, progress = run.encoders[0].vector_name, run.progress
    ties = find_ties(run.collection, name, criteria, progress)
    groups = join(tie for tie in ties if tie.is_copy)
    count = sum(map(len, groups))
    run.notes.append(f"{count:,} works are in {counted(len(groups), 'group')} of copies")
    return groups


@dataclass(frozen=True)
class _Result:
    """How each contender did by one field, over the same queries.

    The `works` are those whose field is known, all but `unlabeled`; `asked` is how many queries
    were tried, of which some may have had nothing to find.
    """

    run: Run[LabelsOptions]
    field: str
    works: Works
    relevance: Relevance
    judged: Mapping[str, Judged]
    unlabeled: int
    asked: int

    @property
    def name(self) -> str:
        """Of the table and, as a beginning, of the plots."""
        return "labels_" + re.sub(r"\W+", "_", self.field)

    @property
    def queries(self) -> Judged:
        """Any contender's rankings: what does not depend on the order is the same in all."""
        return next(iter(self.judged.values()))

    @cached_property
    def best(self) -> str:
        """Name of the contender with the highest mean average precision."""
        return max(self.judged, key=lambda name: self.judged[name].metrics["map"].mean())


def _judge(
    run: Run[LabelsOptions], every: Works, name: str, copies: Sequence[Sequence[str]]
) -> _Result:
    options = run.options
    works = every.known(name, read_labels(every.payloads, name).known)
    own = () if run.kind.is_whole else ("painting_id",)
    others = (*options.fields_excluded, *own)
    excluded: list[Labels] = [read_labels(works.payloads, other) for other in others]
    if copies:
        excluded.append(label_copies(works.point_ids, works.ids, copies))
    relevance = Relevance(read_labels(works.payloads, name), tuple(excluded))
    rows = np.arange(len(works))
    if options.limit_queries is not None:
        run.progress.start(len(rows), f"Sampling queries by {name}")
        rows = sample_queries(run, relevance, rows, options.limit_queries)
    what = f"Ranking by {name}"
    judged = judge_contenders(run, works, relevance, rows, options.depths, what)
    if not all(len(each.rows) for each in judged.values()):
        raise EvaluationError(
            f"no query has anything to find: no two works share a value of {name!r} that "
            "the filters and exclusions leave; name another field, or exclude less"
        )
    return _Result(run, name, works, relevance, judged, len(every) - len(works), len(rows))


def _parts(result: _Result) -> Parts:
    """Return the tables, values by query, plots and failures of one field."""
    works = result.works
    ids = works.ids if result.run.kind.is_whole else works.point_ids
    queries = [ids[row] for row in result.queries.rows]
    metrics = {row: judged.metrics for row, judged in result.judged.items()}
    class_table, class_bars = _classes(result)
    return Parts(
        (_main_table(result), class_table),
        query_values(result.name, queries, metrics, _COMPARED),
        (_precision_recall(result), class_bars, _confusion(result)),
        (_worst_queries(result),),
    )


def _main_table(result: _Result) -> Table:
    """Return the table of all metrics, a row for each contender and for random order."""
    run, ks, queries = result.run, result.run.options.depths, result.queries
    rows = [
        Row(one.name, run.means(result.judged[one.name].metrics), _row_note(one, run.options))
        for one in run.contenders
    ]
    chance = random_metrics(queries.ranked, queries.to_find, ks)
    note = "Exact expectation over all orders of each query's works."
    rows.append(Row(RANDOM, run.means(chance), note))
    columns = (
        *(Column(f"precision_at_{k}", f"P@{k}") for k in ks),
        *(Column(f"recall_at_{k}", f"R@{k}") for k in ks),
        Column("map", "mAP"),
        Column("ndcg", "nDCG", "score"),
        Column(f"ndcg_at_{NDCG_DEPTH}", f"nDCG@{NDCG_DEPTH}", "score"),
        Column("mrr", "MRR", "score"),
    )
    title = f"Finding works of the same {result.field}, leave-one-out"
    table = Table(result.name, title, "search", columns, tuple(rows), _notes(result))
    return run.with_training(table, run.contenders, result.works.payloads)


def _row_note(one: Contender, options: LabelsOptions) -> str:
    """Return what a row's search is, where its name does not say it all."""
    parts = []
    if len(one.encoders) > 1:
        names = ", ".join(short_names(one.encoders))
        parts.append(f"Fused by reciprocal rank: {names}.")
    if one.rerank:
        by = one.rerank.upper()
        if one.weight is not None:
            by = f"cosine + {one.weight:g} times {by}"
        parts.append(f"The first {options.rerank_depth} reordered by {by}.")
    return " ".join(parts)


def _notes(result: _Result) -> tuple[str, ...]:
    """Return what was asked of what, and how the figures are meant."""
    run, options = result.run, result.run.options
    rows = sample_rows(result.queries.rows, options.checked, options.seed)
    index = index_note(run, result.works, result.relevance, rows, max(*options.ks, TOP))
    return (*notes_of("labels", result=result, judged=result.queries), index)


def _precision_recall(result: _Result) -> LinePlot:
    queries, seed = result.queries, result.run.options.seed

    def line(name: str, curve: Floats, *, dashed: bool = False) -> Line:
        return Line(name, RECALL_LEVELS, tuple(curve.mean(axis=0).tolist()), dashed)

    lines = [line(name, judged.curve) for name, judged in result.judged.items()]
    some = np.random.default_rng(seed).permutation(len(queries.rows))[:_SHUFFLED]
    chance = random_curve(queries.ranked[some], queries.to_find[some], seed=seed)
    return LinePlot(
        name=f"{result.name}_precision_recall",
        title=f"Precision by recall, same {result.field}",
        x_label="share of the right works found",
        y_label="interpolated precision",
        lines=(*lines, line(RANDOM, chance, dashed=True)),
        x_range=(0.0, 1.0),
        y_range=(0.0, 1.0),
        note="Mean over queries at 11 levels of recall, as TREC interpolates: the greatest "
        f"precision at that recall or beyond. Random order: shuffles for {len(some)} queries.",
    )


def _classes(result: _Result) -> tuple[Table, BarPlot]:
    """Return the classes of works that are found best and worst, by the plain contenders."""
    ks, labels = result.run.options.depths, result.relevance.labels
    k = 10 if 10 in ks else ks[-1]
    plain = [one.name for one in result.run.contenders if one.rerank is None]
    precision = {name: result.judged[name].metrics[f"precision_at_{k}"] for name in plain}
    queries: dict[int, list[int]] = defaultdict(list)
    for place, row in enumerate(result.queries.rows.tolist()):
        for value in labels.of_work[row]:
            queries[value].append(place)
    shown, note = _best_and_worst(queries, precision, labels, k)
    found = {
        value: {name: estimate_mean(values[queries[value]]) for name, values in precision.items()}
        for value in shown
    }
    rows = []
    for value, estimates in found.items():
        counts = {"works": len(labels.members[value]), "queries": len(queries[value])}
        rows.append(Row(labels.names[value], {**counts, **estimates}))
    name, title = f"{result.name}_classes", f"Best and worst {result.field}: P@{k}"
    columns = (
        Column("works", "works", "count", None),
        Column("queries", "queries", "count", None),
        *(Column(search, search, better=None) for search in plain),
    )
    series = {search: [estimates[search] for estimates in found.values()] for search in plain}
    names = tuple(labels.names[value] for value in shown)
    return (
        Table(name, title, result.field, columns, tuple(rows), (note,)),
        BarPlot(name, title, f"P@{k}", names, series, note=note),
    )


def _best_and_worst(
    queries: Mapping[int, list[int]], precision: Mapping[str, Floats], labels: Labels, k: int
) -> tuple[list[int], str]:
    """Return the classes to be shown, best first, and a sentence on which they are."""
    # Classes in which a precision of 1 is possible; all, where these are too few.
    large = [value for value in sorted(queries) if len(labels.members[value]) > k]
    if len(large) < min(_ENDS, len(queries)):
        large = sorted(queries)

    def order(value: int) -> tuple[float, str]:
        means = [values[queries[value]].mean() for values in precision.values()]
        return (-float(np.mean(means)), labels.names[value])

    shown = ranking = sorted(large, key=order)
    which = f"All {len(ranking):,}"
    if len(ranking) > 2 * _ENDS:
        shown = [*ranking[:_ENDS], *ranking[-_ENDS:]]
        which = f"The best {_ENDS} and the worst {_ENDS} of {len(ranking):,}"
    left_out = len(queries) - len(large)
    small = f"; {left_out:,} of at most {k} works are not shown" if left_out else ""
    return shown, f"{which}, by P@{k} on average over the searches{small}."


def _confusion(result: _Result) -> ConfusionPlot:
    """Return how often the nearest work of the best contender has which value."""
    labels, judged = result.relevance.labels, result.judged[result.best]
    # Of several values the first; every judged work has one.
    first = np.array([classes[0] for classes in labels.of_work])
    asked, nearest = first[judged.rows], first[judged.head[:, 0]]
    frequency = np.bincount(asked, minlength=len(labels.names))
    order = sorted(range(len(labels.names)), key=lambda c: (-frequency[c], labels.names[c]))
    shown = [c for c in order[:_CONFUSED] if frequency[c]]
    rest = len(shown)
    place = np.full(len(labels.names), rest)
    place[shown] = np.arange(rest)
    counts = np.zeros((rest + 1, rest + 1), dtype=np.int64)
    np.add.at(counts, (place[asked], place[nearest]), 1)
    classes = [labels.names[c] for c in shown]
    note = "The search with the highest mAP. Of a work with several values the first counts."
    if counts[rest].any() or counts[:, rest].any():
        classes.append("(all others)")
        note += " (all others) are many values, so that its diagonal means nothing."
    else:
        counts = counts[:rest, :rest]
    title = f"The {result.field} of the query and of its nearest work: {result.best}"
    return ConfusionPlot(f"{result.name}_confusion", title, tuple(classes), counts, note)


def _worst_queries(result: _Result) -> PictureGroup:
    """Return the queries of the best search with the least average precision, with their hits.

    One of a class, so that a single hard class does not fill the page; ties by painting id.
    """
    judged, labels, works = result.judged[result.best], result.relevance.labels, result.works
    seen: set[int] = set()
    places: list[int] = []
    for place in np.argsort(judged.metrics["map"], kind="stable").tolist():
        classes = labels.of_work[judged.rows[place]]
        if seen.isdisjoint(classes) and len(places) < _WORST:
            places.append(place)
            seen.update(classes)
    needed = {*judged.rows[places].tolist(), *judged.head[places].ravel().tolist()} - {-1}
    records = result.run.collection.retrieve([works.point_ids[work] for work in needed])

    def picture(work: int, *caption: str, right: bool | None = None) -> Picture:
        record = records.get(works.point_ids[work])
        payload = works.payloads[work] if record is None else record.payload
        names = ", ".join(labels.names[value] for value in labels.of_work[work])
        return Picture(payload, (names, *caption), right)

    rows = []
    for place in places:
        found = zip(
            *(x[place].tolist() for x in (judged.head, judged.head_scores, judged.head_right)),
            strict=True,
        )
        hits = (
            picture(w, *result.run.caption(result.best, score), right=right)
            for w, score, right in found
            if w >= 0
        )
        note = (
            f"{judged.to_find[place]:,} to find; the first of them is at rank "
            f"{judged.first_right[place]:,} of {judged.ranked[place]:,}."
        )
        rows.append(PictureRow(picture(int(judged.rows[place])), tuple(hits), note))
    title = f"Worst answers by {result.field}, at most one of each: {result.best}"
    return PictureGroup(title, tuple(rows))
