"""Lines of a text file that comes from anywhere: its encoding found, none of them too long."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from artsim.errors import MetadataError

LONGEST_LINE: Final = 8 * 1024 * 1024
"""Characters; what is longer is no row of a list."""

ENCODING_NAMES: Final = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1252": "Windows-1252",
}

_CHUNK: Final = 1 << 20
_LEAST_ZEROS: Final = 0.4
"""Share of a file's odd or even bytes that are zero where Western text is in UTF-16."""

_WESTERN: Final = bytes(
    byte
    for byte in range(256)
    if byte in b"\t\n\v\f\r" or (byte >= 0x20 and byte not in b"\x7f\x81\x8d\x8f\x90\x9d")
)
"""Bytes that a text in Windows-1252 can have."""


def find_encoding(path: Path, *, at_worst: str | None = None) -> str:
    """Return the codec of a text file, a key of `ENCODING_NAMES`, decided over all of it.

    It is UTF-16 by its byte order mark, or where every other byte of its beginning is
    zero; UTF-8 where all of it is, or at least as many lines with accents are as are not; and
    otherwise Windows-1252, in which Excel saves CSV in Western Europe.

    Parameters
    ----------
    at_worst : str, optional
        What to return of a file that is in none of them, which is an error otherwise.

    Raises
    ------
    MetadataError
        If it cannot be read, or is in none of them.
    """
    try:
        with path.open("rb") as file:
            return _marked(file.read(4096)) or _unmarked(file, path, at_worst)
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def text_lines(path: Path, encoding: str, *, newline: str) -> Iterator[str | None]:
    """Yield the physical lines with their ends, None for one longer than `LONGEST_LINE`.

    Bytes that are not of the encoding become lone surrogates, which `wrong_bytes` finds.
    `newline` is what ends a line, "" for each of the usual ends.

    Raises
    ------
    MetadataError
        If the file cannot be read.
    """
    try:
        with path.open(encoding=encoding, errors=_BYTES_AS_SURROGATES, newline=newline) as file:
            while line := file.readline(LONGEST_LINE + 1):
                if len(line) <= LONGEST_LINE:
                    yield line
                    continue
                while line and not line.endswith(newline or ("\n", "\r")):
                    line = file.readline(_CHUNK)
                yield None
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def wrong_bytes(text: str, encoding: str) -> str | None:
    """Return what is wrong with a text of `text_lines`, in words; None if it was decoded."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        byte = ord(text[exc.start]) - _SURROGATE
        return f"is not {ENCODING_NAMES[encoding]}: it holds the byte 0x{byte:02x}"
    return None


_BYTES_AS_SURROGATES: Final = "artsim.bytes-as-surrogates"
_SURROGATE: Final = 0xDC00


def _bytes_as_surrogates(error: UnicodeError) -> tuple[str, int]:
    """Python's own "surrogateescape" is for encodings that agree with ASCII only."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(_SURROGATE + byte) for byte in wrong), error.end


codecs.register_error(_BYTES_AS_SURROGATES, _bytes_as_surrogates)


def _marked(head: bytes) -> str | None:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    least = max(1, len(head) // 2) * _LEAST_ZEROS
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > least and even == 0:
        return "utf-16-le"
    if even > least and odd == 0:
        return "utf-16-be"
    return None


def _unmarked(file: BinaryIO, path: Path, at_worst: str | None) -> str:
    if _is_utf8(file):
        return "utf-8"
    file.seek(0)
    good = bad = 0
    foreign: tuple[int, int] | None = None
    for number, raw in enumerate(iter(lambda: file.readline(_CHUNK), b""), 1):
        if foreign is None and (rest := raw.translate(None, _WESTERN)):
            foreign = number, rest[0]
        if raw.isascii():
            continue
        try:
            raw.decode()
            good += 1
        except UnicodeDecodeError:
            bad += 1
    if good >= bad:
        return "utf-8"
    if foreign is not None:
        if at_worst is not None:
            return at_worst
        line, byte = foreign
        raise MetadataError(
            f"{path} is text in neither UTF-8, UTF-16 nor Windows-1252 (line {line} holds the byte "
            f'0x{byte:02x}); save it as UTF-8, which Excel calls "CSV UTF-8"',
            path=path,
        )
    return "cp1252"


def _is_utf8(file: BinaryIO) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _unreadable(path: Path, exc: OSError) -> MetadataError:
    return MetadataError(f"{path} cannot be read: {exc.strerror or exc}", path=path)
