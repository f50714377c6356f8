"""Index settings that both stores share, with the measurements behind them.

Measured on the gallery of ``artsim evaluate speed --only search``: 100,000 made-up
paintings (embeddings of 512 numbers, and pixels) in an embedded store, under filters that
pass 0.1 %, 5 %, 30 % and 100 % of them; the worst filter's values, the 95th percentile of
processor time a query:

=====  ==========  ======
`ef`   recall@10   p95
=====  ==========  ======
64     0.985       2.2 ms
128    0.996       2.1 ms
192    0.999       2.9 ms
256    0.999       3.6 ms
=====  ==========  ======
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class HnswSettings:
    """Graph index of Malkov & Yashunin [1]_, filterable as Qdrant builds it [2]_.

    Attributes
    ----------
    m : int
        Edges of a node; 0 builds no graph.
    payload_m : int or None
        Edges within the points that share a payload value; None is `m`.
    ef_construct, ef : int
        Candidates considered while building, and least while searching.
    full_scan_threshold_kb : int
        Filters that leave fewer vectors than this are answered by comparing all of them.
    indexing_threshold_kb : int
        Segments with fewer vectors than this get no graph.
    segments : int
        Segments aimed at; each is searched on its own.
    max_segment_kb : int or None
        Size above which segments are not merged.

    References
    ----------
    .. [1] Malkov & Yashunin (2020). Efficient and robust approximate nearest neighbor
       search using hierarchical navigable small world graphs. IEEE TPAMI 42, 824-836.
    .. [2] https://qdrant.tech/articles/filterable-hnsw/
    """

    m: int
    ef_construct: int = 128
    ef: int = 192
    payload_m: int | None = None
    acorn_selectivity: float = 1.0
    full_scan_threshold_kb: int = 20_000
    indexing_threshold_kb: int = 10_000
    segments: int = 1
    max_segment_kb: int | None = None


HNSW: Final = HnswSettings(m=16)
NO_HNSW: Final = HnswSettings(m=0, payload_m=0)
