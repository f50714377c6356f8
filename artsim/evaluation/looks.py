"""How pictures in memory are searched for: as wholes, by details, in a photograph, by points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from artsim.catalog.arrays import RGBImage
from artsim.catalog.hits import Hit
from artsim.catalog.kinds import DETAILS, PAINTINGS
from artsim.evaluation.runner import Contender, Run
from artsim.search.answer import find_hits, find_similar
from artsim.search.probes import Target, probe_pixels
from artsim.search.question import PixelsQuery
from artsim.search.rerank import PIXELS, RERANKERS

LOOKS: Final = ("details", "in-photo", "verified")
"""Ways beside that of whole pictures: by the paintings' details, by windows of the picture, and as
a query is answered that says nothing of it."""


def looking(contenders: Sequence[Contender], looks: Sequence[str]) -> list[Contender]:
    """Return the contenders, and each encoder alone once more for each way of looking."""
    plain = [one for one in contenders if len(one.encoders) == 1 and one.rerank is None]
    more = [replace(one, name=f"{one.name}, {look}", look=look) for one in plain for look in looks]
    return [*contenders, *more]


def search_pictures(
    run: Run[Any], pictures: Sequence[RGBImage], limit: int
) -> dict[str, list[Sequence[Hit]]]:
    """Return the hits of N pictures in memory, by contender.

    Each encoder encodes the whole pictures once; other ways of looking are as `find_similar` is.
    """
    needs = {name for one in run.options.rerank for name in RERANKERS[one].needs} | {PIXELS}
    targets = probe_pixels(pictures, run.encoders, run.models, sorted(needs))

    def find(target: Target, one: Contender) -> Sequence[Hit]:
        probes = tuple(
            replace(probe, vectors={name: probe.vectors[name] for name in one.vector_names})
            for probe in target.probes
        )
        options = run.search_options(one, limit=limit)
        return find_hits(replace(target, probes=probes), run.collection, run.criteria, options)

    return {
        one.name: [search_by(run, one, picture, limit) for picture in pictures]
        if one.look
        else [find(target, one) for target in targets]
        for one in run.contenders
    }


def search_by(run: Run[Any], one: Contender, picture: RGBImage, limit: int) -> Sequence[Hit]:
    """Return the hits of a picture in memory by a contender that has a way of looking."""
    look = {"details": "whole", "in-photo": "in-photo"}.get(one.look or "")
    answer = find_similar(
        run.gallery,
        PixelsQuery(picture),
        run.criteria,
        options=run.search_options(one, limit=limit, look=look),
        encoders=one.vector_names,
        kind=DETAILS if one.look == "details" else PAINTINGS,
        models=run.models,
    )
    return answer.hits
