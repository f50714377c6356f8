"""Options that all trainings share, and what becomes of Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from artsim.commands.common import say

RECIPE = "Recipe"

_SHOWN_PROBLEMS = 5
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


def check_shares(test: float, validation: float) -> None:
    """Refuse shares that leave nothing to train on."""
    if test + validation >= 1:
        raise typer.BadParameter("--test-share and --validation-share leave nothing to train on")


def say_problems(problems: Sequence[object]) -> None:
    """Name the first pictures and rows that were left out."""
    for problem in problems[:_SHOWN_PROBLEMS]:
        say(f"  {problem}")
