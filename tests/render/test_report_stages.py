import io

import pytest
from rich.console import Console

from artsim.catalog.progress import Progress
from artsim.render.stages import PlainStages, RichStages


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_plain_stages_say_what_begins_and_how_far_it_is() -> None:
    clock, stream = Clock(), io.StringIO()
    progress: Progress = PlainStages(stream, interval=10, clock=clock)
    progress.start(2500, "Searching\x1b[31m by builtin")
    for done in range(1, 26):
        clock.now += 1
        progress.update(done * 100)
    progress.start(None, "Drawing")
    clock.now += 11
    progress.update(3)
    progress.finish()
    assert stream.getvalue().splitlines() == [
        "Searching by builtin: 2,500",
        "Searching by builtin: 1,000 of 2,500, 100/s, 0:15 left",
        "Searching by builtin: 2,000 of 2,500, 100/s, 0:05 left",
        "Drawing",
        "Drawing: 3, 0.3/s",
    ]


def test_the_live_bar_shows_one_stage_after_another_and_goes() -> None:
    clock, stream = Clock(), io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120, color_system=None)
    progress: Progress = RichStages(console, clock=clock)
    progress.start(3974, "Searching [red]")
    clock.now += 2
    progress.update(400)
    progress.start(None, "Drawing")
    progress.update(1)
    progress.finish()
    text = stream.getvalue()
    assert "Searching [red]" in text
    assert "Drawing" in text
    assert text.rstrip().endswith("\x1b[2K")  # the bar's line is erased


def test_finishing_before_a_start_or_twice_is_no_failure() -> None:
    stream = io.StringIO()
    for progress in (PlainStages(stream), RichStages(Console(file=stream))):
        progress.finish()
        progress.start(0, "Nothing")
        progress.finish()
        progress.finish()


def test_an_update_needs_a_start() -> None:
    with pytest.raises(ValueError, match="start"):
        RichStages(Console(file=io.StringIO())).update(1)
