"""Galleries: names, notes, and what is said of those that are not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient, models

from artsim.catalog.kinds import FACES, PAINTINGS, EncoderInfo, Kind
from artsim.catalog.payload import FACE_FIELDS, PAINTING_FIELDS
from artsim.config import Settings
from artsim.errors import (
    CollectionNotFoundError,
    ConfigError,
    SchemaMismatchError,
    StoreError,
)
from artsim.store.gallery import Gallery, list_galleries, open_gallery
from artsim.store.protocol import Store, VectorSpec
from artsim.store.server import ServerStore

BUILTIN = EncoderInfo("builtin", "builtin", "builtin-1", 12)
CLIP = EncoderInfo("clip", "open_clip:ViT-B-32/x", "clip-ab12-1", 16, takes_text=True)
FACENET = EncoderInfo("facenet", "facenet:vggface2", "facenet-1", 8, kind="face")


@pytest.fixture(autouse=True)
def _few_indexes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every index has files of its own, which take most of the time of these tests."""
    if "schema" not in request.node.name:
        monkeypatch.setattr(Kind, "indexes", {"painting_id": "keyword"})


@pytest.fixture
def gallery(store: Store, name: str) -> Gallery:
    return Gallery(store, name)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"


def test_collections_have_the_documented_schema(gallery: Gallery, name: str) -> None:
    paintings = gallery.create(PAINTINGS, [BUILTIN, CLIP])
    faces = gallery.create(FACES, [FACENET], pixels_side=32)
    assert (paintings.name, faces.name) == (f"{name}_paintings", f"{name}_faces")
    assert paintings.schema.vectors == {
        "builtin-1": VectorSpec(12),
        "clip-ab12-1": VectorSpec(16),
        "pixels": VectorSpec(4096, "euclid", "uint8", indexed=False),
    }
    assert faces.schema.vectors["pixels"].dim == 1024
    assert paintings.schema.payload_indexes == {f: k for f, k in PAINTING_FIELDS.items() if k}
    assert faces.schema.payload_indexes == {f: k for f, k in FACE_FIELDS.items() if k}
    assert gallery[PAINTINGS].name == paintings.name
    assert gallery[FACES].name == faces.name


def test_encoders_come_back_in_the_order_of_their_adding(gallery: Gallery) -> None:
    gallery.create(PAINTINGS, [CLIP])
    gallery.create(PAINTINGS, [BUILTIN])
    assert list(gallery.encoders(PAINTINGS).items()) == [
        (CLIP.vector_name, CLIP),
        (BUILTIN.vector_name, BUILTIN),
    ]
    gallery.create(FACES, [FACENET, BUILTIN])
    assert list(gallery.encoders(FACES).values()) == [FACENET, BUILTIN]


def test_an_encoder_that_moved_keeps_its_place(gallery: Gallery) -> None:
    gallery.create(PAINTINGS, [CLIP, BUILTIN])
    moved = EncoderInfo("clip", "/elsewhere/clip.onnx", CLIP.vector_name, CLIP.dim)
    gallery.create(PAINTINGS, [moved])
    assert list(gallery.encoders(PAINTINGS).values()) == [moved, BUILTIN]


def test_another_dimension_or_side_is_refused(gallery: Gallery) -> None:
    gallery.create(PAINTINGS, [BUILTIN])
    other = EncoderInfo("builtin", "builtin", "builtin-1", 13)
    with pytest.raises(SchemaMismatchError, match="'builtin-1' has dim 12, expected 13"):
        gallery.create(PAINTINGS, [other, CLIP])
    with pytest.raises(SchemaMismatchError, match="'pixels' has dim 4096, expected 1024"):
        gallery.create(PAINTINGS, [BUILTIN], pixels_side=32)
    assert list(gallery.encoders(PAINTINGS).values()) == [BUILTIN]


def test_galleries_of_a_store(store: Store, name: str) -> None:
    for suffix in ("b", "a"):
        Gallery(store, f"{name}-{suffix}").create(PAINTINGS, [BUILTIN])
    mine = [g for g in list_galleries(store) if g is not None and g.startswith(name)]
    assert mine == [f"{name}-a", f"{name}-b"]


