"""What is not needed is not imported."""

import json
import subprocess
import sys
from pathlib import Path

from runner import environment

HEAVY = (
    "torch",
    "scipy",
    "skimage",
    "timm",
    "open_clip",
    "onnxruntime",
    "qdrant_client",
    "pandas",
    "jinja2",
)

PROBE = """
import json, sys
from artsim.cli import app
loaded = []
for arguments in json.loads(sys.argv[1]):
    try:
        app(arguments)
    except SystemExit as stop:
        assert not stop.code, (arguments, stop.code)
    loaded.append([arguments, sorted(set(sys.modules) & set(json.loads(sys.argv[2])))])
print("LOADED", json.dumps(loaded), file=sys.stderr)
"""


def loaded(home: Path, *commands: str, modules: tuple[str, ...] = HEAVY) -> list[str]:
    """Return which of the commands, run in one process one after another, loaded a module."""
    given = json.dumps([command.split() for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", PROBE, given, json.dumps(modules)],
        env=environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stderr.strip().splitlines()[-1].removeprefix("LOADED ")
    return [" ".join(command) for command, found in json.loads(said) if found]


def test_help_loads_no_command(tmp_path: Path) -> None:
    modules = ("artsim.commands.query", "artsim.commands.options", "artsim.search.rerank", "numpy")
    assert loaded(tmp_path, "--help", "--version", modules=modules) == []


def test_what_needs_no_model_loads_no_model_library(sample_home: Path) -> None:
    query = "query --id met-437388"
    commands = (
        "query --help",
        query,
        f"{query} --artist a -f json",
        f"{query} --rerank rmse",
        "show met-437388",
        "list --artist a --year 1600..1650",
        "facets artist",
        "models",
    )
    assert loaded(sample_home, *commands) == []
