"""Searching: a target, criteria and options into hits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from artsim.catalog.criteria import Criteria
from artsim.catalog.hits import Hit
from artsim.catalog.payload import field_value
from artsim.errors import QueryError
from artsim.search.fusion import fuse_rankings, rank_order
from artsim.search.options import SearchOptions
from artsim.search.probes import Probe, Target
from artsim.search.rerank import (
    PIXELS,
    rerank_by_distance,
    rerank_by_ssim,
    rerank_order,
    without_pixels,
)
from artsim.store.base import Collection, Rescore, SearchRequest

FUSION_DEPTH = 100
"""Least depth of the rankings that are fused; deeper where more hits are asked for."""

_MAX_DEPTH = 20_000


def find_hits(
    target: Target, collection: Collection, criteria: Criteria, options: SearchOptions
) -> list[Hit]:
    """Return the hits of a search, best first, ties by painting id.

    Each probe (each query face) ranks by its vectors, several of them fused by reciprocal
    rank; with `options.rerank` its first hits are reordered by pixels; the probes' rankings
    are merged, a point that several of them found keeping its best place.

    Raises
    ------
    QueryError
        If re-ranking is asked for and the query is no picture, or a weight is and several
        encoders are fused.
    """
    if options.rerank and not all(probe.pixels for probe in target.probes):
        raise QueryError(
            "re-ranking compares pictures, and this query has none; search without it",
            hint="drop --rerank",
        )
    if (
        options.rerank
        and options.rerank_weight is not None
        and any(len(p.vectors) > 1 for p in target.probes)
    ):
        raise QueryError(
            "a weight is added to the cosine, and encoders are fused by rank: there is no one "
            "cosine to add it to; search by one encoder, or without a weight",
            hint="drop --rerank-weight",
        )
    wanted = options.offset + options.limit
    if options.group_by is None:
        hits = _merged(target.probes, collection, criteria, options, wanted)
        return hits[options.offset : wanted]
    depth = max(4 * wanted * options.group_size, FUSION_DEPTH)
    while True:
        hits = _merged(target.probes, collection, criteria, options, depth)
        groups = _first_of_groups(hits, options)
        if len(groups) >= wanted or len(hits) < depth or depth >= _MAX_DEPTH:
            return [hit for group in groups[options.offset : wanted] for hit in group]
        depth *= 4


def group_key(hit: Hit, field: str) -> str | None:
    """Return what a hit is grouped by; None where it has no such field.

    Artists are told apart by their key, not by how a work writes the name; of a list the
    first value counts.
    """
    return group_label(hit, "artist_key" if field == "artist" else field)


def group_label(hit: Hit, field: str) -> str | None:
    """Return the first value of a hit's field, as it is written there."""
    value = field_value(hit.payload, field)
    if isinstance(value, list):
        value = value[0] if value else None
    return None if value is None else str(value)


def _merged(
    probes: Sequence[Probe],
    collection: Collection,
    criteria: Criteria,
    options: SearchOptions,
    wanted: int,
) -> list[Hit]:
    best: dict[str, Hit] = {}
    order = rerank_order if options.rerank else rank_order
    for probe in probes:
        for hit in _ranking(probe, collection, criteria, options, wanted):
            before = best.get(hit.point_id)
            if before is None or order(hit) < order(before):
                best[hit.point_id] = hit
    return sorted(best.values(), key=order)


def _ranking(
    probe: Probe,
    collection: Collection,
    criteria: Criteria,
    options: SearchOptions,
    wanted: int,
) -> list[Hit]:
    """Return the hits of one probe: one ranking for each encoder, fused and re-ranked."""
    depth = wanted
    if options.rerank:
        depth = max(depth, options.rerank_depth)
    if len(probe.vectors) > 1:
        depth = max(depth, FUSION_DEPTH)
    requests = [
        SearchRequest(
            vector,
            name,
            criteria,
            limit=depth,
            min_score=options.min_score,
            with_vectors=(PIXELS,) if options.rerank == "ssim" else (),
            exact=options.exact,
        )
        for name, vector in probe.vectors.items()
    ]
    rescored = [
        replace(request, min_score=None, rescore=Rescore(pixels, PIXELS, depth))
        for pixels in probe.pixels
        for request in requests
        if options.rerank == "rmse"
    ]
    answers = collection.search([*requests, *rescored])
    rankings, rescored_rankings = answers[: len(requests)], answers[len(requests) :]
    hits = fuse_rankings(rankings) if len(rankings) > 1 else rankings[0]
    hits = [replace(hit, query_face=probe.face) for hit in hits]
    return _reranked(hits, probe, options, rescored_rankings)


def _reranked(
    hits: Sequence[Hit], probe: Probe, options: SearchOptions, rescored: Sequence[Sequence[Hit]]
) -> list[Hit]:
    """Return hits with the first ones reordered, if that is wanted.

    `rescored` are rankings by the distance of pixels: for each query picture one of each
    encoder's hits.
    """
    weight = options.rerank_weight
    first, rest = hits[: options.rerank_depth], hits[options.rerank_depth :]
    if options.rerank == "ssim":
        reranked = rerank_by_ssim(first, probe.pixels, weight=weight)
        return [*reranked, *map(without_pixels, rest)]
    if options.rerank == "rmse":
        distances: dict[int, dict[str, float]] = defaultdict(dict)
        for i, ranking in enumerate(rescored):
            picture = i // len(probe.vectors)
            distances[picture].update({h.point_id: -h.score for h in ranking})
        by_picture, dim = list(distances.values()), len(probe.pixels[0])
        return [*rerank_by_distance(first, by_picture, dim, weight=weight), *rest]
    return list(hits)


def _first_of_groups(hits: Sequence[Hit], options: SearchOptions) -> list[list[Hit]]:
    """Return the groups in the order of their best hits, each cut to its size."""
    groups: dict[str, list[Hit]] = defaultdict(list)
    for hit in hits:
        value = group_key(hit, options.group_by or "")
        if value is not None and len(groups[value]) < options.group_size:
            groups[value].append(hit)
    return list(groups.values())
