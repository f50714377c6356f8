"""What `artsim compare` and `--copies` say of pairs that are known.

    artsim ingest DATA/wikiart224 --gallery wikiart224 --no-faces
    artsim ingest DATA/sample --gallery sample
    python -m benchmarks.quality_pairs DATA --home HOME [--sheets FOLDER]

The pairs are scans of one painting (`extra.near_dup_group` of wikiart224), as they are and with the
first in a mirror; companions of the sample (`groups.csv`: one sitter, one motif, a set), by how
alike they are expected to look; and works by different artists, drawn by chance. Copies are looked
for by every scan, and by as many works that have none. With --sheets a sheet of every pair of the
sample, and of some scans.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np

from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.scale import Word
from artsim.files import local_path
from artsim.images.load import load_image
from artsim.render.sheet import write_sheet
from artsim.search.answer import find_similar
from artsim.search.comparison import Comparison, compare
from artsim.search.models import Models
from artsim.search.question import COPIES, IdQuery, PixelsQuery, SearchOptions
from artsim.store.gallery import Gallery, open_gallery
from benchmarks.quality_judge import table

Pairs = list[tuple[str, str]]
Payloads = dict[str, dict[str, Any]]

WORDS: Final = get_args(Word)
_EVERY: Final = 16
"""Of so many pairs of scans one gets a sheet."""


def read(gallery: Gallery) -> Payloads:
    """Return the metadata of every painting, by its id."""
    found = (dict(record.payload) for record in gallery[PAINTINGS].scroll())
    return dict(sorted((str(payload["painting_id"]), payload) for payload in found))


def scans(payloads: Payloads) -> dict[str, list[str]]:
    """Return the ids of the scans of each painting that has several."""
    groups = defaultdict(list)
    for name, payload in payloads.items():
        if group := (payload.get("extra") or {}).get("near_dup_group"):
            groups[group].append(name)
    return {group: ids for group, ids in groups.items() if len(ids) > 1}


def companions(folder: Path) -> dict[str, Pairs]:
    """Return the pairs of works that belong together, by how alike they are expected to be."""
    found: dict[str, Pairs] = defaultdict(list)
    with (folder / "groups.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found[row["expected"]] += combinations(row["members"].split(), 2)
    return found


def strangers(payloads: Payloads, count: int) -> Pairs:
    """Return pairs of works by different artists, drawn by chance."""
    known = [name for name, payload in payloads.items() if payload.get("artist_key")]
    drawn = np.random.default_rng(0).choice(known, (4 * count, 2)).tolist()
    keys = {name: payloads[name]["artist_key"] for name in known}
    return [(a, b) for a, b in drawn if keys[a] != keys[b]][:count]


def mirror(payload: dict[str, Any]) -> PixelsQuery:
    """Return a painting's picture in a mirror."""
    path = local_path(payload["image_uri"])
    assert path is not None
    return PixelsQuery(np.ascontiguousarray(load_image(path).pixels[:, ::-1]))


def row_of(name: str, found: Sequence[Comparison]) -> list[str]:
    """Return how many pairs got each word and are more alike in a mirror, and their SSIM."""
    words = Counter(of.verdict.word for of in found if of.verdict)
    turned = sum(of.ssim_mirrored > of.ssim for of in found)
    low, high = np.quantile([max(of.ssim, of.ssim_mirrored) for of in found], (0, 1))
    counts = [str(words[word]) for word in WORDS]
    return [name, str(len(found)), *counts, str(turned), f"{low:.2f} to {high:.2f}"]


def compare_pairs(gallery: Gallery, pairs: Pairs, sheets: Path | None) -> list[Comparison]:
    """Compare each pair by its ids, and write a sheet of each."""
    found = []
    for first, second in pairs:
        found.append(compare(gallery, IdQuery(first), IdQuery(second)))
        if sheets is not None:
            name = f"{Path(first).stem}-{Path(second).stem}.png"
            write_sheet(found[-1], sheets / name, overwrite=True)
    return found


def look_for_copies(gallery: Gallery, payloads: Payloads) -> list[list[str]]:
    """Return how often `--copies` finds another scan first, and calls what the same picture."""
    groups = scans(payloads)
    twins = {name: set(ids) - {name} for ids in groups.values() for name in ids}
    alone = [name for name in payloads if name not in twins]
    drawn = np.random.default_rng(0).permutation(alone)[: len(twins)].tolist()
    rows = []
    for title, names in (("a scan of which there are others", twins), ("another work", drawn)):
        first = called = wrong = 0
        for name in names:
            hits = find_similar(gallery, IdQuery(name), options=SearchOptions(**COPIES)).hits
            right = twins.get(name, set())
            same = {h.painting_id for h in hits if h.verdict and h.verdict.word == "same picture"}
            first += hits[0].painting_id in right
            called += bool(same & right)
            wrong += bool(same - right)
        rows.append([title, *map(str, (len(names), first, called, wrong))])
    return rows


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--sheets", type=Path)
    args = parser.parse_args()
    if args.sheets is not None:
        args.sheets.mkdir(parents=True, exist_ok=True)
    models, rows = Models(), []
    with open_gallery(home=args.home, name="wikiart224") as gallery:
        payloads = read(gallery)
        pairs = [pair for ids in scans(payloads).values() for pair in combinations(ids, 2)]
        rows.append(row_of("scans of one painting", compare_pairs(gallery, pairs, None)))
        compare_pairs(gallery, pairs[::_EVERY] if args.sheets else [], args.sheets)
        turned = [compare(gallery, mirror(payloads[a]), IdQuery(b), models) for a, b in pairs]
        rows.append(row_of("the same, the first mirrored", turned))
        if args.sheets is not None:
            write_sheet(turned[0], args.sheets / "mirrored.png", overwrite=True)
        chance = strangers(payloads, 1000)
        rows.append(row_of("different artists", compare_pairs(gallery, chance, None)))
        copies = look_for_copies(gallery, payloads)
    with open_gallery(home=args.home, name="sample") as gallery:
        for expected, pairs in companions(args.data / "sample").items():
            found = compare_pairs(gallery, pairs, args.sheets)
            rows.append(row_of(f"sample, companions, {expected}", found))
        chance = strangers(read(gallery), 1000)
        rows.append(row_of("sample, different artists", compare_pairs(gallery, chance, None)))
    print(table(["pairs", "of them", *WORDS, "nearer mirrored", "SSIM"], rows), end="\n\n")
    heads = ["--copies by", "queries", "another scan first", "called so", "another work called so"]
    print(table(heads, copies))


if __name__ == "__main__":
    main()
