"""When and with what a report was made."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from artsim import __version__

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
