"""Picture files as 8-bit sRGB arrays, with limits and one kind of error."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TypeAlias

import numpy as np
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.catalog.film_names import split_frame
from artsim.catalog.kinds import Box
from artsim.errors import ImageError
from artsim.images.decode import decode, decode_open, fit, warnings_ignored
from artsim.images.films import read_frame
from artsim.images.formats import HEAD_BYTES, JPEG, NAMES, find_format, foreign_kind
from artsim.images.memory import ImageLimits as ImageLimits
from artsim.images.tiff import UnreadableTiffError

IMAGE_SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp"}
    | {".avif", ".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"}
)
"""Lower-case endings of the files that `load_image` is meant for; it looks only inside."""

DEFAULT_MAX_SIDE: Final = 1024

_READ_BYTES: Final = 1 << 20

_File: TypeAlias = io.BufferedReader | io.BytesIO

ImageSource: TypeAlias = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image.Image
)
"""What `load_image` takes."""

# Pillow logs an error for some hostile TIFFs; without a handler Python prints it.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """A picture and what is known of its file."""

    pixels: RGBImage  # its long side at most the `max_side` it was loaded with
    width: int  # of the original, upright
    height: int
    sha256: str  # of the file's bytes, in hexadecimal digits; empty for a picture of Pillow's


def load_image(
    source: ImageSource,
    *,
    name: str | None = None,
    max_side: int = DEFAULT_MAX_SIDE,
    limits: ImageLimits | None = None,
) -> LoadedImage:
    """Load a JPEG, PNG, WebP, TIFF, GIF, BMP, AVIF or JPEG 2000, whatever its name says.

    The first frame is taken, of a TIFF the first page that is no thumbnail, EXIF
    orientation applied, and every color mode brought to 8-bit sRGB as
    `artsim.images.color` describes; transparent parts become white, as the paper of a
    catalogue is behind a cut-out. A larger picture is shrunk by a Lanczos filter, a JPEG or
    JPEG 2000 from the smallest scale the decoder offers that is at least twice the size
    wanted [1]_. A smaller one is never enlarged.

    All threads of a process share one budget of memory: pictures that would take more than
    2 GB together wait for each other.

    Parameters
    ----------
    source : str, PathLike, bytes, binary file or PIL.Image.Image
        A path is that of a regular file, or of a frame of a film, ``film.mp4#t=83.48``; pipes
        and devices are refused, not waited for. A file object is read from where it stands, to
        its end. A picture of Pillow's is left as it is, but for its pixels being loaded.
    name : str, optional
        What messages call it; by default the path, the file object's name, or "picture".
    max_side : int
        Most pixels of the result's long side, at least 1.
    limits : ImageLimits, optional
        Checked on the file's size and header, before decoding.

    Raises
    ------
    ImageError
        If there is no such file, it may not be read, is not a picture of these formats,
        is damaged or cut short, or is over a limit.

    References
    ----------
    .. [1] libjpeg's scaled inverse DCT, through `PIL.Image.Image.draft`; the resolutions
       of a wavelet transform.
    """
    limits = ImageLimits() if limits is None else limits
    _check_max_side(max_side)
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        try:
            with _open_regular_file(path, limits) as file:
                return _load(file, name or str(path), max_side, limits)
        except ImageError as exc:
            exc.path = path
            raise
    if isinstance(source, Image.Image):
        with _decoding(place := name or "picture", source.format or "picture"):
            return LoadedImage(*decode_open(source, place, max_side, limits), sha256="")
    if not isinstance(source, (bytes, bytearray, memoryview)):
        if not hasattr(source, "read"):
            expected = "a path, bytes, a binary file or a picture of Pillow's"
            raise TypeError(f"expected {expected}, not {type(source).__name__}")
        name = name or str(getattr(source, "name", "picture"))
        source = _read_at_most(source, name, limits)
    name, data = name or "picture", bytes(source)
    _check_bytes(name, len(data), limits)
    return _load(io.BytesIO(data), name, max_side, limits)


def load_image_bytes(
    data: bytes,
    name: str,
    *,
    max_side: int = DEFAULT_MAX_SIDE,
    limits: ImageLimits | None = None,
) -> LoadedImage:
    """Load a picture from a file's bytes, as `load_image` does; `name` is for messages."""
    return load_image(data, name=name, max_side=max_side, limits=limits)


def shrink_image(image: RGBImage, max_side: int = DEFAULT_MAX_SIDE) -> RGBImage:
    """Return a picture in memory as `load_image` returns a file's, its long side limited."""
    _check_max_side(max_side)
    height, width = image.shape[:2]
    target = fit(width, height, max_side)
    if target == (width, height):
        return image
    whole = Image.fromarray(np.ascontiguousarray(image))
    return np.array(whole.resize(target, Image.Resampling.LANCZOS, reducing_gap=2.0))


