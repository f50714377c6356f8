"""What scores mean in their gallery: a word for each hit, and two pictures beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, replace
from itertools import pairwise, product
from typing import Any, Final

import numpy as np

from artsim.catalog.arrays import Pixels
from artsim.catalog.hits import SCHEMA, Hit, plain_json
from artsim.catalog.kinds import FACES, PAINTINGS, Kind
from artsim.catalog.payload import Payload
from artsim.catalog.scale import Scale, Verdict, Word, noted_scales
from artsim.encoders.trained import read_cohort
from artsim.errors import NoFaceError
from artsim.search.models import Models, choose_encoders
from artsim.search.probes import PictureSource, Probe, QueryFace, Target, make_target
from artsim.search.question import COPIES, PictureQuery, Question, SearchOptions
from artsim.search.rerank import PIXELS
from artsim.store.gallery import Gallery
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
    scale: Scale,
    options: SearchOptions,
) -> Judged:
    """Return the hits with their verdicts, and remarks on a query that nothing is like.

    Whether a hit that is very near is the same picture, or it mirrored, the small gray pictures
    say; what looks like no painting at all, as a page or noise, is near to nothing else.
    """
    flat = {probe.part for probe in probes if _is_featureless(probe)}
    common = {p.part: how_common(p, name) for p in probes for name in p.vectors if scale.above}
    judged = [
        replace(hit, verdict=scale.verdict(hit.score, common.get(hit.query_face))) for hit in hits
    ]
    judged = _compared(judged, probes, collection, scale)
    judged = [_nothing_near(hit) if hit.query_face in flat else hit for hit in judged]
    remarks = _remarks(judged, bool(flat), scale)
    # A re-ranker's own scores, and groups, are in another order than that of nearness.
    by_nearness = options.rerank is None or options.rerank_weight is not None
    falls_off = None
    if by_nearness and options.group_by is None and not remarks:
        falls_off = falls_off_after([hit.best_score for hit in judged], scale)
    if all(getattr(options, name) == value for name, value in COPIES.items()):
        remarks += _no_copy(judged)
    return Judged(judged, falls_off, remarks)


def falls_off_after(scores: Sequence[float], scale: Scale) -> int | None:
    """Return after how many of the scores, best first, the largest step down is; None: none is."""
    steps = [before - after for before, after in pairwise(scores)]
    largest = max(steps, default=0.0)
    return steps.index(largest) + 1 if steps and largest >= scale.gap else None


def _no_copy(hits: Sequence[Hit]) -> list[str]:
    if not hits or any(hit.verdict and hit.verdict.word == "same picture" for hit in hits):
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
    return f" ({word}nearer than {verdict.percentile:.4g} % of the gallery's pairs)"


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


def how_common(probe: Probe, name: str) -> float | None:
    """Return how common a query is by the cohort of that encoder; None where it has none."""
    cohort = read_cohort(name)
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


@dataclass(frozen=True, slots=True)
class Compared:
    """One of the two pictures: its metadata, where the gallery has it, and its faces."""

    name: str
    image: PictureSource | None
    payload: Payload | None
    faces: tuple[QueryFace, ...] = ()


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two pictures, or two faces, are by one encoder, and what that means."""

    encoder: str
    cosine: float
    verdict: Verdict | None = None
    faces: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two pictures compared.

    Attributes
    ----------
    first, second : Compared
        The pictures.
    wholes : tuple of Likeness
        By each encoder that the gallery has for whole pictures.
    faces : tuple of Likeness
        Of each face of the first picture and the one of the second that is nearest to it,
        nearest first, by the numbers of both.
    ssim, ssim_mirrored, rmse, rmse_mirrored : float
        Of the small gray pictures, and of the first with the second in a mirror.
    """

    first: Compared
    second: Compared
    wholes: tuple[Likeness, ...]
    faces: tuple[Likeness, ...]
    ssim: float
    ssim_mirrored: float
    rmse: float
    rmse_mirrored: float

    @property
    def verdict(self) -> Verdict | None:
        """What the first encoder and the small gray pictures say."""
        return self.wholes[0].verdict

    @property
    def why(self) -> str:
        """The verdict in words, with its reason."""
        said, structure = self.verdict, max(self.ssim, self.ssim_mirrored)
        if said is None:
            return "the gallery is too small to say what these numbers mean"
        rare = f"{said.percentile:.4g} % of this gallery's pairs are less near"
        if said.word == "same picture":
            turned = "; one is the other in a mirror" if said.mirrored else ""
            return f"the same picture{turned}: its small gray pictures agree ({structure:.2f})"
        if said.word == "not near":
            faces = any(f.verdict and f.verdict.word != "not near" for f in self.faces)
            face = "; but a face is near" if faces else ""
            return f"no nearer than works by different artists are here: {rare}{face}"
        return f"{said.word}, but not the same picture: {rare}, and their structure differs"

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as ``artsim compare --format json`` writes it."""
        found: dict[str, Any] = plain_json(
            {
                "schema": SCHEMA,
                **{side: _side(getattr(self, side)) for side in ("first", "second")},
                "wholes": [_likeness(likeness) for likeness in self.wholes],
                "faces": [_likeness(likeness) for likeness in self.faces],
                **{name: getattr(self, name) for name in ("ssim", "ssim_mirrored")},
                **{name: getattr(self, name) for name in ("rmse", "rmse_mirrored")},
                "why": self.why,
            }
        )
        return found


