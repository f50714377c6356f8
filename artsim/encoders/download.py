"""Downloading a file of weights from an address that is not the hub's."""

from __future__ import annotations

import http.client
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO, Final

from artsim.errors import WeightsError

TIMEOUT_S: Final = 10
"""For the connection, and for each further piece."""

_PIECE: Final = 1 << 20


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows no redirect that leaves https."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _require_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download_weights(url: str, target: Path, *, limit: int) -> None:
    """Download `url` to `target`, which is either whole or not there at all.

    Shows a progress bar on stderr. What it holds is not trusted: load it with
    `artsim.encoders.weights.load_state_dict`.

    Parameters
    ----------
    url : str
        Of https.
    limit : int
        Most bytes to accept.

    Raises
    ------
    WeightsError
        If there is no connection, no such file, too large a one, or no room for it.
    """
    try:
        _require_https(url)
        opener = urllib.request.build_opener(_HttpsOnly())
        with opener.open(url, timeout=TIMEOUT_S) as response:
            size = response.headers.get("Content-Length")
            save_stream(response, target, limit=limit, expected=int(size) if size else None)
    except WeightsError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as exc:
        reason = exc.reason if isinstance(exc, urllib.error.URLError) else exc
        raise WeightsError(f"{url} could not be downloaded ({reason})") from exc


def save_stream(
    stream: IO[bytes], target: Path, *, limit: int, expected: int | None = None
) -> None:
    """Write all of `stream` to `target`, whole or not at all.

    Raises
    ------
    WeightsError
        If it holds more than `limit` bytes, or another number than `expected`.
    OSError
        If it cannot be read or written.
    """
    from huggingface_hub.utils.tqdm import tqdm

    if expected is not None and expected > limit:
        raise WeightsError(f"{target.name} has {expected} bytes, over the limit of {limit}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as part:
        partial = Path(part.name)
        try:
            with tqdm(  # type: ignore[no-untyped-call]
                total=expected, desc=target.name, unit="B", unit_scale=True
            ) as bar:
                written = 0
                while piece := stream.read(_PIECE):
                    written += len(piece)
                    if written > limit:
                        raise WeightsError(f"{target.name} is over the limit of {limit} bytes")
                    part.write(piece)
                    bar.update(len(piece))
            if expected is not None and written != expected:
                raise WeightsError(f"{target.name} ended after {written} of {expected} bytes")
            part.close()
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def _require_https(url: str) -> None:
    if urllib.parse.urlsplit(url).scheme != "https":
        raise WeightsError(f"{url} is not an https address, and was not opened")
