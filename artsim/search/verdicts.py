"""What the hits' scores mean in their gallery, in a word for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from artsim.catalog.arrays import Pixels
from artsim.catalog.hits import Hit
from artsim.catalog.scale import Scale, Verdict, Word
from artsim.search.probes import Probe
from artsim.search.rerank import PIXELS
from artsim.store.protocol import Collection

SAME_SSIM: Final = 0.7
"""Least structural similarity of two scans of one painting: see docs/quality.md."""


def judge(
    hits: Sequence[Hit], probes: Sequence[Probe], collection: Collection, scale: Scale
) -> tuple[list[Hit], list[str]]:
    """Return the hits with their verdicts, and remarks on a query that nothing is like.

    Whether a hit that is very near is the same picture, or it mirrored, the small gray pictures
    say; what looks like no painting at all, as a page or noise, is near to nothing else.
    """
    flat = {probe.part for probe in probes if _is_featureless(probe)}
    judged = [replace(hit, verdict=scale.verdict(hit.score)) for hit in hits]
    judged = _compared(judged, probes, collection, scale)
    judged = [_nothing_near(hit) if hit.query_face in flat else hit for hit in judged]
    return judged, _remarks(judged, bool(flat), scale)


def _remarks(hits: Sequence[Hit], is_flat: bool, scale: Scale) -> list[str]:
    if not hits or any(hit.verdict and hit.verdict.word != "not near" for hit in hits):
        return []
    if is_flat:
        said = "the query picture is blank, a page, a screen or noise"
        return [f"nothing in this gallery looks like it: {said}"]
    most = max(hit.score for hit in hits)
    if most >= scale.far:
        return []
    said = f"of nine in ten works here one by another artist is nearer than {scale.far:.2f}"
    return [f"nothing in this gallery looks like it: the best has {most:.2f}, and {said}"]


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
    if not close:
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
            verdict = compare_pixels(hit.verdict, query, pixels[hit.point_id])
            hits[row] = replace(hit, verdict=verdict)
    return hits


def _pixels_of(probe: Probe, stored: dict[str, Pixels]) -> Pixels | None:
    from artsim.images.pixels import to_pixels

    if probe.crop is not None:
        return to_pixels(probe.crop)
    return None if probe.point_id is None else stored.get(probe.point_id)


def compare_pixels(verdict: Verdict, query: Pixels, pixels: Pixels) -> Verdict:
    """Return the verdict with the similarity of the small gray pictures, as they are or mirrored.

    It is the same picture where that is at least `SAME_SSIM` and the cosine is very near.
    """
    import numpy as np

    from artsim.images.pixels import mirrored, ssim

    if len(query) != len(pixels):
        return verdict
    straight, turned = ssim(pixels, np.stack([query, mirrored(query)])).tolist()
    score = max(straight, turned)
    is_same = verdict.word == "very near" and score >= SAME_SSIM
    word: Word = "same picture" if is_same else verdict.word
    return replace(verdict, word=word, ssim=round(score, 4), mirrored=turned > straight)
