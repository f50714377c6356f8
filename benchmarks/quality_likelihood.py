"""What the likelihoods of `artsim compare` are worth: said, and found of people kept aside.

    python -m benchmarks.quality_likelihood --gather DATA FOLDER
    artsim ingest FOLDER --gallery sitters
    python -m benchmarks.quality_likelihood --home HOME --gallery sitters

The ratio of each pair is calibrated on pairs of other people, a tenth of whom are kept aside in
turn, and what it says is compared with how many of the pairs are of one person. Both kinds of pairs
count the same, and so does each person. DATA has galleries' pictures with their lists; FOLDER gets
those by artists of whom two portraits of one person are known: self-portraits by their titles, and
those that the lists or `painted_sitters.txt` name.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from artsim.catalog.kinds import FACES
from artsim.catalog.names import artist_key, sitter_of
from artsim.catalog.scale import FEWEST_PAIRS, Floats, Integers, KnownPairs
from artsim.search.comparison import known_pairs
from artsim.store.gallery import Gallery, open_gallery
from benchmarks.quality_judge import table

_COLLECTIONS: Final = ("wikiart224", "paintings", "public_domain", "sample")
_RATIOS: Final = (1e-9, 0.01, 0.1, 1, 10, 100, 1e9)
_HEADS: Final = ("pairs", "ratio", "of one person", "of two", "said, %", "one person, %")
_PARTS: Final = 10
_RESAMPLES: Final = 300
_MOST: Final = 30_000
"""Most pairs of two people that are judged, a sample of them."""


def gather(data: Path, folder: Path) -> None:
    """Link the works by artists of whom two portraits of one person are known, with a list."""
    listed = Path(__file__).with_name("painted_sitters.txt").read_text("utf-8").splitlines()
    sitters = dict(line.split(" ", 1) for line in listed)
    works, often = [], Counter[str]()
    for name in _COLLECTIONS:
        with (data / name / "metadata.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                place, artist = f"{name}/{row['filename']}", artist_key(row["artist"])
                who = sitters.get(place) or row.get("sitter") or ""
                said = {"title": row["title"], "artist_key": artist, "attribution": "by"}
                known = sitter_of(said | ({"extra": {"sitter": who}} if who else {}))
                often[known or ""] += 1
                works.append((place, artist, known, [row["artist"], row["title"], who]))
    kept = {artist for _, artist, known, _ in works if artist and known and often[known] > 1}
    folder.mkdir(parents=True)
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "artist", "title", "sitter"])
        for place, artist, _, told in works:
            if artist in kept:
                link = place.replace("/images/", "__")
                (folder / link).symlink_to((data / place).resolve())
                writer.writerow([link, *told])


def held_out(pairs: KnownPairs) -> tuple[Floats, Floats]:
    """Return the log ratio of each pair of one person, and of two, said by other people's pairs."""
    count = 1 + int(max(pairs.whose.max(), pairs.of_two.max()))
    part = np.random.default_rng(0).permutation(count) % _PARTS
    found = np.zeros(len(pairs.same)), np.zeros(len(pairs.others))
    for aside in range(_PARTS):
        same, two = part[pairs.whose] == aside, part[pairs.of_two] == aside
        kept, left = ~same, ~two.any(axis=1)
        rest = replace(
            pairs,
            same=pairs.same[kept],
            whose=pairs.whose[kept],
            others=pairs.others[left],
            of_two=pairs.of_two[left],
        )
        found[0][same] = rest.log_ratios(pairs.same[same])[0]
        found[1][two[:, 0]] = rest.log_ratios(pairs.others[two[:, 0]])[0]
    return found


def rows_of(gallery: Gallery) -> Iterator[list[str]]:
    """Yield a row for each encoder, relation and range of ratios."""
    for name in gallery.encoders(FACES):
        for artists in (("one", "one"), ("one", "other"), (None, None)):
            pairs = known_pairs(gallery[FACES], name, artists)
            if len(pairs.same) >= FEWEST_PAIRS:
                some = np.random.default_rng(0).permutation(len(pairs.others))[:_MOST]
                pairs = replace(pairs, others=pairs.others[some], of_two=pairs.of_two[some])
                logs = held_out(pairs)
                for ends in pairwise(_RATIOS):
                    inside = [(of >= np.log(ends[0])) & (of < np.log(ends[1])) for of in logs]
                    if any(rows.any() for rows in inside):
                        shown = f"{ends[0]:g} to {ends[1]:g}"
                        yield [f"{name}, {pairs.relation}", shown, *cells(pairs, logs, inside)]


def cells(pairs: KnownPairs, logs: tuple[Floats, Floats], inside: list[Integers]) -> list[str]:
    """Return the pairs of a range, the mean that they say, and what is, by drawing people."""
    share = 1 / np.maximum(1, np.bincount(pairs.whose))[pairs.whose]
    count = 1 + int(max(pairs.whose.max(), pairs.of_two.max()))

    def shares(times: Integers) -> tuple[float, float]:
        same, two = share * times[pairs.whose], times[pairs.of_two].prod(axis=1)
        weights = [same[inside[0]] / same.sum(), two[inside[1]] / two.sum()]
        whole = float(weights[0].sum() + weights[1].sum()) or np.nan
        chances = [1 / (1 + np.exp(-log[rows])) for log, rows in zip(logs, inside, strict=True)]
        said = sum(float(of @ chance) for of, chance in zip(weights, chances, strict=True))
        return said / whole, float(weights[0].sum()) / whole

    said, right = shares(np.ones(count, np.intp))
    rng = np.random.default_rng(0)
    drawn = (np.bincount(rng.integers(0, count, count), minlength=count) for _ in range(_RESAMPLES))
    low, high = 100 * np.nanquantile([shares(times)[1] for times in drawn], (0.025, 0.975))
    return [
        *(f"{int(rows.sum()):,} of {len(rows):,}" for rows in inside),
        f"{100 * said:.1f}",
        f"{100 * right:.1f} ({low:.1f} to {high:.1f})",
    ]


def main() -> None:
    """Print one table, or gather works."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path)
    parser.add_argument("--gallery")
    parser.add_argument("--gather", type=Path, nargs=2, metavar=("DATA", "FOLDER"))
    asked = parser.parse_args()
    if asked.gather:
        gather(*asked.gather)
        return
    with open_gallery(home=asked.home, name=asked.gallery) as gallery:
        print(table(list(_HEADS), list(rows_of(gallery))))


if __name__ == "__main__":
    main()