def cut_image(image: LoadedImage, box: Box) -> LoadedImage:
    """Return a part of a picture, its long side limited; `box` is in pixels of the full size.

    Its `width` and `height` are the part's at the full size; `sha256` remains the file's.
    """
    rows, columns = image.pixels.shape[:2]
    across, down = columns / image.width, rows / image.height
    left, top = min(int(box.x * across), columns - 1), min(int(box.y * down), rows - 1)
    right = max(left + 1, round((box.x + box.width) * across))
    bottom = max(top + 1, round((box.y + box.height) * down))
    part = np.ascontiguousarray(image.pixels[top:bottom, left:right])
    width, height = round(box.width), round(box.height)
    return LoadedImage(shrink_image(part), width, height, image.sha256)


def file_sha256(path: Path, *, limits: ImageLimits | None = None) -> str:
    """Return the SHA-256 of a file's bytes, as `load_image` does, without decoding it."""
    with _open_regular_file(path, ImageLimits() if limits is None else limits) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_max_side(max_side: int) -> None:
    if max_side < 1:
        raise ValueError(f"max_side must be at least 1, not {max_side}")


def _check_bytes(place: str, size: int, limits: ImageLimits) -> None:
    if size == 0:
        raise ImageError(f"{place}: the file is empty; copy or download it again")
    if size > limits.max_bytes:
        raise ImageError(
            f"{place}: {size / 1e6:,.1f} MB, and the limit is {limits.max_bytes / 1e6:,.1f} MB; "
            "shrink the picture or raise the limit on file size"
        )


@contextmanager
def _open_regular_file(path: Path, limits: ImageLimits) -> Iterator[_File]:
    if (of_film := split_frame(path)) and not path.exists():
        yield io.BytesIO(read_frame(*of_film, limits))
        return
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageError(f"{path}: a folder, where a picture file is expected")
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{path}: a pipe or device; give the path of a picture file")
        _check_bytes(str(path), status.st_size, limits)
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as exc:
        raise ImageError(f"{path}: no such file; check the path") from exc
    except (OSError, ValueError) as exc:
        place = repr(str(path)) if "\0" in str(path) else str(path)
        reason = getattr(exc, "strerror", None) or exc
        raise ImageError(f"{place}: cannot be read ({reason}); check the path") from exc


def _read_at_most(source: IO[bytes], name: str, limits: ImageLimits) -> bytes:
    """Read a stream to its end, or to just beyond the limit."""
    parts, size = [], 0
    while size <= limits.max_bytes:
        try:
            part = source.read(min(_READ_BYTES, limits.max_bytes + 1 - size))
        except (OSError, ValueError) as exc:
            raise ImageError(f"{name}: cannot be read ({exc}); open it again") from exc
        if not isinstance(part, bytes):
            raise TypeError(f"{name} is open as text; open it in mode 'rb'")
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _load(file: _File, place: str, max_side: int, limits: ImageLimits) -> LoadedImage:
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    head = file.read(HEAD_BYTES)
    kind = find_format(head)
    if kind is None and (foreign := foreign_kind(head)):
        raise ImageError(f"{place}: {foreign}, which artsim does not read; save it as JPEG")
    if kind is None:
        raise ImageError(f"{place}: not a picture that artsim reads; expected {NAMES}")
    if kind is JPEG and (skipped := len(head) - len(head.lstrip(b"\r\n"))):
        file.seek(skipped)
        file = io.BytesIO(file.read())
    file.seek(0)
    with _decoding(place, kind.name):
        return LoadedImage(*decode(file, kind, place, max_side, limits), sha256)


@contextmanager
def _decoding(place: str, format_name: str) -> Iterator[None]:
    """Turn whatever Pillow raises on a damaged file into `ImageError`."""
    try:
        # Damage that matters also raises an exception; what only warns (an odd EXIF entry, a
        # malformed animation after a sound first frame) is of no use to who ingests a folder.
        with warnings_ignored("PIL"):
            yield
    except ImageError:
        raise
    # Plugins parse hostile bytes with plain indexing and struct, so that nearly any
    # exception can come out of them.
    except Exception as exc:
        hint = "--workers" if isinstance(exc, MemoryError) else ""
        raise ImageError(f"{place}: {_what_is_wrong(exc, format_name)}", hint=hint) from exc


def _what_is_wrong(exc: Exception, kind: str) -> str:
    reason = " ".join(str(exc).split())
    match exc:
        case MemoryError():
            return f"not enough memory for this {kind}; shrink it, or read fewer at a time"
        case UnreadableTiffError():
            return f"a TIFF that {exc}, which artsim does not read; save it as JPEG"
        case ImportError():
            return f"the installed Pillow cannot read {kind}; install a newer one"
        case Image.DecompressionBombError():
            return f"this {kind} has more pixels than the decoder takes; shrink it"
    if isinstance(exc, EOFError) or "truncated" in reason.lower():
        return f"this {kind} ends too early; copy or download it again"
    if isinstance(exc, (OSError, SyntaxError, ValueError, zlib.error)) and reason:
        return f"a damaged or unsupported {kind} ({reason[:120]}); save it anew"
    return f"a damaged or unsupported {kind}; save it anew"
