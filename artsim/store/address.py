"""Addresses of Qdrant servers."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from artsim.errors import ConfigError

_EXAMPLE = "expected an address such as http://localhost:6333 or https://qdrant.example.org:6333"


def check_address(url: str) -> str:
    """Return `url` without a trailing slash.

    Raises
    ------
    ConfigError
        If it is no http or https address of a host, or has a user, password, query or
        fragment in it; a key belongs in ``QDRANT_API_KEY``.
    """
    try:
        parts = urlsplit(url.strip())
        host, _port = parts.hostname, parts.port
    except ValueError as exc:
        raise ConfigError(f"Qdrant server {url!r}: {exc}; {_EXAMPLE}") from exc
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            f"Qdrant server {_without_user(parts)!r}: a user or key in the address is not "
            "used; set the key in QDRANT_API_KEY"
        )
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigError(f"Qdrant server {url!r}: {_EXAMPLE}")
    if parts.query or parts.fragment or any(c.isspace() for c in url.strip()):
        raise ConfigError(f"Qdrant server {url!r}: something follows the address; {_EXAMPLE}")
    return url.strip().rstrip("/")


def exposes_key(url: str) -> bool:
    """Return whether a key sent to `url` crosses a network unencrypted."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" or host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def _without_user(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
