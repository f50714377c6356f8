"""Works with their classes: which count, and what they are called."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from artsim.errors import TrainingError
from artsim.search.filters import check_field
from artsim.training.works import Work

Labels = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class LabeledWorks:
    """Works of at least two classes.

    Attributes
    ----------
    works : list of Work
        N of them.
    labels : ndarray of int, shape (N,)
        Positions in `classes`.
    classes : tuple of str
        Names as people read them, sorted.
    left_out : mapping of str to int
        Classes that have too few works, with how many they have.
    without : int
        Works without the field.
    """

    works: list[Work]
    labels: Labels
    classes: tuple[str, ...]
    left_out: dict[str, int]
    without: int

    def take(self, rows: Labels, classes: Sequence[int]) -> LabeledWorks:
        """Return some works, of these classes only; none is counted as left out."""
        place = {old: new for new, old in enumerate(classes)}
        return LabeledWorks(
            works=[self.works[row] for row in rows],
            labels=np.array([place[int(self.labels[row])] for row in rows], dtype=np.intp),
            classes=tuple(self.classes[old] for old in classes),
            left_out=self.left_out,
            without=self.without,
        )


def label_works(works: Sequence[Work], field: str, *, least: int) -> LabeledWorks:
    """Return the works that have the field, of classes with at least `least` works.

    Of a field with several values the first counts. Artists are told apart by their key and
    called what their works call them most often.

    Raises
    ------
    QueryError
        If no payload has such a field.
    TrainingError
        If fewer than two classes have enough works.
    """
    check_field(field)
    by_value: dict[str, list[int]] = defaultdict(list)
    for row, work in enumerate(works):
        value = work.label(field)
        if value:
            by_value[value].append(row)
    if not by_value:
        raise TrainingError(f"no work has the field {field!r}; {_fields_there(works)}")
    names = _names(works, by_value, field)
    kept = sorted((v for v, rows in by_value.items() if len(rows) >= least), key=names.__getitem__)
    left_out = {names[v]: len(rows) for v, rows in by_value.items() if len(rows) < least}
    if len(kept) < 2:
        largest = ", ".join(
            f"{names[v]} ({len(rows)})"
            for v, rows in sorted(by_value.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:3]
        )
        raise TrainingError(
            f"{len(kept)} of {len(by_value)} values of {field!r} have {least} works or more, and "
            f"two are needed (largest: {largest}); add works, or lower how many a value needs",
            hint="--min-works",
        )
    pairs = sorted((row, place) for place, value in enumerate(kept) for row in by_value[value])
    return LabeledWorks(
        works=[works[row] for row, _ in pairs],
        labels=np.array([place for _, place in pairs], dtype=np.intp),
        classes=tuple(names[value] for value in kept),
        left_out=dict(sorted(left_out.items())),
        without=len(works) - sum(map(len, by_value.values())),
    )


def _names(works: Sequence[Work], by_value: dict[str, list[int]], field: str) -> dict[str, str]:
    if field not in ("artist", "artist_key"):
        return {value: value for value in by_value}
    names: dict[str, str] = {}
    for value, rows in sorted(by_value.items()):
        written = Counter(str(works[row].payload.get("artist", value)) for row in rows)
        name = min(written, key=lambda text: (-written[text], text))
        names[value] = name if name not in names.values() else value
    return names


def _fields_there(works: Sequence[Work]) -> str:
    own = {"painting_id", "image_uri", "title", "extra"}
    there = sorted({name for work in works for name in work.payload} - own)
    more = {f"extra.{name}" for work in works for name in work.payload.get("extra", {})}
    found = ", ".join([*there, *sorted(more)])
    return f"they have: {found}" if found else "they have no metadata: add a metadata.csv"
