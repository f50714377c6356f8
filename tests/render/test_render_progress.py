import io

import pytest
from rich.console import Console

from artsim.ingest.progress import ProgressReporter
from artsim.render.progress import Pace, PlainProgress, RichProgress, describe_counts


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_pace_is_that_of_the_last_half_minute(clock: Clock) -> None:
    pace = Pace(clock)
    assert pace.rate is None
    clock.now += 1
    pace.mark(1000)  # skipped at a rush
    assert pace.rate == pytest.approx(1000)
    for second in range(1, 61):
        clock.now += 1
        pace.mark(1000 + 2 * second)
    assert pace.rate == pytest.approx(2)
    assert pace.seconds_left(1220) == pytest.approx(50)
    assert pace.seconds_left(None) is None
    assert pace.seconds_left(10) == 0


def test_plain_lines_come_when_work_begins_and_then_in_time(clock: Clock) -> None:
    stream = io.StringIO()
    progress: ProgressReporter = PlainProgress(stream, interval=10, clock=clock)
    progress.start(1300, "Ingesting\x1b[31m art")
    for done in range(1, 1001):
        clock.now += 1
        progress.update(done, faces=0, skipped=done, failed=0)
    assert stream.getvalue() == ""
    for done in range(1001, 1026):
        clock.now += 1
        progress.update(done, faces=done - 1000, skipped=1000, failed=0)
    progress.finish()
    assert stream.getvalue().splitlines() == [
        "Ingesting art: 1,300 paintings",
        "1,011 of 1,300 paintings, 11 faces, 1,000 skipped, 1.0/s, 4:49 left",
        "1,021 of 1,300 paintings, 21 faces, 1,000 skipped, 1.0/s, 4:39 left",
    ]


def test_what_fails_is_work(clock: Clock) -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream, interval=10, clock=clock)
    progress.start(1, "Ingesting")
    progress.update(1, faces=0, skipped=0, failed=1)
    assert stream.getvalue() == "Ingesting: 1 painting\n"


def test_without_a_total_the_beginning_is_told_at_once(clock: Clock) -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream, clock=clock)
    progress.start(None, "Building")
    progress.finish()
    assert stream.getvalue() == "Building\n"


def test_a_progress_can_start_again(clock: Clock) -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream, clock=clock)
    for total in (1, 2):
        progress.start(total, "Ingesting")
        clock.now += 1
        progress.update(total, faces=0, skipped=0, failed=0)
        progress.finish()
    assert stream.getvalue().splitlines() == ["Ingesting: 1 painting", "Ingesting: 2 paintings"]


def test_the_live_bar_shows_counts_and_goes(clock: Clock) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120, color_system=None)
    progress: ProgressReporter = RichProgress(console, clock=clock)
    progress.start(1985, "Ingesting [red]")
    clock.now += 2
    progress.update(82, faces=96, skipped=0, failed=3)
    progress.finish()
    text = stream.getvalue()
    assert "Ingesting [red]" in text
    assert "82 of 1,985 paintings, 96 faces, 3 failed" in text
    assert "41/s, 0:46 left" in text
    assert text.rstrip().endswith("\x1b[2K")  # the bar's line is erased


def test_an_update_needs_a_start() -> None:
    with pytest.raises(ValueError, match="start"):
        RichProgress(Console(file=io.StringIO())).update(1, faces=0, skipped=0, failed=0)


def test_counts_in_words() -> None:
    assert describe_counts(5, 10, 1, 2, 0) == "5 of 10 paintings, 1 face, 2 skipped"
    assert describe_counts(1, 1, 0, 0, 0) == "1 of 1 painting"
    assert describe_counts(1, None, 0, 0, 0) == "1 painting"
