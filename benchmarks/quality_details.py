"""How paintings are found in photographs, from details and prints: tables for docs/quality.md.

    python -m benchmarks.quality_details tables REPORT... [--base ROW]
    python -m benchmarks.quality_details rmac --home HOME --encoder SPEC --weights FOLDER
    python -m benchmarks.quality_details strangers FOLDER... --home HOME --out FOLDER

`tables` prints what reports of `artsim evaluate copies` found, as Markdown: R@1 of every edit by
row, with 95 % intervals, and beside it the paired difference from the row `base`. `rmac` searches
for the same copies of the same paintings by a network's map with R-MAC pooling, exactly, the
gallery's pictures read from their files: a row that needs no ingest. `strangers` asks by pictures
that the gallery lacks, each edited in one way, as a query is answered that says nothing of how; it
counts those in which something is said to be found, and draws it, to be looked at. It goes on where
it was stopped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image
from scipy.stats import beta

from artsim.catalog.arrays import RGBImage
from artsim.catalog.hits import Evidence, Hit
from artsim.config import Settings
from artsim.encoders.base import unit_rows
from artsim.encoders.registry import load_encoder
from artsim.evaluation.edits import EVERY_EDIT, edit_picture
from artsim.evaluation.report import Report, read_report
from artsim.evaluation.runner import Run, draw
from artsim.evaluation.statistics import estimate_mean
from artsim.evaluation.tasks.copies import (
    CopiesOptions,
    Originals,
    load_original,
    load_shown,
    read_originals,
)
from artsim.files import picture_files
from artsim.images.load import load_image
from artsim.render.picture_cards import draw_pairs
from artsim.search.answer import find_similar
from artsim.search.models import Models
from artsim.search.question import PixelsQuery
from artsim.store.gallery import open_gallery
from benchmarks.quality_data import Array
from benchmarks.quality_maps import maps_of

_BATCH: Final = 32
_STRANGE: Final = ("", "wall", "quarter", "frame", "sixteenth")
"""How each picture in turn is changed that the gallery lacks; the first is left as it is."""


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_subparsers(dest="what", required=True)
    tables = what.add_parser("tables")
    tables.add_argument("reports", type=Path, nargs="+")
    tables.add_argument("--base", default="builtin")
    rmac = what.add_parser("rmac")
    rmac.add_argument("--home", type=Path, required=True)
    rmac.add_argument("--encoder", required=True)
    rmac.add_argument("--weights", type=Path)
    rmac.add_argument("--queries", type=int, default=100)
    strangers = what.add_parser("strangers")
    strangers.add_argument("folders", type=Path, nargs="+")
    strangers.add_argument("--home", type=Path, required=True)
    strangers.add_argument("--out", type=Path, required=True)
    said = parser.parse_args()
    if said.what == "strangers":
        count_strangers(said.home, said.folders, said.out)
    elif said.what == "tables":
        for report in said.reports:
            print("\n".join(markdown(read_report(report), said.base)), "\n")
    else:
        print("\n".join(search_by_rmac(said.home, said.encoder, said.weights, said.queries)))


def markdown(report: Report, base: str) -> Iterator[str]:
    """Yield the lines of a table of R@1: an edit a line, a contender a column."""
    found = {
        (one.row, (one.table, one.column)): dict(
            zip(one.query_ids, one.values.tolist(), strict=True)
        )
        for one in report.query_values
        if one.table in ("recall_at_1", "both", "twins")
    }
    titles = {
        (table.name, column.name): column.heading
        if table.name == "recall_at_1"
        else f"{table.title}: {column.heading}"
        for table in report.tables
        for column in table.columns
    }
    rows = list(dict.fromkeys(row for row, _ in found))
    yield "| " + " | ".join(["edit", *rows]) + " |"
    yield "| --- " * (1 + len(rows)) + "|"
    for column in dict.fromkeys(column for _, column in found):
        cells = []
        for row in rows:
            values = found[row, column]
            cells.append(_percent(list(values.values()), ""))
            if row != base:
                differences = [values[i] - found[base, column][i] for i in values]
                cells[-1] += f"; {_percent(differences, '+')}"
        yield f"| {titles[column]} | " + " | ".join(cells) + " |"


def _percent(values: Sequence[float], sign: str) -> str:
    mean = estimate_mean(values)
    return "{:{s}.1f} [{:{s}.1f}, {:{s}.1f}]".format(
        100 * mean.value, 100 * mean.low, 100 * mean.high, s=sign
    )


def search_by_rmac(home: Path, spec: str, weights: Path | None, queries: int) -> Iterator[str]:
    """Yield R@1 of every edit by R-MAC of a network's map, compared with all of the gallery."""
    encoder = load_encoder(spec, device="cpu", settings=Settings(home=home, weights=weights))
    maps = maps_of(encoder, spec)

    def encode(pictures: Sequence[RGBImage]) -> Array:
        import torch

        from artsim.encoders.timm import rmac

        _, found = maps([encoder.prepare(picture) for picture in pictures])
        return unit_rows(rmac(torch.from_numpy(found)).numpy(), encoder=spec)

    with open_gallery(home=home) as gallery:
        options = CopiesOptions(queries=queries, edits=tuple(EVERY_EDIT))
        run = Run("copies", gallery, options)
        originals = read_originals(run)
        ids = list(originals.payloads)
        vectors = _vectors(run, originals, ids, encode)
        found: dict[str, list[float]] = {edit: [] for edit in EVERY_EDIT}
        for painting_id in draw(ids, options.count(len(ids)), np.random.default_rng(0)):
            shown = load_shown(run, originals, painting_id, options.pictures)
            copies = [shown.copy(edit, options.seed).pixels for edit in EVERY_EDIT]
            best = (encode(copies) @ vectors.T).argmax(axis=1)
            for edit, row in zip(EVERY_EDIT, best, strict=True):
                right = (originals.same[i] for i in shown.ids[: EVERY_EDIT[edit].pictures])
                found[edit].append(float(any(ids[row] in same for same in right)))
        for edit, values in found.items():
            yield f"| {EVERY_EDIT[edit].title} | {_percent(values, '')} |"


