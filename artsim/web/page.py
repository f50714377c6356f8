"""The page itself: its template, its texts in each language, its scripts and its style."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from jinja2 import Environment, PackageLoader
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from artsim.render import pages

_HERE: Final = Path(__file__).parent
_TYPES: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}

STATIC: Final = "/static/"
"""Where the addresses of scripts and styles begin."""

ELEMENT: Final = "artsim-similar.js"
"""The module of the element by which other sites show works that look alike."""

LANGUAGE_COOKIE: Final = "artsim_language"


@cache
def texts() -> dict[str, dict[str, str]]:
    """Return the texts of the page by language, English first: one file each."""
    found = sorted(_HERE.glob("texts/*.toml"), key=lambda path: (path.stem != "en", path.stem))
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in found}


@cache
def static_files() -> dict[str, bytes]:
    """Return the scripts and styles by name; the style begins with the colors of all pages."""
    colors = pages.static("colors.css").encode() + b"\n"
    return {
        path.name: (colors if path.suffix == ".css" else b"") + path.read_bytes()
        for path in _HERE.glob("static/*")
    }


@cache
def static_version() -> str:
    """Return what stands in the files' addresses, so that browsers keep them until they change."""
    hashed = hashlib.sha256()
    for name, content in sorted(static_files().items()):
        hashed.update(name.encode() + b"\0" + content)
    return hashed.hexdigest()[:16]


@cache
def scripts() -> list[str]:
    """Return the scripts that the page begins with, for browsers to ask for all of them at once."""
    found = ["main.js"]
    for name in found:  # which grows meanwhile
        content = static_files()[name].decode()
        imported = re.findall(r'^import [^;]*"\./([a-z_]+\.js)";', content, re.MULTILINE)
        found += [each for each in imported if each not in found]
    return found


@cache
def _environment() -> Environment:
    return pages.environment().overlay(loader=PackageLoader("artsim.web"))


def language_of(request: Request) -> str:
    """Return the language that a visitor chose, else the first one they read that is there."""
    known, chosen = texts(), request.cookies.get(LANGUAGE_COOKIE)
    if chosen in known:
        return chosen
    for part in request.headers.get("accept-language", "").split(","):
        language = part.partition(";")[0].strip().lower().partition("-")[0]
        if language in known:
            return language
    return next(iter(known))


def render_page(name: str, language: str, **values: Any) -> str:
    """Return a page of `templates/` in a language."""
    found = texts()[language]
    # "<" would end the element that they stand in, wherever it comes from.
    embedded = json.dumps(found, ensure_ascii=False).replace("<", "\\u003c")
    template = _environment().get_template(name)
    return template.render(
        language=language,
        languages={code: own["language"] for code, own in texts().items()},
        text=found,
        texts=embedded,
        static=f"{STATIC}{static_version()}",
        **values,
    )


router = APIRouter(include_in_schema=False)


@router.get("/")
def page(request: Request) -> Response:
    """Return the page in the visitor's language."""
    headers = {"cache-control": "no-cache", "vary": "accept-language, cookie"}
    content = render_page("page.html", language_of(request), scripts=scripts())
    return HTMLResponse(content, headers=headers)


@router.get(f"{STATIC}{ELEMENT}")
def element() -> Response:
    """Return the element for other sites, by an address that stays."""
    headers = {"cache-control": "max-age=3600"}
    return Response(static_files()[ELEMENT], media_type=_TYPES[".js"], headers=headers)


@router.get(f"{STATIC}{{version}}/{{name}}")
async def static(version: str, name: str) -> Response:  # in memory: a thread takes longer
    """Return a file of the page, for a year where it is today's."""
    content = static_files().get(name)
    if content is None:
        raise HTTPException(404, "the page has no such file")
    is_now = version == static_version()
    headers = {"cache-control": "private, max-age=31536000" if is_now else "no-cache"}
    kind = _TYPES.get(Path(name).suffix, "application/octet-stream")
    return Response(content, media_type=kind, headers=headers)


@router.get("/favicon.ico")
def icon() -> Response:
    """Return the icon where browsers look for it unasked."""
    return Response(static_files()["icon.svg"], media_type=_TYPES[".svg"])