def test_the_gallery_without_a_name(home: Path) -> None:
    with open_gallery(Settings(home=home)) as gallery:
        assert PAINTINGS not in gallery
        gallery.create(PAINTINGS, [BUILTIN])
        assert PAINTINGS in gallery
        assert FACES not in gallery
        assert gallery[PAINTINGS].name == "paintings"
        assert list_galleries(gallery.store) == [None]


def test_a_gallery_that_is_not_there(home: Path) -> None:
    with open_gallery(Settings(home=home), name="nga") as nga:
        nga.create(PAINTINGS, [BUILTIN])
        with pytest.raises(CollectionNotFoundError, match="no faces of gallery 'nga'"):
            _ = nga[FACES]
    with open_gallery(Settings(home=home, gallery="ngs")) as gallery:
        for kind in (PAINTINGS, FACES):
            with pytest.raises(CollectionNotFoundError) as caught:
                _ = gallery[kind]
            for words in (str(home), "no gallery 'ngs'", "'nga'", "artsim ingest FOLDER"):
                assert words in caught.value.with_hint
            assert caught.value.hint.endswith("--gallery ngs")


def test_a_gallery_where_nothing_was_ingested(home: Path) -> None:
    with (
        open_gallery(home=home) as gallery,
        pytest.raises(CollectionNotFoundError, match="nothing was ingested yet") as caught,
    ):
        _ = gallery[PAINTINGS]
    assert caught.value.with_hint.endswith("(artsim ingest FOLDER)")
    assert not home.exists()


@pytest.mark.parametrize("bad", ["", "../x", "a/b", "a b", ".", "é", "x" * 101])
def test_names_that_are_no_names(home: Path, bad: str) -> None:
    with pytest.raises(ConfigError, match="gallery name"):
        open_gallery(Settings(home=home), name=bad)
    assert not home.exists()


@pytest.mark.parametrize(
    ("bad", "example"),
    [
        ("Meine Galerie", "Meine-Galerie"),
        ("Künstler/1900", "Kunstler-1900"),
        ("日本", "my-gallery"),
        ("", "my-gallery"),
    ],
)
def test_a_name_that_fits_is_shown(bad: str, example: str) -> None:
    with pytest.raises(ConfigError, match=f"for example {example}$"):
        open_gallery(name=bad)
    open_gallery(name=example).close()


def test_long_names_are_shortened_in_messages(home: Path) -> None:
    with pytest.raises(ConfigError, match="found 300") as caught:
        open_gallery(name="n" * 300)
    assert len(str(caught.value)) < 300
    with open_gallery(home=home, name="n" * 100) as gallery:
        with pytest.raises(CollectionNotFoundError) as missing:
            _ = gallery[PAINTINGS]
        assert "n" * 90 not in missing.value.with_hint


def test_what_is_given_wins_over_the_settings(home: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "unused", gallery="unused", url="http://localhost:1")
    with open_gallery(settings, name="mine", home=home) as gallery:
        assert gallery.name == "mine"
        assert gallery.store.location == str(home)
    with open_gallery(settings, url="http://localhost:2") as gallery:
        assert gallery.store.location == "http://localhost:2"
    with open_gallery(settings) as gallery:
        assert gallery.store.location == "http://localhost:1"


def test_a_collection_of_another_program(server_url: str) -> None:
    client = QdrantClient(server_url, check_compatibility=False)
    client.create_collection(
        "paintings",
        vectors_config={"v": models.VectorParams(size=4, distance=models.Distance.COSINE)},
    )
    client.create_collection(
        "faces", vectors_config=models.VectorParams(size=4, distance=models.Distance.COSINE)
    )
    client.create_collection(
        "dots_paintings",
        vectors_config={"v": models.VectorParams(size=4, distance=models.Distance.DOT)},
    )
    with ServerStore(server_url) as store:
        gallery = Gallery(store)
        with pytest.raises(StoreError, match="not made by artsim"):
            gallery.encoders(PAINTINGS)
        with pytest.raises(StoreError, match="no named vectors"):
            _ = gallery[FACES]
        with pytest.raises(StoreError, match="it is 4 Dot of float32"):
            _ = Gallery(store, "dots")[PAINTINGS]
