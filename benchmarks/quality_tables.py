"""Tables of the quality study on single encoders: as they are, whitened, pooled."""

from __future__ import annotations

from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np

from artsim.domain.arrays import Embeddings
from artsim.images.edits import EDITS
from benchmarks.quality_copies import COPY_MEASURES, judge_copies, score_copies
from benchmarks.quality_data import Array, Data
from benchmarks.quality_encode import (
    Encoders,
    copied_works,
    encode_copies,
    encode_pooled_copies,
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
CHOSEN_BY: Final = "artist mAP"
"""The measure that settings are chosen by on the other gallery: the least noisy one."""

AVERAGE: Final = "average"


class Study:
    """A gallery to report on, and another on which everything is fitted and chosen."""

    def __init__(self, data: Data, other: Data, weights: Path | None) -> None:
        self.data, self.other, self.weights = data, other, weights
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
    def has_copies(self) -> bool:
        """Return whether copies of this gallery's works were encoded."""
        return any(self.data.folder.glob("*-copies.npy"))

    @property
    def measures(self) -> tuple[str, ...]:
        """Return the measures of most tables."""
        return (*MEASURES, *COPY_MEASURES) if self.has_copies else MEASURES

    def copies(self, name: str) -> Array | None:
        """Return the vectors of every edit of the copied works: shape (M, E, D)."""
        if not self.has_copies:
            return None
        if name in MAPS:
            return encode_pooled_copies(self.data, name, self.weights)[AVERAGE]
        return encode_copies(self.data, self.encoders, name)

    def judge(self, vectors: Embeddings, copies: Array | None) -> Values:
        """Judge vectors (N, D) for every question, and copies (M, E, D) where there are."""
        values = judge_vectors(vectors, self.questions)
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
    rows += [plain_row(name, study.plain(name), measures) for name in study.data.specs]
    return table(["encoder", *measures], rows)


def copies_table(study: Study) -> str:
    """Say for each edit which encoder finds the work, first of all works."""
    names = list(study.data.specs)
    kinds = {edit.title: name for name, edit in EDITS.items()} | {"all of these": "copies"}
    rows = [
        [title, *(percent(mean(study.plain(name)[f"{kind} R@{depth}"])) for name in names)]
        for depth in (1, 10)
        for title, kind in kinds.items()
        if depth == 1 or kind == "copies"
    ]
    rows[-1][0] += ", among the first ten"
    return table(["edit", *names], rows)


def whitening_table(study: Study) -> str:
    """Compare whitened vectors with plain ones; axes from the other gallery."""
    rows = []
    for name in study.data.specs:
        vectors, copies, baseline = study.data.plain(name), study.copies(name), study.plain(name)
        axes = fit_axes(study.other.plain(name))
        rows.append(plain_row(f"{name}, plain", baseline, study.measures))
        chosen = choose_whitening(study, name)
        for dim, power in product(_dims(vectors), POWERS):
            if dim not in (DIMS[1], _dims(vectors)[-1]) and power not in (0.5, chosen[1]):
                continue  # The whole grid is for choosing; half of it is enough to read.
            turned = None if copies is None else whiten(copies, axes, dim, power)
            values = study.judge(whiten(vectors, axes, dim, power), turned)
            note = ", chosen" if (dim, power) == chosen else ""
            label = f"{name}, {dim} axes, power {power:g}{note}"
            rows.append(changed_row(label, values, baseline, study.measures))
    return table(["vectors", *study.measures], rows)


def choose_whitening(study: Study, name: str) -> tuple[int, float]:
    """Return the number of axes and the power that are best on the other gallery."""
    vectors = study.other.plain(name)
    axes = fit_axes(vectors)

    def worth(setting: tuple[int, float]) -> float:
        values = judge_vectors(whiten(vectors, axes, *setting), study.other_questions)
        return float(np.nanmean(values[CHOSEN_BY]))

    return max(product(_dims(vectors), POWERS), key=worth)


def pooling_table(study: Study) -> str:
    """Compare poolings of the feature maps with their average, also whitened."""
    rows = []
    for name in MAPS:
        pooled = encode_poolings(study.data, name, study.weights)
        others = encode_poolings(study.other, name, study.weights)
        copies = encode_pooled_copies(study.data, name, study.weights) if study.has_copies else {}
        baseline = study.judge(pooled[AVERAGE], copies.get(AVERAGE))
        rows.append(plain_row(f"{name}, {AVERAGE}", baseline, study.measures))
        for way, vectors in pooled.items():
            if way != AVERAGE:
                values = study.judge(vectors, copies.get(way))
                rows.append(changed_row(f"{name}, {way}", values, baseline, study.measures))
            axes = fit_axes(others[way])
            turned = None if way not in copies else whiten(copies[way], axes, 512, 0.5)
            values = study.judge(whiten(vectors, axes, 512, 0.5), turned)
            label = f"{name}, {way}, whitened by half to 512"
            rows.append(changed_row(label, values, baseline, study.measures))
    return table(["pooling", *study.measures], rows)


def _dims(vectors: Embeddings) -> list[int]:
    width = vectors.shape[1]
    return sorted({min(dim, width) for dim in DIMS} | ({width} if width < DIMS[-1] else set()))
