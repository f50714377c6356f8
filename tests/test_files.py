"""What artsim writes takes no other's place."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from artsim import files
from artsim.errors import ExportError
from artsim.files import (
    FileKind,
    check_file,
    choose_form,
    discard_file,
    is_same_file,
    replacing,
    write_file,
)
from artsim.store.data_folder import check_store_folder

NOTED = FileKind("list", ExportError, (".csv",), noted=True)
ANY = FileKind("file", ExportError)


def write(path: Path, content: bytes, home: Path, *, overwrite: bool = False) -> None:
    with write_file(path, NOTED, overwrite=overwrite, home=home) as stream:
        stream.write(content)


def test_what_artsim_wrote_is_replaced_and_what_was_changed_since_is_not(tmp_path: Path) -> None:
    path, home = tmp_path / "list.csv", tmp_path / "home"
    write(path, b"first", home)
    write(path, b"second", home)
    assert path.read_bytes() == b"second"
    path.write_bytes(b"secund")  # of the same size
    with pytest.raises(ExportError, match="changed since") as caught:
        check_file(path, NOTED, home=home)
    assert (caught.value.hint, caught.value.path) == ("--overwrite", path)
    write(path, b"third", home, overwrite=True)
    write(path, b"fourth", home)
    assert path.read_bytes() == b"fourth"


def test_another_data_folder_knows_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    write(path, b"first", tmp_path / "home")
    with pytest.raises(ExportError, match=r"5 bytes from .* artsim did not make"):
        write(path, b"second", tmp_path / "other")
    assert path.read_bytes() == b"first"


def test_a_data_folder_with_nothing_but_notes_is_an_empty_one(tmp_path: Path) -> None:
    write(tmp_path / "list.csv", b"x", tmp_path / "home")
    assert list((tmp_path / "home").iterdir())
    assert not check_store_folder(tmp_path / "home")


@pytest.mark.parametrize("damage", [b"", b"[", b"[1]", b"{}", b'{"size": 1}', b"[" * 60_000])
def test_a_damaged_note_makes_it_the_users(tmp_path: Path, damage: bytes) -> None:
    path, home = tmp_path / "list.csv", tmp_path / "home"
    write(path, b"x", home)
    (note,) = (home / ".written").iterdir()
    note.write_bytes(damage)
    with pytest.raises(ExportError, match=r"--overwrite|name another"):
        check_file(path, NOTED, home=home)


def test_no_place_for_notes_is_no_failure(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file where the data folder should be")
    path = tmp_path / "list.csv"
    write(path, b"x", home)
    with pytest.raises(ExportError, match="did not make"):
        write(path, b"y", home)


def test_notes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_NOTES", 3)
    for number in range(5):
        path = tmp_path / f"{number}.csv"
        write(path, b"x", tmp_path / "home")
        (note,) = (
            note
            for note in (tmp_path / "home" / ".written").iterdir()
            if json.loads(note.read_bytes())["path"] == str(path)
        )
        os.utime(note, (number, number))
    check_file(tmp_path / "4.csv", NOTED, home=tmp_path / "home")
    with pytest.raises(ExportError):
        check_file(tmp_path / "0.csv", NOTED, home=tmp_path / "home")
    assert len(list((tmp_path / "home" / ".written").iterdir())) == 3


def test_many_at_once_forget_nothing(tmp_path: Path) -> None:
    def write_some(start: int) -> None:
        for number in range(start, 40, 8):
            write(tmp_path / f"{number}.csv", b"%d" % number, tmp_path / "home")

    threads = [threading.Thread(target=write_some, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(40):
        check_file(tmp_path / f"{number}.csv", NOTED, home=tmp_path / "home")


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    home, real, link = tmp_path / "home", tmp_path / "real.csv", tmp_path / "link.csv"
    write(real, b"first", home)
    link.symlink_to(real)
    write(link, b"second", home)
    assert link.is_symlink()
    assert real.read_bytes() == b"second"
    real.write_bytes(b"mine")
    with pytest.raises(ExportError):
        write(link, b"third", home)
    real.unlink()
    with pytest.raises(ExportError, match=r"a link to .*, where nothing is"):
        write(link, b"third", home)


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_read_is_never_replaced_by_whatever_name(tmp_path: Path, overwrite: bool) -> None:
    read = tmp_path / "read.csv"
    write(read, b"x", tmp_path / "home")
    hard, soft = tmp_path / "hard.csv", tmp_path / "soft.csv"
    hard.hardlink_to(read)
    soft.symlink_to(read)
    for path in (read, hard, soft, tmp_path / "." / "read.csv"):
        with pytest.raises(ExportError, match="what is read is never replaced"):
            check_file(path, NOTED, overwrite=overwrite, inputs=[read], home=tmp_path / "home")
    assert not is_same_file(read, tmp_path / "none")


@pytest.mark.parametrize("overwrite", [False, True])
def test_places_that_no_file_can_have(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    for name, message in {
        "list.pdf": r"list's name ends in \.csv, not in '\.pdf'",
        "none/list.csv": "there is no folder",
        "folder.csv": "this is a folder",
        "pipe.csv": "a device or a pipe",
        "x" * 300 + ".csv": "cannot be written",
    }.items():
        with pytest.raises(ExportError, match=message):
            check_file(tmp_path / name, NOTED, overwrite=overwrite)


def test_a_file_that_comes_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    with (
        pytest.raises(ExportError, match="did not make"),
        write_file(path, NOTED, home=tmp_path / "home") as stream,
    ):
        stream.write(b"ours")
        path.write_bytes(b"theirs")
    assert [one.name for one in tmp_path.iterdir()] == ["list.csv"]
    assert path.read_bytes() == b"theirs"


def test_what_fails_or_is_interrupted_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 125 + ".csv")
    with replacing(path) as stream:
        stream.write(b"old")
    for wrong in (KeyboardInterrupt, OSError):
        with pytest.raises(wrong), replacing(path, sync=True) as stream:
            stream.write(b"new")
            raise wrong
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXtSoftware\0artsim",
        b"\x89PNG\r\n\x1a\n\0\0\0\x10tEXtSoftware\0artsimx",
        b"\x89PNG\r\n\x1a\n\0\0\0\0IDAT\0\0\0\0\0\0\0\x0ftEXtSoftware\0artsim",
        b"<!DOCTYPE html><title>a page on artsim</title>",
        b"PAR1",
        b"PAR1\0\0\0\0PAR1",
        b"PK\x03\x04",
        b"PK\x03\x04" + b"\0" * 40,
        b'{"schema": 1}',
    ],
)
def test_what_has_no_mark_is_the_users(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ExportError, match="artsim did not make"):
        check_file(path, ANY)


def test_only_what_was_noted_is_discarded(tmp_path: Path) -> None:
    home, ours, changed, theirs = (
        tmp_path / name for name in ("home", "ours.csv", "changed.csv", "theirs.csv")
    )
    write(ours, b"x", home)
    write(changed, b"x", home)
    changed.write_bytes(b"y")
    theirs.write_bytes(b"x")
    for path in (ours, changed, theirs, tmp_path / "none.csv"):
        discard_file(path, home)
    assert [path.exists() for path in (ours, changed, theirs)] == [False, True, True]


def test_the_form_goes_by_the_ending() -> None:
    endings = {"table": (".txt",), "jsonl": (".jsonl", ".ndjson"), "paths": (".txt",)}
    for name, given, form in [
        ("a.JSONL", None, "jsonl"),
        ("a.txt", None, "table"),
        ("a.txt", "paths", "paths"),
        ("a", "paths", "paths"),
        ("a.dat", "jsonl", "jsonl"),
    ]:
        assert choose_form(Path(name), given, endings, ANY) == form
    with pytest.raises(ExportError, match=r"\.jsonl is the ending of jsonl, and paths was asked"):
        choose_form(Path("a.jsonl"), "paths", endings, ANY)
    with pytest.raises(ExportError, match=r"one of \.txt, \.jsonl, \.ndjson, not in '\.pdf'"):
        choose_form(Path("a.pdf"), None, endings, ANY)
