"""What only a store in a folder does: it persists, is locked, gets damaged or full."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from store_oracle import SCHEMA as WHOLE
from store_oracle import make_points

from artsim.catalog.payload import AnyOf, Criteria, painting_point_id
from artsim.errors import StoreError, StoreLockedError
from artsim.store.embedded import EmbeddedStore
from artsim.store.protocol import CollectionSchema, Point, SearchRequest, VectorSpec
from benchmarks.speed.gallery import STYLES, make_gallery, queries

POINTS = make_points(40)
SCHEMA = dataclasses.replace(WHOLE, payload_indexes={"painting_id": "keyword"})
HERE = Path(__file__).parent


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def filled(home: Path) -> Path:
    """A closed store with the collection ``paintings``."""
    with EmbeddedStore(home) as store:
        store.create_collection("paintings", SCHEMA).upsert(POINTS)
    return home


def python(*arguments: str | Path, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=HERE,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,  # type: ignore[call-overload]
    )


@pytest.fixture
def writer(home: Path) -> Iterator[subprocess.Popen[str]]:
    with python("store_writer.py", home) as process:
        try:
            yield process
        finally:
            process.kill()


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


class TestPersistence:
    def test_everything_is_there_after_reopening(self, filled: Path) -> None:
        with EmbeddedStore(filled) as store:
            collection = store.open_collection("paintings")
            assert collection.schema == SCHEMA
            found = collection.retrieve(
                [p.point_id for p in POINTS], with_vectors=list(SCHEMA.vectors)
            )
            for point in POINTS:
                assert found[point.point_id].payload == point.payload
                assert set(found[point.point_id].vectors) == set(point.vectors)

    def test_added_vectors_and_notes_are_there_after_reopening(self, filled: Path) -> None:
        new = {"new-1": VectorSpec(3), "small": VectorSpec(4, "euclid", "uint8", indexed=False)}
        with EmbeddedStore(filled) as store:
            collection = store.open_collection("paintings")
            collection.add_vectors(new, {"n": 1})
            collection.update_vectors(
                [Point(POINTS[0].point_id, {"new-1": np.ones(3), "small": np.arange(4)})]
            )
        with EmbeddedStore(filled) as store:
            collection = store.open_collection("paintings")
            assert collection.schema.vectors == {**SCHEMA.vectors, **new}
            assert collection.schema.notes == {"n": 1}
            record = collection.retrieve([POINTS[0].point_id], with_vectors=list(new))
            assert set(record[POINTS[0].point_id].vectors) == set(new)

    def test_adding_vectors_that_was_cut_short_is_done_again(self, filled: Path) -> None:
        new = {"new-1": VectorSpec(3)}
        manifest = filled / "collections" / "paintings" / "collection.json"
        before = manifest.read_bytes()
        with EmbeddedStore(filled) as store:
            store.open_collection("paintings").add_vectors(new)
        manifest.write_bytes(before)  # as if the process had died before this file
        with EmbeddedStore(filled) as store:
            collection = store.open_collection("paintings")
            assert collection.schema == SCHEMA
            assert collection.count() == len(POINTS)
            collection.add_vectors(new)
            collection.update_vectors([Point(POINTS[0].point_id, {"new-1": np.ones(3)})])

    def test_reading_a_store_that_is_not_there_makes_none(self, home: Path) -> None:
        with EmbeddedStore(home) as store:
            assert store.list_collections() == []
            with pytest.raises(StoreError, match="has no collection 'paintings'"):
                store.open_collection("paintings")
            store.delete_collection("paintings")
        assert not home.exists()

    def test_optimize_builds_the_index_and_keeps_the_answers(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dim, enough = 64, 1000
        monkeypatch.setattr("artsim.store.edge_dialect.FULL_SCAN_KB", 100)
        monkeypatch.setattr("artsim.store.edge_dialect.INDEXING_KB", 100)
        rng = np.random.default_rng(0)
        centers = rng.standard_normal((enough // 10, dim))
        rows = centers[np.arange(enough) % len(centers)] + 0.7 * rng.standard_normal((enough, dim))
        points = [
            Point(painting_point_id(f"{i}"), {"v-1": row}, {"painting_id": f"{i}"})
            for i, row in enumerate(rows)
        ]
        queries = [SearchRequest(row, "v-1", limit=10) for row in rows[::97]]
        schema = CollectionSchema({"v-1": VectorSpec(dim)}, {"painting_id": "keyword"})
        with EmbeddedStore(home) as store:
            collection = store.create_collection("paintings", schema)
            collection.upsert(points)
            exact = collection.search([dataclasses.replace(q, exact=True) for q in queries])
            assert not list(home.rglob("vector_index*/graph*"))
            collection.optimize()
            assert list(home.rglob("vector_index*/graph*"))
            indexed = collection.search(queries)
            collection.optimize()
        with EmbeddedStore(home) as store:
            again = store.open_collection("paintings").search(queries)
        assert indexed == again
        shared = [
            len({h.point_id for h in one} & {h.point_id for h in other})
            for one, other in zip(exact, indexed, strict=True)
        ]
        assert np.mean(shared) >= 9.9

    def test_filters_that_cut_the_graph_to_pieces_lose_no_hits(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As 20,000 long vectors do: too many pass to compare all, too few to walk among."""
        dim, count = 64, 3000
        scanned_kb = count // 5 * dim * 4 // 1024
        monkeypatch.setattr("artsim.store.edge_dialect.FULL_SCAN_KB", scanned_kb)
        monkeypatch.setattr("artsim.store.edge_dialect.INDEXING_KB", scanned_kb)
        rng = np.random.default_rng(0)
        gallery = make_gallery(count, dim, rng)
        styles = [rng.choice(STYLES, 6, replace=False) for _ in range(60)]
        searches = [
            SearchRequest(
                query,
                "v-1",
                criteria=Criteria((AnyOf("style", tuple(f"style {s}" for s in some)),)),
                limit=10,
            )
            for query, some in zip(queries(gallery, 60, rng), styles, strict=True)
        ]
        schema = CollectionSchema({"v-1": VectorSpec(dim)}, {"style": "keyword"})
        with EmbeddedStore(home) as store:
            collection = store.create_collection("paintings", schema)
            collection.upsert(
                [
                    Point(painting_point_id(f"{i}"), {"v-1": row}, gallery.payload(i))
                    for i, row in enumerate(gallery.embeddings)
                ]
            )
            collection.optimize()
            found = collection.search(searches)
            exact = collection.search([dataclasses.replace(s, exact=True) for s in searches])
        assert list(home.rglob("vector_index*/graph*"))
        shared = [
            len({h.point_id for h in one} & {h.point_id for h in other})
            for one, other in zip(found, exact, strict=True)
        ]
        assert np.mean(shared) >= 9.9


