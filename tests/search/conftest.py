from collections.abc import Iterator
from pathlib import Path

import pytest
from made_up_gallery import MadeUp

from artsim.store.gallery import Gallery, open_gallery


@pytest.fixture(scope="session")
def made_up() -> MadeUp:
    return MadeUp()


@pytest.fixture(scope="session")
def filled_home(made_up: MadeUp, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("gallery")
    made_up.fill(home).close()
    return home


@pytest.fixture(scope="module")
def gallery(filled_home: Path) -> Iterator[Gallery]:
    """The made-up works; open no longer than needed, since that takes half a gigabyte."""
    with open_gallery(home=filled_home) as opened:
        yield opened
