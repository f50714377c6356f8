"""Ingest of real pictures into a real embedded gallery."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hints import hinted
from PIL import Image
from typer.testing import CliRunner

from artsim.catalog.kinds import FACES, KINDS, PAINTINGS
from artsim.catalog.payload import AnyOf, Criteria
from artsim.cli import app
from artsim.encoders.registry import load_encoder
from artsim.errors import EncoderMismatchError, MetadataError, SourceError
from artsim.images.load import ImageLimits
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.ingest.summary import Counts
from artsim.ingest.upkeep import push_gallery
from artsim.search.answer import find_similar
from artsim.search.question import IdQuery, SearchOptions
from artsim.store.gallery import Gallery, noted_cutters, open_gallery
from artsim.store.protocol import Record

NO_FACES = IngestOptions(faces=False)
PORTRAITS = ("met-437388", "met-437386", "met-438014")
OTHERS = ("met-435877", "met-437428", "met-437545")


ALL = IngestOptions()


@pytest.fixture(scope="module")
def works(sample: Path, make_works: Callable[..., Any]) -> Any:
    """Six works of the sample, three of them portraits, with their metadata."""

    def fill(folder: Path) -> None:
        (folder / "images").mkdir()
        rows = read_rows(sample / "metadata.csv")
        kept = [row for row in rows if row["id"] in PORTRAITS + OTHERS]
        for row in kept:
            shutil.copy(sample / row["filename"], folder / row["filename"])
        write_rows(folder / "metadata.csv", kept)

    return make_works(fill)


@pytest.fixture
def few(works: Any) -> Path:
    made: Path = works.restore()
    return made


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Gallery]:
    """A gallery that has nothing yet."""
    with open_gallery(home=tmp_path / "empty") as opened:
        yield opened


@pytest.fixture
def gallery(works: Any, few: Path, tmp_path: Path) -> Iterator[Gallery]:
    """A gallery that has the works and their faces."""
    with open_gallery(home=works.ingested(tmp_path / "home", ALL)) as opened:
        yield opened


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def change_row(folder: Path, painting_id: str, **values: str) -> None:
    rows = read_rows(folder / "metadata.csv")
    for row in rows:
        if row["id"] == painting_id:
            row.update(values)
    write_rows(folder / "metadata.csv", rows)


def contents(gallery: Gallery, part: str = "paintings") -> dict[str, Record]:
    collection = gallery[KINDS[part]]
    names = list(collection.schema.vectors)
    return {record.point_id: record for record in collection.scroll(with_vectors=names)}


def same(one: dict[str, Record], other: dict[str, Record]) -> bool:
    return one.keys() == other.keys() and all(
        one[i].payload == other[i].payload
        and one[i].vectors.keys() == other[i].vectors.keys()
        # A network adds in another order in a batch of another size.
        and all(np.allclose(v, other[i].vectors[n], atol=1e-6) for n, v in one[i].vectors.items())
        for i in one
    )


def test_a_second_ingest_finds_everything_there(few: Path, gallery: Gallery) -> None:
    before = contents(gallery), contents(gallery, "faces")
    assert ingest_paintings(gallery, few).counts == Counts(unchanged=6)
    assert all(map(same, before, (contents(gallery), contents(gallery, "faces"))))
    forced = ingest_paintings(gallery, few, IngestOptions(force=True))
    assert (forced.counts.written, forced.problems) == (6, [])
    assert forced.counts.faces == gallery[FACES].count() >= 4
    assert all(map(same, before, (contents(gallery), contents(gallery, "faces"))))


def test_payloads_are_the_contract(few: Path, gallery: Gallery) -> None:
    payloads = {r.payload["painting_id"]: r.payload for r in contents(gallery).values()}
    ruff = payloads["met-437388"]
    with Image.open(next((few / "images").glob("*-met-437388.jpg"))) as image:
        assert (ruff["image_width"], ruff["image_height"]) == image.size
    assert ruff["artist_key"] == "rembrandt"
    assert (ruff["year_start"], ruff["year_end"]) == (1632, 1632)
    assert ruff["style"] == ["Baroque"]
    assert ruff["face_count"] == 1
    for face in contents(gallery, "faces").values():
        x, y, width, height = face.payload["box"]
        assert 0 <= x < x + width <= face.payload["image_width"]
        assert 0 <= y < y + height <= face.payload["image_height"]
        assert face.payload["face_size"] == pytest.approx(min(width, height), abs=1)
        painting = payloads[face.payload["painting_id"]]
        assert painting.items() <= face.payload.items()
    assert payloads["met-435877"]["face_count"] == 0
    for payload in payloads.values():
        assert not [key for key, value in payload.items() if value in ("", None, [])]


def test_new_metadata_reaches_paintings_and_faces(few: Path, gallery: Gallery) -> None:
    before = contents(gallery)
    change_row(few, "met-437388", title="Margaretha", artist="Workshop of Frans Hals")
    summary = ingest_paintings(gallery, few)
    assert summary.counts == Counts(updated=1, unchanged=5)
    for part in ("paintings", "faces"):
        of_painting = Criteria((AnyOf("painting_id", ("met-437388",)),))
        (record,) = gallery[KINDS[part]].scroll(of_painting)
        assert record.payload["title"] == "Margaretha"
        assert record.payload["attribution"] == "workshop"
        assert record.payload["face_count"] == 1
    after = contents(gallery)
    assert all(
        np.array_equal(after[i].vectors["builtin-v3"], before[i].vectors["builtin-v3"])
        for i in before
    )


def test_a_changed_picture_replaces_vectors_and_faces(few: Path, gallery: Gallery) -> None:
    portrait, mountain = (
        next((few / "images").glob(f"*-met-{n}.jpg")) for n in ("437388", "435877")
    )
    shutil.copy(mountain, portrait)
    summary = ingest_paintings(gallery, few)
    assert summary.counts == Counts(written=1, unchanged=5)
    records = {r.payload["painting_id"]: r for r in contents(gallery).values()}
    np.testing.assert_allclose(
        records["met-437388"].vectors["builtin-v3"],
        records["met-435877"].vectors["builtin-v3"],
        atol=1e-6,
    )
    assert records["met-437388"].payload["face_count"] == 0
    assert gallery[FACES].count(Criteria((AnyOf("painting_id", ("met-437388",)),))) == 0


@pytest.mark.slow
def test_faces_can_come_later(few: Path, empty: Gallery, gallery: Gallery) -> None:
    ingest_paintings(empty, few, NO_FACES)
    assert FACES not in empty
    assert all("face_count" not in r.payload for r in contents(empty).values())
    assert ingest_paintings(empty, few).counts.written == 6
    assert same(contents(empty), contents(gallery))
    assert same(contents(empty, "faces"), contents(gallery, "faces"))
    assert ingest_paintings(empty, few, NO_FACES).counts == Counts(unchanged=6)


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    from artsim.encoders import devices

    devices.ensure_torchvision()
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file(timm.create_model("test_resnet").state_dict(), file)
    return file


def test_another_encoder_is_added_beside_the_first(
    few: Path, gallery: Gallery, tiny_weights: Path
) -> None:
    before = contents(gallery), contents(gallery, "faces")
    tiny = "timm:test_resnet"
    options = IngestOptions(encoders=[tiny], weights=tiny_weights, faces=False)
    summary = ingest_paintings(gallery, few, options)
    assert summary.counts.written == 6
    names = list(gallery.encoders(PAINTINGS))
    assert names[0] == "builtin-v3"
    assert len(names) == 2
    for point_id, record in contents(gallery).items():
        assert record.payload == before[0][point_id].payload
        for name, vector in before[0][point_id].vectors.items():
            np.testing.assert_array_equal(record.vectors[name], vector)
        assert np.linalg.norm(record.vectors[names[1]]) == pytest.approx(1, abs=1e-5)
    assert same(before[1], contents(gallery, "faces"))
    fused = find_similar(gallery, IdQuery("met-437388"), encoders=names)
    assert len(fused.hits) == 5


@pytest.mark.slow
def test_another_face_encoder_is_added_beside_the_first(
    few: Path, gallery: Gallery, tiny_weights: Path
) -> None:
    before = contents(gallery, "faces")
    tiny = f"timm:test_resnet@{tiny_weights}"
    summary = ingest_paintings(gallery, few, IngestOptions(face_encoder=tiny))
    assert summary.counts.written == 6
    after = contents(gallery, "faces")
    assert after.keys() == before.keys()
    for point_id, record in after.items():
        assert len(record.vectors) == 4
        for name, vector in before[point_id].vectors.items():
            np.testing.assert_array_equal(record.vectors[name], vector)
        assert len(record.payload["face_encoders"]) == 3
    again = ingest_paintings(gallery, few, IngestOptions(face_encoder=tiny))
    assert again.counts == Counts(unchanged=6)
    assert ingest_paintings(gallery, few, IngestOptions(face_encoder="builtin")).counts == Counts(
        unchanged=6
    )


def test_shares_of_several_machines_make_the_whole(
    few: Path, empty: Gallery, tmp_path: Path
) -> None:
    plain = replace(NO_FACES, encoders=("handcrafted",))
    with open_gallery(home=tmp_path / "whole") as whole:
        ingest_paintings(whole, few, plain)
        shares = [replace(plain, shard=(i, 4)) for i in (1, 2, 3, 4)]
        written = [ingest_paintings(empty, few, share).counts.written for share in shares]
        assert written == [2, 2, 1, 1]
        assert same(contents(whole), contents(empty))


def test_what_cannot_be_read_is_reported_and_the_rest_goes_in(few: Path, empty: Gallery) -> None:
    images = few / "images"
    portrait = next(images.glob("*-met-437388.jpg"))
    portrait.write_bytes(portrait.read_bytes()[:2000])
    next(images.glob("*-met-437386.jpg")).write_bytes(b"")
    next(images.glob("*-met-435877.jpg")).write_text("<html>404</html>")
    next(images.glob("*-met-437428.jpg")).unlink()
    rows = read_rows(few / "metadata.csv")
    write_rows(few / "metadata.csv", [*rows, {**rows[-1], "title": "again"}])
    summary = ingest_paintings(empty, few, replace(NO_FACES, encoders=("handcrafted",)))
    assert summary.counts.written == 2
    reasons = sorted(problem.reason for problem in summary.problems)
    assert len(reasons) == summary.counts.failed == 5
    text = "\n".join(reasons)
    for part in ("ends too early", "is empty", "a web page", "-met-437428.jpg", rows[-1]["id"]):
        assert part in text
    with_line = [problem for problem in summary.problems if problem.line is not None]
    assert {problem.line for problem in with_line} >= {8}


def test_limits_are_reported(few: Path, empty: Gallery) -> None:
    options = replace(NO_FACES, limits=ImageLimits(max_megapixels=0.01))
    summary = ingest_paintings(empty, few, options)
    assert summary.counts.failed == 6
    assert "--max-megapixels" in summary.problems[0].with_hint


def test_two_folders_with_the_same_names_do_not_overwrite_each_other(
    few: Path, empty: Gallery, tmp_path: Path
) -> None:
    gallery, plain = empty, replace(NO_FACES, encoders=("handcrafted",))
    for n, folder in (("435877", "a"), ("437428", "b")):
        (tmp_path / folder).mkdir()
        shutil.copy(next((few / "images").glob(f"*-met-{n}.jpg")), tmp_path / folder / "1.jpg")
    assert ingest_paintings(gallery, tmp_path / "a", plain).counts.written == 1
    clash = ingest_paintings(gallery, tmp_path / "b", plain)
    assert clash.counts.failed == 1
    assert "another picture with the id '1.jpg'" in clash.problems[0].reason
    forced = ingest_paintings(gallery, tmp_path / "b", replace(plain, force=True))
    assert forced.counts.written == 1
    moved = (tmp_path / "b").rename(tmp_path / "c")
    assert ingest_paintings(gallery, moved, plain).counts == Counts(updated=1)


def test_a_dry_run_writes_nothing(few: Path, empty: Gallery, gallery: Gallery) -> None:
    next((few / "images").glob("*-met-437386.jpg")).write_bytes(b"")
    summary = ingest_paintings(empty, few, IngestOptions(dry_run=True))
    assert (summary.counts.written, summary.counts.failed) == (5, 1)
    assert PAINTINGS not in empty
    before = contents(gallery)
    dry = ingest_paintings(gallery, few, IngestOptions(dry_run=True, force=True, limit=2))
    assert dry.counts.done == 2
    assert same(before, contents(gallery))


def test_sources_that_make_no_sense(few: Path, empty: Gallery, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no folder or file"):
        ingest_paintings(empty, tmp_path / "nowhere")
    with pytest.raises(MetadataError, match="colour"):
        ingest_paintings(empty, few, columns={"style": "colour"})
    assert PAINTINGS not in empty


@pytest.mark.slow
def test_a_server_answers_as_the_embedded_gallery(
    few: Path, gallery: Gallery, server_url: str
) -> None:
    with open_gallery(url=server_url, name="direct") as direct:
        ingest_paintings(direct, few)
        assert ingest_paintings(direct, few).counts == Counts(unchanged=6)
        pushed = Gallery(direct.store, "pushed")
        assert push_gallery(gallery, pushed).written == 6 + gallery[FACES].count()
        assert push_gallery(gallery, pushed).written == 0
        detector = contents(gallery).popitem()[1].payload["face_detector"]
        for one in (gallery, direct, pushed):
            assert noted_cutters(one[FACES].schema.notes) == [detector]
            assert noted_cutters(one[PAINTINGS].schema.notes) == []
        options = SearchOptions(rerank="ssim")
        answers = [
            [
                (h.point_id, round(h.score, 5), round(h.rerank_score or 0, 6))
                for h in find_similar(g, IdQuery("met-437388"), options=options, kind=kind).hits
            ]
            for kind in (PAINTINGS, FACES)
            for g in (gallery, direct, pushed)
        ]
    assert answers[0] == answers[1] == answers[2] != []
    assert answers[3] == answers[4] == answers[5] != []


def test_an_encoder_of_the_same_name_with_other_vectors_is_refused(
    few: Path, empty: Gallery
) -> None:
    older = replace(load_encoder("builtin").info, vector_name="builtin-v0")
    empty.create(PAINTINGS, [older])
    with pytest.raises(
        EncoderMismatchError, check=hinted("'builtin-v0'.*'builtin-v3'.*artsim info")
    ):
        ingest_paintings(empty, few)


def test_ctrl_c_leaves_whole_paintings(sample: Path, tmp_path: Path) -> None:
    home, plain = tmp_path / "home", replace(NO_FACES, encoders=("handcrafted",))
    command = [sys.executable, "-m", "artsim", "ingest", str(sample), "--batch-size", "4"]
    with subprocess.Popen(
        [*command, "-e", "handcrafted", "--no-faces"],
        env={**os.environ, "ARTSIM_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()  # it has begun to read
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()
    assert process.returncode == 130
    assert told.splitlines()[-1].startswith("Interrupted.")
    assert "Traceback" not in told
    with open_gallery(home=home) as gallery, open_gallery(home=tmp_path / "whole") as whole:
        for one in (gallery, whole):
            ingest_paintings(one, sample, plain)
        assert same(contents(gallery), contents(whole))


def test_problems_are_listed_for_programs(few: Path, tmp_path: Path) -> None:
    next((few / "images").glob("*-met-437386.jpg")).write_bytes(b"")
    listed = tmp_path / "errors.jsonl"
    options = ["-e", "handcrafted", "--no-faces", "--errors", str(listed)]
    done = CliRunner().invoke(app, ["ingest", str(few), *options])
    assert done.exit_code == 3
    assert "Wrote 5 paintings; 1 did not go in." in done.stderr
    (row,) = map(json.loads, listed.read_text(encoding="utf-8").splitlines())
    assert row["painting_id"] == "met-437386"
    assert "is empty" in row["reason"]