def test_opening_reads_no_batch_of_points_again(home: Path) -> None:
    """The engine reads the last record of its log whenever it opens."""
    rows = np.random.default_rng(0).random((400, 2048), dtype=np.float32)
    schema = CollectionSchema({"long": VectorSpec(2048)}, {})
    points = [Point(painting_point_id(str(i)), {"long": row}, {}) for i, row in enumerate(rows)]

    def seconds_to_open(name: str) -> float:
        def once() -> float:
            start = time.process_time()
            with EmbeddedStore(home) as store:
                store.open_collection(name)
                return time.process_time() - start

        return min(once() for _ in range(5))

    for name, batches in [("at_once", [points]), ("last_alone", [points[:-1], points[-1:]])]:
        with EmbeddedStore(home) as store:
            collection = store.create_collection(name, schema)
            for batch in batches:
                collection.upsert(batch)
                collection.flush()
    assert seconds_to_open("at_once") < 2 * seconds_to_open("last_alone")


class TestCrash:
    def test_what_a_killed_writer_was_told_is_written_is_there(
        self, writer: subprocess.Popen[str], home: Path
    ) -> None:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) >= 400:
                break
        writer.kill()
        told = max([int(line), *(int(rest) for rest in writer.stdout.read().split())])
        points = make_points(3_000)
        with EmbeddedStore(home) as store:
            collection = store.open_collection("paintings")
            found = {r.point_id: r for r in collection.scroll(with_vectors=list(SCHEMA.vectors))}
            assert len(found) >= told
            for point in points[:told]:
                assert found[point.point_id].payload == point.payload
                assert set(found[point.point_id].vectors) == set(point.vectors)
            # And the collection goes on as if nothing had happened.
            collection.upsert(points)
            assert collection.count() == len(points)

    def test_a_collection_half_made_is_not_there(self, home: Path) -> None:
        with EmbeddedStore(home) as store:
            store.create_collection("other", SCHEMA)
        aside = home / "collections" / ".new-paintings-1"
        shutil.copytree(home / "collections" / "other" / "shard", aside / "shard")
        with EmbeddedStore(home) as store:
            assert store.list_collections() == ["other"]
            assert store.create_collection("paintings", SCHEMA).count() == 0
            assert store.list_collections() == ["other", "paintings"]

    def test_what_a_dead_process_left_is_swept_up(self, filled: Path) -> None:
        root = filled / "collections"
        for name, age in ((".new-a-1", 7200), (".deleted-b-1", 7200), (".new-c-1", 5)):
            (root / name / "shard").mkdir(parents=True)
            then = time.time() - age
            os.utime(root / name, (then, then))
        with EmbeddedStore(filled) as store:
            store.create_collection("more", SCHEMA)
        assert sorted(p.name for p in root.iterdir()) == [".new-c-1", "more", "paintings"]


