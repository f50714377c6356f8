"""A gallery laid out in the plane, and what its points can be colored by."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings
from artsim.catalog.kinds import FACES, PAINTINGS, short_names
from artsim.catalog.names import parse_attribution
from artsim.catalog.payload import (
    EVERYTHING,
    Criteria,
    HasVector,
    Known,
    Payload,
    field_values,
    most_written,
)
from artsim.catalog.progress import Progress, SilentProgress, counted
from artsim.catalog.scale import Scale, noted_scales
from artsim.errors import QueryError
from artsim.render.projection import (
    PERPLEXITY,
    Faithfulness,
    Method,
    Positions,
    assign_cells,
    choose_grid,
    effective_perplexity,
    measure_faithfulness,
    project,
)
from artsim.render.text import clean
from artsim.search.models import Models, choose_encoders
from artsim.search.neighbors import VectorTable, read_vectors
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection, Record

METHOD_WORDS: Final[Mapping[Method, str]] = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}

NEIGHBORS: Final = 8
_PAGE: Final = 1000

MAX_VALUES: Final = 2000
"""Most values of a category that are told apart by name; rarer ones are "other"."""

_FIELDS: Final = (
    *("style", "artist", "genre", "year_start", "school", "attribution", "medium", "institution"),
    *("tags", "rights", "source", "width_cm", "height_cm", "face_count", "face_size"),
    "detection_score",
)
"""What a map can be colored by; nobody says, by the first that the points have."""

_LABELS: Final[Mapping[str, str]] = {
    "year_start": "date",
    "tags": "tag",
    "width_cm": "width (cm)",
    "height_cm": "height (cm)",
    "face_count": "number of faces",
    "face_size": "size of the face (px)",
    "detection_score": "certainty of the face",
}


@dataclass(frozen=True, slots=True)
class CollectionMap:
    """N paintings or faces in the plane, in order of painting id.

    Attributes
    ----------
    positions : ndarray of float32, shape (N, 2)
        In 0..1: the longer side of the layout fills it, the shorter one is centered.
    cells : ndarray of int32, shape (N, 2)
        Column and row on a grid where each point has a cell to itself, near its neighbors.
    neighbors, scores : ndarray of int32 and of float32, shape (N, K)
        Nearest in the vectors' own space, as `nearest_others` returns them.
    encoder : str
        Short name of the one whose vectors are laid out.
    scale : Scale or None
        What the scores mean in the gallery; None where that was not measured.
    total : int
        How many points met the filters; more than N where a sample was drawn.
    faithfulness : Faithfulness or None
        None where there are too few points to say.
    """

    point_ids: tuple[str, ...]
    payloads: tuple[Payload, ...]
    positions: Positions
    cells: npt.NDArray[np.int32]
    neighbors: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    method: Method
    encoder: str
    gallery: str | None
    faces: bool
    total: int
    faithfulness: Faithfulness | None = None
    notes: tuple[str, ...] = ()
    scale: Scale | None = None

    def __len__(self) -> int:
        """Return N."""
        return len(self.point_ids)

    @property
    def kind(self) -> str:
        """What the points are, for N of them: ``1 painting``, ``20 faces``."""
        return counted(len(self), "face" if self.faces else "painting")

    @property
    def title(self) -> str:
        """A heading: what is shown, and of which gallery."""
        return f"{self.kind} of {clean(self.gallery, 60)}" if self.gallery else self.kind

    @property
    def subtitle(self) -> str:
        """How the map was made, and its notes."""
        how = f"{METHOD_WORDS[self.method]} of the vectors of {clean(self.encoder, 80)}"
        return " · ".join((how, *self.notes))

    @property
    def trust(self) -> str:
        """In a sentence how far the nearness on the map can be trusted."""
        found = self.faithfulness
        if found is None:
            return "Too few points to say how faithful the map is."
        sample = f", measured on {found.sample:,} points" if found.sample >= 2000 else ""
        return (
            f"Of the {found.k} nearest on the map, {found.kept:.0%} are among the {found.k} "
            f"nearest by the encoder (by chance {found.by_chance:.1%}); "
            f"trustworthiness {found.trustworthiness:.2f} of 1{sample}."
        )


@dataclass(frozen=True, slots=True)
class MapOptions:
    """How a gallery is laid out.

    Attributes
    ----------
    method, perplexity
        See `artsim.render.projection.project`.
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
    options, progress = options or MapOptions(), progress or SilentProgress()
    collection, name, shown = _choose(gallery, options, encoder, models or Models())
    try:
        table, total = _read(collection, name, criteria, options, progress)
        count, seed = len(table), options.seed
        vectors = np.asarray(table.vectors, np.float32)
        # Nobody knows how many steps it takes: it ends when it no longer gains anything.
        progress.start(None, f"Laying out {count:,} by {METHOD_WORDS[options.method]}")
        positions = project(vectors, options.method, perplexity=options.perplexity, seed=seed)
        progress.start(count, "Finding each one's nearest")
        groups = np.unique([p["painting_id"] for p in table.payloads], return_inverse=True)[1]
        neighbors, scores = nearest_others(vectors, groups, NEIGHBORS)
        progress.start(None, "Measuring the map")
        return CollectionMap(
            table.point_ids,
            table.payloads,
            positions,
            assign_cells(positions, *choose_grid(count)),
            neighbors,
            scores,
            options.method,
            shown,
            gallery.name,
            options.faces,
            total,
            measure_faithfulness(vectors, positions, seed=seed),
            _notes(count, total, options),
            noted_scales(collection.schema.notes).get(name),
        )
    finally:
        progress.finish()


