"""Tables of the quality study on several encoders, or several views of a picture, at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from typing import Final

import numpy as np

from artsim.catalog.arrays import Embeddings
from benchmarks.quality_copies import judge_copies, score_copies
from benchmarks.quality_data import Array, Indices
from benchmarks.quality_encode import (
    copied_works,
    cropped_works,
    encode_crops,
    encode_mirrored,
    sampled_works,
)
from benchmarks.quality_fusion import FUSIONS, Fuse, mean_of_cosines
from benchmarks.quality_judge import (
    MEASURES,
    Questions,
    Scores,
    Values,
    changed_row,
    judge,
    judge_vectors,
    plain_row,
    table,
)
from benchmarks.quality_tables import CHOSEN_BY, Study, choose_whitening
from benchmarks.quality_whitening import fit_axes, whiten

WHITENED: Final = "mean of cosines, whitened"
FOR_MANY: Final = ("reciprocal rank", "mean of cosines")
"""What is tried on more than two encoders."""

Combine = Callable[[Array, Array], Array]


def fusion_table(study: Study) -> str:
    """Compare pairs, triples and all encoders, fused, with the best of them alone."""
    plain = {name: study.data.plain(name) for name in study.data.specs}
    copies = {name: study.copies(name) for name in plain}
    turned, turned_copies = _whitened(study, plain, copies)
    best_first = sorted(plain, key=lambda name: -_worth_on_other(study, name))
    alone = {n: _judge_fused(study, (n,), plain, copies, mean_of_cosines) for n in best_first}
    rows = [plain_row(name, values, study.measures) for name, values in alone.items()]
    for size in range(2, len(plain) + 1):
        for names in combinations(best_first, size):
            baseline = alone[names[0]]
            for label, fuse in FUSIONS.items():
                if size > 2 and label not in FOR_MANY:
                    continue
                values = _judge_fused(study, names, plain, copies, fuse)
                rows.append(_fused_row(names, label, values, baseline, study))
            values = _judge_fused(study, names, turned, turned_copies, mean_of_cosines)
            rows.append(_fused_row(names, WHITENED, values, baseline, study))
    return table(["encoders", *study.measures], rows)


def _fused_row(
    names: tuple[str, ...], label: str, values: Values, baseline: Values, study: Study
) -> list[str]:
    return changed_row(f"{' + '.join(names)}: {label}", values, baseline, study.measures)


def _worth_on_other(study: Study, name: str) -> float:
    values = judge_vectors(study.other.plain(name), study.other_questions)
    return float(np.nanmean(values[CHOSEN_BY]))


def _whitened(
    study: Study, plain: Mapping[str, Embeddings], copies: Mapping[str, Array | None]
) -> tuple[dict[str, Embeddings], dict[str, Array | None]]:
    """Whiten every encoder as was best for it on the other gallery."""
    turned: dict[str, Embeddings] = {}
    turned_copies: dict[str, Array | None] = {}
    for name, vectors in plain.items():
        axes, setting = fit_axes(study.other.plain(name)), choose_whitening(study, name)
        turned[name] = whiten(vectors, axes, *setting)
        own = copies[name]
        turned_copies[name] = None if own is None else whiten(own, axes, *setting)
    return turned, turned_copies


def _judge_fused(
    study: Study,
    names: tuple[str, ...],
    vectors: Mapping[str, Embeddings],
    copies: Mapping[str, Array | None],
    fuse: Fuse,
) -> Values:
    def change(scores: Scores, block: Indices) -> Scores:
        # Fused after what is left out is gone, since ranks depend on it.
        each = [vectors[name][block] @ vectors[name].T for name in names]
        return fuse([np.where(np.isneginf(scores), scores, one) for one in each])

    count = study.questions.count
    values = judge(
        lambda block: np.zeros((len(block), count), dtype=np.float32),
        study.questions,
        sampled_works(study.data),
        change,
    )
    each = [score_copies(own, vectors[n]) for n in names if (own := copies[n]) is not None]
    if each:
        fused = fuse([scores.reshape(-1, count) for scores in each])
        values |= judge_copies(fused.reshape(each[0].shape), copied_works(study.data))
    return values


def flips_table(study: Study) -> str:
    """Compare looking at pictures in a mirror as well with looking at them once."""
    ways: dict[str, Combine] = {"mean": lambda a, b: (a + b) / 2, "best": np.maximum}
    measures = (
        (*study.measures, "mirror R@1", "mirror R@10") if study.measures != MEASURES else MEASURES
    )
    rows, queries = [], sampled_works(study.data)
    for name in (n for n in study.data.specs if study.data.has(f"{n}-mirrored")):
        plain, copies = study.data.plain(name), study.copies(name)
        mirrored = encode_mirrored(study.data, study.encoders, name)
        baseline = study.plain(name)
        rows.append(plain_row(f"{name}, once", baseline, measures))
        for way, combine in ways.items():
            values = judge(partial(_seen_twice, plain, mirrored, combine), study.questions, queries)
            if copies is not None:
                each = score_copies(copies, plain), score_copies(copies, mirrored)
                values |= judge_copies(combine(*each), copied_works(study.data))
            label = f"{name}, {way} of query and its mirror image"
            rows.append(changed_row(label, values, baseline, measures))
        both = _unit(plain + mirrored)
        values = judge_vectors(both, study.questions, queries)
        label = f"{name}, both in query and gallery"
        rows.append(changed_row(label, values, baseline, measures))
    return table(["vectors", *measures], rows)


def _seen_twice(
    plain: Embeddings, mirrored: Embeddings, combine: Combine, block: Indices
) -> Scores:
    return np.asarray(combine(plain[block] @ plain.T, mirrored[block] @ plain.T))


def crops_table(study: Study) -> str:
    """Compare whole pictures with whole and five crops of 0.7 of each side."""
    works = cropped_works(study.data)
    questions = Questions.of([study.data.works[i] for i in works])
    copied = np.searchsorted(works, copied_works(study.data))
    measures = (
        (*study.measures, "crop R@1", "detail R@1") if study.measures != MEASURES else MEASURES
    )
    rows = []
    for name in (n for n in study.data.specs if study.data.has(f"{n}-crops")):
        crops = encode_crops(study.data, study.encoders, name)
        whole, copies = study.data.plain(name)[works], study.copies(name)
        # Views (N, 6, D): the whole picture first.
        views = np.concatenate([whole[:, None], crops], axis=1)
        mean = _unit(views.sum(axis=1))
        # Copies were not cropped: they are asked for as they are, or not at all.
        ways: dict[str, tuple[Array, Array, bool]] = {
            "whole": (whole[:, None], whole[:, None], True),
            "mean of the query's views": (mean[:, None], whole[:, None], False),
            "mean of the gallery's views": (whole[:, None], mean[:, None], True),
            "best of the gallery's views": (whole[:, None], views, True),
            "means of both": (mean[:, None], mean[:, None], False),
            "best pair of views": (views, views, False),
        }
        baseline: Values = {}
        for label, (asked, held, as_they_are) in ways.items():
            values = judge(partial(_best_view, asked, held), questions)
            if copies is not None and as_they_are:
                values |= judge_copies(_best_copy_view(copies, held), copied)
            label = f"{name}, {label}"
            if baseline:
                rows.append(changed_row(label, values, baseline, measures))
            else:
                baseline = values
                rows.append(plain_row(label, values, measures))
    return table(["views", *measures], rows)


def _best_view(asked: Array, held: Array, block: Indices) -> Scores:
    """Return the best cosine of any view of each query to any view of each work."""
    each = [
        asked[block, a] @ held[:, b].T for a in range(asked.shape[1]) for b in range(held.shape[1])
    ]
    return np.asarray(np.max(each, axis=0))


def _best_copy_view(copies: Array, held: Array) -> Scores:
    each = [score_copies(copies, held[:, view]) for view in range(held.shape[1])]
    return np.asarray(np.max(each, axis=0))


def _unit(rows: Array) -> Embeddings:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
