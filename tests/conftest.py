"""The first works of the sample and a gallery of it, made once for all workers of a test run."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from copied_home import copy_home
from filelock import FileLock
from local_qdrant import local_qdrant

if "PYTEST_XDIST_WORKER" in os.environ:
    # One worker a core: torch's threads would wait for each other for most of the time.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
else:  # glibc reads it as a worker starts: each arena keeps what its threads once used
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")

from artsim.ingest.sample import make_sample
from artsim.store.gallery import Gallery, open_gallery

# The same examples in every run; what a run finds by chance would be lost in the next.
hypothesis.settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("repeatable")

# What libraries and tests are made of stays to the end, and is walked through again and again.
gc.disable()

SHARED_MEMORY = Path("/dev/shm")
STATM = Path("/proc/self/statm")
_given_back = [0]
SETTINGS = ("ARTSIM_HOME", "ARTSIM_GALLERY", "ARTSIM_URL", "QDRANT_URL", "QDRANT_API_KEY")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest: at the end it would have one worker alone."""
    items.sort(key=lambda item: "test_readme" not in item.nodeid)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def private() -> int:
    """Return the bytes in memory that are of no file; 0 where the system does not tell."""
    if not STATM.exists():
        return 0
    resident, shared = map(int, STATM.read_text().split()[1:3])
    return (resident - shared) * resource.getpagesize()


def give_back_memory() -> None:
    """Return to the system what glibc keeps of freed memory, if a good deal came since."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None and private() - _given_back[0] > 64 * 2**20:
        gc.collect()  # galleries that nobody closed: half a gigabyte each
        gc.freeze()  # libraries that were loaded since; the next time would walk through them
        trim(0)
        _given_back[0] = private()


def pytest_runtest_teardown() -> None:
    give_back_memory()


@pytest.fixture(scope="session")
def between_commands() -> Callable[[], None]:
    """To be called between the many commands of one test."""
    return give_back_memory


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the user's settings or touches the user's galleries."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ARTSIM_HOME", str(tmp_path / "artsim-home"))


@pytest.fixture
def server_url() -> Iterator[str]:
    """Address of a server of this test alone."""
    with local_qdrant() as url:
        yield url


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def sample(shared_folder: Path) -> Path:
    """The works that stand for the whole sample; not to be changed."""
    folder = shared_folder / "sample"
    with FileLock(shared_folder / "sample.lock"):
        if not folder.exists():
            part = shared_folder / "sample-part"
            make_sample(part, count=60)
            part.rename(folder)
    return folder


@pytest.fixture(scope="session")
def small_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half of these works, by few artists, to train on; not to be changed."""
    folder = tmp_path_factory.mktemp("small") / "sample"
    make_sample(folder, count=30)
    return folder


@pytest.fixture(scope="session")
def ingested_home(sample: Path, shared_folder: Path) -> Path:
    """Data folder with those works, for copies of it; not to be opened: that fills its holes."""
    home = shared_folder / "sample-home"
    with FileLock(shared_folder / "sample-home.lock"):
        if not home.exists():
            part = shared_folder / "sample-home-part"
            # In a process of its own, whose memory goes back.
            command = [sys.executable, "-m", "artsim", "ingest", str(sample), "--home", str(part)]
            plain = {name: value for name, value in os.environ.items() if name not in SETTINGS}
            subprocess.run(command, check=True, capture_output=True, env=plain)
            part.rename(home)
    return home


@pytest.fixture(scope="session")
def fast_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory where there is one.

    On a disk syncing takes most of the time, and each opening of a gallery has the holes in its
    files read again.
    """
    roomy = SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > 4 * 2**30
    if not roomy:
        yield tmp_path_factory.mktemp("fast")
        return
    with tempfile.TemporaryDirectory(prefix="artsim-test-", dir=SHARED_MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def tmp_path(fast_folder: Path) -> Iterator[Path]:
    """A folder of this test's own, which goes with it: galleries opened there fill memory."""
    with tempfile.TemporaryDirectory(dir=fast_folder, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def sample_home(ingested_home: Path, fast_folder: Path) -> Path:
    """Data folder of this worker's own, with those works; not to be changed."""
    return copy_home(ingested_home, fast_folder / "sample-home")


@pytest.fixture
def changeable_home(ingested_home: Path, tmp_path: Path) -> Path:
    """Data folder of this test's own, with those works ingested."""
    return copy_home(ingested_home, tmp_path / "changeable-home")


@pytest.fixture
def sample_gallery(sample_home: Path) -> Iterator[Gallery]:
    with open_gallery(home=sample_home) as gallery:
        yield gallery


def _environment_folder(name: str) -> Path:
    if not os.environ.get(name):
        pytest.skip(f"{name} is not set")
    return Path(os.environ[name])


@pytest.fixture
def data() -> Path:
    """Folder of real pictures."""
    return _environment_folder("ARTSIM_TEST_DATA")


@pytest.fixture
def weights() -> Path:
    """Folder of real weights."""
    return _environment_folder("ARTSIM_TEST_WEIGHTS")
