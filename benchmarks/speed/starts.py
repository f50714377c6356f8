"""Cold starts: `artsim --help` and a query by id, each in a process of its own."""

from __future__ import annotations

import sys
from typing import Final

import numpy as np

from artsim.catalog.kinds import PAINTINGS
from artsim.config import Settings
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.store.gallery import open_gallery
from benchmarks.speed.bench import ARTSIM, Bench, Promise, by_turns, environment, run_process

MOST_HELP: Final = 2.5
MOST_QUERY: Final = 0.45
WORKS: Final = 12


def measure_starts(bench: Bench) -> list[Promise]:
    """Time processes by turns, on a gallery of `WORKS` paintings of the source."""
    home = bench.scratch / "home"
    settings = Settings(home=home)
    with open_gallery(settings) as gallery:
        ingest_paintings(
            gallery, bench.source(), IngestOptions(limit=WORKS, faces=False), settings=settings
        )
        painting_id = str(next(gallery[PAINTINGS].scroll()).payload["painting_id"])
    env = environment(home)
    commands = {
        "bare_python": (sys.executable, "-c", "pass"),
        "typer_and_rich": (sys.executable, "-c", "import typer, rich"),
        "help": (*ARTSIM, "--help"),
        "query": (*ARTSIM, "query", "--id", painting_id),
        "import_torch": (sys.executable, "-c", "import torch"),
    }
    for command in commands.values():  # what is on the disk is in its cache afterwards
        run_process(command, env)
    bench.say("starting artsim, cold")
    timed = by_turns(
        bench.sizes.cold_runs,
        **{name: lambda c=command: run_process(c, env) for name, command in commands.items()},
    )
    seconds = {name: float(np.median(times)) for name, times in timed.items()}
    rows = (
        ("`artsim --help`, cold process", "help", "typer_and_rich", MOST_HELP),
        ("query by id, cold process, small gallery", "query", "import_torch", MOST_QUERY),
    )
    words = {"typer_and_rich": "importing typer and rich", "import_torch": "`import torch`"}
    promises = []
    for name, own, base, most in rows:
        ratio = float(np.median(timed[own] / timed[base]))
        promises.append(
            Promise(
                name,
                f"at most {most} times {words[base]}",
                f"{ratio:.2f} times, {seconds[own]:.2f} s",
                f"{seconds[base]:.2f} s ({seconds['bare_python']:.2f} s bare Python)",
                ratio <= most,
                numbers={"ratio": ratio, "seconds": seconds[own], base: seconds[base]},
            )
        )
    return promises