def _side(compared: Compared) -> dict[str, Any]:
    faces = [{**asdict(face), "box": astuple(face.box)} for face in compared.faces]
    return {"name": compared.name, "payload": compared.payload, "faces": faces}


def _likeness(likeness: Likeness) -> dict[str, Any]:
    meaning = likeness.verdict.to_dict() if likeness.verdict else {}
    faces = {} if likeness.faces is None else {"faces": likeness.faces}
    return {"encoder": likeness.encoder, "cosine": likeness.cosine, **meaning, **faces}


def compare(
    gallery: Gallery,
    first: PictureQuery,
    second: PictureQuery,
    models: Models | None = None,
    *,
    encoders: Sequence[str] = (),
) -> Comparison:
    """Compare two pictures, each a file, pixels or a painting of the gallery, as it sees them.

    `encoders` are some of the gallery's for whole pictures, by default its first.

    Raises
    ------
    PaintingNotFoundError, ImageError, WeightsError, StoreError
        If the gallery has no such painting, a picture cannot be read, a model not loaded, the
        database not reached.
    """
    from artsim.images.pixels import mirrored, rmse, ssim

    models, queries = models or Models(), (first, second)
    wholes = [_target(gallery, query, PAINTINGS, models, encoders) for query in queries]
    with_faces = [_target(gallery, query, FACES, models) for query in queries]
    one, other = (target.probes[0].pictures[0][PIXELS] for target in wholes)
    both = np.stack([other, mirrored(other)])
    ssims, rmses = ssim(one, both).tolist(), rmse(one, both).tolist()
    sides = [
        Compared(query.name, whole.image, whole.painting, of.parts)
        for query, whole, of in zip(queries, wholes, with_faces, strict=True)
    ]
    likenesses = _likenesses(gallery[PAINTINGS], *wholes)
    faces = _likenesses(gallery[FACES], *with_faces) if FACES in gallery else []
    nearest = {of.faces and of.faces[0]: of for of in sorted(faces, key=lambda of: of.cosine)}
    return Comparison(
        first=sides[0],
        second=sides[1],
        wholes=tuple(likenesses),
        faces=tuple(sorted(nearest.values(), key=lambda of: -of.cosine)),
        ssim=ssims[0],
        ssim_mirrored=ssims[1],
        rmse=rmses[0],
        rmse_mirrored=rmses[1],
    )


def _target(
    gallery: Gallery, query: PictureQuery, kind: Kind, models: Models, names: Sequence[str] = ()
) -> Target:
    """Return the picture or its faces, with vectors and small gray pictures; () without faces."""
    if kind not in gallery and not kind.is_whole:
        return Target(())
    chosen = choose_encoders(gallery.encoders(kind), names, models)
    question = Question(query, kind, options=SearchOptions(rerank="ssim"))
    try:
        return make_target(question, gallery, chosen, models)
    except NoFaceError:
        return Target(())


def _likenesses(collection: Collection, first: Target, second: Target) -> list[Likeness]:
    """Return how alike each probe of the one is to each of the other, by each encoder."""
    scales, found = noted_scales(collection.schema.notes), []
    for probe, other in product(first.probes, second.probes):
        pixels = (probe.pictures[0][PIXELS], other.pictures[0][PIXELS])
        for name, vector in probe.vectors.items():
            cosine, scale = float(vector @ other.vectors[name]), scales.get(name)
            said = None
            if scale is not None:
                said = scale.verdict(cosine, how_common(probe, name))
                may_be_same = cosine >= scale.very_near
                if may_be_same or said.word != "not near":
                    said = compare_pixels(said, *pixels, may_be_same=may_be_same)
            parts = None if probe.part is None else (probe.part, other.part or 0)
            found.append(Likeness(name, cosine, said, parts))
    return found
