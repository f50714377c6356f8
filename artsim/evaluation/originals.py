"""The paintings of a gallery that copies are made of, and which of them show the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from artsim.catalog.arrays import RGBImage
from artsim.catalog.payload import Criteria, HasVector, Payload, stored_field
from artsim.errors import EvaluationError, ImageError
from artsim.evaluation.edits import EVERY_EDIT, edit_picture
from artsim.evaluation.relevance import read_labels
from artsim.evaluation.runner import Run, load_picture
from artsim.evaluation.scenes import EditedPicture
from artsim.search.models import Models
from artsim.search.rerank import PIXELS


@dataclass(frozen=True, slots=True)
class Originals:
    """The paintings of a gallery, in order of their ids.

    `same` are by painting id those that show the very same painting: itself, other scans of it,
    and paintings ingested from an equal file; `twins` the other scans, of those that have any.
    """

    payloads: Mapping[str, Payload]
    same: Mapping[str, set[str]]
    twins: Mapping[str, set[str]]


def read_originals(run: Run[Any]) -> Originals:
    """Read the paintings that have the vectors of every encoder, and pixels.

    Those that share a value of the field `twins` of the options, if it is one, are scans of the
    same painting.

    EvaluationError if there are none.
    """
    twins: str | None = run.options.twins
    fields = ["painting_id", "image_uri", "image_sha256", "artist_key"]
    fields += [] if twins is None else [stored_field(twins).split(".")[0]]
    must = (*(HasVector(info.vector_name) for info in run.encoders), HasVector(PIXELS))
    having = Criteria(must) & run.criteria
    payloads = {
        str(record.payload["painting_id"]): record.payload
        for record in run.collection.scroll(having, payload_fields=fields, page_size=1000)
    }
    if not payloads:
        names = ", ".join(info.name for info in run.encoders)
        raise EvaluationError(
            f"{run.collection.name!r} has no painting with vectors of {names}; "
            "ingest its source with that encoder",
            hint="--encoder",
        )
    payloads = dict(sorted(payloads.items()))
    listed = list(payloads.values())
    scans = {} if twins is None else _sharing(listed, twins)
    equal = _sharing(listed, "image_sha256")
    same = {one: {one} | scans.get(one, set()) | equal.get(one, set()) for one in payloads}
    return Originals(payloads, same, scans)


def _sharing(payloads: Sequence[Payload], name: str) -> dict[str, set[str]]:
    """Return by painting id the others that share a value of a field with it, if any do."""
    labels = read_labels(payloads, name)
    ids = [str(payload["painting_id"]) for payload in payloads]
    found = {}
    for row, values in enumerate(labels.of_work):
        sharing = {ids[other] for value in values for other in labels.members[value]}
        if others := sharing - {ids[row]}:
            found[ids[row]] = others
    return found


def load_original(payload: Payload, models: Models) -> RGBImage:
    """Return a painting's picture from its file, its long side at most 1024 pixels.

    ImageError if there is no such file on this machine, it cannot be read, or it is no longer
    the one that was ingested.
    """
    image = load_picture(payload, models)
    if payload.get("image_sha256", image.sha256) != image.sha256:
        raise ImageError(
            f"{payload['image_uri']}: not the file that was ingested; ingest its source again"
        )
    return image.pixels


@dataclass(frozen=True, slots=True)
class Shown:
    """The paintings that copies show, the one to be found first, and their pictures."""

    ids: tuple[str, ...]
    pictures: tuple[RGBImage, ...]

    def copy(self, edit: str, seed: int) -> EditedPicture:
        """Return the copy of the first, beside as many others as the edit takes."""
        picture, *others = self.pictures[: EVERY_EDIT[edit].pictures]
        return edit_picture(picture, edit, painting_id=self.ids[0], seed=seed, others=others)


def load_shown(run: Run[Any], originals: Originals, painting_id: str, pictures: int) -> Shown:
    """Return a painting with its picture, and others drawn for it, so many pictures together.

    ImageError if one cannot be read.
    """
    ids = [painting_id]
    if others := pictures - 1:
        name = f"{run.options.seed}\0{painting_id}".encode("utf-8", "surrogatepass")
        random = np.random.default_rng(list(hashlib.sha256(name).digest()))
        apart = [one for one in originals.payloads if one not in originals.same[painting_id]]
        if len(apart) < others:
            raise EvaluationError(
                "an edit shows two paintings, and the gallery has no two that differ"
            )
        ids += [apart[int(i)] for i in random.choice(len(apart), others, replace=False)]
    return Shown(
        tuple(ids), tuple(load_original(originals.payloads[one], run.models) for one in ids)
    )
