"""When and with what a report was made."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from artsim import __version__
from artsim.catalog.results import JSON

_LIBRARIES = ("numpy", "pillow", "scikit-image", "scikit-learn", "torch", "onnxruntime")
_STORES = ("qdrant-client", "qdrant-edge-py")


def library_versions(more: Sequence[str] = ()) -> dict[str, str]:
    """Return the versions of artsim, Python and the libraries that results depend on.

    Parameters
    ----------
    more : sequence of str
        Further distributions; one that is not installed is left out.
    """
    found = {"artsim": __version__, "python": platform.python_version()}
    for name in (*_LIBRARIES, *_STORES, *more):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def timestamp() -> str:
    """Return the present moment in UTC, as ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def flat_settings(settings: Mapping[str, JSON], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield settings as names and texts, those within others with a dot; unset ones not."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat_settings(value, f"{before}{name}.")
        elif text := _words(value):
            yield f"{before}{name}", text


def _words(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        parts = ((name, _words(part)) for name, part in value.items())
        return " ".join(f"{name} {text}" for name, text in parts if text)
    if isinstance(value, (list, tuple)):
        return ", ".join(filter(None, map(_words, value)))
    return str(value)
