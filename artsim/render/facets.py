"""The values of a field with their counts, as a table."""

from __future__ import annotations

from rich.table import Table

from artsim.catalog.payload import ATTRIBUTIONS
from artsim.render.table import counts_table, rows_table
from artsim.search.listing import ValueCounts

_PLAIN = {"by", "unknown"}
"""Attributions that are nobody's workshop or circle."""


def facets_table(counts: ValueCounts) -> Table:
    """Return the counts with a bar in proportion to the largest, artists with their works' ties.

    Artists stand once each, however their names are written; where works of any are not
    all by the artist, a column for each tie takes the place of the bar.
    """
    there = {kind for artist in counts.artists for kind in artist.attributions}
    if not there <= _PLAIN:
        kinds = [kind for kind in ATTRIBUTIONS if kind in there]
        rows = [
            (a.artist, a.count, *(a.attributions.get(kind) for kind in kinds))
            for a in counts.artists
        ]
        return rows_table([counts.field, "count", *kinds], rows, right=["count", *kinds])
    values = [(artist.artist, artist.count) for artist in counts.artists]
    return counts_table(counts.field, values or counts.values)
