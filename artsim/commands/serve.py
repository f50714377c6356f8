"""`artsim serve`."""

from __future__ import annotations

from pathlib import Path

from artsim.commands.command_line import say
from artsim.commands.options import EncoderOptions, FaceOptions, Place
from artsim.errors import ConfigError


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    no_browser: bool = False,
    images: list[Path] | None = None,
    allow_origin: list[str] | None = None,
    encoding: EncoderOptions,
    place: Place,
) -> None:
    """Serve the page over a gallery."""
    try:
        from artsim.web import guard, serving
    except ModuleNotFoundError as exc:
        raise ConfigError(
            f"the page needs {exc.name}, which is not installed; install artsim with its page",
            hint="pip install 'artsim[web]'",
        ) from exc

    sites = guard.sites_named(allow_origin or ())
    with place.open() as opened:
        serving.serve(
            opened,
            place.settings.home,
            host=host,
            port=port,
            folders=tuple(images or ()),
            is_named=opened.name is not None,
            models=encoding.models(FaceOptions()),
            sites=sites,
            browser=not no_browser,
            say=say,
        )
