"""Which picture of a folder is meant by what stands in a list: a path, a name, an address."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote

from artsim.errors import MetadataError
from artsim.images.load import IMAGE_SUFFIXES
from artsim.ingest.cells import as_text, clean
from artsim.ingest.source_types import Row, Rows

ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]+://|data:", re.IGNORECASE)

_SHOWN: Final = 3
"""Paths named in a message, where a name could be several."""

_LONGEST_NAME: Final = 4096
"""Characters; what is longer names no file."""

_ROWS_SEARCHED: Final = 100_000
"""Rows of a list in which a column of pictures is looked for."""


class PictureFinder:
    """The pictures of a folder by their paths below it, with ``/``, and by parts of these.

    What a list says is a picture's path, else its file name, else its file name without
    suffix, if just one has it; else the same with capitals, and underscores for spaces, ignored.
    Of a web address the last part counts, with its ``%20`` decoded.
    """

    def __init__(self, pictures: Sequence[str]) -> None:
        self._pictures = frozenset(pictures)
        self._indexes: dict[str, Mapping[str, list[str]]] = {}

    def find(self, value: Any) -> str:
        """Return the one picture that a cell means; MetadataError if there is none, or several."""
        text = _cell_text(value)
        if text is None:
            raise MetadataError("names no picture")
        found = self._matches(text)
        if not found:
            raise MetadataError(f"names {shown(text)}, and there is no such picture in the folder")
        if len(found) > 1:
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            raise MetadataError(
                f"names {shown(text)}, and more than one picture is called so "
                f"({', '.join(found[:_SHOWN])}{more}); give its path below the folder"
            )
        return found[0]

    def finds_any(self, rows: Rows, column: str) -> bool:
        """Return whether a column means a picture in any row."""
        texts = (_cell_text(row.values.get(column)) for row in rows if isinstance(row, Row))
        return any(text is not None and len(self._matches(text)) == 1 for text in texts)

    def naming_column(self, rows: Rows) -> str | None:
        """Return the column that means most pictures, none of them twice; None if none does.

        Numbers without a suffix do not count: 1642 is a year before it is ``1642.jpg``.
        """
        pictures: dict[str, set[str]] = {}
        cells: Counter[str] = Counter()
        for row in islice(rows, _ROWS_SEARCHED):
            for column, value in row.values.items() if isinstance(row, Row) else ():
                if isinstance(value, str) and value and not value.isdecimal():
                    found = self._matches(value.strip())
                    if len(found) == 1:
                        pictures.setdefault(column, set()).add(found[0])
                        cells[column] += 1
        sure = [column for column in pictures if len(pictures[column]) == cells[column]]
        return max(sure, key=lambda column: cells[column], default=None)

    def _matches(self, text: str) -> Sequence[str]:
        if len(text) > _LONGEST_NAME:
            return ()
        path = _path_meant(text)
        if path in self._pictures:
            return (path,)
        name = _name(path)
        stem, suffix = _split_suffix(name)
        # Without its suffix, as where the list has TIFFs and the folder JPEGs of them.
        names = [name, stem] if suffix.lower() in IMAGE_SUFFIXES else [name]
        for kind, keys in (
            ("name", [name]),
            ("stem", names),
            ("folded path", [_folded(path)]),
            ("folded name", [_folded(name)]),
            ("folded stem", [_folded(part) for part in names]),
        ):
            for key in keys:
                if found := self._index(kind).get(key):
                    return found
        return ()

    def _index(self, kind: str) -> Mapping[str, list[str]]:
        if kind not in self._indexes:
            index: dict[str, list[str]] = {}
            for picture in sorted(self._pictures):
                index.setdefault(_KEYS[kind](picture), []).append(picture)
            self._indexes[kind] = index
        return self._indexes[kind]


def shown(text: str, limit: int = 120) -> str:
    """Return a text from a list as a message quotes it, shortened in its middle."""
    half = limit // 2
    return repr(text if len(text) <= limit else f"{text[:half]}…{text[-half:]}")


def _cell_text(value: Any) -> str | None:
    cleaned = clean(value)
    return None if cleaned is None else as_text(cleaned)


def _path_meant(text: str) -> str:
    """Return a cell's path, wherever it points: only pictures of the folder can be found."""
    if ADDRESS.match(text):
        path = re.split(r"[?#]", text, maxsplit=1)[0]
        return unquote(path.rstrip("/").rpartition("/")[2])
    parts = text.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def _split_suffix(name: str) -> tuple[str, str]:
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix) if stem else (name, "")


def _name(path: str) -> str:
    """Return the last part in Unicode's composed form; some file systems decompose names."""
    return unicodedata.normalize("NFC", path.rpartition("/")[2])


def _stem(path: str) -> str:
    return _split_suffix(_name(path))[0]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().replace("_", " ")


_KEYS: Final[Mapping[str, Callable[[str], str]]] = {
    "name": _name,
    "stem": _stem,
    "folded path": _folded,
    "folded name": lambda path: _folded(_name(path)),
    "folded stem": lambda path: _folded(_stem(path)),
}
