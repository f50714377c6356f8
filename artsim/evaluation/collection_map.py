"""A gallery laid out in the plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings
from artsim.catalog.collection_map import METHOD_WORDS, CollectionMap, Method
from artsim.catalog.criteria import EVERYTHING, Criteria, HasVector, Known
from artsim.catalog.encoder_info import short_names
from artsim.catalog.payload import Payload
from artsim.catalog.progress import Progress, SilentProgress
from artsim.errors import QueryError
from artsim.evaluation.picture_grid import assign_cells, choose_grid
from artsim.evaluation.projection import (
    PERPLEXITY,
    effective_perplexity,
    measure_faithfulness,
    project,
)
from artsim.search.models import Models, choose_encoders
from artsim.search.neighbors import VectorTable, read_vectors
from artsim.store.base import Collection, Record
from artsim.store.gallery import Gallery

NEIGHBORS: Final = 8
_BLOCK: Final = 512
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class MapOptions:
    """How a gallery is laid out.

    Attributes
    ----------
    method : {"tsne", "umap", "pca"}
        See `artsim.evaluation.projection.project`.
    perplexity : float
        Of t-SNE, at least 1.
    seed : int
        Of the sample, the layout and its measurement.
    limit : int
        Most points; of more a random sample is drawn.
    faces : bool
        Lay out the faces instead of the paintings.
    color_by : str or None
        Field that some point must have, which is found out before the long work.
    """

    method: Method = "tsne"
    perplexity: float = PERPLEXITY
    seed: int = 0
    limit: int = 10_000
    faces: bool = False
    color_by: str | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.limit < 1 or not self.perplexity >= 1 or self.seed < 0:
            raise ValueError(f"limit and perplexity are at least 1, a seed at least 0: {self}")


def make_map(
    gallery: Gallery,
    options: MapOptions | None = None,
    criteria: Criteria = EVERYTHING,
    *,
    encoder: str | None = None,
    models: Models | None = None,
    progress: Progress | None = None,
) -> CollectionMap:
    """Lay out the paintings, or the faces, that meet `criteria`.

    Parameters
    ----------
    gallery : Gallery
        From `open_gallery`.
    options : MapOptions, optional
        Method, seed, size.
    criteria : Criteria
        From `build_criteria` or by hand.
    encoder : str, optional
        One that the gallery has vectors of; by default the first, as for a query.
    models : Models, optional
        Names encoders by their specs; none is loaded.
    progress : Progress, optional
        Told of the reading, the laying out and the search for neighbors.

    Raises
    ------
    QueryError
        If no point meets `criteria` and has a vector, or none has the field
        `options.color_by`.
    EncoderMismatchError
        If the gallery has no vectors of `encoder`.
    ConfigError
        If UMAP is asked for and not installed.
    StoreError
        If the database cannot be reached.
    """
    options = options or MapOptions()
    progress = progress or SilentProgress()
    collection = gallery.faces if options.faces else gallery.paintings
    recorded = gallery.face_encoders() if options.faces else gallery.image_encoders()
    names = None if encoder is None else [encoder]
    chosen = choose_encoders(recorded, names, models or Models())
    if not chosen:
        raise QueryError(f"{collection.name!r} has no encoder; ingest its pictures first")
    shown = dict(zip(recorded, short_names(list(recorded.values())), strict=True))
    name = chosen[0].vector_name
    try:
        table, total = _read(collection, name, criteria, options, progress)
        return _lay_out(table, total, gallery, shown[name], options, progress)
    finally:
        progress.finish()


def _read(
    collection: Collection,
    vector_name: str,
    criteria: Criteria,
    options: MapOptions,
    progress: Progress,
) -> tuple[VectorTable, int]:
    """Return the points to lay out, and how many there were to choose from."""
    with_vector = criteria & Criteria(must=(HasVector(vector_name),))
    total = collection.count(with_vector)
    if options.color_by is not None and total:
        known = Criteria(must=(Known(options.color_by),))
        if not collection.count(with_vector & known):
            raise QueryError(
                f"nothing in {collection.name!r} that meets the filters has a "
                f"{options.color_by!r} to be colored by; name a field that its paintings have",
                hint="artsim show ID",
            )
    shown = min(total, options.limit)
    progress.start(shown, "Reading the vectors")
    if total <= options.limit:
        table = read_vectors(collection, vector_name, criteria)
        progress.update(shown)
        return table, total
    ids = [record.point_id for record in collection.scroll(with_vector, payload_fields=())]
    rng = np.random.default_rng(options.seed)
    drawn = [ids[row] for row in rng.permutation(len(ids))[: options.limit]]
    found: list[Record] = []
    for start in range(0, len(drawn), _PAGE):
        part = drawn[start : start + _PAGE]
        found += collection.retrieve(part, with_vectors=(vector_name,)).values()
        progress.update(min(start + _PAGE, len(drawn)))
    found.sort(key=lambda record: (str(record.payload["painting_id"]), record.point_id))
    table = VectorTable(
        tuple(record.point_id for record in found),
        tuple(record.payload for record in found),
        np.stack([record.vectors[vector_name] for record in found]),
    )
    return table, total


def _lay_out(
    table: VectorTable,
    total: int,
    gallery: Gallery,
    encoder: str,
    options: MapOptions,
    progress: Progress,
) -> CollectionMap:
    count = len(table)
    vectors = np.asarray(table.vectors, np.float32)
    # Nobody knows how many steps it takes: it ends when it no longer gains anything.
    progress.start(None, f"Laying out {count:,} by {METHOD_WORDS[options.method]}")
    positions = project(vectors, options.method, perplexity=options.perplexity, seed=options.seed)
    progress.start(count, "Finding each one's nearest")
    groups = _groups(table.payloads) if options.faces else np.arange(count)
    neighbors, scores = nearest_others(vectors, groups, NEIGHBORS, progress)
    progress.start(None, "Measuring the map")
    return CollectionMap(
        point_ids=table.point_ids,
        payloads=table.payloads,
        positions=positions,
        cells=assign_cells(positions, *choose_grid(count)),
        neighbors=neighbors,
        scores=scores,
        method=options.method,
        encoder=encoder,
        gallery=gallery.name,
        faces=options.faces,
        total=total,
        faithfulness=measure_faithfulness(vectors, positions, seed=options.seed),
        notes=_notes(count, total, options),
    )


def nearest_others(
    vectors: Embeddings,
    groups: npt.NDArray[np.intp],
    k: int,
    progress: Progress | None = None,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return each row's `k` nearest rows of other groups by cosine, exactly.

    Parameters
    ----------
    vectors : ndarray of float32, shape (N, D)
        Unit rows.
    groups : ndarray of int, shape (N,)
        Rows of one group are not each other's neighbors.
    k : int
        At least 1.
    progress : Progress, optional
        Told how many rows are done.

    Returns
    -------
    neighbors : ndarray of int32, shape (N, k)
        Best first, equal cosines in order of row, but which of them make the cut is
        arbitrary (though always the same); -1 fills rows that are short.
    scores : ndarray of float32, shape (N, k)
        Their cosines, 0 where there is no neighbor.
    """
    count = len(vectors)
    neighbors = np.full((count, k), -1, np.int32)
    found = np.zeros((count, k), np.float32)
    for start in range(0, count, _BLOCK):
        rows = slice(start, min(start + _BLOCK, count))
        scores = vectors[rows] @ vectors.T
        scores[groups[rows, None] == groups[None, :]] = -np.inf
        pool = np.argpartition(-scores, min(3 * k, count - 1), axis=1)[:, : 3 * k]
        of_pool = np.take_along_axis(scores, pool, axis=1)
        ranks = np.lexsort((pool, -of_pool), axis=1)[:, :k]
        order = np.take_along_axis(pool, ranks, axis=1)
        best = np.take_along_axis(of_pool, ranks, axis=1)
        width = order.shape[1]
        neighbors[rows, :width] = np.where(np.isfinite(best), order, -1)
        found[rows, :width] = np.where(np.isfinite(best), best, 0)
        if progress is not None:
            progress.update(rows.stop)
    return neighbors, found


def _groups(payloads: tuple[Payload, ...]) -> npt.NDArray[np.intp]:
    number: dict[str, int] = {}
    ids = (str(payload["painting_id"]) for payload in payloads)
    return np.array([number.setdefault(name, len(number)) for name in ids], np.intp)


def _notes(count: int, total: int, options: MapOptions) -> tuple[str, ...]:
    notes = []
    if count < total:
        notes.append(
            f"{count:,} of {total:,} are shown, drawn at random with seed {options.seed}; "
            "more with --limit"
        )
    usable = effective_perplexity(options.perplexity, count)
    if options.method == "tsne" and usable < options.perplexity:
        notes.append(f"perplexity {usable:g} instead of {options.perplexity:g}: too few points")
    return tuple(notes)
