"""Settings from the environment."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from artsim.errors import ConfigError

NAMES_FILE: Final = "people.csv"
"""In the data folder, behind the gallery's prefix: who is on which face, as a person wrote it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where galleries, weights and the server are."""

    home: Path  # ARTSIM_HOME, data folder of embedded galleries
    gallery: str | None = None  # ARTSIM_GALLERY, prefix of the collections' names
    url: str | None = None  # ARTSIM_URL, else QDRANT_URL: the server; None is embedded
    api_key: str | None = field(default=None, repr=False)  # QDRANT_API_KEY
    weights: Path | None = None  # ARTSIM_WEIGHTS, folder of model weights
    names: Path | None = None  # ARTSIM_NAMES, file that says who is on which face
    wait: float = 0.0  # ARTSIM_WAIT, seconds for whoever else has an embedded gallery open


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ`, by default the process's; `ConfigError` of a wrong one."""
    env = os.environ if environ is None else environ
    try:
        wait = float(env.get("ARTSIM_WAIT") or 0)
    except ValueError:
        wait = math.nan
    if not wait >= 0:
        raise ConfigError(
            f"ARTSIM_WAIT is {env['ARTSIM_WAIT']!r}; expected a number of seconds, as 60"
        )
    weights = _path(env, "ARTSIM_WEIGHTS")
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
        names=_path(env, "ARTSIM_NAMES"),
        wait=wait,
    )


def find_home(environ: Mapping[str, str] | None = None) -> Path:
    """Return the data folder that `environ` names, by default the process's, or the user's."""
    if home := _path(os.environ if environ is None else environ, "ARTSIM_HOME"):
        return home
    import platformdirs

    return Path(platformdirs.user_data_dir("artsim", appauthor=False))


def _path(env: Mapping[str, str], name: str) -> Path | None:
    return Path(env[name]).expanduser() if env.get(name) else None
