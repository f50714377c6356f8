"""The task as a whole: its figures against plain searches, and what its report holds."""

from collections.abc import Collection, Iterator

import numpy as np
import pytest
from made_up_report import estimate_of, table_of

from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.payload import EVERYTHING, AnyOf, Criteria, Known, overlaps_years
from artsim.errors import EvaluationError, QueryError
from artsim.evaluation.leave_one_out import Relevance, read_labels, read_works
from artsim.evaluation.report import (
    BarPlot,
    ConfusionPlot,
    LinePlot,
    QueryValues,
)
from artsim.evaluation.runner import Run
from artsim.evaluation.statistics import Estimate
from artsim.evaluation.tasks.labels import LabelsOptions, evaluate_labels
from artsim.search.answer import find_similar
from artsim.search.filters import Filters
from artsim.search.question import IdQuery, SearchOptions
from artsim.store.gallery import Gallery
from tests.search.made_up_gallery import MadeUp


class PartlyLabeled(MadeUp):
    """Made-up paintings; of every fourth the artist is unknown, and one artist has one work."""

    def payload(self, i: int) -> dict[str, object]:
        payload = super().payload(i)
        if i % 4 == 0:
            del payload["artist"], payload["artist_key"]
        if i == 1:
            payload |= {"artist": "Clara Peeters", "artist_key": "clara peeters"}
        return payload


@pytest.fixture(scope="module")
def partly_labeled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    with PartlyLabeled(count=80).fill(tmp_path_factory.mktemp("partly")) as gallery:
        yield gallery


def precision_by_search(
    gallery: Gallery,
    field: str,
    k: int,
    criteria: Criteria = EVERYTHING,
    rerank: str | None = None,
    weight: float | None = None,
    left_out: str | None = None,
    ids: Collection[str] | None = None,
    **search: object,
) -> tuple[float, int]:
    """P@k as a user would find it out, query by query; and how many queries count."""
    precisions = []
    for record in list(gallery[PAINTINGS].scroll(criteria & Criteria((Known(field),)))):
        if ids is not None and record.payload["painting_id"] not in ids:
            continue
        own = record.payload[field]
        own_values = set(own if isinstance(own, list) else [own])
        others = criteria & Criteria((Known(field),))
        if left_out is not None:
            out = record.payload[left_out]
            values = tuple(out) if isinstance(out, list) else (out,)
            others = others & Criteria(must_not=(AnyOf(left_out, values),))
        options = SearchOptions(
            limit=200,
            exact=True,
            rerank=rerank,  # type: ignore[arg-type]
            rerank_depth=15,
            rerank_weight=weight,
        )
        query = IdQuery(record.payload["painting_id"])
        hits = find_similar(gallery, query, others, options, **search).hits  # type: ignore[arg-type]
        right = [
            bool(own_values & set(found if isinstance(found, list) else [found]))
            for found in (hit.payload[field] for hit in hits)
        ]
        if any(right):
            precisions.append(sum(right[:k]) / k)
    return float(np.mean(precisions)), len(precisions)


def test_precision_is_that_of_searches(sample_gallery: Gallery) -> None:
    options = LabelsOptions(
        ("school",),
        ("artist",),
        ks=(1, 3),
        rerank=("ssim",),
        rerank_depth=15,
        rerank_weights=(0.2,),
        limit_queries=20,
    )
    report = evaluate_labels(sample_gallery, options)
    ids = report.query_values[0].query_ids
    ways = (("", None, None), (" + ssim", "ssim", None), (" + 0.2 ssim", "ssim", 0.2))
    for way, rerank, weight in ways:
        found = estimate_of(report, "labels_school", f"builtin{way}", "precision_at_3")
        expected, queries = precision_by_search(
            sample_gallery,
            "school",
            3,
            rerank=rerank,
            weight=weight,
            left_out="artist_key",
            ids=ids,
        )
        assert (found.value, found.count) == (pytest.approx(expected), queries)
        assert queries == len(ids) == 20


