"""How often the words that hits get are right: the same picture, very near, near.

    artsim ingest WORKS --gallery works --no-faces -e builtin -e onnx:RESNET
    python -m benchmarks.quality_verdicts --home HOME --gallery works [--unseen] [--sheets FOLDER]
    python -m benchmarks.quality_verdicts --home HOME --gallery lfw --faces --by extra.person

Half of the artists are the gallery: of the queries by the other half nothing there is by the same
artist, and each that is said to be near to something is counted. The halves change places, and
artists are halved 20 times. Then
the best hit of each work among all others: how often it is by the same artist, by the word it got,
and how often the same work, as `extra.near_dup_group` says. With --unseen only works of artists
that the training of the built-in encoder put aside. A second table says in how many lists of ten
hits the words change, or there is a step at which the list falls off, and how many of the hits
before that, and of the five after, are by the same artist. Where an encoder has a cohort, the same
by the cosine alone stands beside, and a third table says of how many works the best hit is right
and called anything but not near, with the cohort and without. The sheets have 100 best hits of each
word, by chance, to be looked at.

With --faces the same of faces that searches show, the main one of each picture, by each face
encoder; --by is the field that says who it is, else it is the artist. Faces of which it does not
say are each their own.
"""

from __future__ import annotations

import argparse
from itertools import groupby
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings, Pixels
from artsim.catalog.kinds import FACES, PAINTINGS, PIXELS, Kind
from artsim.catalog.names import side_of
from artsim.catalog.payload import Criteria, Known, Payload, first_text
from artsim.catalog.scale import NONE, Cohort, Scale, Word
from artsim.encoders.trained import read_cohort
from artsim.evaluation.statistics import estimate_share
from artsim.evaluation.tasks.faces import main_face
from artsim.images.pixels import mirrored, ssim
from artsim.search.neighbors import read_vectors
from artsim.search.verdicts import SAME_SSIM, falls_off_after
from artsim.store.gallery import Gallery, open_gallery
from benchmarks.quality_data import Indices
from benchmarks.quality_judge import table

Strings = npt.NDArray[Any]

_SHOWN: Final = 100
_HALVINGS: Final = 20
_LISTED: Final = 10
_AFTER: Final = 5


class Works:
    """Works or faces: one encoder's vectors, their small gray pictures, and whose each is."""

    def __init__(
        self,
        vectors: Embeddings,
        pixels: Pixels,
        payloads: list[Payload],
        by: str,
        cohort: Cohort | None = None,
    ) -> None:
        self.vectors, self.pixels, self.payloads = vectors, pixels, payloads
        self.whose = self._texts(by)
        groups = [payload.get("extra", {}).get("near_dup_group", "") for payload in payloads]
        self.groups = np.array([str(group) or f"alone {i}" for i, group in enumerate(groups)])
        self.cohort = cohort
        self.common = (
            np.zeros(len(vectors), np.float32) if cohort is None else cohort.common(vectors)
        )

    def _texts(self, field: str) -> Strings:
        found = (first_text(payload, field) for payload in self.payloads)
        return np.array([text or f"alone {i}" for i, text in enumerate(found)])

    def scale(self, rows: npt.NDArray[np.bool_]) -> Scale:
        """Return the scale of a gallery of some of the works, all of them compared."""
        vectors = self.vectors[rows]
        cosines = vectors @ vectors.T
        pairs = cosines[np.triu_indices(len(cosines), 1)]
        for own in (self.whose[rows], self._texts("artist_key")[rows]):
            cosines[own[:, None] == own] = -1.0
        nearest = cosines.max(axis=1)
        above = NONE if self.cohort is None else nearest - self.common[rows]
        return Scale.measured(len(vectors), pairs, nearest, above)

    def words(self, scale: Scale, cosines: npt.NDArray[np.float32], rows: Indices) -> list[Word]:
        """Return the words for one cosine of each of these works, without their pictures."""
        pairs = zip(cosines.tolist(), self.common[rows].tolist(), strict=True)
        return [scale.verdict(cosine, common).word for cosine, common in pairs]

    def word(self, scale: Scale, query: int, hit: int, cosine: float) -> Word:
        """Return the word for a hit, as a search gives it."""
        word = scale.verdict(cosine, float(self.common[query])).word
        if cosine >= scale.very_near:
            two = np.stack([self.pixels[query], mirrored(self.pixels[query])])
            if ssim(self.pixels[hit], two).max() >= SAME_SSIM:
                return "same picture"
        return word


