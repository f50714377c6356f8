"""Index settings of both stores, with the measurements behind them.

A filter takes nodes from the graph, and what is left may fall to pieces: of 20,000
paintings a filter that passed 6,000 lost all ten hits of some queries. It was too wide to
compare all that pass, and the engine links points of a value to each other only where
their number is between the threshold of that and some fifth of the collection, which in
20,000 is nobody. ACORN [1]_ walks on through the neighbors of what the filter took.

Measured on the gallery of ``make bench BENCH='--only search'`` (made-up embeddings of
512 numbers) in an embedded store, under filters that pass 0.1 % to 100 % of it, among them
several styles together and styles within years; recall@10 of the worst filter, and
processor time a query, 95th percentile, of the slowest, on two busy cores:

=======  =========  =============  ===  ==========  =======
points   ACORN      `payload_m`    ef   recall@10   p95
=======  =========  =============  ===  ==========  =======
20,000   no         16             192  0.858       2.2 ms
20,000   yes        16             192  1.000       3.3 ms
100,000  no         16             192  0.924       8.2 ms
100,000  yes        16             192  1.000       21 ms
100,000  yes        16             64   0.996       12 ms
100,000  no         0              192  0.759       7.1 ms
100,000  yes        0              64   0.977       7.5 ms
100,000  yes        0              128  0.989       6.0 ms
100,000  yes        0              192  0.991       8.1 ms
100,000  yes        0              256  0.995       8.7 ms
=======  =========  =============  ===  ==========  =======

ACORN pays for each edge, so the links of `payload_m` make it slower than it need be, and
building as well (169 s of processor time instead of 102 s). They are worth it where a
filter passes more points than are compared and still few of all: 1 % of 100,000, with the
threshold set below that, had recall 0.89 without them. So a server, which may hold
millions, has them, and an embedded store has not.

In the rows without those links, up to 10,000 vectors that passed were compared, before
up to 5,000: it takes less than ACORN does, 2 ms for 5,000. Real embeddings need `ef` more
than filters do, for versions of one picture crowd together: of 3,974 paintings in five
versions each, with no filter, the handcrafted encoder's had recall 0.92 at 64, 0.97 at 192
(0.996 in another build) and 0.995 at 256.

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
    payload_m: int | None = None  # edges within the points that share a value; None is `m`
    ef_construct: int = 128
    ef: int = 256
    acorn_selectivity: float = 1.0  # filters that leave at most this part are ACORN's
    full_scan_threshold_kb: int = 20_000  # fewer vectors that pass are all compared
    indexing_threshold_kb: int = 10_000  # segments with fewer get no graph


HNSW: Final = HnswSettings(m=16, payload_m=0)
EMBEDDED_HNSW: Final = HnswSettings(m=16, payload_m=0)
NO_HNSW: Final = HnswSettings(m=0, payload_m=0)
