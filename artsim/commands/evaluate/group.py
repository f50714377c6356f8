"""`artsim evaluate` and its tasks."""

from __future__ import annotations

import typer

app = typer.Typer(name="evaluate", no_args_is_help=True, help="Say how good the answers are.")
