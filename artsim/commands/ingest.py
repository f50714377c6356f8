"""`artsim ingest` and `artsim sample`."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

import typer

from artsim.catalog.kinds import FACES, KINDS, Kind
from artsim.catalog.progress import counted
from artsim.commands.command_line import say, say_notes, write_json
from artsim.commands.options import (
    EncoderOptions,
    FaceOptions,
    Place,
    ServerLayout,
    argument,
    columns_option,
    option,
    overwrite_option,
    parse_columns,
)
from artsim.errors import ArtsimError

if TYPE_CHECKING:
    from artsim.ingest.records import Problem
    from artsim.ingest.summary import Counts, IngestSummary, ProblemList

SHOWN_PROBLEMS = 10
SHOWN_CHARACTERS = 400
SHOWN_RENAMES = 10

SOME_FAILED = 3
"""Exit code of an ingest that finished, and left out more than was to be expected."""

_flag = partial(option, False)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How an ingest goes about it."""

    workers: int | None = option(None, "Reader threads.", min=1, show_default="one a core")
    batch_size: int = option(32, "Paintings encoded at once.", min=1)
    limit: int | None = option(None, "Only the first so many.", min=1)
    shard: str | None = option(
        None,
        "Only every N-th picture, from the I-th: one share for a machine.",
        metavar="I/N",
    )
    force: bool = _flag("Encode again what the gallery has.", "--force")
    dry_run: bool = _flag(
        "Read everything, write nothing; say how the columns are understood.", "--dry-run"
    )
    prune: bool = _flag("In the end take out what the source no longer has.", "--prune")
    yes: bool = _flag("--prune may take out more than a tenth.", "--yes", "-y")

    def settings(self) -> dict[str, Any]:
        """Return them by the names of `IngestOptions`."""
        if self.prune and (self.shard is not None or self.limit is not None):
            raise typer.BadParameter("--prune needs the whole source: no --shard and no --limit")
        if self.yes and not self.prune:
            raise typer.BadParameter("--yes is for --prune")
        settings = asdict(self)
        del settings["yes"]
        return {**settings, "shard": _parse_shard(self.shard), "prune_any": self.yes}


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told of an ingest, and where."""

    max_failures: int = option(0, "Exit with 3 only if more pictures or rows did not go in.", min=0)
    quiet: bool = _flag("Say nothing but errors.", "--quiet", "-q")
    output_format: Literal["text", "json"] = option(
        "text", "The summary in words on stderr, or JSON on stdout.", "--format", "-f"
    )
    errors: Path | None = option(
        None,
        "Where to list what did not go in: .csv or .jsonl.",
        metavar="FILE",
        show_default="ingest-errors.csv in the data folder",
    )
    overwrite: bool = overwrite_option()

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
            _say_problems(summary.problems, kept)
        if summary.refusal is not None:
            raise summary.refusal
        if too_many:
            raise typer.Exit(SOME_FAILED)


def ingest(
    *,
    source: str = argument(
        ..., "Folder of pictures, or manifest: CSV, TSV, Excel, JSON Lines, Parquet."
    ),
    metadata: Path | None = option(
        None, "Manifest of a folder's pictures.", show_default="its metadata.csv"
    ),
    columns: list[str] | None = columns_option(),
    encoder: list[str] | None = option(
        None,
        "For whole pictures; repeatable. See `artsim models`.",
        *("--encoder", "-e"),
        show_default="the gallery's, else builtin",
    ),
    face_encoder: str | None = option(
        None, "For aligned faces.", show_default="the gallery's, else builtin"
    ),
    no_faces: bool = _flag("Do not look for faces.", "--no-faces"),
    kind: list[str] | None = option(None, "Parts to look for besides faces; repeatable.", "--kind"),
    how: RunOptions,
    telling: Telling,
    encoding: EncoderOptions,
    sure: FaceOptions,
    layout: ServerLayout,
    place: Place,
) -> None:
    """Bring a folder or manifest of paintings into a gallery."""
    if encoding.weights is not None and len(encoder or ()) > 1:
        raise typer.BadParameter("--weights is for one --encoder; put several in ARTSIM_WEIGHTS")
    from artsim.images.load import ImageLimits
    from artsim.ingest.run import IngestOptions, ingest_paintings
    from artsim.ingest.summary import ProblemList
    from artsim.render.progress_bars import make_progress

    options = IngestOptions(
        encoders=tuple(encoder or ()),
        face_encoder=face_encoder,
        kinds=_parse_kinds(kind or [], no_faces=no_faces),
        weights=encoding.weights,
        device=encoding.device,
        **asdict(sure),
        limits=ImageLimits(max_megapixels=encoding.max_megapixels),
        **how.settings(),
        server=layout.server(),
    )
    read_as = parse_columns(columns)
    with _stoppable(), place.open() as opened:
        inputs = _lists(source, metadata, read_as, telling.errors)
        home, overwrite = place.settings.home, telling.overwrite
        listed = ProblemList(telling.errors, home, opened.name, overwrite, inputs)
        listed.check()
        if how.dry_run and not telling.quiet and telling.output_format == "text":
            _say_what_is_understood(source, metadata, read_as)
        summary = ingest_paintings(
            opened,
            source,
            options,
            metadata=metadata,
            columns=read_as,
            progress=None if telling.quiet else make_progress("painting"),
        )
    telling.tell(summary, listed)


def sample(
    *,
    folder: Path = argument(..., "New or empty folder."),
    count: int = option(114, "How many, the first of the list.", min=1, max=114),
) -> None:
    """Copy some of the sample's paintings."""
    from artsim.ingest.sample import make_sample
    from artsim.render.progress_bars import make_progress

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


