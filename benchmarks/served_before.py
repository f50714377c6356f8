r"""Questions to a served gallery and writing to it, beside an earlier checkout and embedded.

    artsim ingest $ARTSIM_TEST_DATA/public_domain --gallery works --no-faces
    artsim push --gallery works --to URL
    git worktree add /tmp/before a62adea
    python -m benchmarks.served_before --home HOME --gallery works --url URL --before /tmp/before \\
        --pid PID_OF_SERVER

Each question is asked in all ways by turns, each way being a process of its own, and all ways of
this checkout have to give the same answer. Of times there are the median, the tenth percentile, and
what other work on the machine disturbs least: processor time of the client, the median, and with
`--pid` of the server, the mean. Ratios are of the tenth percentiles and of all processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from artsim.catalog.kinds import PAINTINGS
from artsim.store.gallery import open_gallery
from artsim.store.protocol import Point
from benchmarks.quality_judge import table

WAYS: Final = ("now", "before", "embedded")

_POINTS: Final = 800
"""Points that are written at a time."""

_WORKER: Final = """
import json, sys, time
from itertools import islice
from pathlib import Path
from artsim.catalog.kinds import PAINTINGS
from artsim.ingest.upkeep import push_gallery
from artsim.search.answer import find_similar
from artsim.search.question import IdQuery, SearchOptions
from artsim.store.gallery import open_gallery
from artsim.store.protocol import Point
url, home, name, few, count = sys.argv[1:]
gallery = open_gallery(url=url, name=name) if url else open_gallery(home=Path(home), name=name)

def timed(work):
    begun, own = time.perf_counter(), time.process_time()
    done = work()
    return [1e3 * (time.perf_counter() - begun), 1e3 * (time.process_time() - own)], done

def ask(rerank, painting_id):
    options = SearchOptions(rerank=rerank)
    times, answer = timed(lambda: find_similar(gallery, IdQuery(painting_id), options=options))
    return [*times, [hit.point_id for hit in answer.hits], [hit.score for hit in answer.hits]]

def write(how):
    with open_gallery(home=Path(few), name="few") as source:
        schema = source[PAINTINGS].schema
        with open_gallery(url=url, name="artsim-bench-before") as target:
            written = target.store.create_collection(target.collection_name(PAINTINGS), schema)
            if how == "push":
                times, _ = timed(lambda: push_gallery(source, target))
            else:
                read = source[PAINTINGS].scroll(with_vectors=list(schema.vectors))
                points = [Point(r.point_id, r.vectors, r.payload) for r in read]
                steps = range(0, len(points), 100)
                times, _ = timed(lambda: [written.upsert(points[i:i + 100]) for i in steps])
            target.store.delete_collection(written.name)
    return [ms / int(count) for ms in times]

for line in sys.stdin:
    doing, *rest = json.loads(line)
    print(json.dumps(ask(*rest) if doing == "ask" else write(*rest)), flush=True)
"""


class Way:
    """A process that asks and writes as one checkout does."""

    def __init__(self, checkout: Path, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, *map(str, arguments)],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, *what: object) -> Any:
        """Return what the process answers to that."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def processor_ms(pid: int | None) -> float:
    """Return the processor time of a process so far, in steps of ten."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1e3 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(
    ways: Mapping[str, Way], rerank: str | None, ids: list[str], pid: int | None
) -> dict[str, np.ndarray]:
    """Return the times of each question by each way, those of the first left out."""
    found: dict[str, list[Any]] = {name: [] for name in ways}
    for number, painting_id in enumerate(ids):
        names = list(ways)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            before = processor_ms(pid)
            answer = ways[name].do("ask", rerank, painting_id)
            found[name].append([*answer, processor_ms(pid) - before])
    for ours, theirs in zip(found["now"], found["embedded"], strict=True):
        if ours[2] != theirs[2] or not np.allclose(ours[3], theirs[3], atol=1e-6):
            raise SystemExit("the answers differ")
    return {
        name: np.array([[row[0], row[1], row[4]] for row in rows[3:]])
        for name, rows in found.items()
    }


def cells(times: Mapping[str, np.ndarray]) -> list[str]:
    """Return the cells of a row: times of each way, and how they compare."""
    shown, least, spent = [], {}, {}
    for name, (wall, own, server) in ((name, of.T) for name, of in times.items()):
        least[name] = float(np.percentile(wall, 10))
        spent[name] = float(np.median(own) + server.mean())
        shown.append(
            f"{np.median(wall):.1f}, {least[name]:.1f}; {np.median(own):.2f} + {server.mean():.2f}"
        )
    shown += [""] * (len(WAYS) - len(shown))
    ratios = [
        f"{least['now'] / least[name]:.2f}, {spent['now'] / spent[name]:.2f}"
        if name in least
        else ""
        for name in WAYS[1:]
    ]
    return [*shown, *ratios]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("home", "before"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("url", "gallery"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--pid", type=int)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(table(["what", *WAYS, "of before", "of embedded"], measure(args, Path(folder))))


def measure(args: argparse.Namespace, few: Path) -> list[list[str]]:
    """Return the rows of the table; `few` is a folder for a gallery of some of the works."""
    with open_gallery(home=args.home, name=args.gallery) as gallery:
        works = gallery[PAINTINGS]
        records = list(works.scroll(payload_fields=["painting_id"]))
        some = islice(works.scroll(with_vectors=list(works.schema.vectors)), _POINTS)
        with open_gallery(home=few, name="few") as copied:
            name = copied.collection_name(PAINTINGS)
            collection = copied.store.create_collection(name, works.schema)
            collection.upsert([Point(r.point_id, r.vectors, r.payload) for r in some])
    ids = [str(record.payload["painting_id"]) for record in records]
    random.Random(1).shuffle(ids)
    here, rest = Path.cwd(), (args.home, args.gallery, few, _POINTS)
    ways = {
        "now": Way(here, args.url, *rest),
        "before": Way(args.before, args.url, *rest),
        "embedded": Way(here, "", *rest),
    }
    rows = []
    for rerank in (None, "ssim", "rmse"):
        times = ask(ways, rerank, ids[: args.questions + 3], args.pid)
        rows.append([f"by id, {rerank or 'no re-ranking'}: ms", *cells(times)])
    for how in ("upsert", "push"):
        turns: dict[str, list[Any]] = {name: [] for name in WAYS[:2]}
        for name in WAYS[:2] * args.rounds:
            before = processor_ms(args.pid)
            done = ways[name].do("write", how)
            turns[name].append([*done, (processor_ms(args.pid) - before) / _POINTS])
        times = {name: np.array(rows) for name, rows in turns.items()}
        rows.append([f"{how}: ms a point", *cells(times)])
    for way in ways.values():
        way.process.kill()
    return rows


if __name__ == "__main__":
    main()
