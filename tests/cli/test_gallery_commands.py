"""`show`, `info`, `facets`, `export`, `delete`, `models`, `sample`."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from runner import ARTSIM, artsim, artsim_process, environment, fails, refusal, succeeds

from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.store.gallery import open_gallery


def test_show(sample_home: Path) -> None:
    shown = json.loads(succeeds("show", "met-438014", "-f", "json", home=sample_home))
    assert shown["title"].startswith("The Daughters of Catulle Mendès, Huguette")
    assert shown["face_count"] == len(shown["faces"]) >= 2
    assert "builtin-v3" in shown["vectors"]
    assert "Catulle Mendès" in succeeds("show", "met-438014", home=sample_home)
    assert "no painting" in fails("show", "met-43801", home=sample_home)


def test_info(sample_home: Path) -> None:
    described = json.loads(succeeds("info", "-f", "json", home=sample_home))
    paintings, faces = described["galleries"][0]["collections"]
    assert (paintings["name"], paintings["points"]) == ("paintings", 60)
    assert faces["points"] >= 12
    assert [e["name"] for e in paintings["encoders"]] == ["builtin"]
    assert paintings["bytes_on_disk"] > 100_000
    assert "builtin-v3" in succeeds("info", home=sample_home)


def test_facets_under_filters(sample_home: Path) -> None:
    counted = json.loads(
        succeeds("facets", "genre", "--style", "Baroque", "-f", "json", home=sample_home)
    )
    rows = json.loads("[" + ",".join(succeeds("export", home=sample_home).splitlines()) + "]")
    baroque = [genre for row in rows if row["style"] == ["Baroque"] for genre in row["genre"]]
    assert {v["value"]: v["count"] for v in counted["values"]} == {
        genre: baroque.count(genre) for genre in set(baroque)
    }
    assert "no field is called" in fails("facets", "colour", home=sample_home)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_export_is_all_there_is(sample_home: Path, tmp_path: Path, form: str) -> None:
    output = tmp_path / f"out.{form}"
    succeeds("export", "--vectors", "-o", output, home=sample_home)
    if form == "jsonl":
        lines = output.read_text(encoding="utf-8").splitlines()
        rows = {row["point_id"]: row for row in map(json.loads, lines)}
    else:
        from pyarrow import parquet

        rows = {row["point_id"]: row for row in parquet.read_table(output).to_pylist()}
    with open_gallery(home=sample_home) as gallery:
        records = list(gallery[PAINTINGS].scroll(with_vectors=["builtin-v3", "pixels"]))
    assert len(rows) == len(records) == 60
    for record in records:
        row = rows[record.point_id]
        if form == "parquet":
            row["extra"] = json.loads(row["extra"])
        assert record.payload.items() <= row.items()
        for name, vector in record.vectors.items():
            exported = row["vectors"][name] if form == "jsonl" else row[f"vector_{name}"]
            np.testing.assert_array_equal(np.asarray(exported, vector.dtype), vector)


def test_export_where_nothing_can_be_written(sample_home: Path, tmp_path: Path) -> None:
    line = fails("export", "-o", tmp_path / "no" / "out.jsonl", home=sample_home)
    assert "there is no folder" in line
    assert artsim("export", "-f", "parquet", home=sample_home).returncode == 2


def test_an_export_of_nobody_says_whom_it_took(sample_home: Path, tmp_path: Path) -> None:
    output, ordinary = tmp_path / "out.jsonl", tmp_path / "ordinary"
    ordinary.touch()
    done = artsim("export", "--artist", "Rembrant", "-o", output, home=sample_home)
    assert done.returncode == 0
    assert "nearest: Rembrandt (Rembrandt van Rijn)" in done.stderr
    assert output.read_bytes() == b""
    assert output.stat().st_mode == ordinary.stat().st_mode
    assert not list(tmp_path.glob(".*"))


def test_a_reader_that_goes_away(sample_home: Path) -> None:
    with subprocess.Popen(
        [*ARTSIM, "export", "--vectors"],
        env=environment(sample_home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""


def test_delete_asks_and_takes_the_faces_along(changeable_home: Path) -> None:
    refused = artsim("delete", "met-437388", home=changeable_home, stdin="n\n")
    assert "Delete 1 painting of" in refused.stderr
    assert refused.returncode == 1
    with open_gallery(home=changeable_home) as gallery:
        assert gallery[PAINTINGS].count() == 60
    succeeds("delete", "met-437388", "met-437386", "--yes", home=changeable_home)
    done = artsim("delete", "--artist", "Renoir", home=changeable_home, stdin="y\n")
    assert done.returncode == 0
    with open_gallery(home=changeable_home) as gallery:
        left = {str(r.payload["painting_id"]) for r in gallery[PAINTINGS].scroll()}
        faces = {str(r.payload["painting_id"]) for r in gallery[FACES].scroll()}
    assert len(left) == 60 - 2 - 4
    assert not left & {"met-437388", "met-437386", "met-437428"}
    assert faces <= left
    assert artsim("delete", home=changeable_home).returncode == 2
    succeeds("delete", "--all", "--yes", home=changeable_home)
    assert json.loads(succeeds("info", "-f", "json", home=changeable_home))["galleries"] == []


def test_models_are_listed_with_their_terms(tmp_path: Path) -> None:
    listed = {m["name"]: m for m in json.loads(succeeds("models", "-f", "json", home=tmp_path))}
    assert {"builtin", "clip", "resnet50", "vgg16", "convnext", "dino", "mobilenetv2"} <= set(
        listed
    )
    assert listed["builtin"]["weights_here"]
    assert listed["clip"]["takes_text"]
    assert all(m["licence"] and m["source"] and m["summary"] for m in listed.values())
    assert "resnet50" in succeeds("models", home=tmp_path)


def test_a_second_process_is_told_who_waits_for_whom(sample_home: Path) -> None:
    with open_gallery(home=sample_home) as gallery:
        gallery[PAINTINGS].count()
        line = refusal(artsim_process("facets", "artist", home=sample_home))
    assert str(sample_home) in line
    assert "another" in line
    succeeds("facets", "artist", home=sample_home)


def test_a_folder_that_is_no_gallery(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    assert str(file) in fails("info", home=file)
    assert str(file) in fails("ingest", tmp_path, home=file)
