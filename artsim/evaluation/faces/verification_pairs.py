"""Pairs of pictures or faces to verify: a list from a file, or all there are."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.errors import MetadataError

TRUTHS: Final[Mapping[str, bool]] = {
    "1": True,
    "true": True,
    "yes": True,
    "0": False,
    "false": False,
    "no": False,
}

_COLUMNS: Final = ("file_a", "file_b", "same")
_ROUNDS: Final = 50


@dataclass(frozen=True, slots=True)
class ListedPair:
    """Two pictures by name, and whether they show one person.

    Attributes
    ----------
    first, second : str
        Painting id, or the file's name.
    fold : str or None
        Set of the protocol that the pair belongs to, where the list says.
    line : int
        Where it stands in the list.
    """

    first: str
    second: str
    same: bool
    fold: str | None
    line: int


def read_pairs(path: Path) -> list[ListedPair]:
    """Read a list of pairs: CSV with columns ``file_a``, ``file_b``, ``same``, perhaps ``fold``.

    ``same`` is 1 or 0, true or false, yes or no.

    Raises
    ------
    MetadataError
        If the file cannot be read, a column is missing, or a row makes no sense.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise MetadataError(
                    f"{path}: expected the columns file_a, file_b and same, and none is called "
                    f"{missing[0]!r}; it has: {', '.join(reader.fieldnames or ()) or 'none'}"
                )
            pairs = [_pair(row, path, reader.line_num) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise MetadataError(f"{path}: cannot be read as CSV ({exc}); give a list of pairs") from exc
    if not pairs:
        raise MetadataError(f"{path}: expected pairs, and found none below the header")
    if len({pair.fold is None for pair in pairs}) > 1:
        line = next(pair.line for pair in pairs if pair.fold is None)
        raise MetadataError(f"{path}, line {line}: other pairs have a fold, and this one has none")
    return pairs


def _pair(row: Mapping[str, str | None], path: Path, line: int) -> ListedPair:
    first, second, same = ((row.get(name) or "").strip() for name in _COLUMNS)
    if not first or not second or same.lower() not in TRUTHS:
        raise MetadataError(
            f"{path}, line {line}: expected two names and 1 or 0, found "
            f"{first!r}, {second!r}, {same!r}"
        )
    fold = (row.get("fold") or "").strip() or None
    return ListedPair(first, second, TRUTHS[same.lower()], fold, line)


@dataclass(frozen=True, slots=True)
class IndexPairs:
    """M pairs of N labeled things, by index.

    Attributes
    ----------
    first, second : ndarray of int, shape (M,)
    same : ndarray of bool, shape (M,)
        Whether their labels are equal.
    sampled : bool
        Whether there are more pairs than these.
    """

    first: npt.NDArray[np.intp]
    second: npt.NDArray[np.intp]
    same: npt.NDArray[np.bool_]
    sampled: bool

    def __len__(self) -> int:
        """Return M."""
        return len(self.same)


def all_pairs(labels: npt.NDArray[np.intp], *, most: int, seed: int = 0) -> IndexPairs:
    """Return every pair of N labeled things, or a sample of at most `most`.

    A sample holds pairs of one label first, up to half of `most`, for they are the rarer
    kind, and pairs of different labels in the rest; each kind is drawn evenly and without
    repetition, which is all that rates within a kind depend on.

    Parameters
    ----------
    labels : ndarray of int, shape (N,)
        Number of each one's label, from 0.
    most : int
        Largest number of pairs, at least 2.
    """
    count = len(labels)
    if count * (count - 1) // 2 <= most:
        first, second = np.triu_indices(count, k=1)
        return IndexPairs(first, second, labels[first] == labels[second], sampled=False)
    rng = np.random.default_rng(seed)
    alike = _alike(labels, most // 2, rng)
    different = _different(labels, most - len(alike), rng)
    first, second = np.concatenate([alike, different]).T
    return IndexPairs(first, second, labels[first] == labels[second], sampled=True)


def _alike(
    labels: npt.NDArray[np.intp], most: int, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Return pairs of one label, shape (M, 2), the smaller index first."""
    sizes = np.bincount(labels)
    pairs_of = sizes * (sizes - 1) // 2
    total = int(pairs_of.sum())
    if total <= most:
        members = (np.flatnonzero(labels == label) for label in np.flatnonzero(sizes > 1))
        pairs = [pair for of_label in members for pair in combinations(of_label.tolist(), 2)]
        return np.array(pairs, dtype=np.intp).reshape(-1, 2)
    by_label = np.argsort(labels, kind="stable")
    starts = np.cumsum(sizes) - sizes

    def draw(size: int) -> npt.NDArray[np.intp]:
        label = rng.choice(len(sizes), size, p=pairs_of / total)
        first = rng.integers(0, sizes[label])
        second = (first + rng.integers(1, sizes[label])) % sizes[label]
        return np.asarray(by_label[starts[label] + np.stack([first, second])].T)

    return _distinct(draw, most, len(labels))


def _different(
    labels: npt.NDArray[np.intp], most: int, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Return pairs of different labels, shape (M, 2), the smaller index first."""

    def draw(size: int) -> npt.NDArray[np.intp]:
        pairs = rng.integers(0, len(labels), (size, 2))
        return np.asarray(pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]])

    return _distinct(draw, most, len(labels))


def _distinct(
    draw: Callable[[int], npt.NDArray[np.intp]], most: int, count: int
) -> npt.NDArray[np.intp]:
    """Return at most `most` different pairs of what `draw` gives, in the order of drawing."""
    found = np.empty(0, dtype=np.intp)
    # Where few pairs exist, most draws repeat one another: fewer than asked for will do.
    for _ in range(_ROUNDS):
        first, second = np.sort(draw(most), axis=1).T
        found = np.concatenate([found, first * count + second])
        found = found[np.sort(np.unique(found, return_index=True)[1])][:most]
        if len(found) == most:
            break
    return np.stack(np.divmod(found, count), axis=1)
