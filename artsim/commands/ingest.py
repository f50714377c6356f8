"""`artsim ingest` and `artsim sample`."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Literal

import typer

from artsim.catalog.film_names import is_film
from artsim.catalog.kinds import DETAILS, FACES, KINDS, POINTS, Kind
from artsim.catalog.progress import counted
from artsim.commands.command_line import say, say_notes, write_json
from artsim.commands.options import EncoderOptions, FaceOptions, Place, parse_columns
from artsim.errors import ArtsimError
from artsim.images.memory import ImageLimits
from artsim.ingest.records import Problem
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.ingest.sample import make_sample
from artsim.ingest.sources import read_source
from artsim.ingest.summary import Counts, IngestSummary, ProblemList, understand_metadata
from artsim.render.progress_bars import make_progress
from artsim.render.text import clean
from artsim.store.protocol import ServerOptions

SHOWN = 10  # problems, and paintings with another id, that are named one by one
SHOWN_CHARACTERS = 400
SOME_FAILED = 3  # exit code of an ingest that finished, and left out more than was to be expected


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told of an ingest, and where."""

    max_failures: int = 0
    quiet: bool = False
    output_format: Literal["text", "json"] = "text"
    errors: Path | None = None
    overwrite: bool = False

    def tell(self, summary: IngestSummary, listed: ProblemList) -> None:
        """Say what an ingest did; exit with 3 where too much did not go in."""
        too_many = summary.counts.failed > self.max_failures
        kept = _keep_problems(summary.problems, listed)
        if self.output_format == "json":
            write_json(summary.to_dict())
        elif not self.quiet:
            _say_summary(summary)
        elif too_many:
            say(f"Error: {summary.counts.failed:,} of the pictures or rows did not go in.")
        if self.output_format != "json" and (too_many or not self.quiet):
            for problem in summary.problems[:SHOWN]:
                say(f"  {problem.with_hint}")
            if kept is not None:
                say(f"All that did not go in, with reasons: {kept}")
        if summary.refusal is not None:
            raise summary.refusal
        if too_many:
            raise typer.Exit(SOME_FAILED)


def ingest(
    *,
    source: str,
    metadata: Path | None = None,
    columns: tuple[str, ...] = (),
    encoder: tuple[str, ...] = (),
    face_encoder: str | None = None,
    no_faces: bool = False,
    details: bool = False,
    kind: tuple[str, ...] = (),
    max_film_hours: float = 6.0,
    how: IngestOptions,
    shard: str | None = None,
    prune: bool = False,
    yes: bool = False,
    telling: Telling,
    encoding: EncoderOptions,
    sure: FaceOptions,
    layout: ServerOptions,
    place: Place,
) -> None:
    """Bring a folder, manifest or film of paintings into a gallery."""
    if encoding.weights is not None and len(encoder) > 1:
        raise typer.BadParameter("--weights is for one --encoder; put several in ARTSIM_WEIGHTS")
    if prune and (shard is not None or how.limit is not None):
        raise typer.BadParameter("--prune needs the whole source: no --shard and no --limit")
    if yes and not prune:
        raise typer.BadParameter("--yes is for --prune")
    options = replace(
        how,
        encoders=encoder,
        face_encoder=face_encoder,
        points=details,
        kinds=_parse_kinds([*kind, *([DETAILS.name] * details)], no_faces=no_faces),
        weights=encoding.weights,
        device=encoding.device,
        **asdict(sure),
        limits=ImageLimits(encoding.max_megapixels, max_film_hours=max_film_hours),
        shard=_parse_shard(shard),
        prune=prune,
        prune_any=yes,
        server=layout,
    )
    read_as, errors = parse_columns(columns), telling.errors
    read = partial(read_source, source, metadata=metadata, column_map=read_as)
    step = "second" if is_film(Path(source)) else "painting"
    progress = None if telling.quiet else make_progress(step)
    with _stoppable(), place.open() as opened:
        home, overwrite = place.settings.home, telling.overwrite
        # The list of the errors must be none that is read.
        lists = [read().metadata] if errors is not None and errors.exists() else []
        listed = ProblemList(errors, home, opened.name, overwrite, tuple(filter(None, lists)))
        listed.check()
        if how.dry_run and not telling.quiet and telling.output_format == "text":
            lines = understand_metadata(read())
            for line in ["There is no metadata."] if lines is None else lines:
                say(clean(line, SHOWN_CHARACTERS))
        summary = ingest_paintings(
            opened, source, options, metadata=metadata, columns=read_as, progress=progress
        )
    telling.tell(summary, listed)


