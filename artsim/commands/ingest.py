"""`artsim ingest` and `artsim sample`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from artsim.commands.common import (
    ApiKeyOption,
    DeviceOption,
    FaceScoreOption,
    GalleryOption,
    HomeOption,
    MaxMegapixelsOption,
    MinFaceOption,
    OnDiskOption,
    OverwriteOption,
    Place,
    Quantization,
    ReplicasOption,
    ShardsOption,
    UrlOption,
    WaitOption,
    WeightsOption,
    expected_errors,
    make_progress,
    parse_columns,
    say,
    say_notes,
)
from artsim.errors import ArtsimError

if TYPE_CHECKING:
    from artsim.ingest.problem_list import ProblemList
    from artsim.ingest.progress import IngestSummary, Problem

SHOWN_PROBLEMS = 10
SHOWN_CHARACTERS = 400

SourceArgument = Annotated[
    Path,
    typer.Argument(help="Folder of pictures, or manifest: CSV, TSV, Excel, JSON Lines, Parquet."),
]
MetadataOption = Annotated[
    Path | None,
    typer.Option(help="Manifest of a folder's pictures.", show_default="its metadata.csv"),
]
ColumnsOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="Which column is which; repeatable."),
]
EncoderOption = Annotated[
    list[str] | None,
    typer.Option(
        "--encoder",
        "-e",
        help="For whole pictures; repeatable. See `artsim models`.",
        show_default="the gallery's, else builtin",
    ),
]
FaceEncoderOption = Annotated[
    str | None,
    typer.Option(help="For aligned faces.", show_default="the gallery's, else builtin"),
]
NoFacesOption = Annotated[bool, typer.Option("--no-faces", help="Do not look for faces.")]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Reader threads.", show_default="one a core")
]
BatchSizeOption = Annotated[int, typer.Option(min=1, help="Paintings encoded at once.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only the first so many.")]
ShardOption = Annotated[
    str | None,
    typer.Option(
        metavar="I/N", help="Only every N-th picture, from the I-th: one share for a machine."
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Encode again what the gallery has.")]
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Read everything, write nothing; say how the columns are understood."
    ),
]
ErrorsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Where to list what did not go in: .csv or .jsonl.",
        show_default="ingest-errors.csv in the data folder",
    ),
]


def ingest(
    source: SourceArgument,
    metadata: MetadataOption = None,
    columns: ColumnsOption = None,
    encoder: EncoderOption = None,
    face_encoder: FaceEncoderOption = None,
    no_faces: NoFacesOption = False,
    workers: WorkersOption = None,
    batch_size: BatchSizeOption = 32,
    limit: LimitOption = None,
    shard: ShardOption = None,
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    errors: ErrorsOption = None,
    overwrite: OverwriteOption = False,
    weights: WeightsOption = None,
    device: DeviceOption = "auto",
    min_face: MinFaceOption = None,
    face_score: FaceScoreOption = None,
    max_megapixels: MaxMegapixelsOption = 200.0,
    shards: ShardsOption = None,
    replicas: ReplicasOption = None,
    quantization: Quantization = "none",
    on_disk: OnDiskOption = False,
    gallery: GalleryOption = None,
    url: UrlOption = None,
    api_key: ApiKeyOption = None,
    home: HomeOption = None,
    wait: WaitOption = None,
) -> None:
    """Bring a folder or manifest of paintings into a gallery.

    What the gallery has already is skipped, so a run that was interrupted is simply run
    again.

    Example: artsim ingest ~/pictures --gallery nga --map id=objectid
    """
    if weights is not None and len(encoder or ()) > 1:
        raise typer.BadParameter("--weights is for one --encoder; put several in ARTSIM_WEIGHTS")
    with expected_errors():
        from artsim.images.load import ImageLimits
        from artsim.ingest.problem_list import ProblemList
        from artsim.ingest.run import IngestOptions, ingest_paintings
        from artsim.store.base import ServerOptions

        options = IngestOptions(
            encoders=tuple(encoder or ()),
            face_encoder=face_encoder,
            faces=not no_faces,
            weights=weights,
            device=device,
            min_face=min_face,
            face_score=face_score,
            limits=ImageLimits(max_megapixels=max_megapixels),
            workers=workers,
            batch_size=batch_size,
            limit=limit,
            shard=_parse_shard(shard),
            force=force,
            dry_run=dry_run,
            server=ServerOptions(shards, replicas, quantization, on_disk),
        )
        place = Place(gallery, url, api_key, home, wait)
        with place.open() as opened:
            inputs = _lists(source, metadata, parse_columns(columns or []), errors)
            listed = ProblemList(errors, place.settings.home, opened.name, overwrite, inputs)
            listed.check()
            if dry_run:
                _say_what_is_understood(source, metadata, parse_columns(columns or []))
            try:
                summary = ingest_paintings(
                    opened,
                    source,
                    options,
                    metadata=metadata,
                    columns=parse_columns(columns or []),
                    progress=make_progress(),
                )
            except KeyboardInterrupt:
                say("Interrupted. What was written is whole; the same command goes on from there.")
                raise typer.Exit(130) from None
        _report(summary, listed)


def sample(
    folder: Annotated[Path, typer.Argument(help="New or empty folder.")],
    seed: Annotated[int, typer.Option(min=0, help="Other seeds, other pictures.")] = 0,
    count: Annotated[int, typer.Option(min=1, help="How many pictures.")] = 60,
) -> None:
    """Make a small collection of invented paintings to try artsim on."""
    with expected_errors():
        from artsim.ingest.sample import make_sample

        progress = make_progress()
        progress.start(count, f"Painting into {folder}")
        try:
            made = make_sample(
                folder,
                seed=seed,
                count=count,
                progress=lambda done, _: progress.update(done, faces=0, skipped=0, failed=0),
            )
        finally:
            progress.finish()
        say(
            f"{made.pictures} pictures, {made.portraits} of them portraits, are in {folder}. "
            f"Next: artsim ingest {folder}"
        )


def _lists(
    source: Path, metadata: Path | None, columns: dict[str, str], errors: Path | None
) -> tuple[Path, ...]:
    """Return the lists that are read, of which the one of the errors must be none."""
    if errors is None or not errors.exists():
        return ()
    from artsim.ingest.sources import read_source

    read = read_source(source, metadata=metadata, column_map=columns).metadata
    return () if read is None else (read,)


def _say_what_is_understood(source: Path, metadata: Path | None, columns: dict[str, str]) -> None:
    from artsim.ingest.sources import read_source
    from artsim.ingest.understanding import understand_metadata
    from artsim.render.text import clean

    understanding = understand_metadata(read_source(source, metadata=metadata, column_map=columns))
    for line in understanding.lines() if understanding else ["There is no metadata."]:
        say(clean(line, SHOWN_CHARACTERS))


def _parse_shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, _, step = text.partition("/")
    if not (first.isdecimal() and step.isdecimal() and 1 <= int(first) <= int(step)):
        raise typer.BadParameter(f"--shard {text!r}: expected I/N with I in 1..N, as 2/4")
    return int(first), int(step)


def _report(summary: IngestSummary, listed: ProblemList) -> None:
    say_notes(summary.notes)
    say(_in_words(summary))
    for problem in summary.problems[:SHOWN_PROBLEMS]:
        say(f"  {problem.reason}")
    if place := _keep_problems(summary.problems, listed):
        say(f"All that did not go in, with reasons: {place}")


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
    verb = "Would write" if summary.dry_run else "Wrote"
    faces = f" with {counts.faces} faces" if counts.faces else ""
    others = {
        "had new metadata": counts.updated,
        "were there already": counts.unchanged,
        "did not go in": counts.failed,
    }
    parts = [f"{verb} {counts.written} paintings{faces}"]
    parts += [f"{count} {what}" for what, count in others.items() if count]
    return "; ".join(parts) + "."
