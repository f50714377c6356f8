"""What pictures to be like and unlike are worth: the first hits judged, and asked again.

    artsim ingest DATA/wikiart224 --no-faces --shard 1/3 --gallery wiki
    python -m benchmarks.quality_feedback --gallery wiki

Every work asks once for works of its artist, once for its style. Of the first 24 hits the best
right one is liked and the best wrong one is not; P@10 is of what is left when both are taken out,
for every way of asking, so that only what was not judged counts. Twins are left out throughout.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.kinds import PAINTINGS
from artsim.config import find_home
from artsim.evaluation.leave_one_out import Relevance, read_labels
from artsim.search.neighbors import read_vectors
from artsim.store.gallery import open_gallery
from benchmarks.quality_data import TWINS
from benchmarks.quality_judge import changed_row, plain_row, table

Array: TypeAlias = npt.NDArray[np.float32]
Way: TypeAlias = Callable[[Array, Array, Array, Array], Array]
"""From all vectors, the query's, the liked and the unliked one to a score of each work."""

SHOWN: Final = 24
DEPTH: Final = 10


def moved(liked: float, unliked: float) -> Way:
    """Return Rocchio's way: the query, plus so much of the one, less so much of the other."""

    def scores(works: Array, query: Array, like: Array, unlike: Array) -> Array:
        return works @ (query + liked * like - unliked * unlike)

    return scores


def average(unliked: float, *, of_two: bool) -> Way:
    """Return the mean of the liked, moved away from the unliked by a share of the difference."""

    def scores(works: Array, query: Array, like: Array, unlike: Array) -> Array:
        wanted = (query + like) / 2 if of_two else query
        return works @ (wanted + unliked * (wanted - unlike))

    return scores


def best_score(works: Array, query: Array, like: Array, unlike: Array) -> Array:
    """Return Qdrant's ``best_score``: the nearest example decides."""
    near, far = np.maximum(works @ query, works @ like), works @ unlike
    return np.where(near > far, near, -(far**2) - 1)


WAYS: Final[dict[str, Way]] = {
    "the query alone": moved(0, 0),
    "one like, one unlike (2 q - u)": average(1, of_two=False),
    "one like, half of one unlike": average(0.5, of_two=False),
    "one like, a quarter of one unlike": average(0.25, of_two=False),
    "two like": average(0, of_two=True),
    "two like, one unlike (2 mean - u)": average(1, of_two=True),
    "two like, half of one unlike": average(0.5, of_two=True),
    "two like, a quarter of one unlike": average(0.25, of_two=True),
    "Rocchio: q + 0.75 l - 0.15 u": moved(0.75, 0.15),
    "Qdrant's best_score": best_score,
}


def main() -> None:
    """Print a table: P@10 of each way, and its differences to the query alone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, default=find_home())
    parser.add_argument("--gallery", required=True)
    given = parser.parse_args()
    with open_gallery(name=given.gallery, home=given.home) as gallery:
        name = next(iter(gallery.encoders(PAINTINGS)))
        read = read_vectors(gallery[PAINTINGS], name)
    vectors, twins = np.asarray(read.vectors, np.float32), read_labels(read.payloads, TWINS)
    found: dict[str, dict[str, npt.NDArray[np.float64]]] = {way: {} for way in WAYS}
    for field in ("artist", "style"):
        values = judge(vectors, Relevance(read_labels(read.payloads, field), (twins,)))
        for way, numbers in values.items():
            found[way][f"{field} P@{DEPTH}"] = numbers
        print(f"{field}: {len(next(iter(values.values())))} queries of {len(vectors)} works")
    measures = list(found["the query alone"])
    print(table(["asked by", *measures], [plain_row(way, found[way], measures) for way in WAYS]))
    plain = found["the query alone"]
    rows = [changed_row(way, found[way], plain, measures) for way in list(WAYS)[1:]]
    print("\nless the query alone\n\n" + table(["asked by", *measures], rows))


def judge(vectors: Array, relevance: Relevance) -> dict[str, npt.NDArray[np.float64]]:
    """Return P@10 by way, of the queries that have a right and a wrong hit among the first."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for query in range(len(vectors)):
        block = np.array([query])
        barred = relevance.barred(block)
        right = relevance.right(block, barred)[0]
        scores = np.where(barred[0], -np.inf, vectors @ vectors[query])
        first = np.argsort(-scores, kind="stable")[:SHOWN]
        liked, unliked = first[right[first]][:1], first[~right[first]][:1]
        if not (len(liked) and len(unliked)) or right.sum() < 2:
            continue
        left_out = barred[0] | relevance.barred(liked)[0] | relevance.barred(unliked)[0]
        for name, way in WAYS.items():
            again = way(vectors, vectors[query], vectors[liked[0]], vectors[unliked[0]])
            again = np.where(left_out, -np.inf, again)
            best = np.argsort(-again, kind="stable")[:DEPTH]
            found[name].append(float(right[best].mean()))
    return {name: np.array(numbers) for name, numbers in found.items()}


if __name__ == "__main__":
    main()