class TestLock:
    def test_a_second_store_in_the_process(self, filled: Path) -> None:
        with EmbeddedStore(filled) as first, EmbeddedStore(filled) as second:
            collection = first.open_collection("paintings")
            with pytest.raises(StoreLockedError) as caught:
                second.open_collection("paintings")
            for part in (str(filled), "another artsim process", "docker compose up -d", "--url"):
                assert part in caught.value.with_hint
            assert collection.count() == len(POINTS)
            first.close()
            assert second.open_collection("paintings").count() == len(POINTS)

    def test_a_second_process(self, writer: subprocess.Popen[str], home: Path) -> None:
        assert writer.stdout is not None
        assert writer.stdout.readline()
        with EmbeddedStore(home) as store:
            assert store.list_collections() == ["paintings"]
            with pytest.raises(StoreLockedError):
                store.open_collection("paintings")
            with pytest.raises(StoreLockedError):
                store.create_collection("paintings", SCHEMA)
            with pytest.raises(StoreLockedError):
                store.delete_collection("paintings")
            assert store.list_collections() == ["paintings"]
            other = store.create_collection("another", SCHEMA)
            assert other.count() == 0

    def test_opening_twice_gives_the_same_collection(self, filled: Path) -> None:
        with EmbeddedStore(filled) as store:
            assert store.open_collection("paintings") is store.open_collection("paintings")

    def test_a_closed_collection_says_so(self, filled: Path) -> None:
        store = EmbeddedStore(filled)
        collection = store.open_collection("paintings")
        store.close()
        store.close()
        with pytest.raises(StoreError, match="has been closed"):
            collection.count()