@pytest.mark.parametrize("rerank", ["ssim", "rmse"])
def test_rankings_are_the_answers_of_exact_searches(partly_labeled: Gallery, rerank: str) -> None:
    """Ids and scores of every way of searching, to within how cosines are rounded."""
    choices = LabelsOptions(
        ("artist",), fused=True, rerank=(rerank,), rerank_depth=15, rerank_weights=(0.5,)
    )
    run = Run("labels", partly_labeled, choices)
    works = read_works(run, EVERYTHING, ("artist",))
    relevance = Relevance(read_labels(works.payloads, "artist"))
    for contender in run.contenders:
        ranker = works.ranker(contender, 10, 15)
        for row in range(0, len(works), 12):
            one = np.array([row])
            ranking = ranker.rank(one, relevance.barred(one), head=10)
            hits = run.search(contender, works.ids[row], limit=10, exact=True)
            assert [hit.painting_id for hit in hits] == [
                works.ids[work] for work in ranking.order[0, :10]
            ]
            scores = [hit.best_score for hit in hits]
            assert scores == pytest.approx(ranking.head_scores[0].tolist(), abs=2e-6)


def test_filters_and_fusion_are_those_of_searches(partly_labeled: Gallery) -> None:
    options = LabelsOptions(
        ("artist",), filters=Filters(years="1600..1680", where_not=("extra.room=3",)), fused=True
    )
    report = evaluate_labels(partly_labeled, options)
    criteria = Criteria(overlaps_years(1600, 1680), (AnyOf("extra.room", (3,)),))
    for row, encoders in (("two", ["two"]), ("fused", ["one", "two"])):
        found = estimate_of(report, "labels_artist", row, "precision_at_10")
        expected, queries = precision_by_search(
            partly_labeled, "artist_key", 10, criteria, encoders=encoders
        )
        assert (found.value, found.count) == (pytest.approx(expected), queries)
        assert 10 < queries < 60


def test_unlabeled_works_and_queries_without_answers_are_told(partly_labeled: Gallery) -> None:
    report = evaluate_labels(partly_labeled, LabelsOptions(("artist", "style"), encoders=("one",)))
    notes = " ".join(table_of(report, "labels_artist").notes)
    assert "59 queries" in notes
    assert "because artist is unknown: 20 works" in notes
    assert "nothing of the same artist is left to find: 1 works" in notes
    assert estimate_of(report, "labels_artist", "one", "map").count == 59
    assert estimate_of(report, "labels_style", "one", "map").count == 80
    assert "unknown" not in " ".join(table_of(report, "labels_style").notes)


def test_report_holds_all_there_is_to_see(sample_gallery: Gallery) -> None:
    report = evaluate_labels(sample_gallery, LabelsOptions(("artist", "style")))
    assert report.task == "labels"
    assert [table.name for table in report.tables] == [
        "labels_artist",
        "labels_artist_classes",
        "labels_style",
        "labels_style_classes",
    ]
    main = table_of(report, "labels_artist")
    assert [row.name for row in main.rows] == ["builtin", "random order"]
    columns = {column.name for column in main.columns}
    assert [set(row.values) for row in main.rows] == [columns, columns - {"trained_on"}]
    builtin, chance = (row.values["map"] for row in main.rows)
    assert isinstance(builtin, Estimate)
    assert isinstance(chance, Estimate)
    assert chance.high < builtin.low < builtin.value < builtin.high < 1
    classes = table_of(report, "labels_style_classes")
    styles = [record.payload["style"][0] for record in sample_gallery[PAINTINGS].scroll()]
    styles = [style for style in styles if styles.count(style) > 1]
    assert {row.name: row.values["works"] for row in classes.rows} == {
        style: styles.count(style) for style in set(styles)
    }
    lines, bars, confusion = report.plots[3:]
    assert isinstance(lines, LinePlot)
    assert isinstance(bars, BarPlot)
    assert isinstance(confusion, ConfusionPlot)
    assert [line.name for line in lines.lines] == ["builtin", "random order"]
    assert all(line.y == tuple(sorted(line.y, reverse=True)) for line in lines.lines)
    assert bars.labels == tuple(row.name for row in classes.rows)
    assert confusion.counts.sum() == len(styles)
    right = np.trace(confusion.counts) / len(styles)
    assert right == pytest.approx(
        estimate_of(report, "labels_style", "builtin", "recall_at_1").value
    )


