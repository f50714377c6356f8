"""The task `speed`: every promise beside what is measured here."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from artsim.catalog.progress import Progress, SilentProgress
from artsim.config import Settings, load_settings
from artsim.evaluation.report import Report, Table, library_versions, timestamp
from artsim.evaluation.speed.measured import Measured, promises_table
from artsim.evaluation.speed.options import SpeedOptions
from artsim.evaluation.speed.parts import MEASURES, Bench
from artsim.evaluation.speed.pictures import Pictures


def evaluate_speed(
    options: SpeedOptions | None = None,
    *,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Report:
    """Measure what artsim promises, in temporary folders, each beside a baseline of its own.

    No gallery of the user's is opened. What was made goes in any case, also when the
    measurement is interrupted.

    Parameters
    ----------
    settings : Settings, optional
        Where weights are looked for; by default from the environment.

    Returns
    -------
    Report
        The table `PROMISES`, and the tables of the numbers; see `broken_promises`.

    Raises
    ------
    SourceError
        If the folder of pictures is missing or holds none.
    EncoderError
        If the encoder cannot be loaded.
    EvaluationError
        If a process that is timed fails, or no picture can be read.
    StoreError
        If there is no room for the galleries.
    """
    chosen = options or SpeedOptions()
    found_settings = settings or load_settings()
    reporter = progress or SilentProgress()
    Pictures(chosen.data).check()
    if chosen.encoder is not None and "ingest" in chosen.parts:
        from artsim.encoders.registry import resolve

        resolve(chosen.encoder, settings=found_settings)  # wrong names are known at once
    measured = []
    try:
        for part in chosen.parts:
            # On Windows a file that a killed process held may outlast it for a moment.
            with tempfile.TemporaryDirectory(
                prefix="artsim-speed-", ignore_cleanup_errors=True
            ) as folder:
                bench = Bench(chosen, found_settings, Path(folder), reporter)
                measured.append(MEASURES[part](bench))
    finally:
        reporter.finish()
    return _report(chosen, measured)


def _report(options: SpeedOptions, measured: Sequence[Measured]) -> Report:
    promises = [promise for one in measured for promise in one.promises]
    judged = [promise.kept for promise in promises if promise.kept is not None]
    tables: tuple[Table, ...] = tuple(table for one in measured for table in one.tables)
    return Report(
        task="speed",
        title=f"Speed on this machine: {sum(judged)} of {len(judged)} promises kept",
        settings={
            "only": list(options.parts),
            "data": None if options.data is None else str(options.data),
            "encoder": options.encoder,
            "seed": options.seed,
            "cores": os.cpu_count(),
            "machine": f"{platform.system()} {platform.machine()}",
            **asdict(options.sizes),
        },
        versions=library_versions(("facenet-pytorch", "open_clip_torch", "timm")),
        created=timestamp(),
        tables=(promises_table(promises), *tables),
        notes=(
            "Times hold for a machine that does nothing else; both sides of a ratio are "
            "measured in the same run.",
        ),
    )
