"""Every metric against trec_eval and scikit-learn, and by its properties; and random order."""

from itertools import permutations

import numpy as np
import numpy.typing as npt
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import (
    average_precision_score,
    label_ranking_average_precision_score,
    ndcg_score,
)

from artsim.evaluation.metrics import (
    RECALL_LEVELS,
    RelevantRanks,
    all_metrics,
    average_precision,
    interpolated_precision,
    ndcg,
    precision_at,
    random_curve,
    random_metrics,
    recall_at,
    reciprocal_rank,
)

KS = (1, 3, 5, 10, 40)
FEW = (1, 2, 5, 10)
MEASURES = {
    "P.1,3,5,10,40",
    "success.1,3,5,10,40",
    "map",
    "ndcg",
    "ndcg_cut.10",
    "recip_rank",
    "iprec_at_recall",
}
TREC_NAMES = {
    **{f"precision_at_{k}": f"P_{k}" for k in KS},
    **{f"recall_at_{k}": f"success_{k}" for k in KS},
    "map": "map",
    "ndcg": "ndcg",
    "ndcg_at_10": "ndcg_cut_10",
    "mrr": "recip_rank",
}

Right = npt.NDArray[np.bool_]


@st.composite
def judged_rankings(draw: st.DrawFn) -> Right:
    """Rankings of one length, each with something right, and some with hardly anything."""
    queries, works = draw(st.integers(1, 6)), draw(st.integers(1, 30))
    right = draw(arrays(np.bool_, (queries, works)))
    right[
        np.arange(queries), draw(arrays(np.intp, queries, elements=st.integers(0, works - 1)))
    ] = 1
    return right


def by_trec_eval(right: Right, unfound: int = 0) -> dict[str, dict[str, float]]:
    """What trec_eval says; `unfound` right answers were not ranked at all."""
    names = [f"d{i:04d}" for i in range(right.shape[1])]
    qrels, runs = {}, {}
    for i, row in enumerate(right):
        judged = {name: int(is_right) for name, is_right in zip(names, row, strict=True)}
        qrels[f"q{i}"] = judged | {f"unfound{j}": 1 for j in range(unfound)}
        # Falling scores: what is equal trec_eval would order by name, backwards.
        runs[f"q{i}"] = {name: float(-rank) for rank, name in enumerate(names)}
    evaluated: dict[str, dict[str, float]] = pytrec_eval.RelevanceEvaluator(
        qrels, MEASURES
    ).evaluate(runs)
    return evaluated


def table(right: Right) -> npt.NDArray[np.float64]:
    """Every metric, a row for each query."""
    return np.stack([*all_metrics(RelevantRanks.from_matrix(right), KS).values()], axis=1)


@settings(max_examples=60)
@given(right=judged_rankings(), unfound=st.integers(0, 3))
def test_equals_trec_eval(right: Right, unfound: int) -> None:
    ranks = RelevantRanks.from_matrix(right, right.sum(axis=1) + unfound)
    ours = all_metrics(ranks, KS)
    curve = interpolated_precision(ranks)
    for i, theirs in enumerate(by_trec_eval(right, unfound)[f"q{i}"] for i in range(len(right))):
        assert ours.keys() == TREC_NAMES.keys()
        for name, values in ours.items():
            assert values[i] == pytest.approx(theirs[TREC_NAMES[name]], abs=1e-12), name
        for value, level in zip(curve[i], RECALL_LEVELS, strict=True):
            expected = theirs[f"iprec_at_recall_{level:.2f}"]
            assert value == pytest.approx(expected, abs=1e-12), level


@settings(max_examples=30)
@given(right=judged_rankings())
def test_equals_scikit_learn(right: Right) -> None:
    ranks = RelevantRanks.from_matrix(right)
    scores = np.broadcast_to(-np.arange(right.shape[1], dtype=float), right.shape)
    expected = [average_precision_score(row, scores[0]) for row in right]
    np.testing.assert_allclose(average_precision(ranks), expected, atol=1e-12)
    assert average_precision(ranks).mean() == pytest.approx(
        label_ranking_average_precision_score(right, scores)
    )
    if right.shape[1] > 1:  # of a single work scikit-learn refuses to speak
        gains = [ndcg_score([row], scores[:1]) for row in right]
        shallow = [ndcg_score([row], scores[:1], k=10) for row in right]
        np.testing.assert_allclose(ndcg(ranks), gains, atol=1e-12)
        np.testing.assert_allclose(ndcg(ranks, 10), shallow, atol=1e-12)


@given(right=judged_rankings())
def test_right_answers_first_score_one(right: Right) -> None:
    perfect = np.sort(right, axis=1)[:, ::-1]
    ranks = RelevantRanks.from_matrix(perfect)
    scores = all_metrics(ranks, KS)
    for name in ("map", "ndcg", "ndcg_at_10", "mrr", "recall_at_1", "precision_at_1"):
        np.testing.assert_allclose(scores[name], 1.0)
    np.testing.assert_allclose(interpolated_precision(ranks), 1.0)


