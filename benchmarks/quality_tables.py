"""Tables of the quality study on single encoders: as they are, whitened, pooled."""

from __future__ import annotations

from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np

from artsim.catalog.arrays import Embeddings
from artsim.evaluation.edits import EDITS
from benchmarks.quality_copies import COPY_MEASURES, judge_copies, score_copies
from benchmarks.quality_data import Array, Data
from benchmarks.quality_encode import (
    SIDES,
    Encoders,
    copied_works,
    encode_copies,
    encode_pooled_copies,
    sampled_works,
)
from benchmarks.quality_judge import (
    MEASURES,
    TWIN_MEASURES,
    Questions,
    Values,
    changed_row,
    judge,
    judge_vectors,
    mean,
    percent,
    plain_row,
    table,
)
from benchmarks.quality_maps import MAPS, encode_poolings
from benchmarks.quality_whitening import fit_axes, whiten

DIMS: Final = (128, 256, 512, 1024)
POWERS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
SHOWN_POWERS: Final = (0.5, 1.0)
CHOSEN_BY: Final = "artist mAP"
"""The measure that settings are chosen by on the other gallery: the least noisy one."""

AVERAGE: Final = "average"
WHITENED_POOLINGS: Final = (AVERAGE, "GeM 1.5", "GeM 3", "R-MAC")


class Study:
    """A gallery to report on, and another on which everything is fitted and chosen."""

    def __init__(
        self, data: Data, other: Data, weights: Path | None, sides: tuple[int, ...] = SIDES
    ) -> None:
        self.data, self.other, self.weights, self.sides = data, other, weights, sides
        self.encoders = Encoders(data, weights)
        self._plain: dict[str, Values] = {}

    @cached_property
    def questions(self) -> Questions:
        """Return what is asked of the gallery."""
        return Questions.of(self.data.works)

    @cached_property
    def other_questions(self) -> Questions:
        """Return what is asked of the other one."""
        return Questions.of(self.other.works)

    @property
    def measures(self) -> tuple[str, ...]:
        """Return the measures of most tables."""
        some = any(self.copies(name) is not None for name in self.data.specs)
        return (*MEASURES, *COPY_MEASURES) if some else MEASURES

    def copies(self, name: str) -> Array | None:
        """Return the vectors of every edit of the copied works (M, E, D), where encoded."""
        pooled = self.pooled_copies(name)
        if pooled:
            return pooled[AVERAGE]
        if self.data.has(f"{name}-copies"):
            return encode_copies(self.data, self.encoders, name)
        return None

    def pooled_copies(self, name: str) -> dict[str, Array]:
        """Return the same of every pooling, where encoded."""
        if not self.data.has(f"{name}-pooled-copies"):
            return {}
        return encode_pooled_copies(self.data, name, self.weights)

    def judge(self, vectors: Embeddings, copies: Array | None) -> Values:
        """Judge vectors (N, D) by sampled queries, and copies (M, E, D) where there are."""
        values = judge_vectors(vectors, self.questions, sampled_works(self.data))
        if copies is not None:
            values |= judge_copies(score_copies(copies, vectors), copied_works(self.data))
        return values

    def plain(self, name: str) -> Values:
        """Judge an encoder's vectors as they are."""
        if name not in self._plain:
            self._plain[name] = self.judge(self.data.plain(name), self.copies(name))
        return self._plain[name]


def encoders_table(study: Study) -> str:
    """Compare the encoders as they are, and random order."""
    measures = (*MEASURES, *TWIN_MEASURES)
    random = np.random.default_rng(0)
    count = study.questions.count
    chance = judge(
        lambda block: random.random((len(block), count), dtype=np.float32), study.questions
    )
    rows = [plain_row("random order", chance, measures)]
    for name in study.data.specs:
        values = judge_vectors(study.data.plain(name), study.questions)
        rows.append(plain_row(name, values, measures))
    return table(["encoder", *measures], rows)


def copies_table(study: Study) -> str:
    """Say for each edit which encoder finds the work, first of all works."""
    names = list(study.data.specs)
    kinds = {edit.title: name for name, edit in EDITS.items()} | {"all of these": "copies"}
    rows = [
        [title, *(_found(study, name, f"{kind} R@{depth}") for name in names)]
        for depth in (1, 10)
        for title, kind in kinds.items()
        if depth == 1 or kind == "copies"
    ]
    rows[-1][0] += ", among the first ten"
    return table(["edit", *names], rows)


def _found(study: Study, name: str, measure: str) -> str:
    values = study.plain(name)
    return percent(mean(values[measure])) if measure in values else ""


def whitening_table(study: Study) -> str:
    """Compare whitened vectors with plain ones; axes from the other gallery."""
    rows = []
    for name in study.data.specs:
        vectors, copies, baseline = study.data.plain(name), study.copies(name), study.plain(name)
        axes = fit_axes(study.other.plain(name))
        rows.append(plain_row(f"{name}, plain", baseline, study.measures))
        chosen = choose_whitening(study, name)
        for dim, power in product(_dims(vectors), POWERS):
            if (dim, power) != chosen and (dim == DIMS[-1] or power not in SHOWN_POWERS):
                continue  # The whole grid is for choosing; a part of it is enough to read.
            turned = None if copies is None else whiten(copies, axes, dim, power)
            values = study.judge(whiten(vectors, axes, dim, power), turned)
            note = ", chosen" if (dim, power) == chosen else ""
            label = f"{name}, {dim} axes, power {power:g}{note}"
            rows.append(changed_row(label, values, baseline, study.measures))
    return table(["vectors", *study.measures], rows)


def choose_whitening(study: Study, name: str) -> tuple[int, float]:
    """Return the number of axes and the power that are best on the other gallery.

    Its works are turned to the axes of the gallery that is reported on, as later the other
    way round; nobody's labels are used for axes.
    """
    vectors = study.other.plain(name)
    settings = list(product(_dims(vectors), POWERS))

    def make() -> Array:
        axes = fit_axes(study.data.plain(name))
        judged = (
            judge_vectors(whiten(vectors, axes, *setting), study.other_questions)
            for setting in settings
        )
        return np.array([np.nanmean(values[CHOSEN_BY]) for values in judged])

    worth = study.other.kept(f"{name}-whitened-worth", make)
    return settings[int(np.argmax(worth))]


def pooling_table(study: Study) -> str:
    """Compare poolings of the feature maps with their average, also whitened.

    The axes are those of the gallery itself, which every gallery has: they need no labels.
    """
    rows = []
    for name in (n for n in MAPS if study.data.has(f"{n}-poolings")):
        pooled = encode_poolings(study.data, name, study.weights)
        copies = study.pooled_copies(name)
        baseline = study.judge(pooled[AVERAGE], copies.get(AVERAGE))
        rows.append(plain_row(f"{name}, {AVERAGE}", baseline, study.measures))
        for way, vectors in pooled.items():
            if way != AVERAGE:
                values = study.judge(vectors, copies.get(way))
                rows.append(changed_row(f"{name}, {way}", values, baseline, study.measures))
            if way in WHITENED_POOLINGS:
                axes = fit_axes(vectors)
                own = None if way not in copies else whiten(copies[way], axes, 512, 0.5)
                values = study.judge(whiten(vectors, axes, 512, 0.5), own)
                label = f"{name}, {way}, 512 axes, power 0.5"
                rows.append(changed_row(label, values, baseline, study.measures))
    return table(["pooling", *study.measures], rows)


def _dims(vectors: Embeddings) -> list[int]:
    width = vectors.shape[1]
    return sorted({min(dim, width) for dim in DIMS} | ({width} if width < DIMS[-1] else set()))
