"""The paintings whose copies are searched for, and their pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from artsim.catalog.arrays import RGBImage
from artsim.catalog.criteria import Criteria, HasVector, Scalar
from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.payload import Payload
from artsim.errors import EvaluationError, ImageError
from artsim.evaluation.relevance import field_values, stored_field
from artsim.files import local_path
from artsim.search.models import Models
from artsim.search.rerank import PIXELS
from artsim.store.base import Collection

_FIELDS: Final = ("painting_id", "image_uri", "image_sha256")


@dataclass(frozen=True, slots=True)
class Originals:
    """The paintings of a gallery, in order of their ids.

    Attributes
    ----------
    payloads : dict of str to dict
        By painting id, with the fields that are needed here.
    same : dict of str to frozenset of str
        By painting id those that show the very same painting: itself, other scans of it,
        and paintings ingested from an equal file.
    twins : dict of str to frozenset of str
        By painting id the other scans of it; paintings without are not in it.
    """

    payloads: Mapping[str, Payload]
    same: Mapping[str, frozenset[str]]
    twins: Mapping[str, frozenset[str]]

    def sample(self, count: int, seed: int) -> list[str]:
        """Draw paintings, in order of their ids; of one seed, a larger sample holds a smaller."""
        ids = list(self.payloads)
        order = np.random.default_rng(seed).permutation(len(ids))
        return sorted(ids[int(i)] for i in order[:count])


def read_originals(
    paintings: Collection, encoders: Sequence[EncoderInfo], twins: str | None
) -> Originals:
    """Read the paintings that have the vectors of every encoder, and pixels.

    Parameters
    ----------
    twins : str or None
        Field that scans of one painting share, ``extra.name`` for one of `extra`.

    Raises
    ------
    EvaluationError
        If there are none.
    """
    fields = _FIELDS if twins is None else (*_FIELDS, stored_field(twins).split(".")[0])
    must = (*(HasVector(info.vector_name) for info in encoders), HasVector(PIXELS))
    payloads = {
        str(record.payload["painting_id"]): record.payload
        for record in paintings.scroll(Criteria(must), payload_fields=fields, page_size=1000)
    }
    if not payloads:
        names = ", ".join(info.name for info in encoders)
        raise EvaluationError(
            f"{paintings.name!r} has no painting with vectors of {names}; "
            "ingest its source with that encoder",
            hint="--encoder",
        )
    payloads = dict(sorted(payloads.items()))
    scans: dict[str, set[str]] = {painting_id: set() for painting_id in payloads}
    if twins is not None:
        _share(scans, {i: field_values(payload, twins) for i, payload in payloads.items()})
    same = {painting_id: set(others) for painting_id, others in scans.items()}
    _share(same, {i: field_values(payload, "image_sha256") for i, payload in payloads.items()})
    return Originals(
        payloads,
        {painting_id: frozenset({painting_id, *others}) for painting_id, others in same.items()},
        {painting_id: frozenset(others) for painting_id, others in scans.items() if others},
    )


def load_original(payload: Payload, models: Models) -> RGBImage:
    """Return a painting's picture from its file, its long side at most 1024 pixels.

    Raises
    ------
    ImageError
        If there is no such file on this machine, it cannot be read, or it is no longer
        the one that was ingested.
    """
    uri = str(payload.get("image_uri", ""))
    path = local_path(uri) if uri else None
    if path is None:
        raise ImageError(
            f"the painting {payload['painting_id']!r} has no picture file on this machine "
            f"(image_uri: {uri or 'none'}); ingest it from a folder that is here"
        )
    image = models.image(path)
    if payload.get("image_sha256", image.sha256) != image.sha256:
        raise ImageError(f"{path}: not the file that was ingested; ingest its source again")
    return image.pixels


def _share(others: dict[str, set[str]], values: Mapping[str, Sequence[Scalar]]) -> None:
    """Add to each painting's set those that share a value with it."""
    members: dict[Scalar, set[str]] = defaultdict(set)
    for painting_id, of_one in values.items():
        for value in of_one:
            members[value].add(painting_id)
    for painting_id, of_one in values.items():
        for value in of_one:
            others[painting_id] |= members[value] - {painting_id}
