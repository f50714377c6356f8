"""Every promise beside what is measured here, as ratios to a baseline of the same run.

    python -m benchmarks.speed [--only PART] [--data DIR] [--encoder SPEC] [--check] [--json FILE]

It takes a quarter of an hour on two cores, and means something where the machine does nothing
else. Everything happens in temporary folders; no gallery is touched.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from artsim.config import load_settings
from artsim.errors import ArtsimError
from benchmarks.speed.bench import Bench, Promise, Sizes, check_pictures

_NOT_YET: Final = "not measured: does not exist yet"
_SERVER: Final = "not measured: needs a server on the same two cores"
_ELSEWHERE: Final = (
    ("re-rank 50 hits by matched points", "at most 400 ms", _NOT_YET),
    ("kill -9 at any moment of a download", "the next run ends as one never killed", _NOT_YET),
    (
        "filtered query in 1,000,000 paintings on a server",
        "recall@10 at least 0.99, p95 at most 1.05 of exact search",
        _SERVER,
    ),
)


def name_the_rest(_: Bench) -> list[Promise]:
    """Return the promises that cannot be measured here, each with the reason."""
    return [Promise(name, promised, reason, "", None) for name, promised, reason in _ELSEWHERE]


MEASURES: Final = {
    "ingest": "ingest.measure_ingest",
    "faces": "faces.measure_faces",
    "rerank": "search.measure_reranking",
    "photos": "photos.measure_photos",
    "cold": "starts.measure_starts",
    "search": "search.measure_search",
    "kill": "kills.measure_kills",
    "leave-one-out": "leave_one_out.measure_leave_one_out",
    "server": "served.measure_server",
    "page": "page.measure_page",
    "rest": "__main__.name_the_rest",
}
"""All that can be measured, in the order in which it is: functions of a `Bench`."""


def measure(part: str, bench: Bench) -> list[Promise]:
    """Measure that part; modules are imported only when needed."""
    module, _, name = MEASURES[part].partition(".")
    found: list[Promise] = getattr(import_module(f"benchmarks.speed.{module}"), name)(bench)
    return found


def main(arguments: Sequence[str] | None = None, sizes: Sizes | None = None) -> int:
    """Measure, print a row for each promise, and return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.speed", description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", choices=MEASURES, help="repeatable")
    parser.add_argument("--data", type=Path, help="folder of pictures; by default the sample")
    parser.add_argument("--encoder", help="learned encoder; by default ResNet-50, random weights")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check", action="store_true", help="end with 1 if a promise is broken")
    parser.add_argument("--json", type=Path, help="file for all numbers")
    options = parser.parse_args(arguments)
    promises: list[Promise] = []
    try:
        check_pictures(options.data)
        print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores\n")
        print("| what | promised | measured | baseline, same run | kept |\n" + "| --- " * 5 + "|")
        for part in (name for name in MEASURES if not options.only or name in options.only):
            # On Windows a file that a killed process held may outlast it for a moment.
            with tempfile.TemporaryDirectory(
                prefix="artsim-speed-", ignore_cleanup_errors=True
            ) as folder:
                found = measure(
                    part,
                    Bench(
                        scratch=Path(folder),
                        settings=load_settings(),
                        data=options.data,
                        encoder=options.encoder,
                        seed=options.seed,
                        sizes=sizes or Sizes(),
                        say=lambda words: print(f"... {words}", file=sys.stderr, flush=True),
                    ),
                )
            for promise in found:
                print(row(promise), flush=True)
            promises += found
    except ArtsimError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. Nothing is left of it.", file=sys.stderr)
        return 130
    if options.json:
        document = [dataclasses.asdict(promise) for promise in promises]
        options.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
    broken = [promise.name for promise in promises if promise.kept is False]
    judged = sum(promise.kept is not None for promise in promises)
    print(f"\n{judged - len(broken)} of {judged} promises kept")
    if broken:
        print(f"Broken: {'; '.join(broken)}", file=sys.stderr)
    return int(bool(broken) and options.check)


def row(promise: Promise) -> str:
    """Return a promise as a row of a Markdown table."""
    kept = {True: "yes", False: "**no**", None: ""}[promise.kept]
    measured = f"{promise.measured} ({promise.note})" if promise.note else promise.measured
    return f"| {promise.name} | {promise.promised} | {measured} | {promise.baseline} | {kept} |"


if __name__ == "__main__":
    sys.exit(main())