def _lists(
    source: str, metadata: Path | None, columns: dict[str, str], errors: Path | None
) -> tuple[Path, ...]:
    """Return the lists that are read, of which the one of the errors must be none."""
    if errors is None or not errors.exists():
        return ()
    from artsim.ingest.sources import read_source

    read = read_source(source, metadata=metadata, column_map=columns).metadata
    return () if read is None else (read,)


def _say_what_is_understood(source: str, metadata: Path | None, columns: dict[str, str]) -> None:
    from artsim.ingest.sources import read_source, understand_metadata
    from artsim.render.text import clean

    lines = understand_metadata(read_source(source, metadata=metadata, column_map=columns))
    for line in ["There is no metadata."] if lines is None else lines:
        say(clean(line, SHOWN_CHARACTERS))


def _parse_kinds(names: list[str], *, no_faces: bool) -> list[Kind]:
    parts = {name: kind for name, kind in KINDS.items() if not kind.is_whole}
    for name in names:
        if name not in parts:
            known = ", ".join(parts)
            raise typer.BadParameter(f"--kind {name!r}: there is no such kind of parts; {known}")
    wanted = dict.fromkeys(names if no_faces else [FACES.name, *names])
    return [parts[name] for name in wanted]


def _parse_shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, _, step = text.partition("/")
    if not (first.isdecimal() and step.isdecimal() and 1 <= int(first) <= int(step)):
        raise typer.BadParameter(f"--shard {text!r}: expected I/N with I in 1..N, as 2/4")
    return int(first), int(step)


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which ends an ingest as Ctrl-C does."""


@contextmanager
def _stoppable() -> Iterator[None]:
    """Say how to go on after Ctrl-C and SIGTERM, and exit as a shell expects of them."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, stop) if is_main else None
    try:
        yield
    except KeyboardInterrupt as interrupt:
        terminated = isinstance(interrupt, _Terminated)
        how = "Terminated" if terminated else "Interrupted"
        say(f"{how}. What was written is whole; the same command goes on from there.")
        raise typer.Exit(143 if terminated else 130) from None
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)


def _say_summary(summary: IngestSummary) -> None:
    say_notes(summary.notes)
    say(_in_words(summary))
    renamed = "would be renamed" if summary.dry_run else "renamed"
    for old_id, new_id in summary.renamed[:SHOWN_RENAMES]:
        say(f"{new_id} was there already as {old_id}: {renamed}")
    more = len(summary.renamed) - SHOWN_RENAMES
    if more > 0:
        say(f"and {more:,} more {renamed}")


def _say_problems(problems: list[Problem], kept: Path | None) -> None:
    for problem in problems[:SHOWN_PROBLEMS]:
        say(f"  {problem.with_hint}")
    if kept is not None:
        say(f"All that did not go in, with reasons: {kept}")


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
    written = _written(counts, dry_run=summary.dry_run)
    ends = [
        (counts.updated, "had new metadata"),
        (counts.renamed, "would be renamed" if summary.dry_run else "{were} renamed"),
        (counts.unchanged, "{were} there already"),
        (counts.failed, "did not go in"),
        (counts.pruned, "would be taken out" if summary.dry_run else "{were} taken out"),
    ]
    others = [
        f"{count:,} {what.format(were='was' if count == 1 else 'were')}"
        for count, what in ends
        if count
    ]
    text = "; ".join([written[0] + parts, *written[1:], *others])
    return f"{text[0].upper()}{text[1:]}."


def _written(counts: Counts, *, dry_run: bool) -> list[str]:
    """Return in words what was encoded: whole paintings, or what those that were there lacked."""

    def did(verb: str, past: str) -> str:
        return f"would {verb}" if dry_run else past

    new = counts.written - counts.extended
    parts = [
        f"{did('add', 'added')} {name} vectors to {counted(count, 'painting')}"
        for name, count in counts.added.items()
    ]
    if counts.extended and not parts:
        searched = counted(counts.extended, "painting")
        looked_for = [name for name, count in counts.parts.items() if count] or counts.parts
        parts = [f"{did('look', 'looked')} for {' and '.join(looked_for)} in {searched}"]
    if new or not parts:
        parts.insert(0, f"{did('write', 'wrote')} {counted(new, 'painting')}")
    return parts