@given(right=judged_rankings(), more=st.integers(1, 5))
def test_wrong_answers_at_the_end_change_nothing(right: Right, more: int) -> None:
    longer = np.pad(right, ((0, 0), (0, more)))
    np.testing.assert_array_equal(table(longer), table(right))


@given(right=judged_rankings(), place=st.integers(0, 28))
def test_moving_a_right_answer_up_never_lowers_a_metric(right: Right, place: int) -> None:
    better = right.copy()
    place = min(place, right.shape[1] - 1)
    swap = ~right[:, place - 1] & right[:, place] if place else np.zeros(len(right), dtype=bool)
    better[swap, place - 1], better[swap, place] = True, False
    before, after = table(right), table(better)
    assert (after >= before - 1e-12).all()
    map_column = list(TREC_NAMES).index("map")
    assert (after[swap, map_column] > before[swap, map_column]).all()


@given(right=judged_rankings())
def test_metrics_lie_in_0_to_1_and_queries_do_not_mix(right: Right) -> None:
    together = table(right)
    assert ((together >= 0) & (together <= 1 + 1e-12)).all()
    for i, row in enumerate(right):
        np.testing.assert_allclose(together[i], table(row[None])[0], atol=1e-12)


def test_by_hand() -> None:
    ranks = RelevantRanks.from_matrix(np.array([[0, 1, 0, 1, 0], [0, 0, 0, 0, 1]], dtype=bool))
    np.testing.assert_allclose(precision_at(ranks, 2), [0.5, 0])
    np.testing.assert_allclose(precision_at(ranks, 10), [0.2, 0.1])
    np.testing.assert_allclose(recall_at(ranks, 4), [1, 0])
    np.testing.assert_allclose(average_precision(ranks), [(1 / 2 + 2 / 4) / 2, 1 / 5])
    np.testing.assert_allclose(reciprocal_rank(ranks), [1 / 2, 1 / 5])
    gain = (1 / np.log2(3) + 1 / np.log2(5)) / (1 + 1 / np.log2(3))
    np.testing.assert_allclose(ndcg(ranks), [gain, 1 / np.log2(6)])
    np.testing.assert_allclose(ndcg(ranks, 3), [1 / np.log2(3) / (1 + 1 / np.log2(3)), 0])


def test_what_makes_no_sense_is_refused() -> None:
    nothing = RelevantRanks.from_matrix(np.array([[True, False], [False, False]]))
    with pytest.raises(ValueError, match="nothing to find"):
        all_metrics(nothing, (1,))


@pytest.mark.parametrize("works", range(1, 6))
def test_equals_the_mean_over_all_orders(works: int) -> None:
    for right in range(1, works + 1):
        one = np.arange(works) < right
        orders = np.array(list(permutations(one)))
        expected = all_metrics(RelevantRanks.from_matrix(orders), FEW)
        found = random_metrics(np.array([works]), np.array([right]), FEW)
        assert list(found) == list(expected)
        for name, values in expected.items():
            assert found[name] == pytest.approx([values.mean()], abs=1e-12), (name, right)


def test_long_rankings_equal_shuffles() -> None:
    works, right, shuffles = 400, 30, 3000
    rng = np.random.default_rng(0)
    shuffled = rng.permuted(np.tile(np.arange(works) < right, (shuffles, 1)), axis=1)
    sampled = all_metrics(RelevantRanks.from_matrix(shuffled), FEW)
    for name, (found,) in random_metrics(np.array([works]), np.array([right]), FEW).items():
        error = sampled[name].std() / np.sqrt(shuffles)
        assert abs(found - sampled[name].mean()) < 4 * error, name


def test_each_query_has_its_own() -> None:
    ranked, to_find = np.array([5, 100, 5]), np.array([2, 7, 5])
    together = random_metrics(ranked, to_find, FEW)
    for i in range(3):
        alone = random_metrics(ranked[i : i + 1], to_find[i : i + 1], FEW)
        assert {name: values[i] for name, values in together.items()} == pytest.approx(
            {name: value for name, (value,) in alone.items()}
        )
    assert together["map"][2] == pytest.approx(1.0)


def test_curve_is_of_shuffles() -> None:
    ranked, to_find = np.full(2000, 50), np.full(2000, 5)
    curve = random_curve(ranked, to_find, seed=3).mean(axis=0)
    rng = np.random.default_rng(9)
    shuffled = rng.permuted(np.tile(np.arange(50) < 5, (2000, 1)), axis=1)
    other = interpolated_precision(RelevantRanks.from_matrix(shuffled)).mean(axis=0)
    np.testing.assert_allclose(curve, other, atol=0.03)
    assert curve[-1] < 0.2 < curve[0]