def _vectors(
    run: Run[CopiesOptions],
    originals: Originals,
    ids: Sequence[str],
    encode: Callable[[Sequence[RGBImage]], Array],
) -> Array:
    rows = []
    for start in range(0, len(ids), _BATCH):
        some = ids[start : start + _BATCH]
        rows.append(encode([load_original(originals.payloads[i], run.models) for i in some]))
    return np.concatenate(rows)


def count_strangers(home: Path, folders: Sequence[Path], out: Path) -> None:
    """Ask by all pictures of the folders, and print in how many something is found."""
    out.mkdir(parents=True, exist_ok=True)
    results, models = out / "strangers.jsonl", Models(settings=Settings(home=home))
    lines = results.read_text().splitlines() if results.exists() else []
    done = [json.loads(line) for line in lines]
    files = [path for folder in folders for path in sorted(folder.rglob("*.jpg"))]
    if [one["query"] for one in done] != [path.name for path in files[: len(done)]]:
        raise SystemExit(f"{results} is of other folders; name another --out")
    with open_gallery(home=home) as gallery, results.open("a", encoding="utf-8") as file:
        for number in range(len(done), len(files)):
            edit, path = _STRANGE[number % len(_STRANGE)], files[number]
            picture = load_image(path).pixels
            if edit:
                picture = edit_picture(picture, edit, painting_id=path.stem).pixels
            hits = find_similar(gallery, PixelsQuery(picture), models=models).hits
            said = [(hit, hit.evidence) for hit in hits if hit.evidence and hit.evidence.is_found]
            for hit, evidence in said[:1]:
                _draw_found(picture, hit, evidence, out / f"{number:05d}.png")
            found = [(hit.painting_id, evidence.inliers) for hit, evidence in said]
            done.append({"query": path.name, "edit": edit, "found": found})
            file.write(json.dumps(done[-1]) + "\n")
            file.flush()
    called = [one for one in done if one["found"]]
    bound = float(beta.ppf(0.95, len(called) + 1, len(done) - len(called)))
    print(
        f"found, rightly or not, by {len(called)} of {len(done)} pictures: "
        f"at most {1000 * bound:.2f} in 1,000"
    )
    for one in called:
        print(json.dumps(one))


def _draw_found(picture: RGBImage, hit: Hit, evidence: Evidence, path: Path) -> None:
    (work,) = picture_files([hit.payload])
    both = Image.fromarray(picture), Image.fromarray(load_image(work).pixels)
    draw_pairs(*both, evidence).save(path)


if __name__ == "__main__":
    main()
