"""Galleries that were harmed, by the engine itself or by a disk, have a way out."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_gallery import ENCODER, IDS, make, nested, shard_of, write_past_the_checks
from typer.testing import CliRunner

from artsim.catalog.kinds import FACES, PAINTINGS, EncoderInfo, Kind
from artsim.cli import app
from artsim.errors import CollectionNotFoundError, StoreDamagedError, StoreError, StoreLockedError
from artsim.ingest.upkeep import repair_gallery
from artsim.store.data_folder import data_of
from artsim.store.embedded import EmbeddedStore
from artsim.store.gallery import open_gallery

slow = pytest.mark.slow

FEW_INDEXES = {"painting_id": "keyword", "title": "text", "face_index": "integer"}


def content(home: Path, name: str | None = None) -> dict[str, Any]:
    """Return all that a gallery holds, to be compared."""
    with open_gallery(home=home, name=name) as gallery:
        return {
            collection.name: (
                collection.schema.vectors,
                collection.schema.payload_indexes,
                # Not how the metadata was read: where that is lost, it is to be read again.
                {k: v for k, v in collection.schema.notes.items() if k != "reading"},
                [
                    (r.point_id, r.payload, {n: v.tolist() for n, v in sorted(r.vectors.items())})
                    for r in collection.scroll(with_vectors=list(collection.schema.vectors))
                ],
            )
            for collection in (gallery[PAINTINGS], gallery[FACES])
        }


@pytest.fixture(autouse=True)
def _few_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every index has files of its own, which take most of the time of these tests."""
    monkeypatch.setattr(Kind, "indexes", FEW_INDEXES)


@pytest.fixture(scope="module")
def sound(fast_folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Kind, "indexes", FEW_INDEXES)
        make(fast_folder / "sound")
    return fast_folder / "sound"


@pytest.fixture
def home(sound: Path, tmp_path: Path) -> Path:
    """A gallery of the test's own, with the holes in its files."""
    subprocess.run(["cp", "-R", sound, tmp_path / "home"], check=True)
    return tmp_path / "home"


