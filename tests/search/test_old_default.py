"""Galleries that were made while the handcrafted encoder was the built-in one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from artsim.catalog.encoder_info import EncoderInfo
from artsim.encoders.registry import find_maker
from artsim.errors import EncoderMismatchError
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.search.queries import IdQuery, ImageQuery
from artsim.search.similar import find_similar
from artsim.store.gallery import Gallery, open_gallery

OLD = EncoderInfo("builtin", "builtin", "builtin-v1", 576)


@pytest.fixture
def old(sample: Path, tmp_path: Path) -> Iterator[Gallery]:
    with open_gallery(home=tmp_path / "home") as gallery:
        options = IngestOptions(encoders=("handcrafted",), faces=False, limit=6)
        ingest_paintings(gallery, sample, options)
        gallery.create_paintings([OLD])
        yield gallery


def test_a_picture_is_not_compared_with_old_vectors(old: Gallery, sample: Path) -> None:
    picture = next((sample / "images").iterdir())
    with pytest.raises(EncoderMismatchError) as refused:
        find_similar(old, ImageQuery(picture))
    assert re.search("--encoder handcrafted.*artsim ingest SOURCE", refused.value.hint)
    result = find_similar(old, ImageQuery(picture), encoders=("handcrafted",))
    assert result.hits


def test_queries_by_id_need_no_encoder(old: Gallery) -> None:
    assert find_similar(old, IdQuery("met-437388")).hits


def test_an_ingest_says_how_to_go_on(old: Gallery, sample: Path) -> None:
    with pytest.raises(EncoderMismatchError) as refused:
        ingest_paintings(old, sample, IngestOptions(faces=False))
    assert re.search("--gallery NAME.*--encoder handcrafted", refused.value.hint)
    added = IngestOptions(encoders=("handcrafted",), faces=False, limit=8)
    assert ingest_paintings(old, sample, added).counts.written == 2
    assert [info.name for info in old.image_encoders().values()] == ["handcrafted"]


def test_makers_are_found_by_their_vectors() -> None:
    assert find_maker("builtin-v1") == "handcrafted"
    assert find_maker("builtin-v3") == "builtin"
    assert find_maker("builtin-v2") is None
