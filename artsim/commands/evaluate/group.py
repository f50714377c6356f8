"""`artsim evaluate` and its tasks."""

from __future__ import annotations

import typer

from artsim.commands.evaluate.speed import speed

app = typer.Typer(name="evaluate", no_args_is_help=True, help="Say how good the answers are.")

app.command("speed")(speed)
