"""Folders and manifests as sources of pictures."""

# ruff: noqa: RUF001 - the dashes and quotes of catalogues are the subject

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from artsim.errors import MetadataError, SourceError
from artsim.ingest.records import Problem, SourcePainting
from artsim.ingest.sources import read_source


def make_files(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture")
    return folder


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def split(entries: Sequence[object]) -> tuple[dict[str, SourcePainting], list[Problem]]:
    paintings = [entry for entry in entries if isinstance(entry, SourcePainting)]
    problems = [entry for entry in entries if isinstance(entry, Problem)]
    by_id = {painting.painting_id: painting for painting in paintings}
    assert len(by_id) == len(paintings)
    return by_id, problems


def read(source: Path, **options: object) -> tuple[dict[str, SourcePainting], list[Problem]]:
    return split(list(read_source(source, **options)))


# --- folders -----------------------------------------------------------------------


def test_a_folder_gives_its_pictures_sorted(tmp_path: Path) -> None:
    make_files(tmp_path, "b.JPG", "a.png", "sub/deep/c.TIFF", "sub/d.webp", "e.jpeg", "f.gif",
               "g.bmp", "h.tif", "notes.txt", ".hidden.jpg", ".cache/x.jpg", "__MACOSX/y.jpg",
               "._b.jpg")  # fmt: skip
    paintings, problems = read(tmp_path)
    names = ["a.png", "b.JPG", "e.jpeg", "f.gif", "g.bmp", "h.tif", "sub/d.webp", "sub/deep/c.TIFF"]
    assert list(paintings) == names
    assert problems == []
    assert read_source(tmp_path).count() == len(names)
    deep = paintings["sub/deep/c.TIFF"]
    assert deep.image_path == tmp_path / "sub" / "deep" / "c.TIFF"
    assert deep.payload == {
        "painting_id": "sub/deep/c.TIFF",
        "image_uri": (tmp_path / "sub" / "deep" / "c.TIFF").as_uri(),
    }


def test_a_relative_folder_gives_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_files(tmp_path, "pictures/a.jpg")
    monkeypatch.chdir(tmp_path)
    paintings, _ = read(Path("pictures"))
    assert paintings["a.jpg"].image_path == tmp_path / "pictures" / "a.jpg"


def test_loops_of_links_end(tmp_path: Path) -> None:
    make_files(tmp_path, "a/one.jpg", "b/two.jpg")
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "c").symlink_to(tmp_path / "b", target_is_directory=True)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    paintings, problems = read(tmp_path)
    assert sorted(p.image_path.name for p in paintings.values()) == ["one.jpg", "two.jpg"]
    assert problems == []


def test_a_name_that_is_not_utf8_is_reported(tmp_path: Path) -> None:
    make_files(tmp_path, "good.jpg")
    try:
        (tmp_path / b"bad\xff.jpg".decode("utf-8", "surrogateescape")).write_bytes(b"picture")
    except OSError:
        pytest.skip("this file system refuses such names")
    paintings, problems = read(tmp_path)
    assert list(paintings) == ["good.jpg"]
    assert "\\xff" in problems[0].place
    assert "UTF-8" in problems[0].reason
    str(problems[0]).encode()


def test_metadata_csv_is_joined_by_path_name_or_stem(tmp_path: Path) -> None:
    make_files(tmp_path, "x/a.jpg", "y/a.jpg", "x/b.jpg", "c.jpg", "d.jpg", "alone.jpg")
    write(tmp_path / "metadata.csv", "filename,title\n"
          "x/a.jpg,by path\nb.jpg,by name\nc,by stem\n/elsewhere/d.tif,by stem of a file\n"
          "a.jpg,twice there\nghost.jpg,nowhere\n,no name\n")  # fmt: skip
    paintings, problems = read(tmp_path)
    titles = {key: painting.payload.get("title") for key, painting in paintings.items()}
    assert titles == {
        "x/a.jpg": "by path", "x/b.jpg": "by name", "c.jpg": "by stem",
        "d.jpg": "by stem of a file", "alone.jpg": None, "y/a.jpg": None,
    }  # fmt: skip
    assert [problem.line for problem in problems] == [6, 7, 8]
    assert "more than one picture" in problems[0].reason
    assert "'ghost.jpg'" in problems[1].reason
    assert "names no picture" in problems[2].reason
    assert all(problem.place == str(tmp_path / "metadata.csv") for problem in problems)


