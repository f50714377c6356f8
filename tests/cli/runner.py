"""Running `artsim` as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from artsim.cli import app

ARTSIM = [sys.executable, "-m", "artsim"]


def environment(home: Path | None = None, **more: str) -> dict[str, str]:
    """The process's environment, with wide tables and the given settings."""
    env = {**os.environ, "COLUMNS": "160", **more}
    if home is not None:
        env["ARTSIM_HOME"] = str(home)
    return env


def artsim(
    *arguments: str | Path, home: Path | None = None, stdin: str = "", **env: str
) -> subprocess.CompletedProcess[str]:
    """Run `artsim` in this process; it must never fail unexpectedly."""
    given = list(map(str, arguments))
    done = CliRunner().invoke(app, given, input=stdin, env=environment(home, **env))
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return subprocess.CompletedProcess(given, done.exit_code, done.stdout, done.stderr)


def artsim_process(
    *arguments: str | Path, home: Path | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run `artsim` in a process of its own; it must never show a traceback."""
    done = subprocess.run(
        [*ARTSIM, *map(str, arguments)],
        env=environment(home, **env),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def succeeds(*arguments: str | Path, home: Path | None = None, **env: str) -> str:
    """Run `artsim`, expect success, return stdout."""
    done = artsim(*arguments, home=home, **env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fails(*arguments: str | Path, home: Path | None = None, **env: str) -> str:
    """Run `artsim`, expect an expected failure, return its one line."""
    return refusal(artsim(*arguments, home=home, **env))


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line of an expected failure."""
    assert done.returncode == 1, (done.returncode, done.stderr)
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("Error: "), done.stderr
    return line
