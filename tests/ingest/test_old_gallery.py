"""A gallery of an artsim that did not note sources is told, and healed by its next ingest."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.cli import app
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.ingest.summary import Counts
from artsim.ingest.upkeep import push_gallery
from artsim.search.filters import Filters, build_criteria
from artsim.store.gallery import Gallery, open_gallery
from artsim.store.protocol import Collection

WITH_FACES = IngestOptions(encoders=("handcrafted",), face_encoder="handcrafted")
YEARS = Filters(years="1600..1650")


@pytest.fixture(scope="module")
def works(sample: Path, make_works: Callable[..., Any]) -> Any:
    """Three works with metadata."""

    def fill(folder: Path) -> None:
        rows = (sample / "metadata.csv").read_text(encoding="utf-8").splitlines()
        (folder / "metadata.csv").write_text("\n".join(rows[:4]), encoding="utf-8")
        for row in rows[1:4]:
            shutil.copy(sample / row.split(",")[0], folder)

    return make_works(fill)


@pytest.fixture
def folder(works: Any) -> Path:
    made: Path = works.restore()
    return made


@pytest.fixture
def old(works: Any, folder: Path, tmp_path: Path) -> Iterator[Gallery]:
    """A gallery of the works as an artsim made it that did not note sources."""
    with open_gallery(home=works.ingested(tmp_path / "home", WITH_FACES)) as gallery:
        for collection in (gallery[PAINTINGS], gallery[FACES]):
            make_old(collection)
        yield gallery


def make_old(collection: Collection) -> None:
    """Make points and notes what they were before sources were noted."""
    notes = {key: value for key, value in collection.schema.notes.items() if key != "reading"}
    collection.add_vectors({}, notes)
    payloads = {}
    for record in collection.scroll():
        old = {key: value for key, value in record.payload.items() if key != "ingested_from"}
        payloads[record.point_id] = old | (
            {"year_start": old["year_end"]} if "year_end" in old else {}
        )
    collection.overwrite_payload(payloads)


def remarks(gallery: Gallery) -> list[str]:
    return [
        note
        for collection in (gallery[PAINTINGS], gallery[FACES])
        for note in build_criteria(YEARS, collection)[1]
    ]


def forbid_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a picture was decoded")

    monkeypatch.setattr("artsim.ingest.painting.load_image", refuse)


@pytest.mark.parametrize("place", ["embedded", pytest.param("server", marks=pytest.mark.slow)])
def test_the_next_ingest_heals_it_without_encoding(
    place: str, folder: Path, old: Gallery, monkeypatch: pytest.MonkeyPatch, server_url: str
) -> None:
    made = old
    if place == "server":
        made = open_gallery(name="old", url=server_url)
        push_gallery(old, made)
    with made as gallery:
        assert len(remarks(gallery)) == 2
        assert all("3 paintings" in r or "face" in r for r in remarks(gallery))
        assert build_criteria(Filters({"style": ["Baroque"]}), gallery[PAINTINGS])[1] == []
        forbid_encoding(monkeypatch)
        limited = IngestOptions(encoders=("handcrafted",), faces=False, limit=1)
        assert ingest_paintings(gallery, folder, limited).counts == Counts(updated=1)
        assert "2 paintings" in remarks(gallery)[0]
        assert ingest_paintings(gallery, folder, WITH_FACES).counts == Counts(
            updated=2, unchanged=1
        )
        assert remarks(gallery) == []
        assert gallery[PAINTINGS].schema.notes["reading"] == 2
        for collection in (gallery[PAINTINGS], gallery[FACES]):
            assert all(
                record.payload["ingested_from"] == folder.as_uri() for record in collection.scroll()
            )
        assert ingest_paintings(gallery, folder, WITH_FACES).counts == Counts(unchanged=3)


@pytest.mark.slow
def test_a_renamed_or_deleted_file_of_before_is_known_by_its_path(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "metadata.csv").unlink()
    first, second, _ = sorted(folder.iterdir())
    with open_gallery(home=tmp_path / "home") as gallery:
        ingest_paintings(gallery, folder, WITH_FACES)
        for collection in (gallery[PAINTINGS], gallery[FACES]):
            make_old(collection)
        first.rename(folder / "renamed.jpg")
        second.unlink()
        forbid_encoding(monkeypatch)
        options = replace(WITH_FACES, prune=True, prune_any=True)
        counts = ingest_paintings(gallery, folder, options).counts
        assert counts == Counts(renamed=1, updated=1, pruned=1)
        assert remarks(gallery) == []


@pytest.mark.slow
def test_a_copy_of_an_old_gallery_is_as_old(folder: Path, old: Gallery, server_url: str) -> None:
    with open_gallery(url=server_url) as copy:
        push_gallery(old, copy)
        assert len(remarks(copy)) == 2
        ingest_paintings(old, folder, WITH_FACES)
        push_gallery(old, copy)
        assert remarks(copy) == []


@pytest.mark.slow
def test_the_command_line_tells_of_it(folder: Path, old: Gallery, tmp_path: Path) -> None:
    home = tmp_path / "home"
    old.close()

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, [*arguments, "--home", str(home)])
        assert done.exit_code == 0, done.output
        return done.stderr

    query = ("query", "--id", "met-437386", "--year", "1600..1700")
    assert run("info").count("DateBegin") == 1
    assert run(*query).count("DateBegin") == 1
    assert "DateBegin" not in run("query", "--id", "met-437386")
    told = run("ingest", str(folder), "-e", "handcrafted", "--face-encoder", "handcrafted")
    assert told == "Wrote 0 paintings; 3 had new metadata.\n" or "3 had new metadata." in told
    assert "DateBegin" not in run("info") + run(*query)
