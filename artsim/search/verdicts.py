"""What scores mean in their gallery: a word for each hit, and two pictures beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from artsim.catalog.arrays import Pixels
from artsim.catalog.hits import Hit
from artsim.catalog.scale import (
    Scale,
    Verdict,
    Word,
)
from artsim.encoders.trained import read_cohort
from artsim.search.probes import Probe
from artsim.search.question import COPIES, SearchOptions
from artsim.search.rerank import PIXELS
from artsim.store.protocol import Collection

SAME_SSIM: Final = 0.7
"""Least structural similarity of two scans of one painting: see docs/quality.md."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Hits with their verdicts, after how many they fall off, and remarks on the query."""

    hits: list[Hit]
    falls_off: int | None
    remarks: list[str]


def judge(
    hits: Sequence[Hit],
    probes: Sequence[Probe],
    collection: Collection,
    scale: Scale | None,
    options: SearchOptions,
) -> Judged:
    """Return the hits with their verdicts, and remarks on a query that nothing is like.

    Whether a hit that is very near is the same picture, or it mirrored, the small gray pictures
    say; what looks like no painting at all, as a page or noise, is near to nothing else.
    """
    if scale is None:
        return Judged(list(hits), None, [])
    flat = {probe.part for probe in probes if _is_featureless(probe)}
    common = {p.part: how_common(p, name, scale) for p in probes for name in p.vectors}
    judged = [
        replace(hit, verdict=scale.verdict(hit.score, common.get(hit.query_face))) for hit in hits
    ]
    judged = [_by_evidence(hit) for hit in _compared(judged, probes, collection, scale)]
    judged = [
        _nothing_near(hit) if hit.query_face in flat and not is_found(hit) else hit
        for hit in judged
    ]
    remarks = _remarks(judged, bool(flat), scale)
    # A re-ranker's own scores, and groups, are in another order than that of nearness.
    by_nearness = options.rerank is None or options.rerank_weight is not None
    falls_off = None
    if by_nearness and options.group_by is None and not remarks:
        nearness = [1.0 if is_found(hit) else hit.best_score for hit in judged]
        falls_off = falls_off_after(nearness, scale)
    if all(getattr(options, name) == value for name, value in COPIES.items()):
        remarks += _no_copy(judged)
    return Judged(judged, falls_off, remarks)


def is_found(hit: Hit) -> bool:
    """Return whether local points say that a hit is what the query shows."""
    return hit.evidence is not None and hit.evidence.is_found


def _by_evidence(hit: Hit) -> Hit:
    """Return a hit that points have verified with what they say in place of what its cosine does.

    A detail has no word of nearness.
    """
    if hit.evidence is None or hit.verdict is None or not hit.evidence.is_found:
        return hit
    if hit.evidence.relation != "same picture":
        return replace(hit, verdict=None)
    same = replace(hit.verdict, word="same picture", mirrored=hit.evidence.mirrored)
    return replace(hit, verdict=same)


def falls_off_after(scores: Sequence[float], scale: Scale) -> int | None:
    """Return after how many of the scores, best first, the largest step down is; None: none is."""
    steps = [before - after for before, after in pairwise(scores)]
    largest = max(steps, default=0.0)
    return steps.index(largest) + 1 if steps and largest >= scale.gap else None


def _no_copy(hits: Sequence[Hit]) -> list[str]:
    is_same = [hit.verdict is not None and hit.verdict.word == "same picture" for hit in hits]
    if not hits or any(is_same) or any(map(is_found, hits)):
        return []
    nearest = max(hits, key=lambda hit: hit.score)
    return [f"none of these is the same picture; the nearest has {told(nearest)}"]


def told(hit: Hit) -> str:
    """Return a score in a sentence: ``0.58 (near, nearer than 99.9 % of the gallery's pairs)``."""
    return f"{hit.score:.2f}{meaning(hit.verdict)}"


def meaning(verdict: Verdict | None) -> str:
    """Return in parentheses what a score says; "" where that was not measured."""
    if verdict is None:
        return ""
    word = "" if verdict.word == "not near" else f"{verdict.word}, "
    return f" ({word}nearer than {verdict.percent} of the gallery's pairs)"


def _remarks(hits: Sequence[Hit], is_flat: bool, scale: Scale) -> list[str]:
    if not hits or any(map(is_found, hits)):
        return []
    if any(hit.verdict and hit.verdict.word != "not near" for hit in hits):
        return []
    if is_flat:
        said = "the query picture is blank, a page, a screen or noise"
        return [f"nothing in this gallery looks like it: {said}"]
    most = max(hit.score for hit in hits)
    if most >= scale.far:
        return []
    said = f"of nine in ten works here one by another artist is nearer than {scale.far:.2f}"
    return [f"nothing in this gallery looks like it: the best has {most:.2f}, and {said}"]


def how_common(probe: Probe, name: str, scale: Scale) -> float | None:
    """Return how common a query is by that encoder's cohort; None where the scale has none."""
    cohort = read_cohort(name) if scale.above else None
    return None if cohort is None else float(cohort.common(probe.vectors[name][None])[0])


def _is_featureless(probe: Probe) -> bool:
    from artsim.images.pixels import is_featureless

    return probe.crop is not None and is_featureless(probe.crop)


def _nothing_near(hit: Hit) -> Hit:
    if hit.verdict is None or hit.verdict.word == "same picture":
        return hit
    return replace(hit, verdict=replace(hit.verdict, word="not near"))


def _compared(
    hits: list[Hit], probes: Sequence[Probe], collection: Collection, scale: Scale
) -> list[Hit]:
    """Return the hits, those that may be the query picture itself compared with it."""
    close = [row for row, hit in enumerate(hits) if hit.score >= scale.very_near]
    if not close or PIXELS not in collection.schema.vectors:
        return hits
    of_probes = {probe.part: probe for probe in probes}
    own = [probe.point_id for probe in probes if probe.point_id is not None]
    wanted = [*own, *(hits[row].point_id for row in close)]
    found = collection.retrieve(wanted, with_vectors=(PIXELS,), payload_fields=())
    pixels = {
        point_id: of.vectors[PIXELS] for point_id, of in found.items() if PIXELS in of.vectors
    }
    for row in close:
        hit = hits[row]
        query = _pixels_of(of_probes[hit.query_face], pixels)
        if hit.verdict and query is not None and hit.point_id in pixels:
            verdict = compare_pixels(hit.verdict, query, pixels[hit.point_id], may_be_same=True)
            hits[row] = replace(hit, verdict=verdict)
    return hits


def _pixels_of(probe: Probe, stored: dict[str, Pixels]) -> Pixels | None:
    from artsim.images.pixels import to_pixels

    if probe.crop is not None:
        return to_pixels(probe.crop)
    return None if probe.point_id is None else stored.get(probe.point_id)


def compare_pixels(
    verdict: Verdict, query: Pixels, pixels: Pixels, *, may_be_same: bool
) -> Verdict:
    """Return the verdict with the similarity of the small gray pictures, as they are or mirrored.

    It is the same picture where that is at least `SAME_SSIM` and by the cosine it may be.
    """
    from artsim.images.pixels import mirrored, ssim

    if len(query) != len(pixels):
        return verdict
    straight, turned = ssim(pixels, np.stack([query, mirrored(query)])).tolist()
    score = max(straight, turned)
    word: Word = "same picture" if may_be_same and score >= SAME_SSIM else verdict.word
    return replace(verdict, word=word, ssim=round(score, 4), mirrored=turned > straight)
