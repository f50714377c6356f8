"""The first works of the sample and a gallery of it, made once for all workers of a test run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock
from local_qdrant import local_qdrant

if "PYTEST_XDIST_WORKER" in os.environ:
    # One worker a core: torch's threads would wait for each other for most of the time.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from artsim.ingest.run import ingest_paintings
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

SETTINGS = ("ARTSIM_HOME", "ARTSIM_GALLERY", "ARTSIM_URL", "QDRANT_URL", "QDRANT_API_KEY")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest: at the end it would have one worker alone."""
    items.sort(key=lambda item: "test_readme" not in item.nodeid)


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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
def _sample_home(sample: Path, shared_folder: Path) -> Path:
    home = shared_folder / "sample-home"
    with FileLock(shared_folder / "sample-home.lock"):
        if not home.exists():
            part = shared_folder / "sample-home-part"
            with open_gallery(home=part) as gallery:
                summary = ingest_paintings(gallery, sample)
            assert summary.problems == []
            part.rename(home)
    return home


def _copy(home: Path, target: Path) -> Path:
    """Copy a data folder, whose files are mostly holes that Python would fill."""
    if shutil.which("cp"):
        subprocess.run(["cp", "-R", home, target], check=True)
    else:
        shutil.copytree(home, target)
    return target


@pytest.fixture(scope="session")
def sample_home(_sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data folder of this worker's own, with those works; not to be changed."""
    return _copy(_sample_home, tmp_path_factory.mktemp("sample") / "home")


@pytest.fixture
def changeable_home(_sample_home: Path, tmp_path: Path) -> Path:
    """Data folder of this test's own, with those works ingested."""
    return _copy(_sample_home, tmp_path / "changeable-home")


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
