"""Queries that local points verify, beside the plain ones: a known picture, a stranger, a wall."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import DETAILS
from artsim.config import Settings
from artsim.errors import EvaluationError
from artsim.evaluation.edits import edit_picture
from artsim.images.load import load_image
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.search.answer import find_similar
from artsim.search.models import Models
from artsim.search.question import PixelsQuery, SearchOptions
from artsim.store.gallery import Gallery, open_gallery
from benchmarks.speed.bench import Bench, Promise, by_turns
from benchmarks.speed.faces import one_torch_core

MOST_FOUND: Final = 12.0
MOST_STRANGE: Final = 90.0
"""Time of a query that points verify, or find nothing for, of the plain one's."""

MOST_OF_PHOTO: Final = 3000.0
"""Milliseconds of a photograph of a wall."""

_LOOKS: Final = {
    "whole": ("a copy", "whole"),
    "found": ("a copy", None),
    "strange": ("a stranger", None),
    "photo": ("a wall", "in-photo"),
}


def measure_photos(bench: Bench) -> list[Promise]:
    """Ingest some pictures with their details, and ask for copies, strangers and walls."""
    paths = bench.choose(bench.sizes.photo_works + bench.sizes.rounds, bench.seed)
    known, strangers = paths[bench.sizes.rounds :], paths[: bench.sizes.rounds]
    folder = bench.scratch / "works"
    folder.mkdir()
    for path in known:
        (folder / path.name).symlink_to(path.absolute())
    settings = Settings(home=bench.scratch / "photos")
    with one_torch_core(), threadpool_limits(1), open_gallery(settings) as gallery:
        options = IngestOptions(encoders=("builtin",), faces=False, workers=1)
        seconds = []
        for each in (options, replace(options, kinds=(DETAILS,), points=True)):
            start = time.perf_counter()
            ingest_paintings(gallery, folder, each, settings=bench.settings)
            seconds.append(time.perf_counter() - start)
        ingest = Promise(
            "ingest with details and points, built-in encoder, one core",
            "nothing yet",
            f"{sum(seconds) / seconds[0]:.1f} of the time without, "
            f"{1e3 * seconds[1] / len(known):.0f} ms more a painting",
            f"{1e3 * seconds[0] / len(known):.0f} ms",
            None,
            numbers={"plain_s": seconds[0], "details_s": seconds[1]},
        )
        pictures = [load_image(path).pixels for path in known[: bench.sizes.rounds]]
        wall = [
            edit_picture(one, "wall", painting_id=str(i), seed=bench.seed).pixels
            for i, one in enumerate(pictures)
        ]
        copies = [edit_picture(one, "fade", painting_id="x").pixels for one in pictures]
        strange = [load_image(path).pixels for path in strangers]
        asked = {"a copy": copies, "a stranger": strange, "a wall": wall}
        return [ingest, *_ask(gallery, asked, bench)]


def _ask(gallery: Gallery, asked: dict[str, list[RGBImage]], bench: Bench) -> list[Promise]:
    models, found = Models(settings=bench.settings), dict.fromkeys(_LOOKS, 0)

    def ask(name: str) -> None:
        kind, look = _LOOKS[name]
        for picture in asked[kind]:
            options = SearchOptions(look=look)  # type: ignore[arg-type]
            hits = find_similar(gallery, PixelsQuery(picture), options=options, models=models).hits
            first = hits[0].evidence if hits else None
            found[name] += first is not None and first.is_found

    for name in _LOOKS:
        ask(name)
    if not found["found"] or not found["photo"]:
        raise EvaluationError("points verify nothing here: is OpenCV installed?")
    times = by_turns(3, **{name: (lambda name=name: ask(name)) for name in _LOOKS})  # type: ignore[misc]
    count = len(asked["a copy"])
    ms = {name: 1e3 * float(np.median(t)) / count for name, t in times.items()}
    ratio = {n: float(np.median(times[n] / times["whole"])) for n in ("found", "strange", "photo")}
    plain, numbers = f"{ms['whole']:.0f} ms, --whole", {f"{n}_ms": v for n, v in ms.items()}

    def promise(name: str, what: str, promised: str, kept: bool) -> Promise:
        measured = f"{ratio[name]:.1f}, {ms[name]:.0f} ms"
        return Promise(what, promised, measured, plain, kept, numbers=numbers)

    return [
        promise(
            "found",
            "query by a copy in a gallery with points, one thread",
            f"at most {MOST_FOUND:g} of the plain query",
            ratio["found"] <= MOST_FOUND,
        ),
        promise(
            "strange",
            "the same of a picture that it lacks, windows and all",
            f"at most {MOST_STRANGE:g} of the plain query",
            ratio["strange"] <= MOST_STRANGE,
        ),
        promise(
            "photo",
            "paintings in a photograph of a wall, 1,024 pixels",
            f"at most {MOST_OF_PHOTO:g} ms",
            ms["photo"] <= MOST_OF_PHOTO,
        ),
    ]
