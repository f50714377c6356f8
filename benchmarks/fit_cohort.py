"""Draw the cohort of the built-in encoder: what is common among paintings.

    artsim ingest WORKS --gallery works --no-faces -e builtin      # for each of several sources
    python -m benchmarks.fit_cohort --home HOME --of wikiart224,paintings --of public_domain

Of each --of, one or several galleries taken together, 1,000 works by lot, of artists whose works
the encoder was trained on or would have been: none of those that anything is judged by.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np

from artsim.catalog.arrays import Embeddings
from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.names import side_of
from artsim.catalog.payload import Criteria, Known
from artsim.catalog.scale import Cohort
from artsim.encoders.registry import resolve
from artsim.encoders.trained import BUILTIN_FOLDER
from artsim.search.neighbors import read_vectors
from artsim.store.gallery import open_gallery

_WORKS: Final = 1_000
_LEAST: Final = 0.1
"""Share of the cohort that is taken for as common as the rest is at least."""


def read_seen(home: Path, name: str, vector_name: str) -> Embeddings:
    """Return the vectors of a gallery's works by artists of the training's side."""
    with open_gallery(home=home, name=name) as gallery:
        known = Criteria((Known("artist_key"),))
        found = read_vectors(gallery[PAINTINGS], vector_name, known)
    keys = [str(payload["artist_key"]) for payload in found.payloads]
    return found.vectors[[side_of(key, test=0.25, validation=0.1) == "train" for key in keys]]


def main() -> None:
    """Write the cohort beside the encoder's weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--of", action="append", required=True)
    parser.add_argument("--out", type=Path, default=BUILTIN_FOLDER / "cohort.npz")
    args = parser.parse_args()
    vector_name = resolve("builtin").vector_name
    parts = []
    for names in args.of:
        seen = np.concatenate([read_seen(args.home, n, vector_name) for n in names.split(",")])
        parts.append(seen[np.random.default_rng(0).permutation(len(seen))[:_WORKS]])
    vectors = np.concatenate(parts)
    least = float(np.quantile(Cohort(vectors, -1.0).common(vectors), _LEAST))
    rounded = np.round(127 * vectors / np.abs(vectors).max(axis=1, keepdims=True))
    np.savez_compressed(
        args.out, vector_name=vector_name, vectors=rounded.astype(np.int8), least=np.float32(least)
    )
    print(
        f"{len(vectors):,} works, the least common {least:.3f}: {args.out.stat().st_size:,} bytes"
    )


if __name__ == "__main__":
    main()
