"""The command `artsim`."""

from __future__ import annotations

from typing import Annotated

import typer

from artsim import __version__
from artsim.commands.command_line import Commands

app = typer.Typer(
    name="artsim",
    cls=Commands,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command("help", hidden=True)
def show_help(
    command: Annotated[list[str] | None, typer.Argument(help="Of this command.")] = None,
) -> None:
    """Show the help, of one command or of all."""
    app([*(command or []), "--help"])


@app.command("version", hidden=True)
def show_version() -> None:
    """Show the version."""
    _print_version(True)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"artsim {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Find paintings that look alike, as whole pictures and by the faces in them."""


def main() -> None:
    """Run the command line."""
    app()
