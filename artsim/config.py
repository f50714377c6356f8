"""Settings from the environment."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from artsim.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Settings:
    """Where galleries, weights and the server are.

    Attributes
    ----------
    home : Path
        Data folder of embedded galleries (``ARTSIM_HOME``).
    gallery : str or None
        Prefix of the collections' names (``ARTSIM_GALLERY``).
    url : str or None
        Qdrant server (``ARTSIM_URL``, else ``QDRANT_URL``); None is embedded.
    api_key : str or None
        Key of the server (``QDRANT_API_KEY``); never shown.
    weights : Path or None
        Folder of model weights (``ARTSIM_WEIGHTS``).
    wait : float
        Seconds to wait for another process that has an embedded gallery open
        (``ARTSIM_WAIT``).
    """

    home: Path
    gallery: str | None = None
    url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    weights: Path | None = None
    wait: float = 0.0


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ`, by default the process's.

    Raises
    ------
    ConfigError
        If ``ARTSIM_WEIGHTS`` names nothing that exists, or ``ARTSIM_WAIT`` is no number of
        seconds.
    """
    env = os.environ if environ is None else environ
    weights = Path(env["ARTSIM_WEIGHTS"]).expanduser() if env.get("ARTSIM_WEIGHTS") else None
    if weights is not None and not weights.exists():
        raise ConfigError(
            f"ARTSIM_WEIGHTS names {weights}, which does not exist; "
            "set it to a folder of model weights, or unset it"
        )
    return Settings(
        home=find_home(env),
        gallery=env.get("ARTSIM_GALLERY") or None,
        url=env.get("ARTSIM_URL") or env.get("QDRANT_URL") or None,
        api_key=env.get("QDRANT_API_KEY") or None,
        weights=weights,
        wait=_seconds(env.get("ARTSIM_WAIT")),
    )


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise ConfigError(f"ARTSIM_WAIT is {text!r}; expected a number of seconds, as 60")
    return seconds


def find_home(environ: Mapping[str, str] | None = None) -> Path:
    """Return the data folder that `environ` names, by default the process's, or the user's."""
    env = os.environ if environ is None else environ
    if env.get("ARTSIM_HOME"):
        return Path(env["ARTSIM_HOME"]).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("artsim", appauthor=False))
