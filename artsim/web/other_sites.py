"""What pages of other sites may read: works that look like one, for a museum's own pages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

from artsim.errors import ConfigError

ANY: Final = "*"

ELEMENT: Final = "artsim-similar.js"
"""The module of the element by which other sites show such works."""

_OPEN: Final = ("/api/v1/similar", "/api/v1/thumbnails/", f"/static/{ELEMENT}")
_IMAGES: Final = "/iiif/3/"
_ORIGIN: Final = re.compile(
    r"https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-fA-F:]+\](:\d{1,5})?"
)


@dataclass(frozen=True, slots=True)
class OtherSites:
    """Whose pages may read what `similar` answers, and thumbnails.

    Attributes
    ----------
    origins : frozenset of str
        Such as ``https://museum.example``; ``*`` is every site, and lets viewers elsewhere read
        the pictures too, by the IIIF Image API.
    """

    origins: frozenset[str] = frozenset()

    @classmethod
    def named(cls, origins: Iterable[str]) -> OtherSites:
        """Return the sites of these origins; ConfigError where one is none."""
        found = {origin.rstrip("/").lower() for origin in origins}
        for origin in found - {ANY}:
            if not _ORIGIN.fullmatch(origin):
                raise ConfigError(
                    f"{origin!r} is no site; expected such as https://museum.example, without a "
                    "path, or * for every site",
                    hint="--allow-origin https://museum.example",
                )
        return cls(frozenset(found))

    @property
    def is_public(self) -> bool:
        """Whether every site may read."""
        return ANY in self.origins

    def admitted(self, scope: Scope, headers: Headers) -> str | None:
        """Return whom an answer may be read by, as the header says it; None: the own page alone."""
        path = scope["path"]
        if scope["method"] not in ("GET", "HEAD") or not self.origins:
            return None
        if not path.startswith((*_OPEN, _IMAGES) if self.is_public else _OPEN):
            return None
        if self.is_public:
            return ANY
        origin = headers.get("origin", "").lower()
        return origin if origin in self.origins else None


NO_OTHERS: Final = OtherSites()