def test_names_in_either_unicode_form_meet(tmp_path: Path) -> None:
    make_files(tmp_path, "Du\u0308rer.jpg")
    write(tmp_path / "metadata.csv", "filename,title\nD\u00fcrer.jpg,Hare\n")
    paintings, problems = read(tmp_path)
    assert [p.payload["title"] for p in paintings.values()] == ["Hare"]
    assert problems == []


def test_without_a_column_of_pictures_ids_are_their_names(tmp_path: Path) -> None:
    make_files(tmp_path, "images/17.jpg", "images/18.jpg")
    write(tmp_path / "metadata.csv", "objectid,artist\n17,Titian\n18,Goya\n")
    paintings, problems = read(tmp_path)
    assert {key: p.payload["artist"] for key, p in paintings.items()} == {
        "17": "Titian",
        "18": "Goya",
    }
    assert problems == []


def test_metadata_from_elsewhere_and_the_only_manifest(tmp_path: Path) -> None:
    pictures = make_files(tmp_path / "pictures", "a.jpg")
    records = write(tmp_path / "records.tsv", "file\ttitle\na.jpg\tOne\n")
    assert read(pictures, metadata=records)[0]["a.jpg"].payload["title"] == "One"
    write(pictures / "catalogue.csv", "file,title\na.jpg,Two\n")
    assert read(pictures)[0]["a.jpg"].payload["title"] == "Two"
    write(pictures / "second.csv", "file,title\na.jpg,Three\n")
    assert "title" not in read(pictures)[0]["a.jpg"].payload
    write(pictures / "metadata.csv", "file,title\na.jpg,Four\n")
    assert read(pictures)[0]["a.jpg"].payload["title"] == "Four"
    write(pictures / "metadata.jsonl", "{}")
    with pytest.raises(MetadataError, match=r"metadata\.csv and metadata\.jsonl"):
        read_source(pictures)


def test_a_lone_table_of_something_else_is_left_alone(tmp_path: Path) -> None:
    make_files(tmp_path, "a.jpg")
    write(tmp_path / "visitors.csv", "day,number\nMonday,12\n")
    assert list(read(tmp_path)[0]) == ["a.jpg"]