def sample(*, folder: Path, count: int = 114) -> None:
    """Copy some of the sample's paintings."""
    progress = make_progress("picture")
    progress.start(count, f"Copying into {folder}")
    try:
        made = make_sample(folder, count=count, progress=lambda done, _: progress.update(done))
    finally:
        progress.finish()
    say(
        f"{counted(made.pictures, 'picture')}, {made.portraits} of them portraits, "
        f"{'is' if made.pictures == 1 else 'are'} in {folder}. Next: artsim ingest {folder}"
    )


def _parse_kinds(names: list[str], *, no_faces: bool) -> list[Kind]:
    parts = {name: kind for name, kind in KINDS.items() if not kind.is_whole}
    if unknown := [name for name in names if name not in parts]:
        known = ", ".join(parts)
        raise typer.BadParameter(f"--kind {unknown[0]!r}: there is no such kind of parts; {known}")
    return [parts[name] for name in dict.fromkeys(names if no_faces else [FACES.name, *names])]


def _parse_shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, _, step = text.partition("/")
    if not (first.isdecimal() and step.isdecimal() and 1 <= int(first) <= int(step)):
        raise typer.BadParameter(f"--shard {text!r}: expected I/N with I in 1..N, as 2/4")
    return int(first), int(step)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Say how to go on after Ctrl-C and SIGTERM, and exit as a shell expects of them."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt("Terminated")

    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, stop) if is_main else None
    try:
        yield
    except KeyboardInterrupt as interrupt:
        how = str(interrupt) or "Interrupted"
        say(f"{how}. What was written is whole; the same command goes on from there.")
        raise typer.Exit(143 if how == "Terminated" else 130) from None
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)


def _say_summary(summary: IngestSummary) -> None:
    say_notes(summary.notes)
    say(_in_words(summary))
    renamed = "would be renamed" if summary.dry_run else "renamed"
    for old_id, new_id in summary.renamed[:SHOWN]:
        say(f"{new_id} was there already as {old_id}: {renamed}")
    more = len(summary.renamed) - SHOWN
    if more > 0:
        say(f"and {more:,} more {renamed}")


def _keep_problems(problems: list[Problem], listed: ProblemList) -> Path | None:
    """Write the list; that it cannot be kept where nobody asked for it costs no ingest."""
    try:
        return listed.write(problems)
    except ArtsimError as error:
        if listed.path is not None:
            raise
        say(f"Note: {error.with_hint}")
        return None


def _in_words(summary: IngestSummary) -> str:
    counts = summary.counts
    found = [
        f"{count:,} {KINDS[name].noun if count == 1 else name}"
        for name, count in counts.parts.items()
        if count
    ]
    parts = f" with {' and '.join(found)}" if found else ""
    written = _written(counts, summary.noun, dry_run=summary.dry_run)
    would = summary.dry_run
    ends = [
        (counts.updated, "had new metadata"),
        (counts.renamed, "would be renamed" if would else "{were} renamed"),
        (counts.unchanged, "{were} there already"),
        (counts.failed, "did not go in"),
        (counts.pruned, "would be taken out" if would else "{were} taken out"),
    ]
    others = [f"{n:,} {end.format(were='was' if n == 1 else 'were')}" for n, end in ends if n]
    text = "; ".join([written[0] + parts, *written[1:], *others])
    return f"{text[0].upper()}{text[1:]}."


def _written(counts: Counts, noun: str, *, dry_run: bool) -> list[str]:
    """Return in words what was encoded: whole paintings, or what those that were there lacked."""

    def did(verb: str, past: str) -> str:
        return f"would {verb}" if dry_run else past

    new = counts.written - counts.extended
    parts = [
        f"{did('add', 'added')} {name if name == POINTS else f'{name} vectors'} to "
        f"{counted(count, noun)}"
        for name, count in counts.added.items()
    ]
    if counts.extended and not parts:
        searched = counted(counts.extended, noun)
        looked_for = [name for name, count in counts.parts.items() if count] or counts.parts
        parts = [f"{did('look', 'looked')} for {' and '.join(looked_for)} in {searched}"]
    if new or not parts:
        parts.insert(0, f"{did('write', 'wrote')} {counted(new, noun)}")
    return parts
