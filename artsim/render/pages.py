"""What the pages share: templates, styles and scripts of the package, and embedded pictures.

Every page is one file that asks for nothing from anywhere. Templates escape what they are given;
only the package's own styles and scripts stand in a page as they are, and a page's policy admits
no script but these: metadata could otherwise smuggle one in.
"""

from __future__ import annotations

import base64
import hashlib
import io
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from artsim.render.text import clean

_JPEG_QUALITY = 82


@cache
def environment() -> Environment:
    """Return where the templates of the pages are, with what all of them use."""
    made = Environment(
        loader=PackageLoader("artsim.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"clean": clean, "data_uri": data_uri, "percent": "{:.2%}".format}
    return made


def static(*names: str) -> Markup:
    """Return styles or scripts of the package, one after the other, to stand in a page."""
    folder = resources.files("artsim.render") / "static"
    return Markup("\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names))


def digest(text: str) -> str:
    """Return a style or script as a content security policy names it."""
    hashed = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{hashed}'"


def data_uri(picture: Image.Image | bytes) -> str:
    """Return a picture as a JPEG, or bytes of SVG, in an address of its own."""
    kind, content = "svg+xml", picture
    if not isinstance(content, bytes):
        buffer = io.BytesIO()
        content.save(buffer, "JPEG", quality=_JPEG_QUALITY, optimize=True, progressive=True)
        kind, content = "jpeg", buffer.getvalue()
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