def overwrite(path: Path, content: bytes, at: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def segment(home: Path, inner: str) -> Path:
    return next(p for p in shard_of(home).glob(f"segments/*/{inner}"))


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return the length and the data of every file, whose holes would take long to read."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "payload_index" not in path.parts:
            with path.open("rb") as file:
                data = b"".join(data for _, data in data_of(file)).rstrip(b"\0")
            found[str(path.relative_to(folder))] = (path.stat().st_size, data)
    return found


class TestDeepValues:
    """What the engine writes and cannot read: the case that cost whole galleries."""

    def test_the_damage_is_named_with_the_way_out(self, home: Path) -> None:
        write_past_the_checks(shard_of(home), {"painting_id": "deep", "x": nested(123)})
        with open_gallery(home=home) as gallery, pytest.raises(StoreDamagedError) as caught:
            _ = gallery[PAINTINGS]
        assert "RecursionLimitExceeded" in str(caught.value)
        assert caught.value.hint == "artsim repair"

    @pytest.mark.parametrize(
        "depth",
        [
            pytest.param(123, marks=slow),  # the log alone is unreadable
            pytest.param(126, marks=slow),
            127,  # and so is the point
            pytest.param(300, marks=slow),
        ],
    )
    def test_all_others_are_saved(self, home: Path, depth: int) -> None:
        before = content(home)
        write_past_the_checks(shard_of(home), {"painting_id": "deep", "x": nested(depth)})
        said = repair_gallery(home=home)
        assert not said.was_sound
        paintings, faces = said.collections
        assert (paintings.points, paintings.missing) == (30, 1)
        assert paintings.painting_ids == ("deep",)
        assert faces.damage is None
        assert content(home) == before

    def test_points_that_stood_in_the_log_alone_are_named(self, home: Path) -> None:
        shard = shard_of(home)
        as_it_was = home / "as-it-was"
        shutil.copytree(shard / "segments", as_it_was)
        write_past_the_checks(shard, {"painting_id": "Étude/" + 30 * "long"}, flush=False)
        write_past_the_checks(shard, {"painting_id": "deep", "x": nested(200)}, flush=False)
        # As if the process had been killed before any of it reached the segments.
        shutil.rmtree(shard / "segments")
        as_it_was.rename(shard / "segments")
        paintings = repair_gallery(home=home).collections[0]
        assert paintings.points == 30
        assert paintings.painting_ids == ("deep", "Étude/" + 30 * "long")


def no_collection_file(home: Path) -> None:
    (home / "collections" / "paintings" / "collection.json").unlink()


def half_a_collection_file(home: Path) -> None:
    path = home / "collections" / "paintings" / "collection.json"
    path.write_bytes(path.read_bytes()[:100])


def garbage_for_the_configuration(home: Path) -> None:
    (shard_of(home) / "edge_config.json").write_bytes(b"garbage")


def both_json_files(home: Path) -> None:
    no_collection_file(home)
    garbage_for_the_configuration(home)


def cut_log(home: Path) -> None:
    for path in (shard_of(home) / "wal").glob("open-*"):
        path.write_bytes(path.read_bytes()[:5000])


def flipped_log(home: Path) -> None:
    for path in (shard_of(home) / "wal").glob("open-*"):
        overwrite(path, b"\x55" * 64)


def garbage_for_the_logs_index(home: Path) -> None:
    (shard_of(home) / "wal" / "first-index").write_bytes(b"garbage")


def no_log(home: Path) -> None:
    shutil.rmtree(shard_of(home) / "wal")


def index_of_the_metadata(home: Path) -> None:
    segment(home, "payload_index/config.json").write_bytes(b"garbage")


def status_of_an_index(home: Path) -> None:
    segment(home, "payload_index/*title-null/is_null/status.dat").write_bytes(b"")


@pytest.mark.parametrize(
    "harm",
    [
        no_collection_file,
        flipped_log,
        *(
            pytest.param(harm, marks=slow)
            for harm in (
                status_of_an_index,
                half_a_collection_file,
                garbage_for_the_configuration,
                both_json_files,
                cut_log,
                garbage_for_the_logs_index,
                no_log,
                index_of_the_metadata,
            )
        ),
    ],
)
def test_nothing_is_lost_where_only_these_files_are_harmed(
    home: Path, harm: Callable[[Path], None]
) -> None:
    before = content(home)
    harm(home)
    was = files(home / "collections" / "paintings")
    with open_gallery(home=home) as gallery:
        try:
            list(gallery[PAINTINGS].scroll(with_vectors=["pixels"]))
            opens = True
        except StoreError as error:
            opens = False
            assert "artsim repair" in error.with_hint
    said = repair_gallery(home=home)
    assert content(home) == before
    assert said.was_sound == opens
    if not opens:
        paintings = said.collections[0]
        assert (paintings.missing, paintings.painting_ids) == (0, ())
        kept = files(Path(paintings.copy or ""))
        for name, found in was.items():
            if name != "lock":
                assert kept[name] == found, name
    assert repair_gallery(home=home).was_sound


class TestLosses:
    def test_a_page_of_metadata(self, home: Path) -> None:
        page = segment(home, "payload_storage/page_0.dat")
        content = page.read_bytes()
        # The second half of what is in it.
        used = len(content.rstrip(b"\0"))
        overwrite(page, b"\xff" * (used // 2), used - used // 2)
        paintings = repair_gallery(home=home).collections[0]
        assert 0 < paintings.points < 30
        assert paintings.points + paintings.missing == 30
        assert set(paintings.painting_ids) < set(IDS)
        assert len(paintings.painting_ids) == paintings.missing
        with open_gallery(home=home) as gallery:
            there = {r.payload["painting_id"] for r in gallery[PAINTINGS].scroll()}
        assert there == set(IDS) - set(paintings.painting_ids)

    @slow
    def test_a_file_of_vectors(self, home: Path) -> None:
        segment(home, "vector_storage-pixels/vectors/chunk_0.mmap").write_bytes(b"")
        paintings = repair_gallery(home=home).collections[0]
        assert (paintings.points, paintings.missing) == (30, 0)
        assert paintings.without_some_vectors == 30
        with open_gallery(home=home) as gallery:
            records = list(gallery[PAINTINGS].scroll(with_vectors=["builtin-v3", "pixels"]))
            assert {tuple(r.vectors) for r in records} == {("builtin-v3",)}

    def test_a_segment_with_the_log(self, home: Path) -> None:
        segment(home, "mutable_id_tracker.mappings").write_bytes(b"\xff" * 500)
        flipped_log(home)
        said = repair_gallery(home=home)
        paintings = said.collections[0]
        assert paintings.points == 0
        assert paintings.painting_ids == tuple(IDS)
        # An ingest fills it again.
        with open_gallery(home=home) as gallery:
            assert gallery[PAINTINGS].count() == 0
            assert gallery[FACES].count() == 30
            assert list(gallery.encoders(PAINTINGS).values()) == [ENCODER]

    def test_everything_but_the_name(self, home: Path) -> None:
        shutil.rmtree(shard_of(home))
        no_collection_file(home)
        before = files(home)
        with pytest.raises(StoreDamagedError, match=r"neither collection\.json nor the engine"):
            repair_gallery(home=home)
        assert files(home) == before


class TestTheDataFolder:
    @pytest.mark.parametrize("content", [None, b"{"])
    def test_its_mark_is_written_anew(self, home: Path, content: bytes | None) -> None:
        before = (home / "artsim.json").read_bytes()
        if content is None:
            (home / "artsim.json").unlink()
        else:
            (home / "artsim.json").write_bytes(content)
        with pytest.raises(StoreDamagedError) as caught:
            open_gallery(home=home)
        assert caught.value.hint == "artsim repair"
        said = repair_gallery(home=home)
        assert said.folder_damage is not None
        assert not said.was_sound
        assert (home / "artsim.json").read_bytes() == before
        if content is not None:
            assert [p.read_bytes() for p in (home / "damaged").iterdir()] == [content]
        assert repair_gallery(home=home).was_sound

    def test_a_folder_of_other_things_is_left(self, tmp_path: Path) -> None:
        (tmp_path / "letters.txt").write_text("mine")
        with pytest.raises(StoreError, match="not a data folder of artsim"):
            repair_gallery(home=tmp_path)
        assert [p.name for p in tmp_path.iterdir()] == ["letters.txt"]

    def test_a_newer_artsims_is_left(self, home: Path) -> None:
        (home / "artsim.json").write_text(json.dumps({"format": 2}))
        with pytest.raises(StoreError, match="newer artsim"):
            repair_gallery(home=home)


class TestCare:
    def test_a_sound_gallery_is_left_as_it_is(self, home: Path) -> None:
        content(home)
        before = files(home)
        said = repair_gallery(home=home)
        assert said.was_sound
        assert [made.points for made in said.collections] == [30, 30]
        after = files(home)
        assert list(after) == list(before)
        # The engine writes the same in another order as it opens.
        assert {n for n in before if after[n] != before[n] and not n.endswith(".json")} == set()
        assert not (home / "damaged").exists()

    @slow
    def test_only_the_gallery_that_was_named(self, home: Path) -> None:
        make(home, "nga")
        for name in ("paintings", "nga_paintings"):
            (home / "collections" / name / "collection.json").write_bytes(b"")
        assert repair_gallery(home=home, name="nga").collections[0].points == 30
        content(home, "nga")
        with pytest.raises(StoreDamagedError):
            content(home)
        assert repair_gallery(home=home).collections[0].points == 30

    @slow
    def test_the_encoders_of_another_gallery_are_taken_over(self, home: Path) -> None:
        own = EncoderInfo("mine", "onnx:/models/mine.onnx", "mine-1", 12, takes_text=True)
        for name in ("a", "b"):
            with open_gallery(home=home, name=name) as gallery:
                gallery.create(PAINTINGS, [own], pixels_side=4)
        manifest = home / "collections" / "a_paintings" / "collection.json"
        manifest.write_bytes(b"")
        repair_gallery(home=home, name="a")
        with open_gallery(home=home, name="a") as gallery:
            assert list(gallery.encoders(PAINTINGS).values()) == [own]
        shutil.rmtree(home / "collections" / "b_paintings")
        manifest.write_bytes(b"")
        repair_gallery(home=home, name="a")
        with open_gallery(home=home, name="a") as gallery:
            assert [info.vector_name for info in gallery.encoders(PAINTINGS).values()] == ["mine-1"]

    @slow
    def test_copies_do_not_replace_each_other(self, home: Path) -> None:
        for _ in range(3):
            (home / "collections" / "paintings" / "collection.json").write_bytes(b"")
            repair_gallery(home=home)
        assert len(list((home / "damaged").iterdir())) == 3
        with EmbeddedStore(home) as store:
            assert store.list_collections() == ["faces", "paintings"]

    def test_it_is_refused_while_another_has_the_gallery(self, home: Path) -> None:
        with open_gallery(home=home) as gallery:
            _ = gallery[PAINTINGS]
            with pytest.raises(StoreLockedError):
                repair_gallery(home=home)
        assert not (home / "damaged").exists()

    def test_a_full_disk_is_noticed_before(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        no_collection_file(home)
        before = files(home)
        monkeypatch.setattr("artsim.store.repair.bytes_on_disk", lambda _: 2**60)
        with pytest.raises(StoreError, match="disk is nearly full"):
            repair_gallery(home=home)
        assert files(home) == before

    def test_a_gallery_that_is_not_there(self, home: Path) -> None:
        with pytest.raises(CollectionNotFoundError, match="default gallery"):
            repair_gallery(home=home, name="nosuch")


class Killed(BaseException):
    """As a process that is killed: nothing catches it."""


@pytest.mark.parametrize("steps", [2, *(pytest.param(n, marks=slow) for n in (0, 1, 3, 4, 5))])
def test_a_repair_cut_short_is_finished_by_the_next(
    home: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    before = content(home)
    no_collection_file(home)
    left = [steps]
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        return real(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", rename)
        try:
            said = repair_gallery(home=home)
        except Killed:
            said = None
    if said is None:
        with pytest.raises(StoreDamagedError):
            content(home)
        said = repair_gallery(home=home)
    assert content(home) == before
    paintings = said.collections[0]
    assert paintings.points == 30
    copy = Path(paintings.copy or "")
    assert (copy / "shard" / "edge_config.json").is_file()
    assert not list((home / "collections").glob(".*"))


@slow
def test_a_repair_cut_short_leaves_what_was_made_anew_meanwhile(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_collection_file(home)
    with monkeypatch.context() as patched:

        def die(*_: object) -> None:
            raise Killed

        patched.setattr("artsim.store.repair._exchange", die)
        with pytest.raises(Killed):
            repair_gallery(home=home)
    shutil.rmtree(home / "collections" / "paintings")
    with open_gallery(home=home) as gallery:
        assert gallery.create(PAINTINGS, [ENCODER], pixels_side=4).count() == 0
    assert repair_gallery(home=home).was_sound
    with open_gallery(home=home) as gallery:
        assert gallery[PAINTINGS].count() == 0
    assert not list((home / "collections").glob(".*"))


class TestCommand:
    def run(self, *arguments: str) -> Any:
        return CliRunner().invoke(app, ["repair", *arguments])

    def test_it_says_what_it_did(self, home: Path) -> None:
        make(home, "nga")
        write_past_the_checks(
            shard_of(home, "nga_paintings"), {"painting_id": "deep", "x": nested(123)}
        )
        ran = self.run("--home", str(home), "-g", "nga")
        assert ran.exit_code == 3, ran.output
        for words in (
            "RecursionLimitExceeded",
            "30 points were saved",
            "1 could not be",
            "ingest again unless you deleted them: deep",
            str(home / "damaged" / "nga_paintings-"),
            "nga_faces: sound, 30 points",
        ):
            assert words in " ".join(ran.output.split()), ran.output

    @slow
    def test_json(self, home: Path) -> None:
        ran = self.run("--home", str(home), "--format", "json")
        assert ran.exit_code == 0
        said = json.loads(ran.stdout)
        assert said["sound"] is True
        assert [c["points"] for c in said["collections"]] == [30, 30]

    @slow
    def test_a_sound_gallery(self, home: Path) -> None:
        ran = self.run("--home", str(home))
        assert "Nothing is wrong" in ran.output
