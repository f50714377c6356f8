"""Taking out of a gallery what its source no longer has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from artsim.catalog.progress import counted
from artsim.errors import SourceError
from artsim.ingest.delete import delete_by_id
from artsim.ingest.destination import Destination
from artsim.ingest.origin import UNNOTED, Origin, other_names
from artsim.ingest.source_types import RowProblem, SourceEntry
from artsim.store.base import Collection

MOST_AT_ONCE = 0.1
"""Share of a source's paintings above which it is rather the source that is not whole."""


@dataclass(slots=True)
class Yielded:
    """What a source had, as far as it was read: what it has not is taken out.

    Attributes
    ----------
    ids : set of str
        Of its pictures, whether or not they could be read.
    named : set of str
        What rows with a problem call their paintings: these are still in the source.
    hidden : RowProblem or None
        The first problem behind which any painting may be.
    """

    ids: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    hidden: RowProblem | None = None

    def watch(self, entries: Iterable[SourceEntry]) -> Iterator[SourceEntry]:
        """Yield the entries, noting them."""
        for entry in entries:
            if not isinstance(entry, RowProblem):
                self.ids.add(entry.painting_id)
            elif entry.painting_id is not None:
                self.named |= other_names(entry.painting_id) - {""}
            elif self.hidden is None:
                self.hidden = entry
            yield entry

    def has(self, painting_id: str) -> bool:
        """Return whether the source may still have the painting."""
        return painting_id in self.ids or not self.named.isdisjoint(other_names(painting_id))


def prune(
    origin: Origin, yielded: Yielded, destination: Destination, *, most: float, dry_run: bool
) -> int:
    """Take out what the source no longer has, each painting after its faces.

    Interrupted, it is finished by the next one.

    Parameters
    ----------
    yielded : Yielded
        After the source was read to its end.
    most : float
        Share of the source's paintings that may go.
    dry_run : bool
        Only count.

    Returns
    -------
    int
        How many went.

    Raises
    ------
    SourceError
        If the source is empty or was not read wholly, or more would go than may; nothing
        is taken out then.
    """
    if destination.paintings is None:
        return 0
    if not yielded.ids:
        raise SourceError(f"{origin.uri} has no picture that is there: nothing was taken out")
    if yielded.hidden is not None:
        raise SourceError(
            f"{yielded.hidden}: nothing was taken out, since nobody knows which paintings are "
            "behind it; mend it first"
        )
    gone, total = _missing(origin, yielded, destination.paintings)
    if len(gone) > most * total:
        raise SourceError(
            f"{len(gone):,} of {counted(total, 'painting')} from {origin.uri} are no longer in it, "
            f"more than {most:.0%}: nothing was taken out; check that the source is whole, or "
            "say that they are to go",
            hint="--yes",
        )
    if not dry_run:
        delete_by_id(gone, destination.paintings, destination.faces)
    return len(gone)


def _missing(origin: Origin, yielded: Yielded, paintings: Collection) -> tuple[list[str], int]:
    """Return the ids that the source has no longer, and how many paintings came from it."""
    gone: list[str] = []
    total = 0
    # Before sources were noted, a path for an id still showed which folder it came from.
    for criteria in (origin.own, UNNOTED) if origin.is_folder else (origin.own,):
        fields = ["painting_id", "image_uri", "ingested_from"]
        for record in paintings.scroll(criteria, payload_fields=fields):
            if criteria is UNNOTED and not origin.gave(record.payload):
                continue
            total += 1
            painting_id = str(record.payload["painting_id"])
            if not yielded.has(painting_id):
                gone.append(painting_id)
    return gone, total
