"""Index settings of both stores; what they were measured by is in ``docs/servers.md``.

A filter takes nodes from the graph, and what is left may fall to pieces: of 20,000 paintings a
filter that passed 6,000 lost all ten hits of some queries. ACORN [1]_ walks on through the
neighbors of what the filter took; where it passes few, all of these are compared.

References
----------
.. [1] Patel et al. (2024). ACORN: performant and predicate-agnostic search over vector
   embeddings and structured data. SIGMOD. Qdrant has their ACORN-1, since version 1.16.
.. [2] https://qdrant.tech/articles/filterable-hnsw/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class HnswSettings:
    """Graph index of Malkov & Yashunin (2020), IEEE TPAMI 42, 824-836, filterable [2]_."""

    m: int  # edges of a node; 0 builds no graph
    payload_m: int = 0  # edges within the points that share a value
    ef_construct: int = 128
    ef: int = 256
    acorn_selectivity: float = 1.0  # filters that leave at most this part are ACORN's
    full_scan_threshold_kb: int = 20_000  # fewer that pass in a segment are all compared
    indexing_threshold_kb: int = 10_000  # segments with fewer get no graph


HNSW: Final = HnswSettings(m=16, ef=768, full_scan_threshold_kb=100_000)
EMBEDDED_HNSW: Final = HnswSettings(m=16)
NO_HNSW: Final = HnswSettings(m=0)