def read_works(gallery: Gallery, kind: Kind, vector_name: str, by: str, *, unseen: bool) -> Works:
    """Read the works of known artists, or the main faces, that have both vectors."""
    criteria = Criteria((Known(by),)) if kind.is_whole else kind.sure
    found = read_vectors(gallery[kind], vector_name, criteria)
    pixels = read_vectors(gallery[kind], PIXELS, criteria)
    rows = {point_id: row for row, point_id in enumerate(found.point_ids)}
    if not kind.is_whole:
        records = gallery[kind].retrieve(list(rows))
        faces = groupby(records.values(), key=lambda record: str(record.payload["painting_id"]))
        rows = {
            face.point_id: rows[face.point_id] for face in (main_face(tuple(of)) for _, of in faces)
        }
    kept = [
        row
        for row in rows.values()
        if not unseen
        or side_of(str(found.payloads[row]["artist_key"]), test=0.25, validation=0.1) == "test"
    ]
    payloads = [found.payloads[row] for row in kept]
    small = pixels.vectors[kept].astype(np.uint8)
    cohort = read_cohort(vector_name) if kind.is_whole else None
    return Works(found.vectors[kept], small, payloads, by, cohort)


def share(right: npt.NDArray[Any], whose: Strings) -> str:
    """Return a share in percent with its 95 % interval, by drawing whose, and of how many."""
    _, numbers = np.unique(whose, return_inverse=True)
    found = estimate_share(np.bincount(numbers, right), np.bincount(numbers))
    if found is None:
        return "none"
    low, high = 100 * found.low, 100 * found.high
    return f"{100 * found.value:.1f} ({low:.1f} to {high:.1f}) of {found.count}"


