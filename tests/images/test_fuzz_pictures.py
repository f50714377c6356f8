"""Damaged and hostile pictures end as a picture or an ImageError: no crash, no hang."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from artsim.errors import ImageError
from artsim.images.load import load_image
from tests.images.fuzzed_pictures import fuzzed

A_HUNDRED = 125  # 5 of every kind
THOUSANDS = 4000
SECONDS = 120.0
"""Longest that one picture may take on a busy machine; they take milliseconds."""

PEAK = 2_300_000_000
"""2 GB for pictures, and the program itself."""


def test_a_hundred_pictures(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "picture"
    outcomes = {"read": 0, "refused": 0}
    for number in range(A_HUNDRED):
        name, data = fuzzed(number, most_side=600)
        path.write_bytes(data)
        try:
            pixels = load_image(path, max_side=64).pixels
            assert pixels.ndim == 3 and max(pixels.shape) <= 64, (number, name)
            outcomes["read"] += 1
        except ImageError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error), (number, name)
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 10
    assert capfd.readouterr() == ("", "")


def run(first: int, last: int, folder: Path) -> list[str]:
    """Return what a process says of these pictures; it is killed where one takes too long."""
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.images.fuzzed_pictures"]
    command += [str(first), str(last), str(folder / "picture")]
    lines: list[str] = []
    with (
        (folder / "errors").open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        watchdog = threading.Timer(SECONDS, process.kill)
        watchdog.start()
        for line in process.stdout or ():
            lines.append(line.strip())
            watchdog.cancel()
            watchdog = threading.Timer(SECONDS, process.kill)
            watchdog.start()
        watchdog.cancel()
    code = process.returncode
    message = (folder / "errors").read_text()
    assert code == 0, f"picture {first + len(lines)}: exit code {code}, {message}"
    assert message == ""
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, THOUSANDS, 1000))
def test_thousands_of_pictures_in_a_process_of_their_own(tmp_path: Path, start: int) -> None:
    lines = run(start, start + 1000, tmp_path)
    if lines[-1].startswith("peak"):
        assert int(lines.pop().split()[1]) < PEAK
    assert len(lines) == 1000
    assert [line for line in lines if not re.match(r"\d+ [\w ]+: (read|refused) ", line)] == []
    assert sum(": read" in line for line in lines) > 100