def _choose(
    gallery: Gallery, options: MapOptions, encoder: str | None, models: Models
) -> tuple[Collection, str, str]:
    """Return the collection, the vectors to lay out, and the short name of their encoder."""
    kind = FACES if options.faces else PAINTINGS
    collection, recorded = gallery[kind], gallery.encoders(kind)
    chosen = choose_encoders(recorded, None if encoder is None else [encoder], models)
    if not chosen:
        raise QueryError(f"{collection.name!r} has no encoder; ingest its pictures first")
    names = zip(recorded, short_names(list(recorded.values())), strict=True)
    return collection, chosen[0].vector_name, dict(names)[chosen[0].vector_name]


def _read(
    collection: Collection, name: str, criteria: Criteria, options: MapOptions, progress: Progress
) -> tuple[VectorTable, int]:
    """Return the points to lay out with their vectors, and how many there were to choose from."""
    with_vector = criteria & Criteria(must=(HasVector(name),))
    total = collection.count(with_vector)
    if options.color_by is not None and total:
        known = Criteria(must=(Known(options.color_by),))
        if not collection.count(with_vector & known):
            raise QueryError(
                f"nothing in {collection.name!r} that meets the filters has a "
                f"{options.color_by!r} to be colored by; name a field that its paintings have",
                hint="artsim show ID",
            )
    progress.start(min(total, options.limit), "Reading the vectors")
    if total <= options.limit:
        return read_vectors(collection, name, criteria), total
    ids = [record.point_id for record in collection.scroll(with_vector, payload_fields=())]
    order = np.random.default_rng(options.seed).permutation(len(ids))[: options.limit]
    found: list[Record] = []
    for start in range(0, len(order), _PAGE):
        part = [ids[row] for row in order[start : start + _PAGE]]
        found += collection.retrieve(part, with_vectors=(name,)).values()
        progress.update(len(found))
    found.sort(key=lambda record: (str(record.payload["painting_id"]), record.point_id))
    vectors = np.stack([record.vectors[name] for record in found])
    points = tuple(record.point_id for record in found)
    return VectorTable(points, tuple(record.payload for record in found), vectors), total


