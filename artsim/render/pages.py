"""What pages and pictures share: templates, styles, scripts, colors, fonts, embedded pictures.

Every page is one file that asks for nothing from anywhere. Templates escape what they are given;
only the package's own styles and scripts stand in a page as they are, and a page's policy admits
no script but these: metadata could otherwise smuggle one in.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from markupsafe import Markup
from PIL import Image

from artsim.render.text import clean

if TYPE_CHECKING:
    from jinja2 import Environment

STATIC: Final = Path(__file__).parent / "static"


def static(*names: str) -> Markup:
    """Return styles or scripts of the package, one after the other, to stand in a page."""
    return Markup("\n".join((STATIC / name).read_text(encoding="utf-8") for name in names))


LOOKS: Final[dict[str, dict[str, Any]]] = tomllib.loads(
    (STATIC / "looks.toml").read_text(encoding="utf-8")
)


@dataclass(frozen=True, slots=True)
class Theme:
    """Colors of texts, the grid, what is behind, and lines and bars one after another."""

    ink: str
    muted: str
    line: str
    wall: str
    series: list[str]


LIGHT: Final = Theme(**LOOKS["light"])
DARK: Final = Theme(**LOOKS["dark"])


@cache
def installed_fonts(*kinds: Literal["serif", "sans", "scripts"]) -> list[str]:
    """Return the names of the fonts of these kinds that are there, best first."""
    from matplotlib.font_manager import get_font_names

    there = set(get_font_names())
    return [name for kind in kinds for name in LOOKS["fonts"][kind] if name in there]


@cache
def environment() -> Environment:
    """Return where the templates of the pages are, with what all of them use."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # no table needs them

    made = Environment(
        loader=PackageLoader("artsim.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"clean": clean, "data_uri": data_uri, "percent": "{:.2%}".format}
    return made


def digest(text: str) -> str:
    """Return a style or script as a content security policy names it."""
    hashed = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{hashed}'"


def data_uri(picture: Image.Image | bytes) -> str:
    """Return a picture as a JPEG, or bytes of SVG, in an address of its own."""
    kind, content = "svg+xml", picture
    if not isinstance(content, bytes):
        buffer = io.BytesIO()
        content.save(buffer, "JPEG", quality=82, optimize=True, progressive=True)
        kind, content = "jpeg", buffer.getvalue()
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
