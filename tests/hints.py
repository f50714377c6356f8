"""What the command line says of an error, whose options stand beside its message."""

from __future__ import annotations

import re
from collections.abc import Callable

from artsim.errors import ArtsimError


def hinted(pattern: str) -> Callable[[ArtsimError], bool]:
    """A check for `pytest.raises`: message and hint together match `pattern`."""
    return lambda error: re.search(pattern, error.with_hint) is not None
