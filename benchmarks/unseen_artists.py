"""How well encoders find artists and styles among works whose artists no training has seen.

    artsim train encoder ... --out RUN
    artsim ingest RUN/test --gallery unseen --no-faces -e builtin -e onnx:RESNET ...
    python -m benchmarks.unseen_artists --home HOME --gallery unseen --run RUN [--of SOURCE]

The teachers of the run are also judged with their vectors whitened, by half and in full, to 256
numbers, on the axes of the works that were trained on. Differences are to the encoder named by
--to, which stands in the first row, query by query.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from artsim.catalog.arrays import Embeddings
from artsim.catalog.kinds import PAINTINGS
from artsim.search.neighbors import read_vectors
from artsim.store.gallery import open_gallery
from benchmarks.quality_judge import (
    MEASURES,
    Questions,
    changed_row,
    judge_vectors,
    plain_row,
    table,
)
from benchmarks.quality_whitening import fit_axes, whiten

DIM = 256


def main() -> None:
    """Print two tables: means, and differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--gallery", required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--of", default="", help="only works whose id begins with this")
    parser.add_argument("--to", default="builtin")
    given = parser.parse_args()
    with open_gallery(name=given.gallery, home=given.home) as gallery:
        encoders = gallery.encoders(PAINTINGS)
        tables = {
            info.short_name: read_vectors(gallery[PAINTINGS], name)
            for name, info in encoders.items()
        }
    payloads = next(iter(tables.values())).payloads
    chosen = [i for i, p in enumerate(payloads) if str(p["painting_id"]).startswith(given.of)]
    works = [payloads[i] for i in chosen]
    rows: dict[str, Embeddings] = {}
    for name, info in encoders.items():
        vectors = np.asarray(tables[info.short_name].vectors[chosen], np.float32)
        rows[info.short_name] = vectors
        kept = sorted((given.run / f"teacher-{name}").glob("*.npy"))
        if kept and info.short_name != "handcrafted":
            whole = [np.load(path, mmap_mode="r")[:, 0, : info.dim] for path in kept]
            axes = fit_axes(np.concatenate(whole))
            for power, how in ((0.5, "by half"), (1.0, "in full")):
                rows[f"{info.short_name}, whitened {how}"] = whiten(vectors, axes, DIM, power)
    questions = Questions.of(works)
    values = {name: judge_vectors(vectors, questions) for name, vectors in rows.items()}
    print(f"{len(works)} works of {len({w.get('artist_key') for w in works})} artists\n")
    heads = ["encoder", *MEASURES]
    print(table(heads, [plain_row(name, found, MEASURES) for name, found in values.items()]))
    if given.to in values:
        reference = values[given.to]
        print(f"\n{given.to} less ...\n")
        changed = [
            changed_row(name, reference, found, MEASURES)
            for name, found in values.items()
            if name != given.to
        ]
        print(table(heads, changed))


if __name__ == "__main__":
    main()
