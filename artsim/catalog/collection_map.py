"""A collection laid out in the plane, before it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.payload import Payload
from artsim.catalog.progress import counted

Positions: TypeAlias = npt.NDArray[np.float32]
"""Shape (N, 2): x to the right and y downward, as on a screen."""

Method = Literal["tsne", "umap", "pca"]

METHOD_WORDS: Final[Mapping[Method, str]] = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """How far nearness on a map can be trusted.

    Attributes
    ----------
    trustworthiness : float
        In 0..1 [1]_: 1 where no point is near another on the map without being so in the
        vectors.
    kept : float
        Mean share of a point's `k` nearest on the map that are among its `k` nearest by
        the vectors, in 0..1.
    by_chance : float
        What `kept` would be on a map that knows nothing.
    k : int
        Number of neighbors looked at.
    sample : int
        Number of points that were measured, each against all others of the sample.

    References
    ----------
    .. [1] Venna & Kaski (2001). Neighborhood preservation in nonlinear projection
       methods: an experimental study. ICANN.
    """

    trustworthiness: float
    kept: float
    by_chance: float
    k: int
    sample: int


@dataclass(frozen=True, slots=True)
class CollectionMap:
    """N paintings or faces in the plane, each with its nearest in the vectors' own space.

    Attributes
    ----------
    point_ids : tuple of str
        N UUIDs, in order of painting id.
    payloads : tuple of dict
        As in `artsim.catalog.payload`.
    positions : ndarray of float32, shape (N, 2)
        In 0..1: the longer side of the layout fills it, the shorter one is centered.
    cells : ndarray of int32, shape (N, 2)
        Column and row of each point on a grid where each has a cell to itself and
        neighbors stay near each other.
    neighbors : ndarray of int32, shape (N, K)
        Indices of the nearest others by cosine, best first; -1 fills rows that are short.
        Faces of one painting are not each other's.
    scores : ndarray of float32, shape (N, K)
        Their cosines; 0 where there is no neighbor.
    method : {"tsne", "umap", "pca"}
        How the positions came about.
    encoder : str
        Short name of the encoder.
    gallery : str or None
        Name of the gallery.
    faces : bool
        Whether the points are faces.
    total : int
        How many points met the filters; more than N where a sample was drawn.
    faithfulness : Faithfulness or None
        None where there are too few points to say.
    notes : tuple of str
        What a reader must know.
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

    def __post_init__(self) -> None:
        """Refuse columns of different lengths."""
        count = len(self.point_ids)
        for name in ("payloads", "positions", "cells", "neighbors", "scores"):
            if len(getattr(self, name)) != count:
                raise ValueError(f"expected {count} {name}, got {len(getattr(self, name))}")

    def __len__(self) -> int:
        """Return N."""
        return len(self.point_ids)

    @property
    def kind(self) -> str:
        """What the points are, for N of them: ``1 painting``, ``20 faces``."""
        return counted(len(self), "face" if self.faces else "painting")