@pytest.mark.slow
def test_values_of_queries_make_the_means(sample_gallery: Gallery) -> None:
    report = evaluate_labels(sample_gallery, LabelsOptions(("style",), rerank=("rmse",)))
    seen = {(values.row, values.column) for values in report.query_values}
    assert seen == {
        (row, column)
        for row in ("builtin", "builtin + rmse")
        for column in ("precision_at_1", "precision_at_10", "map", "ndcg")
    }
    for values in report.query_values:
        assert isinstance(values, QueryValues)
        mean = estimate_of(report, values.table, values.row, values.column)
        assert mean.value == pytest.approx(values.values.mean())
        assert len(set(values.query_ids)) == mean.count == 60


def test_failures_are_the_worst_and_show_what_was_found(sample_gallery: Gallery) -> None:
    report = evaluate_labels(sample_gallery, LabelsOptions(("artist",)))
    (group,) = report.failures
    ap = next(values for values in report.query_values if values.column == "map")
    worst = ap.query_ids[int(np.argmin(ap.values))]
    assert group.rows[0].query.payload["painting_id"] == worst
    artists = [row.query.payload["artist_key"] for row in group.rows]
    assert len(set(artists)) == len(artists) == 8
    for row in group.rows:
        query = IdQuery(row.query.payload["painting_id"])
        hits = find_similar(sample_gallery, query, options=SearchOptions(limit=5)).hits
        assert [p.payload for p in row.hits] == [hit.payload for hit in hits]
        said = [str(hit.verdict) for hit in hits]
        assert [p.caption[-1].split()[-2:] for p in row.hits] == [
            text.split()[-2:] for text in said
        ]
        own = row.query.payload["artist_key"]
        assert [p.right for p in row.hits] == [p.payload["artist_key"] == own for p in row.hits]


def test_same_arguments_same_report(sample_gallery: Gallery) -> None:
    options = LabelsOptions(("style",), limit_queries=20, seed=3)
    first, second = (evaluate_labels(sample_gallery, options) for _ in range(2))
    assert first.tables == second.tables
    assert first.query_values[0].query_ids == second.query_values[0].query_ids
    assert len(first.query_values[0].query_ids) == 20
    other = evaluate_labels(sample_gallery, LabelsOptions(("style",), limit_queries=20, seed=4))
    assert other.query_values[0].query_ids != first.query_values[0].query_ids


def test_every_run_says_how_searches_by_the_index_agree(sample_gallery: Gallery) -> None:
    report = evaluate_labels(sample_gallery, LabelsOptions(("style",)))
    assert "finds as well: builtin 100.0 %" in " ".join(table_of(report, "labels_style").notes)
    exact = evaluate_labels(sample_gallery, LabelsOptions(("style",), exact=True))
    assert "index" not in " ".join(table_of(exact, "labels_style").notes)


def test_what_cannot_be_evaluated_says_so(sample_gallery: Gallery, partly_labeled: Gallery) -> None:
    def fails(match: str, error: type[Exception], *args: object, **kwargs: object) -> None:
        with pytest.raises(error, match=match):
            evaluate_labels(sample_gallery, LabelsOptions(*args, **kwargs))  # type: ignore[arg-type]

    fails("no field is called 'artis': did you mean artist", QueryError, ("artis",))
    fails("none of the 60 paintings has a field 'extra.x'", EvaluationError, ("extra.x",))
    fails("has a field 'extra.x'", EvaluationError, ("style",), exclude=("extra.x",))
    fails("fusing takes two encoders", EvaluationError, ("style",), fused=True)
    fails("no query has anything to find", EvaluationError, ("painting_id",))
    fails("no query has anything to find", EvaluationError, ("style",), exclude=("style",))
    nothing = Filters(any_of={"style": ("Byzantine",)})
    fails("no point with a vector", QueryError, ("style",), filters=nothing)
    fails("the gallery has no style 'Byzantine'", QueryError, ("style",), filters=nothing)
    with pytest.raises(ValueError, match="at least one field"):
        LabelsOptions(())
    with pytest.raises(ValueError, match="at least 1"):
        LabelsOptions(("style",), ks=(0,))


def test_short_rankings(partly_labeled: Gallery) -> None:
    """Of three works left, each has two to rank."""
    few = Filters(where=("painting_id=p001", "painting_id=p002", "painting_id=p003"))
    report = evaluate_labels(partly_labeled, LabelsOptions(("style",), filters=few, ks=(5,)))
    found = estimate_of(report, "labels_style", "one", "precision_at_5")
    assert found.value in (0.2, 0.4)
    assert all(len(row.hits) == 2 for row in report.failures[0].rows)
