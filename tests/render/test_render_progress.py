import io

import pytest
from rich.console import Console

from artsim.catalog.progress import Progress
from artsim.render.progress_bars import LiveProgress, Pace, PlainProgress, describe_counts


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
    assert pace.words(None) == ""
    clock.now += 1
    pace.mark(1000)  # skipped at a rush
    assert pace.words(None) == "1000/s"
    for second in range(1, 61):
        clock.now += 1
        pace.mark(1000 + 2 * second)
    assert pace.words(1220) == "2.0/s, 0:50 left"
    assert pace.words(None) == pace.words(10) == "2.0/s"
    assert pace.words(20_000) == "2.0/s, 2:37:20 left"


def test_plain_lines_come_when_work_begins_and_then_in_time(clock: Clock) -> None:
    stream = io.StringIO()
    progress: Progress = PlainProgress(stream, "painting", clock=clock)
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
    progress = PlainProgress(stream, "painting", clock=clock)
    progress.start(1, "Ingesting")
    progress.update(1, faces=0, skipped=0, failed=1)
    assert stream.getvalue() == "Ingesting: 1 painting\n"


def test_without_a_total_the_beginning_is_told_at_once(clock: Clock) -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream, "painting", clock=clock)
    progress.start(None, "Building")
    progress.finish()
    assert stream.getvalue() == "Building\n"


def test_a_progress_can_start_again(clock: Clock) -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream, "painting", clock=clock)
    for total in (1, 2):
        progress.start(total, "Ingesting")
        clock.now += 1
        progress.update(total, faces=0, skipped=0, failed=0)
        progress.finish()
    assert stream.getvalue().splitlines() == ["Ingesting: 1 painting", "Ingesting: 2 paintings"]


def test_counts_in_words() -> None:
    counts = {"faces": 1, "skipped": 2, "failed": 0}
    assert describe_counts(5, 10, "painting", counts) == "5 of 10 paintings, 1 face, 2 skipped"
    assert describe_counts(1, 1, "painting", {}) == "1 of 1 painting"
    assert describe_counts(1, None, "painting", {}) == "1 painting"
    assert describe_counts(1000, 2500, "", {}) == "1,000 of 2,500"


def test_plain_stages_say_what_begins_and_how_far_it_is(clock: Clock) -> None:
    stream = io.StringIO()
    progress: Progress = PlainProgress(stream, clock=clock)
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


def test_the_live_bar_shows_one_stage_after_another_and_goes(clock: Clock) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120, color_system=None)
    progress: Progress = LiveProgress(console, "painting", clock=clock)
    progress.start(1985, "Ingesting [red]")
    clock.now += 2
    progress.update(82, faces=96, skipped=0, failed=3)
    progress.finish()
    progress.start(None, "Drawing")
    progress.update(1)
    progress.finish()
    text = stream.getvalue()
    for part in ("Ingesting [red]", "82 of 1,985 paintings, 96 faces, 3 failed", "41/s, 0:46 left"):
        assert part in text
    assert "Drawing" in text
    assert text.rstrip().endswith("\x1b[2K")  # the bar's line is erased


def test_finishing_before_a_start_or_twice_is_no_failure() -> None:
    stream = io.StringIO()
    both: tuple[Progress, ...] = (PlainProgress(stream), LiveProgress(Console(file=stream)))
    for progress in both:
        progress.finish()
        progress.start(0, "Nothing")
        progress.finish()
        progress.finish()
