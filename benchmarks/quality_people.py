"""How right the groups of `artsim people` are, where it is known who is shown.

    python -m benchmarks.quality_people GALLERY --by FIELD [--home FOLDER] [--least-face PX]
    python -m benchmarks.quality_people --list WIKIART224 FOLDER
    python -m benchmarks.quality_people --boxes PICTURES [--every N]

Of each picture whose person is known the main face counts; whatever else stands in its group,
bystanders and people who are not known too, counts as wrong. Pairs: of the pairs within groups how
many are of one person, and of a person's pairs how many are within a group. B-cubed [1]_: the same
for each face, averaged. Intervals are by drawing people. The threshold is tuned (by the B-cubed F1)
on one half of the people, drawn by the hash of their names, and judged on the other, and the other
way round.

``--list`` copies the portraits of `wikiart224` to a folder, one scan of each work, with a list that
says who is shown where titles of one artist do: self-portraits and portraits of somebody by name.

``--boxes`` says how much the boxes of one detector's faces that searches show overlap with the
nearest ones of another, which tells by which overlap a name is found again.

.. [1] Bagga & Baldwin (1998). Entity-based cross-document coreferencing. COLING-ACL.
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Final

import numpy as np

from artsim import Gallery, load_image, open_gallery
from artsim.catalog.kinds import FACES, SURE_SCORE, SURE_SIZE
from artsim.catalog.names import side_of
from artsim.catalog.payload import first_text
from artsim.encoders.face_detectors import DETECTORS, load_detector
from artsim.evaluation.statistics import Estimate, estimate_share
from artsim.evaluation.tasks.faces import read_faces
from artsim.search.people import THRESHOLD, GroupOptions, group_people

THRESHOLDS: Final = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
_SELF: Final = re.compile("self.?portrait|selbst|autorretrato|autoportrait", re.IGNORECASE)
_OF: Final = re.compile(
    r"(?:.*?portrait of|portrait)\s+(?!the |an? |unknown)(.{9,})", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Judged:
    """Of each person: right pairs, pairs in groups, all pairs; faces, and their B-cubed sums."""

    rows: Mapping[str, tuple[float, float, float, float, float, float]]

    def shares(self, people: Sequence[str]) -> list[Estimate | None]:
        """Return precision and recall of pairs, then of faces."""
        right, grouped, pairs, faces, precision, recall = np.array(
            [self.rows[name] for name in people]
        ).T
        parts = ((right, grouped), (right, pairs), (precision, faces), (recall, faces))
        return [estimate_share(part, whole) for part, whole in parts]

    def f1(self, people: Sequence[str]) -> float:
        """Return the harmonic mean of the B-cubed precision and recall."""
        found = [of.value for of in self.shares(people)[2:] if of]
        return 2 * found[0] * found[1] / sum(found)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gallery", nargs="?")
    parser.add_argument("--by", default="extra.person")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--least-face", type=int)
    parser.add_argument("--list", type=Path, nargs=2)
    parser.add_argument("--boxes", type=Path)
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    if given.list:
        list_portraits(*given.list)
        return
    if given.boxes:
        compare_boxes(sorted(given.boxes.iterdir())[:: given.every])
        return
    with open_gallery(name=given.gallery, home=given.home) as gallery:
        truth = read_truth(gallery, given.by)
        judged = {each: judge(gallery, truth, each, given.least_face) for each in THRESHOLDS}
    people = sorted({name for name, count in Counter(truth.values()).items() if count > 1})
    print(f"{len(people)} people with {sum(truth[f] in people for f in truth)} faces")
    print("| threshold | pairs: precision | recall | faces: precision | recall |")
    print("| --- | --- | --- | --- | --- |")
    for threshold in sorted({*THRESHOLDS, THRESHOLD}):
        show(f"{threshold:g}", judged[threshold].shares(people))
    halves = {
        side: [p for p in people if side_of(p, test=0.5) == side] for side in ("train", "test")
    }
    for tuned, tried in (("train", "test"), ("test", "train")):
        if halves[tuned] and halves[tried]:
            best = max(THRESHOLDS, key=lambda each: judged[each].f1(halves[tuned]))
            show(f"{best:g}, tuned on the others", judged[best].shares(halves[tried]))


def show(name: str, shares: Sequence[Estimate | None]) -> None:
    """Print a row in percent."""
    cells = [
        "" if of is None else f"{100 * of.value:.1f} [{100 * of.low:.1f}, {100 * of.high:.1f}]"
        for of in shares
    ]
    print(f"| {name} | {' | '.join(cells)} |")


def read_truth(gallery: Gallery, field: str) -> dict[str, str]:
    """Return who is shown by each main face, by the face's point."""
    faces = read_faces(gallery[FACES]).main.values()
    found = {face.point_id: first_text(face.payload, field) for face in faces}
    return {point_id: person for point_id, person in found.items() if person}


