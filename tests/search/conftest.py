from collections.abc import Iterator

import pytest
from made_up_gallery import MadeUp

from artsim.store.gallery import Gallery


@pytest.fixture(scope="session")
def made_up() -> MadeUp:
    return MadeUp()


@pytest.fixture(scope="session")
def gallery(made_up: MadeUp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    with made_up.fill(tmp_path_factory.mktemp("gallery")) as filled:
        yield filled
