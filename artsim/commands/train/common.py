"""Options that all trainings share, and what becomes of Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from artsim.commands.common import say

RECIPE = "Recipe"

SHOWN_PROBLEMS = 5
"""Pictures that are named one by one; of more only the number is said."""

SeedOption = Annotated[
    int, typer.Option(min=0, help="Of the split, the first weights and all draws.")
]
RestartOption = Annotated[
    bool, typer.Option("--restart", help="Begin anew, whatever the folder holds.")
]


@contextmanager
def going_on_later() -> Iterator[None]:
    """End an interrupted training with what to do next, and exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        say("Interrupted. The same command goes on from the last checkpoint.")
        raise typer.Exit(130) from None
