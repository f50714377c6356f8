"""`artsim train` and what it trains."""

from __future__ import annotations

import typer

from artsim.commands.train.classifier import classifier
from artsim.commands.train.encoder import encoder
from artsim.commands.train.faces import faces

app = typer.Typer(
    name="train",
    no_args_is_help=True,
    help="Train encoders and classifiers on your own pictures.",
)


@app.callback()
def train() -> None:
    """Train encoders and classifiers on your own pictures."""


app.command("encoder")(encoder)
app.command("classifier")(classifier)
app.command("faces")(faces)
