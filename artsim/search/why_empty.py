"""Why a search found nothing: asked only then, by a few more counts and searches."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from artsim.catalog.criteria import EVERYTHING, Criteria
from artsim.search.find import find_hits, group_key
from artsim.search.options import SearchOptions
from artsim.search.probes import Target
from artsim.store.base import Collection, SearchRequest

ONLY_ITSELF: Final = "only the query picture itself, which is left out"
"""The reason that `SearchOptions.include_self` takes away."""


def why_empty(
    target: Target,
    collection: Collection,
    criteria: Criteria,
    left_out: Criteria,
    options: SearchOptions,
    *,
    point: str = "painting",
) -> str:
    """Return in words why a search that was just made found nothing.

    Parameters
    ----------
    criteria, left_out : Criteria
        What was asked for, and what the options leave out.
    point : str
        What a point of `collection` is called.
    """
    if not collection.count(EVERYTHING):
        return "the gallery is empty" if point == "painting" else f"the gallery has no {point}s"
    if not collection.count(criteria):
        return f"no {point} meets the filters"
    if not collection.count(criteria & left_out):
        others = collection.count(criteria & Criteria(must_not=target.itself))
        if others and not options.include_self:
            return "only works by the query painting's own artist, which are left out"
        return ONLY_ITSELF
    best = _best_cosine(target, collection, criteria & left_out, exact=options.exact)
    if best is None:
        names = " or ".join(target.probes[0].vectors)
        return f"no {point} that meets the filters has a vector {names}"
    if options.min_score is not None and best < options.min_score:
        shown = f"{best:.2f}"
        # Not "0.90, below 0.9" of 0.8999.
        shown = shown if float(shown) < options.min_score else f"{best:.6f}"
        return f"the best is {shown}, below {options.min_score:g}"
    return _why_none_is_left(target, collection, criteria & left_out, options, point)


def _best_cosine(
    target: Target, collection: Collection, criteria: Criteria, *, exact: bool
) -> float | None:
    requests = [
        SearchRequest(vector, name, criteria, limit=1, exact=exact)
        for probe in target.probes
        for name, vector in probe.vectors.items()
    ]
    return max((hit.score for hits in collection.search(requests) for hit in hits), default=None)


def _why_none_is_left(
    target: Target, collection: Collection, criteria: Criteria, options: SearchOptions, point: str
) -> str:
    """Say what grouping or skipping took away of what was found."""
    plain = replace(
        options, offset=0, limit=max(1, options.offset), rerank=None, rerank_weight=None
    )
    hits = find_hits(target, collection, criteria, plain)
    if options.group_by is not None:
        groups = {group_key(hit, options.group_by) for hit in hits}
        if not groups:
            return f"no {point} found has the field {options.group_by!r} to be grouped by"
        count, what = len(groups), "group"
    else:
        count, what = len(hits), point
    return f"after the first {options.offset} there is nothing; found were {_counted(count, what)}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
