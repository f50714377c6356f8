"""Tables of the quality study on re-ranking by pixels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from artsim.catalog.arrays import Embeddings
from artsim.evaluation.edits import EDITS
from benchmarks.quality_copies import COPY_MEASURES, judge_copies, score_copies
from benchmarks.quality_data import Array, Indices
from benchmarks.quality_encode import copied_pixels, copied_works, sampled_works
from benchmarks.quality_judge import (
    MEASURES,
    TWIN_MEASURES,
    Scores,
    changed_row,
    cosines,
    judge,
    mean,
    percent,
    plain_row,
    table,
)
from benchmarks.quality_rerank import (
    DEPTHS,
    METHODS,
    WEIGHTS,
    Method,
    PixelScores,
    compare_pixels,
    first_hits,
    mix,
    rerank,
    spread,
)
from benchmarks.quality_tables import Study

Reorder = Callable[[Scores, Scores], Scores]
"""From scores by cosine and likeness in pixels to scores that are reordered."""

EDIT_BY_EDIT: Final = ("handcrafted", "ResNet-50")
"""Encoders whose copies are told apart by edit."""

MIX_DEPTH: Final = 100
MIX_SIDE: Final = 64
COPY_DEPTHS: Final = (10, 50, 100)


def reorders(side: int, depths: tuple[int, ...]) -> dict[str, Reorder]:
    """Return what is tried at one side, by name."""
    tried: dict[str, Reorder] = {
        f"first {depth} by": partial(rerank, depth=depth) for depth in depths
    }
    if side == MIX_SIDE:
        for weight in WEIGHTS:
            label = f"first {MIX_DEPTH} by cosine + {weight:g} times"
            tried[label] = partial(mix, depth=MIX_DEPTH, weight=weight)
    return tried


def rerank_table(study: Study) -> str:
    """Compare re-ranked and mixed rankings with those by cosine alone."""
    measures = (*MEASURES, *TWIN_MEASURES)
    rows = []
    for name in study.data.specs:
        rows += _rerank_rows(study, name, measures)
    return table(["ranking", *measures], rows)


def _rerank_rows(study: Study, name: str, measures: tuple[str, ...]) -> list[list[str]]:
    queries = sampled_works(study.data)
    scores_of = partial(_cosines_of, study.data.plain(name))
    baseline = judge(scores_of, study.questions, queries)
    rows = [plain_row(f"{name}, by cosine", baseline, measures)]
    for side in study.sides:
        for method in METHODS:
            pixels = PixelScores(study.data, name, queries, side, method)
            for label, reorder in reorders(side, DEPTHS).items():
                change = partial(_reordered, pixels, reorder)
                values = judge(scores_of, study.questions, queries, change)
                label = f"{name}, {label} {method.upper()} at {side}"
                rows.append(changed_row(label, values, baseline, measures))
    return rows


def _cosines_of(vectors: Embeddings, block: Indices) -> Scores:
    return cosines(vectors[block], vectors)


def _reordered(pixels: PixelScores, reorder: Reorder, scores: Scores, block: Indices) -> Scores:
    return reorder(scores, pixels.dense(block))


def rerank_copies_table(study: Study) -> str:
    """Compare re-ranked and mixed rankings with those by cosine alone, on edited copies."""
    works = copied_works(study.data)
    rows = []
    for name in study.data.specs:
        copies = study.copies(name)
        if copies is None:
            continue
        scores = score_copies(copies, study.data.plain(name))
        baseline = judge_copies(scores, works)
        rows.append(plain_row(f"{name}, by cosine", baseline, COPY_MEASURES))
        flat = scores.reshape(-1, scores.shape[-1])
        for side in study.sides:
            for method in METHODS:
                likeness = _copies_likeness(study, name, flat, side, method)
                for label, reorder in reorders(side, COPY_DEPTHS).items():
                    values = judge_copies(reorder(flat, likeness).reshape(scores.shape), works)
                    label = f"{name}, {label} {method.upper()} at {side}"
                    rows.append(changed_row(label, values, baseline, COPY_MEASURES))
    return table(["ranking", *COPY_MEASURES], rows)


def rerank_edits_table(study: Study) -> str:
    """Say for each edit what SSIM on the first ten and the first hundred makes of it, R@1."""
    works, columns = copied_works(study.data), []
    for name in EDIT_BY_EDIT:
        copies = study.copies(name)
        if copies is None:
            continue
        scores = score_copies(copies, study.data.plain(name))
        flat = scores.reshape(-1, scores.shape[-1])
        likeness = _copies_likeness(study, name, flat, MIX_SIDE, "ssim")
        columns.append((f"{name}, by cosine", judge_copies(scores, works)))
        for depth in (min(COPY_DEPTHS), max(COPY_DEPTHS)):
            changed = rerank(flat, likeness, depth).reshape(scores.shape)
            columns.append((f"{name}, first {depth}", judge_copies(changed, works)))
    rows = [
        [edit.title, *(percent(mean(values[f"{kind} R@1"])) for _, values in columns)]
        for kind, edit in EDITS.items()
    ]
    return table(["edit", *(label for label, _ in columns)], rows)


def _copies_likeness(study: Study, name: str, flat: Scores, side: int, method: Method) -> Scores:
    hits = first_hits(flat, max(COPY_DEPTHS))
    pixels = study.data.pixels(side)

    def make() -> Array:
        copied = copied_pixels(study.data, side)
        return compare_pixels(copied.reshape(len(hits), -1), pixels, hits, method)

    values = study.data.kept(f"{name}-copies-{method}-{side}", make)
    return spread(hits, values, len(pixels))
