"""Cold starts: `artsim --help` and a query by id, each in a process of its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from artsim.catalog.progress import Progress, SilentProgress
from artsim.config import Settings
from artsim.evaluation.report import Column, Row, Table
from artsim.evaluation.speed.measured import Measured, Promise
from artsim.evaluation.speed.processes import ARTSIM, environment, median_seconds
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.ingest.sample import make_sample
from artsim.store.gallery import open_gallery

MOST_HELP_S: Final = 0.3
MOST_QUERY_S: Final = 0.6
PAINTINGS: Final = 12


@dataclass(frozen=True, slots=True)
class ColdStarts:
    """Median seconds of a process that does just one thing."""

    bare_python_s: float
    help_s: float
    query_by_id_s: float
    import_torch_s: float


def measure_cold_starts(
    scratch: Path, *, runs: int = 9, progress: Progress | None = None
) -> ColdStarts:
    """Time each `runs` times, on a gallery of `PAINTINGS` paintings in `scratch`.

    Raises
    ------
    EvaluationError
        If a process fails.
    """
    reporter = progress or SilentProgress()
    home = scratch / "home"
    painting_id = _small_gallery(scratch / "sample", home)
    commands = {
        "bare_python_s": (sys.executable, "-c", "pass"),
        "help_s": (*ARTSIM, "--help"),
        "query_by_id_s": (*ARTSIM, "query", "--id", painting_id),
        "import_torch_s": (sys.executable, "-c", "import torch"),
    }
    reporter.start(len(commands), "Starting artsim, cold")
    env = environment(home)
    seconds = {}
    for done, (name, command) in enumerate(commands.items(), 1):
        seconds[name] = median_seconds(command, env, runs)
        reporter.update(done)
    return ColdStarts(**seconds)


def _small_gallery(sample: Path, home: Path) -> str:
    """Ingest a few paintings of the sample; return the id of one."""
    made = make_sample(sample, count=PAINTINGS)
    settings = Settings(home=home)
    with open_gallery(settings) as gallery:
        ingest_paintings(gallery, made.folder, IngestOptions(), settings=settings)
        return str(next(gallery.paintings.scroll()).payload["painting_id"])


def describe_cold_starts(starts: ColdStarts) -> Measured:
    """Hold the times to what is promised."""
    baseline = (
        f"{starts.bare_python_s:.2f} s bare Python, {starts.import_torch_s:.2f} s `import torch`"
    )
    timed = (
        ("`artsim --help`, cold process", starts.help_s, MOST_HELP_S),
        ("query by id, cold process, small gallery", starts.query_by_id_s, MOST_QUERY_S),
    )
    promises = tuple(
        Promise(name, f"{most} s", f"{seconds:.2f} s", baseline, seconds <= most)
        for name, seconds, most in timed
    )
    rows = (
        ("bare Python", starts.bare_python_s),
        ("artsim --help", starts.help_s),
        ("artsim query --id", starts.query_by_id_s),
        ("import torch", starts.import_torch_s),
    )
    table = Table(
        "cold_starts",
        "Cold starts, median",
        "process",
        (Column("seconds", "time", "seconds", better=None),),
        tuple(Row(name, {"seconds": seconds}) for name, seconds in rows),
    )
    return Measured(promises, (table,))