def nearest_others(
    vectors: Embeddings, groups: npt.NDArray[np.intp], k: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return each unit row's `k` nearest rows of other groups by cosine, and their cosines.

    Both are of shape (N, k), best first, equal cosines in order of row; -1 and 0 fill rows that
    are short. Rows of one group are not each other's neighbors.
    """
    from sklearn.neighbors import NearestNeighbors

    own = np.bincount(groups).max()  # so many of the nearest are at most of its own group
    width = min(len(vectors), 3 * k + own)
    search = NearestNeighbors(n_neighbors=width, algorithm="brute").fit(vectors)
    distances, rows = search.kneighbors(vectors)
    barred = groups[rows] == groups[:, None]
    order = np.lexsort((rows, distances, barred))[:, :k]
    found = np.where(barred, -1, rows), np.where(barred, 0, 1 - distances**2 / 2)
    neighbors, scores = (np.take_along_axis(each, order, axis=1) for each in found)
    room = ((0, 0), (0, k - order.shape[1]))
    return (
        np.pad(neighbors, room, constant_values=-1).astype(np.int32),
        np.pad(scores, room).astype(np.float32),
    )


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


@dataclass(frozen=True, slots=True)
class ColorField:
    """A field to color by, called `label` where people read.

    Of numbers, `numbers` has one for each point, None where it is unknown, and all but the
    outermost 1 % are in `low`..`high`. Of names, `values` are at most `MAX_VALUES`, most frequent
    first, equals by name; `counts` says how many points have each, and `codes` has for each point
    the index of its value, of a list the first: ``len(values)`` where that is not listed, -1 where
    it is unknown.
    """

    name: str
    label: str
    values: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    codes: tuple[int, ...] = ()
    numbers: tuple[float | None, ...] = ()
    low: float = 0.0
    high: float = 0.0

    @property
    def unknown(self) -> int:
        """Number of points of which it is unknown."""
        return self.numbers.count(None) + self.codes.count(-1)

    def is_useful(self) -> bool:
        """Whether it is known of 2 % of the points and tells some apart, but not all."""
        count = len(self.numbers or self.codes)
        tells = (
            len(self.values) >= 2 and self.counts[0] >= 2 if self.codes else self.low < self.high
        )
        return tells and count - self.unknown >= max(2, 0.02 * count)


def find_fields(payloads: Sequence[Payload], wanted: str | None = None) -> list[ColorField]:
    """Return the fields worth coloring by, `wanted` or the most telling one first.

    `wanted` is taken in any case, others where they are useful.

    Raises
    ------
    QueryError
        If no point has a value of `wanted`.
    """
    extras = (payload.get("extra") for payload in payloads)
    more = Counter(str(name) for extra in extras if isinstance(extra, Mapping) for name in extra)
    most = sorted(more, key=lambda name: (-more[name], name))[:12]
    made = (_make_field(name, payloads) for name in (*_FIELDS, *(f"extra.{n}" for n in most)))
    found = [field for field in made if field and field.is_useful()]
    if wanted is None:
        return found
    first = _make_field(wanted, payloads)
    if first is None:
        known = ", ".join(field.name for field in found) or "none"
        raise QueryError(
            f"nothing on the map has a {wanted!r} to be colored by; fields that it has: {known}"
        )
    return [first, *(field for field in found if field.name != wanted)]


def _make_field(name: str, payloads: Sequence[Payload]) -> ColorField | None:
    found = (next(iter(field_values(payload, name)), None) for payload in payloads)
    values = [None if isinstance(v, Mapping) or v == "" else v for v in found]
    known = [value for value in values if value is not None]
    if not known:
        return None
    label = _LABELS.get(name) or clean(name.removeprefix("extra.").replace("_", " "), 40)
    if all(_is_number(value) for value in known):
        low, high = np.quantile([float(value) for value in known], (0.01, 0.99))
        numbers = tuple(None if value is None else float(value) for value in values)
        return ColorField(name, label, numbers=numbers, low=float(low), high=float(high))
    keys: list[Any] = values
    if name == "artist":
        # Artists are told apart by their key, however a work writes the name, and named without
        # "circle of" and the like, which is of one work only.
        keys = [payload.get("artist_key", payload.get("artist")) for payload in payloads]
        values = [v if v is None else parse_attribution(str(v)).artist or v for v in values]
    spellings: dict[str, list[str]] = {}
    of_points = [None if key is None else str(key) for key in keys]
    for key, value in zip(of_points, values, strict=True):
        if key is not None:
            spellings.setdefault(key, []).append(clean(value, 80))
    listed = sorted(spellings, key=lambda key: (-len(spellings[key]), key))[:MAX_VALUES]
    number: dict[str | None, int] = {None: -1} | {key: code for code, key in enumerate(listed)}
    return ColorField(
        name,
        label,
        tuple(most_written(spellings[key]) for key in listed),
        tuple(len(spellings[key]) for key in listed),
        tuple(number.get(key, len(listed)) for key in of_points),
    )


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        # What a table brought under `extra` is text.
        return re.fullmatch(r"-?\d{1,9}(\.\d{1,9})?", value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
