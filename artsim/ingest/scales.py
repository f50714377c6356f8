"""What scores mean in a gallery, measured when it has grown."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import Final

import numpy as np

from artsim.catalog.criteria import AnyOf, Criteria, HasVector
from artsim.catalog.scale import Scale, noted_scales
from artsim.store.gallery import Gallery, read_encoders
from artsim.store.protocol import Collection, Record, SearchRequest

SAMPLE: Final = 800
"""Most points that are compared with each other and with the collection."""

_FEWEST: Final = 20
_GROWTH: Final = 0.1
_AT_ONCE: Final = 50


def measure_scales(gallery: Gallery) -> None:
    """Note what the scores of every encoder mean, where points came or went since by a tenth."""
    for collection in [gallery[kind] for kind in gallery.kinds]:
        points, scales = collection.count(), noted_scales(collection.schema.notes)
        before = dict(scales)
        for name in read_encoders(collection):
            known = scales.get(name)
            if known is None or abs(points - known.points) > _GROWTH * known.points:
                scale = _measure(collection, name, points)
                scales |= {} if scale is None else {name: scale}
        if scales != before:
            noted = {name: asdict(scale) for name, scale in scales.items()}
            collection.add_vectors({}, {**collection.schema.notes, "scales": noted})


def _measure(collection: Collection, name: str, points: int) -> Scale | None:
    """Return the scale of a sample: its first points, whose ids, being hashes, are in no order."""
    fields = ("painting_id", "artist_key")
    having = Criteria((HasVector(name),))
    scrolled = collection.scroll(having, with_vectors=(name,), payload_fields=fields)
    sample = list(islice(scrolled, SAMPLE))
    if len(sample) < _FEWEST:
        return None
    vectors = np.stack([record.vectors[name] for record in sample])
    paintings = np.array([str(record.payload.get("painting_id")) for record in sample])
    others = np.triu(paintings[:, None] != paintings[None, :])
    requests = [
        SearchRequest(record.vectors[name], name, _strangers_of(record), limit=1)
        for record in sample
    ]
    nearest = [
        hits[0].score
        for start in range(0, len(requests), _AT_ONCE)
        for hits in collection.search(requests[start : start + _AT_ONCE])
        if hits
    ]
    if len(nearest) < _FEWEST:
        return None
    return Scale.measured(points, (vectors @ vectors.T)[others], np.array(nearest, np.float32))


def _strangers_of(record: Record) -> Criteria:
    """Return what leaves out a point's painting, and the works by its artists."""
    own = ((name, record.payload.get(name)) for name in ("painting_id", "artist_key"))
    values = {name: tuple(v) if isinstance(v, list) else (v,) for name, v in own if v}
    return Criteria(must_not=tuple(AnyOf(name, value) for name, value in values.items()))