def judge(
    gallery: Gallery, truth: Mapping[str, str], threshold: float, least_face: int | None
) -> Judged:
    """Group the faces, and say of each person how right that is."""
    found = group_people(gallery, None, GroupOptions(threshold, least_face=least_face))
    group_of = {f.point_id: group.faces for group in found.groups for f in group.faces}
    counts = Counter(truth.values())
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * 6)
    for point_id, person in truth.items():
        group = group_of.get(point_id, ())
        size = max(1, len(group))
        same = sum(truth.get(face.point_id) == person for face in group) or 1
        mine = (same - 1, size - 1, counts[person] - 1, 1, same / size, same / counts[person])
        sums[person] = [a + b for a, b in zip(sums[person], mine, strict=True)]
    return Judged({person: tuple(of) for person, of in sums.items()})  # type: ignore[misc]


def compare_boxes(pictures: Sequence[Path]) -> None:
    """Print how many faces of one detector have a box of another, by their overlap."""
    detectors = {name: load_detector(name, device="cpu") for name in DETECTORS}
    overlaps: dict[tuple[str, str], list[float]] = defaultdict(list)
    for path in pictures:
        picture = load_image(path).pixels
        found = {name: detector.detect(picture) for name, detector in detectors.items()}
        for one, other in permutations(found, 2):
            for face in found[one]:
                if min(face.box.width, face.box.height) >= SURE_SIZE and face.score >= SURE_SCORE:
                    nearest = (face.box.overlap(of.box) for of in found[other])
                    overlaps[one, other].append(max(nearest, default=0.0))
    print("| named by | found by | faces | overlap below 0.2 | 0.2 to 0.5 | 0.5 and more |")
    print("| --- | --- | --- | --- | --- | --- |")
    for (one, other), of in overlaps.items():
        counts = np.histogram(of, [0, 0.2, 0.5, 1.01])[0].tolist()
        print(f"| {one} | {other} | {len(of)} | {' | '.join(map(str, counts))} |")


def list_portraits(source: Path, target: Path) -> None:
    """Copy portraits, and write who is shown on which."""
    target.mkdir(parents=True, exist_ok=True)
    with (source / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kept, seen = [], set[str]()
    for row in rows:
        if row["near_dup_group"] in seen:
            continue
        seen |= {row["near_dup_group"]} - {""}
        named = _OF.match(row["title"])
        sitter = row["artist"] if _SELF.search(row["title"]) else ""
        if named and not sitter:
            sitter = f"{row['artist']}: {' '.join(re.findall(r'[a-z]+', named[1].lower()))[:40]}"
        if sitter or "portrait" in row["genre"]:
            shutil.copy(source / row["filename"], target)
            kept.append({**row, "filename": Path(row["filename"]).name, "sitter": sitter})
    with (target / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(kept[0]))
        writer.writeheader()
        writer.writerows(kept)


if __name__ == "__main__":
    main()
