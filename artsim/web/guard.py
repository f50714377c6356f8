"""Who may ask the page, from where, and what its answers may do in a browser and on other sites."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request, cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from artsim.errors import ConfigError
from artsim.web.page import ELEMENT, STATIC, language_of, render_page

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

COOKIE: Final = "artsim_session"

MAX_UPLOAD: Final = 30 * 2**20
"""Most bytes of a picture that is sent to the page."""

MAX_FILE: Final = 1 << 30
"""Most bytes of a picture, or a list, that is added to a gallery."""

INTAKES: Final = "/api/v1/intakes/"
"""Where the addresses begin to which files are sent that are added."""

SIGN_IN: Final = "/sign-in"

_ROLE: Final = "artsim.role"
"""What of the scope of a request says what its visitor may do."""

PUBLIC: Final = "artsim.public"
"""What of it says whether pages of every site may read the pictures."""

_MAX_FORM: Final = 4096
_ENVELOPE: Final = 64 * 1024
"""Bytes of a request beside the picture in it."""

_MAX_QUESTION: Final = 1 << 20
"""Most bytes of a request that is no form: read, it takes many times its size."""

POLICY: Final = (
    "default-src 'self'; img-src 'self' blob: data:; script-src 'self'; style-src 'self'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
"""Scripts and styles only from artsim's own files: what metadata says is never run."""

FILM_POLICY: Final = "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'"
"""Of a film that is opened by itself, which browsers show on a page of their own."""

_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with none, forms would say that they come from nowhere
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_ANY: Final = "*"
_OPEN: Final = ("/api/v1/similar", "/api/v1/thumbnails/", f"{STATIC}{ELEMENT}")
_IMAGES: Final = "/iiif/3/"
_ORIGIN: Final = re.compile(
    r"https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-fA-F:]+\](:\d{1,5})?"
)

Role: TypeAlias = Literal["nothing", "read", "write"]
"""What a visitor may do; who may write reads too."""


def sites_named(origins: Iterable[str]) -> frozenset[str]:
    """Return the origins that `Access` takes; ConfigError where one is no site."""
    found = frozenset(origin.rstrip("/").lower() for origin in origins)
    for origin in found - {_ANY}:
        if not _ORIGIN.fullmatch(origin):
            raise ConfigError(
                f"{origin!r} is no site; expected such as https://museum.example, without a "
                "path, or * for every site",
                hint="--allow-origin https://museum.example",
            )
    return found


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask, and who may add pictures.

    Attributes
    ----------
    hosts : frozenset of str or None
        Names by which the server may be called, which keeps out web sites whose own name leads
        to this machine (DNS rebinding); None, with a token only: any.
    token : str or None
        What visitors have to know; None: nothing.
    write_token : str or None
        What they have to know to add pictures, and to read; None: who needs no token to read
        may write too, and who needs one never.
    sites : frozenset of str
        Origins, such as ``https://museum.example``, whose pages may read what `similar` answers,
        and thumbnails, without a token; ``*`` is every site, and lets viewers elsewhere read the
        pictures too, by the IIIF Image API.
    """

    hosts: frozenset[str] | None = LOOPBACK
    token: str | None = None
    write_token: str | None = field(default=None, repr=False)
    sites: frozenset[str] = frozenset()
    _codes: dict[str, Role] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse a server that anyone may call by any name."""
        if self.hosts is None and not self.token:
            raise ValueError("without a token, the names that the server goes by are needed")

    @property
    def is_public(self) -> bool:
        """Whether pages of every site may read."""
        return _ANY in self.sites

    def reader(self, scope: Scope, headers: Headers) -> str | None:
        """Return whom an answer may be read by, as the header says it; None: the own page alone."""
        is_open = scope["path"].startswith((*_OPEN, _IMAGES) if self.is_public else _OPEN)
        if scope["method"] not in ("GET", "HEAD") or not is_open:
            return None
        origin = _ANY if self.is_public else headers.get("origin", "").lower()
        return origin if origin in self.sites else None

    def session(self, role: Role) -> str:
        """Return what the cookie of a visitor says who knows a token; not the token itself."""
        return _session((self.write_token if role == "write" else self.token) or "")

    def new_code(self, role: Role = "read") -> str:
        """Return a code that lets one visitor in, once."""
        code = secrets.token_urlsafe(24)
        self._codes[hashlib.sha256(code.encode()).hexdigest()] = role
        return code

    def take_code(self, code: str) -> Role:
        """Return what a code lets one do; it is good for nothing afterwards."""
        return self._codes.pop(hashlib.sha256(code.encode()).hexdigest(), "nothing")

    def role_of(self, token: str) -> Role:
        """Return what one may do who knows a token."""
        return self._role_by(token, str)

    def role(self, headers: Headers) -> Role:
        """Return what a visitor may do, by a token in the cookie or as a bearer."""
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            known = self.role_of(bearer.strip())
        else:
            cookies = cookie_parser(headers.get("cookie", ""))
            known = self._role_by(cookies.get(COOKIE, ""), _session)
        if known == "nothing" and self.token is None:
            return "write" if self.write_token is None else "read"
        return known

    def _role_by(self, said: str, as_said: Callable[[str], str]) -> Role:
        roles: tuple[Role, ...] = ("write", "read")
        for role, own in zip(roles, (self.write_token, self.token), strict=True):
            if own is not None and hmac.compare_digest(said.encode(), as_said(own).encode()):
                return role
        return "nothing"


