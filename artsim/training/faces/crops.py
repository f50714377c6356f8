"""Aligned faces of pictures, found once and kept: chunk by chunk, so that it restarts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, overload

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.catalog.faces import prominence
from artsim.catalog.progress import Progress, SilentProgress
from artsim.encoders.base import FaceDetector
from artsim.encoders.devices import usable_cores
from artsim.encoders.face_crops import CROP_SIZE, crops_identity, find_faces
from artsim.errors import ImageError, TrainingError
from artsim.files import replacing
from artsim.images.load import load_image
from artsim.training.faces.people import PersonPicture

CHUNK: Final = 128
"""Pictures whose faces are kept in one file."""

_VERSION: Final = 1
"""To be raised whenever other crops come of the same pictures and detector."""


@dataclass(frozen=True, slots=True)
class FoundCrops:
    """The main face of each picture that has one.

    Attributes
    ----------
    crops : Crops
    pictures : tuple of PersonPicture
        Of each crop.
    without_face : tuple of PersonPicture
    unreadable : tuple of str
        Pictures that could not be read, with reasons.
    identity : str
        Changes with the crops.
    """

    crops: Crops
    pictures: tuple[PersonPicture, ...]
    without_face: tuple[PersonPicture, ...]
    unreadable: tuple[str, ...]
    identity: str


class Crops(Sequence[RGBImage]):
    """Crops in files, of which only those in use take memory.

    Parameters
    ----------
    chunks : sequence of ndarray of uint8, shape (n, size, size, 3)
    """

    def __init__(self, chunks: Sequence[npt.NDArray[np.uint8]]) -> None:
        self._chunks = chunks
        self._ends = np.cumsum([len(chunk) for chunk in chunks], dtype=np.intp)

    def __len__(self) -> int:
        """Return how many there are."""
        return int(self._ends[-1]) if len(self._ends) else 0

    @overload
    def __getitem__(self, index: int) -> RGBImage: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RGBImage]: ...
    def __getitem__(self, index: int | slice) -> RGBImage | Sequence[RGBImage]:
        """Return one crop, or several as a list."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        position = index % len(self)
        chunk = int(np.searchsorted(self._ends, position, side="right"))
        crop: RGBImage = self._chunks[chunk][position - int(self._ends[chunk])]
        return crop


def find_crops(
    pictures: Sequence[PersonPicture],
    folder: Path,
    detector: FaceDetector,
    *,
    progress: Progress | None = None,
) -> FoundCrops:
    """Find the main face of each picture, but for those that `folder` has already.

    Of several faces the largest near the middle is taken, see `prominence`. A picture is
    known again by its name, size and time.

    Raises
    ------
    TrainingError
        If no picture has a face, or `folder` cannot be written.
    """
    progress = progress or SilentProgress()
    parts = [pictures[i : i + CHUNK] for i in range(0, len(pictures), CHUNK)]
    progress.start(len(pictures), "Finding faces")
    arrays, notes = [], []
    try:
        for part in parts:
            array, note = _chunk(part, folder, detector)
            arrays.append(array)
            notes.append(note)
            progress.update(sum(len(one["problems"]) for one in notes))
    finally:
        progress.finish()
    problems = [problem for note in notes for problem in note["problems"]]
    found = tuple(p for p, problem in zip(pictures, problems, strict=True) if problem is None)
    without = tuple(p for p, problem in zip(pictures, problems, strict=True) if problem == "")
    unreadable = tuple(problem for problem in problems if problem)
    if not found:
        why = f"; {unreadable[0]}" if unreadable else ""
        raise TrainingError(
            f"no face was found in {len(pictures)} pictures, {len(unreadable)} of which cannot "
            f"be read; give pictures with faces of at least 20 pixels{why}"
        )
    digest = hashlib.sha256("".join(note["digest"] for note in notes).encode()).hexdigest()
    return FoundCrops(Crops(arrays), found, without, unreadable, digest)


def _chunk(
    pictures: Sequence[PersonPicture], folder: Path, detector: FaceDetector
) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
    """Return the crops of some pictures, and for each None, "" without face, or what is wrong."""
    stem = _identity(pictures, crops_identity(detector))
    crops_file, note_file = folder / f"{stem}.npy", folder / f"{stem}.json"
    kept = _read(crops_file, note_file)
    if kept is not None:
        return kept
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="artsim-crops") as pool:
        results = list(pool.map(lambda picture: _main_crop(picture, detector), pictures))
    crops = [result for result in results if not isinstance(result, str)]
    array = np.stack(crops) if crops else np.zeros((0, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    note = {
        "problems": [result if isinstance(result, str) else None for result in results],
        "digest": hashlib.sha256(array.tobytes()).hexdigest(),
    }
    _write(crops_file, array, note_file, note)
    return _read(crops_file, note_file) or (array, note)


def _main_crop(picture: PersonPicture, detector: FaceDetector) -> RGBImage | str:
    """Return the crop of the main face, "" where there is none, or what is wrong."""
    try:
        image = load_image(picture.path).pixels
    except ImageError as error:
        return str(error)
    height, width = image.shape[:2]
    faces = find_faces(image, detector)
    if not faces:
        return ""
    return max(faces, key=lambda found: prominence(found.face.box, (width, height))).crop


def _identity(pictures: Sequence[PersonPicture], detector: str) -> str:
    digest = hashlib.sha256(f"{_VERSION}\0{detector}\0{CROP_SIZE}".encode())
    for picture in pictures:
        try:
            status = picture.path.stat()
            state = f"{status.st_size}\0{status.st_mtime_ns}"
        except OSError:
            state = "missing"
        digest.update(f"\n{picture.name}\0{state}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


def _read(crops_file: Path, note_file: Path) -> tuple[npt.NDArray[np.uint8], dict[str, Any]] | None:
    """Return a chunk that is whole; None where it is to be made."""
    try:
        note = json.loads(note_file.read_text(encoding="utf-8"))
        found = sum(problem is None for problem in note["problems"])
        # Nothing cannot be mapped into memory.
        array = np.load(crops_file, mmap_mode="r" if found else None, allow_pickle=False)
    except (OSError, ValueError, EOFError, KeyError):
        return None
    if array.dtype != np.uint8 or array.shape != (found, CROP_SIZE, CROP_SIZE, 3):
        return None
    return array, note


def _write(
    crops_file: Path, array: npt.NDArray[np.uint8], note_file: Path, note: dict[str, Any]
) -> None:
    """Write the crops, then the note, without which they do not count."""
    try:
        crops_file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(crops_file) as stream:
            np.save(stream, array)
        with replacing(note_file) as stream:
            stream.write(json.dumps(note).encode())
    except OSError as exc:
        raise TrainingError(
            f"cannot write the faces to {crops_file.parent} ({exc.strerror or exc}); name a "
            "folder that you may write to",
            hint="--out",
            path=crops_file.parent,
        ) from exc
