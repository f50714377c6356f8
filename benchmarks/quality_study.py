"""The tables of ``docs/quality.md``.

    python -m benchmarks.quality_study TABLE ... --gallery wikiart224 --other paintings
        --home DIR --weights DIR --cache DIR

TABLE is one or more of: encoders, copies, rerank, rerank-copies, rerank-edits, whitening, pooling,
fusion, flips, crops, or all. Everything is reported on ``--gallery``; whatever is fitted
or chosen, is so on ``--other``. Under ``--home`` lies a folder for each gallery, which was
``ARTSIM_HOME`` when it was ingested with the four encoders:

    ARTSIM_HOME=DIR/wikiart224 artsim ingest WIKIART224 --gallery wikiart224 --no-faces
        --encoder handcrafted --encoder onnx:tests/data/encoders/resnet50v2-stage3.json
        --encoder onnx:tests/data/encoders/mobilenet-v1.json
        --encoder onnx:tests/data/encoders/style-bottleneck.json
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.quality_data import Data
from benchmarks.quality_encode import SIDES
from benchmarks.quality_rerank_tables import (
    rerank_copies_table,
    rerank_edits_table,
    rerank_table,
)
from benchmarks.quality_tables import (
    Study,
    copies_table,
    encoders_table,
    pooling_table,
    whitening_table,
)
from benchmarks.quality_views import crops_table, flips_table, fusion_table

TABLES: Final[dict[str, Callable[[Study], str]]] = {
    "encoders": encoders_table,
    "copies": copies_table,
    "rerank": rerank_table,
    "rerank-copies": rerank_copies_table,
    "rerank-edits": rerank_edits_table,
    "whitening": whitening_table,
    "pooling": pooling_table,
    "fusion": fusion_table,
    "flips": flips_table,
    "crops": crops_table,
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("tables", nargs="+", choices=[*TABLES, "all"])
    parser.add_argument("--gallery", required=True, help="to report on")
    parser.add_argument("--other", required=True, help="to fit and choose on")
    parser.add_argument("--home", type=Path, required=True, help="folder of ARTSIM_HOMEs")
    parser.add_argument("--weights", type=Path, help="folder of the ONNX files")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--side", type=int, action="append", help="of re-ranking; repeatable")
    arguments = parser.parse_args()
    data, other = (
        Data(arguments.home / name, name, arguments.cache)
        for name in (arguments.gallery, arguments.other)
    )
    study = Study(data, other, arguments.weights, tuple(arguments.side or SIDES))
    wanted = TABLES if "all" in arguments.tables else arguments.tables
    for name in wanted:
        print(f"\n### {name}: {data.name}, {len(data.works)} works\n", flush=True)
        print(TABLES[name](study), flush=True)


if __name__ == "__main__":
    main()
