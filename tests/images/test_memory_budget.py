import multiprocessing
import threading
from collections.abc import Callable

import pytest

from artsim.images.memory import DECODING, MemoryBudget


def started(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def hold(
    budget: MemoryBudget, amount: int, log: list[str], name: str
) -> tuple[threading.Thread, threading.Event]:
    """Return a thread that holds `amount` until its event is set."""
    release = threading.Event()

    def work() -> None:
        with budget.share(amount):
            log.append(name)
            release.wait(30)

    return started(work), release


def until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        threading.Event().wait(0.005)
    raise AssertionError("nothing happened")


def test_what_fits_goes_on_and_what_does_not_waits() -> None:
    budget, log = MemoryBudget(10), list[str]()
    first, release_first = hold(budget, 6, log, "first")
    until(lambda: log == ["first"])
    second, release_second = hold(budget, 4, log, "second")
    until(lambda: log == ["first", "second"])
    third, release_third = hold(budget, 1, log, "third")
    until(lambda: len(budget._waiting) == 1)
    assert log == ["first", "second"]
    release_second.set()
    until(lambda: log == ["first", "second", "third"])
    for event in (release_first, release_third):
        event.set()
    for thread in (first, second, third):
        thread.join(30)
    with budget.share(10):
        pass


def test_first_come_first_served_and_the_largest_runs_alone() -> None:
    budget, log = MemoryBudget(10), list[str]()
    small, release_small = hold(budget, 1, log, "small")
    until(lambda: log == ["small"])
    large, release_large = hold(budget, 1000, log, "large")
    until(lambda: len(budget._waiting) == 1)
    later, release_later = hold(budget, 1, log, "later")
    until(lambda: len(budget._waiting) == 2)
    assert log == ["small"]  # it would fit, but has to let the large one go first
    release_small.set()
    until(lambda: log == ["small", "large"])
    assert len(budget._waiting) == 1
    release_large.set()
    until(lambda: log == ["small", "large", "later"])
    release_later.set()
    for thread in (small, large, later):
        thread.join(30)


def test_an_error_gives_its_share_back() -> None:
    budget = MemoryBudget(10)
    with pytest.raises(ZeroDivisionError), budget.share(10):
        raise ZeroDivisionError
    with budget.share(10):
        pass


def test_many_threads_never_hold_more_than_there_is() -> None:
    budget, lock, held, most = MemoryBudget(100), threading.Lock(), [0], [0]

    def work(seed: int) -> None:
        for step in range(60):
            amount = (seed * 37 + step * 53) % 130 + 1
            with budget.share(amount):
                counted = min(amount, 100)
                with lock:
                    held[0] += counted
                    most[0] = max(most[0], held[0])
                with lock:
                    held[0] -= counted

    threads = [started(lambda seed=seed: work(seed)) for seed in range(8)]  # type: ignore[misc]
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert 0 < most[0] <= 100


def share_all() -> None:
    with DECODING.share(DECODING.total):
        pass


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process.*fork:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_the_parents_pictures() -> None:
    with DECODING.share(DECODING.total):
        child = multiprocessing.get_context("fork").Process(target=share_all)
        child.start()
        child.join(30)
        assert child.exitcode == 0