class TestForeignFolders:
    def test_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_text("mine")
        with pytest.raises(StoreError, match="is a file"):
            EmbeddedStore(path)
        assert path.read_text() == "mine"

    def test_a_folder_of_other_things(self, tmp_path: Path) -> None:
        for name in ("a.jpg", "b.jpg", "segments/x", "wal/first-index"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("mine")
        before = files(tmp_path)
        with pytest.raises(StoreError, match=r"not a data folder of artsim.*a\.jpg, b\.jpg"):
            EmbeddedStore(tmp_path)
        assert files(tmp_path) == before

    def test_a_folder_with_litter_only(self, tmp_path: Path) -> None:
        (tmp_path / ".DS_Store").write_text("")
        (tmp_path / "lost+found").mkdir()
        with EmbeddedStore(tmp_path) as store:
            assert store.create_collection("paintings", SCHEMA).count() == 0

    def test_a_folder_of_a_newer_version(self, filled: Path) -> None:
        (filled / "artsim.json").write_text(json.dumps({"format": 2}))
        with pytest.raises(StoreError, match="newer artsim"):
            EmbeddedStore(filled)

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_that_may_not_be_written(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with EmbeddedStore(tmp_path / "home") as store, pytest.raises(StoreError, match="Perm"):
            store.create_collection("paintings", SCHEMA)

    def test_a_home_below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("mine")
        with pytest.raises(StoreError, match="file"), EmbeddedStore(tmp_path / "file" / "x") as s:
            s.create_collection("paintings", SCHEMA)


class TestDamage:
    @pytest.mark.parametrize(
        "victim",
        [
            "collection.json",
            "shard/edge_config.json",
            "shard/segments/*/segment.json",
            "shard/wal/first-index",
            "shard/segments/*/payload_storage/page_0.dat",
        ],
    )
    def test_a_damaged_collection_says_so(self, filled: Path, victim: str) -> None:
        folder = filled / "collections" / "paintings"
        victims = list(folder.glob(victim))
        assert victims
        for path in victims:
            path.write_bytes(b"garbage")
        with EmbeddedStore(filled) as store:
            with pytest.raises(StoreError, match=r"is damaged.*repair it") as caught:
                list(store.open_collection("paintings").scroll())
            assert str(folder) in str(caught.value)

    def test_a_lost_shard_is_not_made_anew(self, filled: Path) -> None:
        shard = filled / "collections" / "paintings" / "shard"
        shutil.rmtree(shard)
        with EmbeddedStore(filled) as store, pytest.raises(StoreError, match="is damaged"):
            store.open_collection("paintings")
        assert not shard.exists()

    def test_damage_leaves_no_lock(self, filled: Path) -> None:
        manifest = filled / "collections" / "paintings" / "collection.json"
        good = manifest.read_bytes()
        manifest.write_bytes(b"{")
        with EmbeddedStore(filled) as store:
            with pytest.raises(StoreError, match="damaged"):
                store.open_collection("paintings")
            manifest.write_bytes(good)
            assert store.open_collection("paintings").count() == len(POINTS)


class TestFullDisk:
    def test_writing_stops_before_the_disk_is_full(self, filled: Path) -> None:
        free = shutil.disk_usage(filled).free
        with EmbeddedStore(filled, disk_reserve=2 * free) as store:
            collection = store.open_collection("paintings")
            for write in (
                lambda: collection.upsert(make_points(50)),
                lambda: collection.delete_ids([POINTS[0].point_id]),
                collection.optimize,
                lambda: store.create_collection("more", SCHEMA),
            ):
                with pytest.raises(StoreError, match=r"disk is nearly full.*MB free"):
                    write()
            assert collection.count() == len(POINTS)
            assert store.list_collections() == ["paintings"]

    def test_the_limit_on_file_size_is_a_clear_error(self, filled: Path) -> None:
        """The nearest to a full disk that needs no disk of its own."""
        script = (
            "import sys; from pathlib import Path; from store_oracle import *;"
            "from artsim.store.embedded import EmbeddedStore;"
            "from artsim.errors import StoreError;"
            "store = EmbeddedStore(Path(sys.argv[1]))\n"
            "try: store.create_collection('more', SCHEMA)\n"
            "except StoreError as exc: print(exc)"
        )

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        with python("-c", script, filled, preexec_fn=limit) as process:
            said, alarm = process.communicate()
        assert process.returncode == 0, alarm
        assert "creating failed" in said
        assert "File too large" in said
        with EmbeddedStore(filled) as store:
            assert store.list_collections() == ["paintings"]
            assert store.open_collection("paintings").count() == len(POINTS)
