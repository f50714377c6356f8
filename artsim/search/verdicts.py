"""What is said of hits beside their scores: a word for their nearness, and remarks on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from artsim.catalog.arrays import Pixels
from artsim.catalog.hits import Hit
from artsim.catalog.scale import Scale, Verdict, Word
from artsim.encoders.trained import read_cohort
from artsim.search.probes import Probe, stored_vectors
from artsim.search.question import COPIES, SearchOptions
from artsim.search.rerank import PIXELS
from artsim.store.protocol import Collection

SAME_SSIM: Final = 0.7
"""Least structural similarity of two scans of one painting: see docs/quality.md."""


def judge(
    hits: Sequence[Hit],
    probes: Sequence[Probe],
    collection: Collection,
    scale: Scale | None,
    options: SearchOptions,
) -> tuple[list[Hit], int | None, list[str]]:
    """Return hits with their verdicts, after how many they fall off, and remarks on the query.

    Whether a hit that is very near is the same picture, or it mirrored, the small gray pictures
    say; what looks like no painting at all, as a page or noise, is near to nothing else.
    """
    from artsim.images.pixels import is_featureless

    if scale is None:
        return list(hits), None, []
    crops = [(probe.part, probe.crop) for probe in probes]
    flat = {part for part, crop in crops if crop is not None and is_featureless(crop)}
    common = {p.part: how_common(p, name, scale) for p in probes for name in p.vectors}
    judged = [
        replace(hit, verdict=scale.verdict(hit.score, common.get(hit.query_face))) for hit in hits
    ]
    judged = [_as_known(hit, flat) for hit in _compared(judged, probes, collection, scale)]
    remarks = _remarks(judged, bool(flat), scale)
    falls_off = None
    if is_by_nearness(options) and not remarks:
        nearness = [1.0 if is_found(hit) else hit.best_score for hit in judged]
        falls_off = falls_off_after(nearness, scale)
    if all(getattr(options, name) == value for name, value in COPIES.items()):
        remarks += _no_copy(judged)
    return judged, falls_off, remarks


def is_by_nearness(options: SearchOptions) -> bool:
    """Return whether hits come by nearness: a re-ranker's own scores, and groups, do not."""
    by_cosine = options.rerank is None or options.rerank_weight is not None
    return by_cosine and options.group_by is None


def is_found(hit: Hit) -> bool:
    """Return whether local points say that a hit is what the query shows."""
    return hit.evidence is not None and hit.evidence.is_found


def _as_known(hit: Hit, flat: Set[int | None]) -> Hit:
    """Return a hit that points have verified with what they say in place of what its cosine does.

    A detail has no word of nearness. Of the others none is near to a query's part that is `flat`,
    unless it is the same picture.
    """
    verdict, evidence = hit.verdict, hit.evidence
    if verdict is None:
        return hit
    if evidence is not None and evidence.is_found:
        same = replace(verdict, word="same picture", mirrored=evidence.mirrored)
        return replace(hit, verdict=same if evidence.relation == "same picture" else None)
    if hit.query_face in flat and verdict.word != "same picture":
        return replace(hit, verdict=replace(verdict, word="not near"))
    return hit


def falls_off_after(scores: Sequence[float], scale: Scale) -> int | None:
    """Return after how many of the scores, best first, the largest step down is; None: none is."""
    steps = [before - after for before, after in pairwise(scores)]
    largest = max(steps, default=0.0)
    return steps.index(largest) + 1 if steps and largest >= scale.gap else None


def _no_copy(hits: Sequence[Hit]) -> list[str]:
    is_same = (hit.verdict is not None and hit.verdict.word == "same picture" for hit in hits)
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


def _compared(
    hits: list[Hit], probes: Sequence[Probe], collection: Collection, scale: Scale
) -> list[Hit]:
    """Return the hits, those that may be the query picture itself compared with it."""
    close = [row for row, hit in enumerate(hits) if hit.score >= scale.very_near]
    if not close or PIXELS not in collection.schema.vectors:
        return hits
    of_probes = {probe.part: probe for probe in probes}
    own = [probe.point_id for probe in probes if probe.point_id is not None]
    pixels = stored_vectors(collection, PIXELS, [*own, *(hits[row].point_id for row in close)])
    for row in close:
        hit = hits[row]
        query = _pixels_of(of_probes[hit.query_face], pixels)
        if hit.verdict and query is not None and hit.point_id in pixels:
            verdict = compare_pixels(hit.verdict, query, pixels[hit.point_id], may_be_same=True)
            hits[row] = replace(hit, verdict=verdict)
    return hits


def _pixels_of(probe: Probe, stored: Mapping[str, Pixels]) -> Pixels | None:
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


# What points verify
