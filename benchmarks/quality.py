"""Leave-one-out quality of encoders on labeled pictures, as a Markdown table.

Each picture is the query once, against all others. Artist R@1 is the share of queries
whose nearest neighbor is by the same artist; style P@10 is the mean share of the ten
nearest that are of the same style. Brackets hold 95 % bootstrap intervals over queries.
"Twins apart" leaves out of a query's ranking what shares its ``near_dup_group``.

    python benchmarks/quality.py --data DIR [--encoder SPEC ...] [--limit N]

DIR holds a ``metadata.csv`` with the columns ``filename``, ``artist`` and ``style``.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from artsim.domain.arrays import Embedding, Embeddings, RGBImage
from artsim.encoders.registry import load_encoder
from artsim.evaluation.retrieval import Estimate, leave_one_out, nearest_neighbors
from artsim.images.load import load_image

K = 10
BATCH = 32


@dataclass(frozen=True, slots=True)
class Work:
    """One labeled picture."""

    path: Path
    artist: str | None
    style: str | None
    twins: str | None


def read_works(data: Path, limit: int | None) -> list[Work]:
    """Read the rows of ``metadata.csv``; an empty cell is unknown."""
    with (data / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(islice(csv.DictReader(file), limit))
    return [
        Work(
            data / row["filename"],
            row["artist"] or None,
            row["style"] or None,
            row.get("near_dup_group") or None,
        )
        for row in rows
    ]


def rgb_histogram(image: RGBImage) -> Embedding:
    """Return the 8 x 8 x 8 RGB histogram, square-rooted so that its cosine is Hellinger's."""
    bins = (image >> 5).astype(np.int64)
    index = (bins[..., 0] * 8 + bins[..., 1]) * 8 + bins[..., 2]
    counts = np.bincount(index.ravel(), minlength=512)
    return np.sqrt(counts / index.size).astype(np.float32)


def batches(works: Sequence[Work]) -> Iterator[list[RGBImage]]:
    """Load the pictures, a batch at a time, ahead of their use."""
    with ThreadPoolExecutor(2) as pool:
        chunks = [works[i : i + BATCH] for i in range(0, len(works), BATCH)]
        pending = [pool.submit(_load, chunk) for chunk in chunks[:2]]
        for number in range(len(chunks)):
            if number + 2 < len(chunks):
                pending.append(pool.submit(_load, chunks[number + 2]))
            yield pending[number].result()
            pending[number].cancel()


def _load(works: Sequence[Work]) -> list[RGBImage]:
    return [load_image(work.path).pixels for work in works]


def encode_all(
    encode: Callable[[Sequence[RGBImage]], Embeddings], works: Sequence[Work]
) -> tuple[Embeddings, float]:
    """Return the embeddings and the milliseconds a picture took, loading left out."""
    rows, seconds = [], 0.0
    for images in batches(works):
        start = time.perf_counter()
        rows.append(encode(images))
        seconds += time.perf_counter() - start
    return np.concatenate(rows), seconds * 1e3 / len(works)


def table_row(name: str, embeddings: Embeddings, ms: float, works: Sequence[Work]) -> str:
    """Return one line of the table."""
    artists, styles = [w.artist for w in works], [w.style for w in works]
    cells = [name, str(embeddings.shape[1])]
    groupings: list[list[str | None] | None] = [None]
    if any(w.twins for w in works):
        groupings.append([w.twins for w in works])
    for groups in groupings:
        neighbors = nearest_neighbors(embeddings, K, groups)
        cells += [
            percent(leave_one_out(neighbors, artists, k=K, groups=groups).recall_at_1),
            percent(leave_one_out(neighbors, styles, k=K, groups=groups).precision_at_k),
        ]
    return "| " + " | ".join([*cells, f"{ms:.0f}"]) + " |"


def percent(estimate: Estimate) -> str:
    """Return ``33.1 [31.0, 35.2]``, in percent."""
    low, high = estimate.low * 100, estimate.high * 100
    return f"{estimate.value * 100:.1f} [{low:.1f}, {high:.1f}]"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with metadata.csv")
    parser.add_argument("--encoder", action="append", help="spec; repeatable (default: builtin)")
    parser.add_argument("--limit", type=int, help="only the first N rows")
    arguments = parser.parse_args()
    works = read_works(arguments.data, arguments.limit)
    heads = ["encoder", "dim", "artist R@1 %", f"style P@{K} %"]
    if any(w.twins for w in works):
        heads += ["R@1, twins apart", f"P@{K}, twins apart"]
    heads.append("ms/picture")
    print(f"{len(works)} works of {len({w.artist for w in works})} artists in {arguments.data}\n")
    print("| " + " | ".join(heads) + " |")
    print("| " + " | ".join(["---"] * len(heads)) + " |")
    baseline = encode_all(lambda images: np.stack([rgb_histogram(i) for i in images]), works)
    print(table_row("RGB histogram 8x8x8", *baseline, works), flush=True)
    for spec in arguments.encoder or ["builtin"]:
        encoder = load_encoder(spec)
        print(table_row(encoder.info.name, *encode_all(encoder.encode, works), works), flush=True)


if __name__ == "__main__":
    main()