def _session(token: str) -> str:
    return hmac.new(token.encode(), b"artsim session", "sha256").hexdigest()


def may_write(request: Request) -> bool:
    """Return whether a visitor may add pictures."""
    return bool(request.scope.get(_ROLE) == "write")


def problem(status: int, title: str, detail: str, **more: Any) -> Response:
    """Return an error as RFC 9457 writes it."""
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    content = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    return Response(content, status, media_type="application/problem+json")


class Guard:
    """Application around another: lets in who may, and puts its policy upon every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        reader = self.access.reader(scope, headers)
        send = _with_policy(send, _for_others(reader) if self.access.sites else {})
        most = _most_bytes(scope, headers)
        refusal = self._refusal(scope, headers, most, is_open=reader is not None)
        role = self.access.role(headers)
        if role == "nothing" and reader is not None:
            role = "read"
        path = scope["path"]
        # Somebody who may read already shows a code, or asks to give the token.
        signs_in = path == SIGN_IN or (path == "/" and bool(_code(scope)))
        is_own_file = path.startswith(STATIC)  # which the page to sign in at needs
        if refusal is None and not is_own_file and (role == "nothing" or signs_in):
            refusal = await self._sign_in(scope, headers, receive, role)
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            scope[_ROLE] = role
            scope[PUBLIC] = self.access.is_public
            await self.app(scope, _limited(receive, most), send)

    def _refusal(
        self, scope: Scope, headers: Headers, most: int, *, is_open: bool
    ) -> Response | None:
        host = headers.get("host", "")
        hosts = self.access.hosts
        if hosts is not None and _name_of(host) not in hosts:
            return problem(400, "Unknown host", f"this server is not called {host[:80]!r}")
        site = headers.get("sec-fetch-site", "none")
        is_own = site in ("same-origin", "none")
        if scope["method"] in _READING:
            # A link from elsewhere may lead here; a page from elsewhere may not read.
            if not (is_own or is_open) and headers.get("sec-fetch-mode") != "navigate":
                return problem(403, "Another site", "pages of other sites may not read this one")
            return None
        origin = headers.get("origin")
        if not is_own or (origin is not None and urlsplit(origin).netloc != host):
            return problem(403, "Another site", "only the page itself may send this")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > most:
            return problem(413, "Too large", _too_large(most))
        return None

    async def _sign_in(
        self, scope: Scope, headers: Headers, receive: Receive, role: Role
    ) -> Response:
        """Answer somebody who is not known: by a page that asks for the token, or let in."""
        is_form = scope["method"] == "POST" and scope["path"] == SIGN_IN
        if is_form:
            given = parse_qs((await _read(receive)).decode("ascii", "replace"))
            found = self.access.role_of("".join(given.get("token", [])).strip())
        else:
            found = self.access.take_code(_code(scope))
        if found != "nothing" or (role != "nothing" and _code(scope)):
            answer: Response = RedirectResponse("/", 303)
            if found != "nothing":
                session = self.access.session(found)
                month = 30 * 86400
                answer.set_cookie(COOKIE, session, httponly=True, samesite="strict", max_age=month)
            return answer
        if is_form or (
            scope["path"] in ("/", SIGN_IN) and "text/html" in headers.get("accept", "")
        ):
            page = render_page("sign_in.html", language_of(Request(scope)), is_wrong=is_form)
            return HTMLResponse(page, 200 if role != "nothing" and not is_form else 401)
        said = "this server asks for its token, as Authorization: Bearer TOKEN"
        return problem(401, "Unknown visitor", said)


def _name_of(host: str) -> str:
    """Return the name in a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _most_bytes(scope: Scope, headers: Headers) -> int:
    """Return how long a request may be: forms have pictures in them, or all that was kept."""
    if scope["method"] == "PUT" and scope["path"].startswith(INTAKES):
        return MAX_FILE
    kinds = ("multipart/form-data", "application/x-www-form-urlencoded")
    is_form = headers.get("content-type", "").strip().lower().startswith(kinds)
    return MAX_UPLOAD + _ENVELOPE if is_form else _MAX_QUESTION


def _code(scope: Scope) -> str:
    return "".join(parse_qs(scope["query_string"].decode("ascii", "replace")).get("code", []))


def _too_large(most: int) -> str:
    return f"at most {most >> 20} MiB may be sent here; send less"


def _limited(receive: Receive, most: int) -> Receive:
    """Return `receive` that breaks off a body which is too long, whatever its header says."""
    total = 0

    async def limited() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > most:
            raise HTTPException(413, _too_large(most))
        return message

    return limited


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more and len(body) <= _MAX_FORM:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body[:_MAX_FORM]


def _for_others(reader: str | None) -> dict[str, str]:
    """Return the headers that let pages of other sites read an answer, or keep them from it."""
    if reader is None:
        return {"vary": "origin"}
    own = {"access-control-allow-origin": reader, "cross-origin-resource-policy": "cross-origin"}
    return own if reader == _ANY else {**own, "vary": "origin"}


def _with_policy(send: Send, more: Mapping[str, str]) -> Callable[[Message], Any]:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in more.items():
                headers.append(name, value)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
