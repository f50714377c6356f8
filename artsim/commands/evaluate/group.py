"""`artsim evaluate` and its tasks."""

from __future__ import annotations

import typer

from artsim.commands.evaluate.compare import compare
from artsim.commands.evaluate.copies import copies
from artsim.commands.evaluate.faces import faces
from artsim.commands.evaluate.labels import labels
from artsim.commands.evaluate.pixels import pixels

app = typer.Typer(name="evaluate", no_args_is_help=True, invoke_without_command=True)

app.callback()(compare)
app.command("copies")(copies)
app.command("faces")(faces)
app.command("pixels")(pixels)
app.command("labels")(labels)
