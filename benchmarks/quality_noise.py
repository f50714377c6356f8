"""What pictures that are no paintings find, and what would make them find less.

    artsim ingest PAINTINGS --gallery paintings --no-faces -e builtin -e onnx:RESNET
    python -m benchmarks.quality_noise --home HOME --gallery paintings [--blur]

First, for each encoder of the gallery, the best cosine of noise, pages and the like beside that of
the right hits. Then corrections of the first encoder's vectors: whatever is fitted is so to works
of artists that the built-in encoder was trained on, and to every other picture that is no painting;
they are judged by the rest. All works are searched; the queries are of unseen artists. Changes are
paired, with 95 % intervals by drawing artists. With --blur all pictures are encoded once more, half
as sharp.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.names import side_of
from artsim.catalog.payload import Criteria, Known
from artsim.encoders.base import Encoder
from artsim.encoders.registry import load_encoder
from artsim.evaluation.statistics import estimate_share
from artsim.files import local_path
from artsim.images.load import load_image
from artsim.search.neighbors import read_vectors
from artsim.store.gallery import open_gallery
from artsim.training.lessons import Whitening, to_unit
from benchmarks.no_paintings import draw_no_paintings
from benchmarks.quality_judge import Questions, Values, judge, percent, table
from benchmarks.quality_whitening import fit_axes, whiten

Correction = Callable[[Embeddings], Embeddings]

_COUNT: Final = 24
_BATCH: Final = 32
_BLURRED: Final = 104  # pixels a side, of the 208 that the built-in encoder sees
_NOISE: Final = ("noise", "gray noise", "noise as JPEG")
_PAGES: Final = ("text", "spreadsheet", "screenshot")
_MEASURES: Final = ("artist R@1", "artist mAP")


class Study:
    """Works and what is asked of them, and pictures that are no paintings by their kinds."""

    def __init__(self, payloads: list[dict[str, object]], kinds: list[str]) -> None:
        self.artists = np.array([str(payload["artist_key"]) for payload in payloads])
        sides = [side_of(artist, test=0.25, validation=0.1) for artist in self.artists]
        self.seen = np.array([side == "train" for side in sides])
        self.unseen = np.flatnonzero([side == "test" for side in sides])
        self.questions = Questions.of(payloads)
        self.kinds = np.array(kinds)
        self.fitted = np.arange(len(kinds)) % 2 == 0

    def judge(self, works: Embeddings) -> Values:
        """Return what the queries of unseen artists find among all works."""
        return judge(lambda rows: works[rows] @ works.T, self.questions, self.unseen)

    def row(self, works: Embeddings, others: Embeddings) -> list[str]:
        """Return cosines: the median of right hits, of noise and of pages; and the highest.

        Last, how many of the pictures that are no paintings find something nearer than right hits.
        """
        cosines = works[self.unseen] @ works.T
        cosines[np.arange(len(self.unseen)), self.unseen] = -1.0
        is_right = self.artists[cosines.argmax(axis=1)] == self.artists[self.unseen]
        right = float(np.median(cosines.max(axis=1)[is_right]))
        judged = ~self.fitted
        best = (others[judged] @ works.T).max(axis=1)
        kinds = self.kinds[judged]
        noise, pages = (np.median(best[np.isin(kinds, of)]) for of in (_NOISE, _PAGES))
        nearer = 100 * float((best > right).mean())
        return [
            f"{right:.2f}",
            f"{noise:.2f}",
            f"{pages:.2f}",
            f"{best.max():.2f}",
            f"{nearer:.0f}",
        ]

    def change(self, values: Values, before: Values) -> list[str]:
        """Return the changes of the measures in points, with intervals."""
        _, numbers = np.unique(self.artists[self.unseen], return_inverse=True)
        cells = []
        for measure in _MEASURES:
            changes = values[measure] - before[measure]
            counted = ~np.isnan(changes)
            sums = np.bincount(numbers[counted], changes[counted])
            cells.append(percent(estimate_share(sums, np.bincount(numbers[counted])), signed=True))
        return cells


def corrections(seen: Embeddings, artists: list[str], others: Embeddings) -> dict[str, Correction]:
    """Return corrections fitted to works of seen artists, and to what is no painting."""
    axes = fit_axes(seen)
    whole = len(axes.axes)

    def without(directions: Embeddings) -> Correction:
        return lambda rows: to_unit(rows - (rows @ directions.T) @ directions)

    def centered_without(count: int) -> Correction:
        top = axes.axes[:, :count].T.astype(np.float32)
        center = axes.center.astype(np.float32)
        return lambda rows: without(top)(rows - center)

    def within(power: float) -> Correction:
        fitted = Whitening.fit_within(seen, artists, power)
        assert fitted is not None
        return lambda rows: to_unit(rows @ fitted.axes)

    strange = np.linalg.svd(others, full_matrices=False)[2]
    return {
        "centered": centered_without(0),
        **{f"centered, all but the top {n}": centered_without(n) for n in (1, 4, 16)},
        "whitened by half": lambda rows: whiten(rows, axes, whole, 0.5),
        "whitened in full": lambda rows: whiten(rows, axes, whole, 1.0),
        "whitening within artists undone": within(-1.0),
        "whitened within artists in full": within(1.0),
        **{f"without the first {n} of no paintings": without(strange[:n]) for n in (1, 2, 4, 8)},
    }


def blurred(images: Iterable[RGBImage]) -> list[RGBImage]:
    """Return the pictures with half the pixels that the built-in encoder sees a side."""
    size = (_BLURRED, _BLURRED)
    return [
        np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize(size, 3)) for image in images
    ]


def encode_works(encoder: Encoder, payloads: list[dict[str, object]]) -> Embeddings:
    """Encode the works' pictures, blurred."""
    paths = [local_path(str(payload["image_uri"])) for payload in payloads]
    rows = []
    for start in range(0, len(paths), _BATCH):
        images = [load_image(path).pixels for path in paths[start : start + _BATCH] if path]
        rows.append(encoder.encode(blurred(images)))
    return np.concatenate(rows)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--gallery", required=True)
    parser.add_argument("--blur", action="store_true")
    args = parser.parse_args()
    drawn = list(draw_no_paintings(_COUNT))
    kinds, images = [kind for kind, _ in drawn], [image for _, image in drawn]
    with open_gallery(home=args.home, name=args.gallery) as gallery:
        infos = gallery.encoders(PAINTINGS)
        known = Criteria((Known("artist_key"),))
        tables = {name: read_vectors(gallery[PAINTINGS], name, known) for name in infos}
    rows, heads = [], ["right hits", "noise", "pages", "highest", "nearer than right hits, %"]
    for name, info in infos.items():
        encoder = load_encoder(info.spec)
        payloads = [dict(payload) for payload in tables[name].payloads]
        study, works = Study(payloads, kinds), tables[name].vectors
        others = encoder.encode(images)
        rows.append([name, *study.row(works, others)])
        if len(rows) > 1:
            continue
        first, before = study, study.judge(works)
        fitted = corrections(
            works[study.seen], study.artists[study.seen].tolist(), others[study.fitted]
        )
        made = {what: (correct(works), correct(others)) for what, correct in fitted.items()}
        if args.blur:
            made["half as sharp"] = encode_works(encoder, payloads), encoder.encode(blurred(images))
    print(table(["encoder", *heads], rows), "\n")
    changed = [
        [what, *first.row(*both), *first.change(first.judge(both[0]), before)]
        for what, both in made.items()
    ]
    print(table(["correction", *heads, *_MEASURES], changed))


if __name__ == "__main__":
    main()
