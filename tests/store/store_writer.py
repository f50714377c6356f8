"""A process that writes points forever and tells how far it has come: to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

from store_oracle import SCHEMA, make_points

from artsim.store.embedded import EmbeddedStore


def main() -> None:
    collection = EmbeddedStore(Path(sys.argv[1])).create_collection("paintings", SCHEMA)
    points = make_points(3_000)
    for start in range(0, len(points), 50):
        collection.upsert(points[start : start + 50])
        print(start + 50, flush=True)  # noqa: T201
    sys.stdin.read()


if __name__ == "__main__":
    main()