def false_nears(works: Works) -> npt.NDArray[np.float64]:
    """Return in what share of the halvings a work is near to one of the other half."""
    names, times = np.unique(works.whose), np.zeros(len(works.whose))
    for seed in range(_HALVINGS):
        half = np.random.default_rng(seed).permutation(names)[: len(names) // 2]
        inside = np.isin(works.whose, half)
        for gallery in (inside, ~inside):
            best = (works.vectors[~gallery] @ works.vectors[gallery].T).max(axis=1)
            said = works.words(works.scale(gallery), best, np.flatnonzero(~gallery))
            times[~gallery] += np.array(said) != "not near"
    return times / _HALVINGS


def best_hits(works: Works) -> tuple[Scale, npt.NDArray[np.intp], Strings]:
    """Return the scale of all works, the nearest of each, and the word for it."""
    scale = works.scale(np.ones(len(works.whose), dtype=bool))
    cosines = works.vectors @ works.vectors.T
    np.fill_diagonal(cosines, -1.0)
    nearest = cosines.argmax(axis=1)
    words = [works.word(scale, i, j, cosines[i, j]) for i, j in enumerate(nearest.tolist())]
    return scale, nearest, np.array(words)


def main() -> None:
    """Print a row for each encoder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--gallery", required=True)
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--faces", action="store_true")
    parser.add_argument("--by", default="artist_key")
    parser.add_argument("--sheets", type=Path)
    args = parser.parse_args()
    words = [word for word in get_args(Word) if word != "not near"]
    rows, fallen, gained = [], [], []
    with open_gallery(home=args.home, name=args.gallery) as gallery:
        kind = FACES if args.faces else PAINTINGS
        for name in gallery.encoders(kind):
            works = read_works(gallery, kind, name, args.by, unseen=args.unseen)
            rows.append([name, *cells(works, words, None if rows else args.sheets)])
            fallen += [[name, *row] for row in fallen_off(works)]
            if works.cohort is not None:
                by_cosine = Works(works.vectors, works.pixels, works.payloads, args.by)
                rows.append([f"{name}, cosine alone", *cells(by_cosine, words, None)])
                both = right_and_near(works), right_and_near(by_cosine)
                kinds = (*both, both[0] - both[1])
                gained.append([name, *(share(found, works.whose) for found in kinds)])
    heads = ["encoder", "works of", "near, very near from", "near without a relevant work"]
    heads += [f"{word}: right" for word in words] + ["relevant, and not near"]
    print(table([*heads, "same work: called so"], rows), end="\n\n")
    heads = ["encoder", "falls off where", "lists, %", "right before", "right after"]
    print(table(heads, fallen), end="\n\n")
    print(
        table(["encoder", "best hit right and near", "by the cosine alone", "difference"], gained)
    )


def right_and_near(works: Works) -> npt.NDArray[np.float64]:
    """Return of which works the best hit is right and not called "not near"."""
    _, nearest, said = best_hits(works)
    return np.where(works.whose[nearest] == works.whose, said != "not near", 0.0)


def fallen_off(works: Works) -> list[list[str]]:
    """Return a row for each way to say where a list of ten hits falls off."""
    scale = works.scale(np.ones(len(works.whose), dtype=bool))
    cosines = works.vectors @ works.vectors.T
    np.fill_diagonal(cosines, -1.0)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, : _LISTED + _AFTER]
    scores = np.take_along_axis(cosines, order, axis=1)
    right = works.whose[order] == works.whose[:, None]
    said = [works.words(scale, row, np.arange(len(scores))) for row in scores[:, :_LISTED].T]
    words = (np.array(said) != "not near").sum(axis=0)
    steps = [falls_off_after(row, scale) or 0 for row in scores[:, :_LISTED].tolist()]
    rows = []
    for name, after in (("the words change", words), ("a large step", np.array(steps))):
        lists = np.flatnonzero((after > 0) & (after < _LISTED))
        sides: list[str] = []
        for first, last in ((0 * after, after), (after, after + _AFTER)):
            hits = [(i, j) for i in lists for j in range(first[i], last[i])]
            queries, places = np.array(hits, dtype=np.intp).reshape(-1, 2).T
            sides.append(share(right[queries, places], works.whose[queries]))
        rows.append([name, f"{100 * len(lists) / len(after):.1f}", *sides])
    return rows


def cells(works: Works, words: list[Word], sheets: Path | None) -> list[str]:
    """Return what is measured of one encoder, and draw hits of each word where it is wanted."""
    scale, nearest, said = best_hits(works)
    is_right = works.whose[nearest] == works.whose
    same_work = works.groups[nearest] == works.groups
    for word in get_args(Word) if sheets is not None else ():
        chosen = np.random.default_rng(0).permutation(np.flatnonzero(said == word))[:_SHOWN]
        pairs = [(int(i), int(nearest[i])) for i in chosen]
        draw_pairs(works, pairs, sheets / f"{word.replace(' ', '-')}.png")
    return [
        f"{len(works.whose):,} of {len(set(works.whose)):,}",
        f"{scale.near:.3f}, {scale.very_near:.3f}",
        share(false_nears(works), works.whose),
        *(share(is_right[said == word], works.whose[said == word]) for word in words),
        share((said == "not near")[is_right], works.whose[is_right]),
        share((said == "same picture")[same_work], works.whose[same_work]),
    ]


def draw_pairs(works: Works, pairs: list[tuple[int, int]], path: Path) -> None:
    """Write a sheet of query and hit, side by side, to be counted by eye."""
    from PIL import Image, ImageDraw

    from artsim.files import local_path

    sheet = Image.new("RGB", (6 * 210, -(-len(pairs) // 6) * 125), "white")
    draw = ImageDraw.Draw(sheet)
    for number, pair in enumerate(pairs):
        left, top = number % 6 * 210, number // 6 * 125
        draw.text((left, top), str(number + 1), fill="black")
        for place, row in enumerate(pair):
            picture = local_path(works.payloads[row]["image_uri"])
            if picture is not None:
                image = Image.open(picture).convert("RGB")
                image.thumbnail((98, 108))
                sheet.paste(image, (left + place * 101, top + 12))
    sheet.save(path)


if __name__ == "__main__":
    main()
