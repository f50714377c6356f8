"""The run: read, encode and write at once, with bounded queues between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import TypeVar

from artsim.catalog.progress import Progress
from artsim.ingest.known import Known
from artsim.ingest.points import EncodedPainting, encode_paintings
from artsim.ingest.progress import Counts, IngestSummary, Problem
from artsim.ingest.reader import Reader, ReadPainting
from artsim.ingest.source_types import RowProblem, SourceEntry, SourcePainting
from artsim.ingest.writer import Writer

_LOOK_UP = 128
"""Paintings that are looked up in the gallery at a time."""

LookUp = Callable[[Sequence[SourcePainting]], Mapping[str, Known]]
"""From paintings to what the gallery has of them, by their ids."""

Write = Callable[[Sequence[EncodedPainting]], None]
"""Puts a batch into the gallery; called from one thread."""

T = TypeVar("T")


def run_ingest(
    paintings: Iterable[SourceEntry],
    reader: Reader,
    look_up: LookUp,
    write: Write,
    *,
    workers: int,
    batch_size: int,
    progress: Progress,
) -> IngestSummary:
    """Bring every painting into the gallery, skipping what it has already.

    Memory is bounded by `workers` and `batch_size`, whatever the source's length. Ctrl-C
    (KeyboardInterrupt) and failures of the store leave only whole paintings behind.

    Parameters
    ----------
    workers : int
        Reader threads, at least 1.
    batch_size : int
        Paintings that are encoded and written together, at least 1.
    """
    summary = IngestSummary(Counts(), dry_run=reader.dry_run)
    counts = summary.counts
    batch: list[ReadPainting] = []

    def report() -> None:
        done = counts.done + len(batch)
        progress.update(done, faces=counts.faces, skipped=counts.unchanged, failed=counts.failed)

    ahead = workers + 2 * batch_size
    with (
        Writer(write) as writer,
        closing(_read_ahead(paintings, reader, look_up, workers, ahead)) as reads,
    ):
        for read in reads:
            if isinstance(read, Problem):
                summary.problems.append(read)
                counts.failed += 1
            elif read.unchanged:
                counts.unchanged += 1
            else:
                batch.append(read)
            report()
            if len(batch) == batch_size:
                _encode_and_put(batch, reader, writer, batch_size, summary)
                batch = []
        if batch:
            _encode_and_put(batch, reader, writer, batch_size, summary)
            batch = []
    report()
    return summary


def _encode_and_put(
    batch: Sequence[ReadPainting],
    reader: Reader,
    writer: Writer,
    batch_size: int,
    summary: IngestSummary,
) -> None:
    if not reader.dry_run:
        writer.put(encode_paintings(batch, reader.equipment, batch_size))
    names = {e.info.vector_name: e.info.name for e in reader.equipment.encoders}
    for read in batch:
        if read.renamed_from is not None:
            summary.renamed.append((read.renamed_from, read.painting_id))
        _count(read, names, summary.counts)


def _count(read: ReadPainting, names: Mapping[str, str], counts: Counts) -> None:
    if read.has_new_vectors:
        counts.written += 1
        counts.faces += len(read.faces or ())
        if not read.fresh:
            counts.extended += 1
            for vector_name in read.prepared:
                name = names[vector_name]
                counts.added[name] = counts.added.get(name, 0) + 1
    elif read.renamed_from is not None:
        counts.renamed += 1
    else:
        counts.updated += 1


def _read_ahead(
    paintings: Iterable[SourceEntry],
    reader: Reader,
    look_up: LookUp,
    workers: int,
    ahead: int,
) -> Generator[ReadPainting | Problem, None, None]:
    """Yield in the source's order what the reader threads made of it, `ahead` at the most."""
    waiting: deque[Future[ReadPainting | Problem] | Problem] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="artsim-reader") as pool:
        try:
            for chunk in _chunks(paintings, _LOOK_UP):
                known = look_up([p for p in chunk if isinstance(p, SourcePainting)])
                for painting in chunk:
                    if isinstance(painting, RowProblem):
                        waiting.append(_row_problem(painting))
                    else:
                        of_painting = known.get(painting.painting_id)
                        waiting.append(pool.submit(reader.read, painting, of_painting))
                    while len(waiting) > ahead:
                        yield _result(waiting.popleft())
            while waiting:
                yield _result(waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _row_problem(problem: RowProblem) -> Problem:
    return Problem(problem.place, str(problem), problem.painting_id or None, problem.line)


def _result(outcome: Future[ReadPainting | Problem] | Problem) -> ReadPainting | Problem:
    return outcome.result() if isinstance(outcome, Future) else outcome


def _chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk
