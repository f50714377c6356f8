"""Who may ask the page, from where, and what its answers may do in a browser."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from artsim.web.page import STATIC, language_of, render_page

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

COOKIE: Final = "artsim_session"

MAX_UPLOAD: Final = 30 * 2**20
"""Most bytes of a picture that is sent to the page."""

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

_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with none, forms would say that they come from nowhere
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask.

    Attributes
    ----------
    hosts : frozenset of str or None
        Names by which the server may be called, which keeps out web sites whose own name leads
        to this machine (DNS rebinding); None, with a token only: any.
    token : str or None
        What visitors have to know; None: nothing.
    """

    hosts: frozenset[str] | None = LOOPBACK
    token: str | None = None
    _codes: set[str] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        """Refuse a server that anyone may call by any name."""
        if self.hosts is None and not self.token:
            raise ValueError("without a token, the names that the server goes by are needed")

    @property
    def session(self) -> str:
        """What the cookie of a visitor who knows the token says; not the token itself."""
        return hmac.new((self.token or "").encode(), b"artsim session", "sha256").hexdigest()

    def new_code(self) -> str:
        """Return a code that lets one visitor in, once."""
        code = secrets.token_urlsafe(24)
        self._codes.add(hashlib.sha256(code.encode()).hexdigest())
        return code

    def takes_code(self, code: str) -> bool:
        """Return whether a code is good; it is not afterwards."""
        hashed = hashlib.sha256(code.encode()).hexdigest()
        is_good = hashed in self._codes
        self._codes.discard(hashed)
        return is_good

    def knows(self, headers: Headers) -> bool:
        """Return whether the visitor has the token, in the cookie or as a bearer."""
        if self.token is None:
            return True
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return hmac.compare_digest(bearer.strip().encode(), self.token.encode())
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        value = cookies[COOKIE].value if COOKIE in cookies else ""
        return hmac.compare_digest(value.encode(), self.session.encode())


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
        send = _with_policy(send)
        refusal = self._refusal(scope, headers)
        is_own_file = scope["path"].startswith(STATIC)  # which the page to sign in at needs
        if refusal is None and not is_own_file and not self.access.knows(headers):
            refusal = await self._sign_in(scope, headers, receive)
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            await self.app(scope, _limited(receive, _most_bytes(headers)), send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        hosts = self.access.hosts
        if hosts is not None and _name_of(host) not in hosts:
            return problem(400, "Unknown host", f"this server is not called {host[:80]!r}")
        site = headers.get("sec-fetch-site", "none")
        is_own = site in ("same-origin", "none")
        if scope["method"] in _READING:
            # A link from elsewhere may lead here; a page from elsewhere may not read.
            if not is_own and headers.get("sec-fetch-mode") != "navigate":
                return problem(403, "Another site", "pages of other sites may not read this one")
            return None
        origin = headers.get("origin")
        if not is_own or (origin is not None and urlsplit(origin).netloc != host):
            return problem(403, "Another site", "only the page itself may send this")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > _most_bytes(headers):
            return problem(413, "Too large", _TOO_LARGE)
        return None

    async def _sign_in(self, scope: Scope, headers: Headers, receive: Receive) -> Response:
        """Answer somebody who is not known: by a page that asks for the token, or let in."""
        given = parse_qs(scope["query_string"].decode("ascii", "replace"))
        is_form = scope["method"] == "POST" and scope["path"] == "/sign-in"
        if is_form:
            said = parse_qs((await _read(receive)).decode("ascii", "replace"))
            token = "".join(said.get("token", [])).strip()
            is_known = hmac.compare_digest(token.encode(), (self.access.token or "").encode())
        else:
            is_known = self.access.takes_code("".join(given.get("code", [])))
        if is_known:
            answer: Response = RedirectResponse("/", 303)
            answer.set_cookie(
                COOKIE, self.access.session, httponly=True, samesite="strict", max_age=30 * 86400
            )
            return answer
        if is_form or (scope["path"] == "/" and "text/html" in headers.get("accept", "")):
            page = render_page("sign_in.html", language_of(Request(scope)), is_wrong=is_form)
            return HTMLResponse(page, 401)
        return problem(
            401,
            "Unknown visitor",
            "this server asks for its token, as Authorization: Bearer TOKEN",
        )


def _name_of(host: str) -> str:
    """Return the name in a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


_TOO_LARGE: Final = (
    f"a picture may have at most {MAX_UPLOAD >> 20} MiB, and a question {_MAX_QUESTION >> 20}; "
    "send less"
)


def _most_bytes(headers: Headers) -> int:
    """Return how long a request may be: forms have pictures in them, or all that was kept."""
    kinds = ("multipart/form-data", "application/x-www-form-urlencoded")
    is_form = headers.get("content-type", "").strip().lower().startswith(kinds)
    return MAX_UPLOAD + _ENVELOPE if is_form else _MAX_QUESTION


def _limited(receive: Receive, most: int) -> Receive:
    """Return `receive` that breaks off a body which is too long, whatever its header says."""
    total = 0

    async def limited() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > most:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return limited


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more and len(body) <= _MAX_FORM:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body[:_MAX_FORM]


def _with_policy(send: Send) -> Callable[[Message], Any]:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
