"""Taking out of a gallery what is no longer wanted, or what its source no longer has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from artsim.catalog.kinds import KINDS, PAINTINGS
from artsim.catalog.payload import Criteria
from artsim.catalog.progress import counted
from artsim.errors import SourceError
from artsim.ingest.records import INGESTED_FROM, UNNOTED, Problem, Source, SourceEntry
from artsim.ingest.targets import Target, delete_by_id
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection

MOST_AT_ONCE = 0.1
"""Share of a source's paintings above which it is rather the source that is not whole."""


def delete_paintings(gallery: Gallery, criteria: Criteria) -> None:
    """Delete the paintings that meet `criteria`, each after its parts.

    Interrupted, it leaves every painting either whole or without parts; run again, it finishes.
    ValueError if `criteria` is empty: `delete_gallery` deletes everything.
    """
    if not criteria.must and not criteria.must_not:
        raise ValueError("criteria must not be empty")
    paintings = gallery[PAINTINGS]
    records = paintings.scroll(criteria, payload_fields=["painting_id"])
    ids = [str(record.payload["painting_id"]) for record in records]
    delete_by_id(ids, paintings, [gallery[kind] for kind in gallery.kinds if not kind.is_whole])


def delete_gallery(gallery: Gallery) -> None:
    """Delete the gallery's collections with all that is in them, the paintings last."""
    for kind in reversed(KINDS.values()):
        gallery.store.delete_collection(gallery.collection_name(kind))


@dataclass(slots=True)
class Yielded:
    """What a source had, as far as it was read: what it has not is taken out.

    `ids` are of its pictures, whether or not they could be read; `named` is what rows with a
    problem call their paintings, which are still in the source; `hidden` is the first problem
    behind which any painting may be.
    """

    ids: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    hidden: Problem | None = None

    def watch(self, entries: Iterable[SourceEntry]) -> Iterator[SourceEntry]:
        """Yield the entries, noting them."""
        for entry in entries:
            if not isinstance(entry, Problem):
                self.ids.add(entry.painting_id)
            elif entry.painting_id is not None:
                self.named |= _other_names(entry.painting_id)
            elif entry.may_hide_any and self.hidden is None:
                self.hidden = entry
            yield entry

    def has(self, painting_id: str) -> bool:
        """Return whether the source may still have the painting."""
        return painting_id in self.ids or not self.named.isdisjoint(_other_names(painting_id))


def prune(
    source: Source, yielded: Yielded, targets: Sequence[Target], *, most: float, dry_run: bool
) -> int:
    """Take out what the source no longer has, and return how many paintings that were.

    Interrupted, it is finished by the next one. SourceError, and nothing is taken out, if the
    source is empty or was not read wholly, or more would go than the share `most`.
    """
    paintings, *parts = (target.collection for target in targets)
    if paintings is None:
        return 0
    if not yielded.ids:
        raise SourceError(f"{source.uri} has no picture that is there: nothing was taken out")
    if yielded.hidden is not None:
        raise SourceError(
            f"{yielded.hidden}: nothing was taken out, since nobody knows which paintings are "
            "behind it; mend it first"
        )
    gone, total = _missing(source, yielded, paintings)
    if len(gone) > most * total:
        raise SourceError(
            f"{len(gone):,} of {counted(total, 'painting')} from {source.uri} are no longer in it, "
            f"more than {most:.0%}: nothing was taken out; check that the source is whole, or "
            "say that they are to go",
            hint="--yes",
        )
    if not dry_run:
        delete_by_id(gone, paintings, [part for part in parts if part is not None])
    return len(gone)


def _missing(source: Source, yielded: Yielded, paintings: Collection) -> tuple[list[str], int]:
    """Return the ids that the source has no longer, and how many paintings came from it."""
    gone: list[str] = []
    total = 0
    # Before sources were noted, a path for an id still showed which folder it came from.
    for criteria in (source.own, UNNOTED) if source.is_folder else (source.own,):
        fields = ["painting_id", "image_uri", INGESTED_FROM]
        for record in paintings.scroll(criteria, payload_fields=fields):
            if criteria is UNNOTED and not source.gave(record.payload):
                continue
            total += 1
            painting_id = str(record.payload["painting_id"])
            if not yielded.has(painting_id):
                gone.append(painting_id)
    return gone, total


def _other_names(painting_id: str) -> set[str]:
    """Return what a row may call a picture of that id: its path, name, or name without suffix."""
    path = PurePosixPath(painting_id.replace("\\", "/"))
    return {painting_id, str(path), path.name, path.stem} - {""}