def test_folders_that_cannot_be_ingested(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no folder or file"):
        read_source(tmp_path / "missing")
    with pytest.raises(SourceError, match=r"no picture in .*expected files ending in"):
        read_source(tmp_path)
    make_files(tmp_path, "a.jpg")
    with pytest.raises(SourceError, match="ingest the folder it is in"):
        read_source(tmp_path / "a.jpg")
    with pytest.raises(MetadataError, match="there is no file"):
        read_source(tmp_path, metadata=tmp_path / "missing.csv")
    with pytest.raises(MetadataError, match="no metadata in"):
        read_source(tmp_path, column_map={"title": "name"})
    with pytest.raises(SourceError, match="can only be joined with a folder"):
        manifest = write(tmp_path / "m.csv", "file\na.jpg\n")
        read_source(manifest, metadata=manifest)


# --- manifests -----------------------------------------------------------------------

ROWS = [
    {"file": "a.jpg", "title": "One", "year": "1642", "style": "Baroque|Dutch"},
    {"file": "sub/b.jpg", "title": "Zwei, „drei“\nund vier", "year": "c. 1500–25", "style": ""},
]


@pytest.mark.parametrize("kind", ["csv", "semicolons", "tsv", "jsonl", "ndjson", "parquet"])
def test_every_format_reads_the_same(tmp_path: Path, kind: str) -> None:
    make_files(tmp_path, "a.jpg", "sub/b.jpg")
    path = tmp_path / f"list.{'csv' if kind == 'semicolons' else kind}"
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif kind in ("jsonl", "ndjson"):
        write(path, "\ufeff" + "".join(json.dumps(row) + "\n\n" for row in ROWS))
    else:
        divider = {"csv": ",", "semicolons": ";", "tsv": "\t"}[kind]
        quoted = [[f'"{value}"' for value in row.values()] for row in ROWS]
        lines = [divider.join(cells) for cells in [list(ROWS[0]), *quoted]]
        write(path, "\ufeff" + "\r\n".join(lines) + "\r\n")
    paintings, problems = read(path)
    assert problems == []
    assert read_source(path).count() == 2
    assert paintings["a.jpg"].payload == {
        "painting_id": "a.jpg", "title": "One", "date_text": "1642", "year_start": 1642,
        "year_end": 1642, "style": ["Baroque", "Dutch"],
        "image_uri": (tmp_path / "a.jpg").as_uri(),
    }  # fmt: skip
    second = paintings["sub/b.jpg"].payload
    assert (second["title"], second["year_start"], second["year_end"]) == (
        ROWS[1]["title"],
        1500,
        1525,
    )
    assert "style" not in second


def test_bad_rows_are_reported_with_their_line_and_the_others_go_in(tmp_path: Path) -> None:
    make_files(tmp_path, "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    (tmp_path / "folder.jpg").mkdir()
    path = write(tmp_path / "list.csv", "\n".join([
        "file,title",                      # 1
        "a.jpg,fine",                      # 2
        "",                                # 3
        "too,many,cells",                  # 4
        "few",                             # 5
        'b.jpg,"over',                     # 6
        'two lines"',                      # 7
        "missing.jpg,gone",                # 8
        "a.jpg,again",                     # 9
        "../secret.jpg,out",               # 10
        "/etc/passwd,out",                 # 11
        "https://example.org/x.jpg,web",   # 12
        "C:\\pictures\\x.jpg,windows",     # 13
        ",nothing",                        # 14
        'c.jpg,"quoted"badly',             # 15
        "c.jpg,fine again",                # 16
        "folder.jpg,a folder",             # 17
        "d.jpg,nul\0byte",                 # 18
        "./d.jpg,dotted,,",                # 19: surplus cells are empty
        'd.jpg,"never closed',             # 20
        "swallowed",
    ]))  # fmt: skip
    paintings, problems = read(path)
    assert list(paintings) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert paintings["b.jpg"].payload["title"] == "over\ntwo lines"
    reasons = {problem.line: problem.reason for problem in problems}
    expected = {
        4: "3 cells where the header has 2", 5: "1 cells", 8: "no picture 'missing.jpg'",
        9: "already that of line 2", 10: "outside the folder", 11: "absolute path",
        12: "web address", 13: "absolute path", 14: "names no picture", 15: "not CSV",
        17: "no picture", 18: "NUL", 20: "never closed",
    }  # fmt: skip
    assert reasons.keys() == expected.keys()
    assert {line: part for line, part in expected.items() if part not in reasons[line]} == {}
    assert reasons[4] == f"{path}, line 4: has 3 cells where the header has 2"


def test_bad_rows_of_json_lines(tmp_path: Path) -> None:
    make_files(tmp_path, "a.jpg")
    path = write(tmp_path / "list.jsonl", "\n".join([
        '{"file": "a.jpg", "style": ["Baroque", "a;b"], "date": 1642, "pixels": [1, 2], '
        '"width_cm": 30.5, "nothing": null, "empty": "", "nan": NaN, "seen": true}',
        "{broken", "[1, 2]", "[" * 100_000, r'{"file": "\ud800.jpg"}', '{"file": {"bytes": "x"}}',
        '{"title": "no file"}',
    ]))  # fmt: skip
    paintings, problems = read(path)
    payload = paintings["a.jpg"].payload
    assert payload["style"] == ["Baroque", "a", "b"]
    assert (payload["date_text"], payload["year_start"], payload["width_cm"]) == (
        "1642",
        1642,
        30.5,
    )
    assert payload["extra"] == {"pixels": [1, 2], "seen": True}
    assert [problem.line for problem in problems] == [2, 3, 4, 5, 6, 7]
    assert "not an object" in problems[1].reason


def test_parquet_values_become_plain(tmp_path: Path) -> None:
    import datetime

    import pyarrow as pa
    import pyarrow.parquet as pq

    make_files(tmp_path, "a.jpg")
    path = tmp_path / "list.parquet"
    row = {"file": "a.jpg", "id": 12.0, "date": datetime.date(1889, 6, 12), "raw": b"x",
           "tags": ["sky", None, " "], "note": None, "score": float("nan")}  # fmt: skip
    pq.write_table(pa.Table.from_pylist([row]), path)
    paintings, problems = read(path)
    assert problems == []
    payload = paintings["12"].payload
    assert (payload["year_start"], payload["tags"]) == (1889, ["sky"])
    assert "extra" not in payload


def test_files_that_are_no_manifest(tmp_path: Path) -> None:
    make_files(tmp_path, "a.jpg")
    with pytest.raises(SourceError, match="neither a folder nor a manifest"):
        read_source(write(tmp_path / "list.docx", "x"))
    for name in ("empty.csv", "empty.jsonl", "blank.tsv"):
        with pytest.raises(MetadataError, match="is empty"):
            read_source(write(tmp_path / name, "\n\n" if name == "blank.tsv" else ""))
    with pytest.raises(MetadataError, match="not a Parquet file"):
        read_source(write(tmp_path / "broken.parquet", "PAR1 not really"))
    with pytest.raises(MetadataError, match="no column of picture files among title, year") as no:
        read_source(write(tmp_path / "blind.csv", "title,year\nx,1642\n"))
    assert no.value.hint == "--map image=COLUMN"
    with pytest.raises(MetadataError, match="more than one column 'title'"):
        read_source(write(tmp_path / "twice.csv", "file,title,title\n"))
    with pytest.raises(MetadataError, match="longer than 8 MiB"):
        read_source(write(tmp_path / "long.jsonl", "x" * (9 << 20)))


def test_a_truncated_parquet_file_is_reported(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "list.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(MetadataError, match="not a Parquet file that can be read"):
        read_source(path)


def test_a_source_can_be_read_twice(tmp_path: Path) -> None:
    make_files(tmp_path, "a.jpg", "b.jpg")
    source = read_source(write(tmp_path / "list.csv", "file\nb.jpg\na.jpg\na.jpg\n"))
    assert list(source) == list(source)
    assert [p.painting_id for p in source if isinstance(p, SourcePainting)] == ["b.jpg", "a.jpg"]


# --- the real collections ----------------------------------------------------------------


@pytest.mark.parametrize(("name", "count", "dated"), [
    ("paintings", 1985, 930), ("wikiart224", 3974, 2158), ("nga", 155, 17),
    ("nga/paintings_with_images.csv", 155, 17), ("lfw", 1071, 0),
])  # fmt: skip
def test_real_collections_read_as_they_are(data: Path, name: str, count: int, dated: int) -> None:
    source = read_source(data / name)
    paintings, problems = split(list(source))
    assert problems == []
    assert len(paintings) == source.count() == count
    assert sum("year_start" in painting.payload for painting in paintings.values()) == dated


def test_a_museum_record_is_understood(data: Path) -> None:
    records = data / "nga" / "paintings_with_images.csv"
    for source in (data / "nga", data / "nga" / "images"):
        paintings, problems = read(source, metadata=records)
        assert problems == []
        payload = paintings["5"].payload
        assert payload["artist_key"] == "angelico fra"
        assert (payload["title"], payload["medium"]) == (
            "The Madonna of Humility",
            "tempera on panel",
        )
        assert (payload["height_cm"], payload["width_cm"]) == (60.7, 45.2)
        assert payload["extra"]["image_width"] == "149"
        assert "image_width" not in payload
