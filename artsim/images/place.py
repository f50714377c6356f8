"""Where a picture is: from the address in a payload to a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit


def local_path(image_uri: str) -> Path | None:
    """Return the file that an ``image_uri`` names, or None where it is not a local file.

    ``file:`` addresses are decoded, percent signs and all; text without a scheme is taken
    as a path.
    """
    # A single letter is a Windows drive.
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", image_uri):
        return Path(image_uri)
    try:
        parts = urlsplit(image_uri)
    except ValueError:
        return None
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        return None
    # Not parts.path: "?" and "#" may stand undecoded in a carelessly made address.
    raw = image_uri.split(":", 1)[1]
    if raw.startswith("//"):
        raw = "/" + raw[2:].partition("/")[2]
    if re.match(r"/[A-Za-z]:", raw):
        raw = raw[1:]  # a Windows drive; a colon in another file's name is written %3A
    path = os.fsdecode(unquote_to_bytes(raw.encode("utf-8", "surrogateescape")))
    return None if "\0" in path or not path else Path(path)


def picture_files(payloads: Iterable[Mapping[str, Any]]) -> Iterator[Path]:
    """Yield the files that the ``image_uri`` of payloads name on this machine."""
    for payload in payloads:
        uri = payload.get("image_uri")
        if isinstance(uri, str) and (place := local_path(uri)) is not None:
            yield place
