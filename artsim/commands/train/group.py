"""`artsim train` and what can be trained."""

from __future__ import annotations

import typer

from artsim.commands.train.faces import faces

app = typer.Typer(name="train", no_args_is_help=True)


@app.callback()
def train() -> None:
    """Train encoders and classifiers on your own pictures."""


app.command("faces")(faces)
