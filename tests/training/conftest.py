from pathlib import Path

import pytest
from made_up_manners import write_manners


@pytest.fixture(scope="session")
def manners(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of three manners; not to be changed."""
    folder = tmp_path_factory.mktemp("made-up") / "manners"
    write_manners(folder)
    return folder
