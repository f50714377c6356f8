"""What of artsim's speed is measured, on what, and how much of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

Part: TypeAlias = Literal["ingest", "faces", "rerank", "cold", "search", "kill", "leave-one-out"]

PARTS: Final[tuple[Part, ...]] = get_args(Part)
"""All that can be measured, in the order in which it is."""


@dataclass(frozen=True, slots=True)
class SpeedSizes:
    """How much is measured; the promises are about these sizes.

    Attributes
    ----------
    ingest_pictures, batch_size, ingest_rounds : int
        Pictures an ingest, how many are encoded at once, and how often it is repeated.
    face_pictures : int
        Pictures in which faces are looked for.
    rerank_hits : int
        Hits that are re-ranked.
    cold_runs : int
        Processes started of each kind.
    gallery_points, gallery_dim, queries : int
        Paintings of the large gallery, numbers of an embedding, queries under each filter.
    kills, kill_paintings : int
        How often an ingest is killed, and of how many paintings.
    works, work_dim : int
        Works of leave-one-out, and numbers of an embedding.
    """

    ingest_pictures: int = 256
    batch_size: int = 32
    ingest_rounds: int = 3
    face_pictures: int = 200
    rerank_hits: int = 100
    cold_runs: int = 9
    gallery_points: int = 100_000
    gallery_dim: int = 512
    queries: int = 300
    kills: int = 10
    kill_paintings: int = 155
    works: int = 4000
    work_dim: int = 1000


@dataclass(frozen=True, slots=True)
class SpeedOptions:
    """What is measured, and on what.

    Attributes
    ----------
    only : sequence of str
        Of `PARTS`; none means all.
    data : Path or None
        Folder of pictures, which is only read; None is the sample.
    encoder : str or None
        Learned encoder to ingest with; None is ResNet-50 with random weights.
    seed : int
        Of samples and of everything made up.
    """

    only: Sequence[Part] = ()
    data: Path | None = None
    encoder: str | None = None
    seed: int = 0
    sizes: SpeedSizes = field(default_factory=SpeedSizes)

    def __post_init__(self) -> None:
        """Refuse parts that there are not."""
        if unknown := set(self.only) - set(PARTS):
            raise ValueError(f"only {', '.join(PARTS)} can be measured, not {sorted(unknown)}")

    @property
    def parts(self) -> tuple[Part, ...]:
        """What is measured, in order."""
        return tuple(part for part in PARTS if not self.only or part in self.only)
