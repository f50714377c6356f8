"""From folders and manifests to crops, the split, and the pictures of people held back."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hints import hinted
from PIL import Image
from skimage import data as pictures

from artsim.encoders.face_detectors import CROP_SIZE, CenterFaceDetector
from artsim.errors import TrainingError
from artsim.evaluation.tasks.verification import read_pairs
from artsim.ingest.sources import read_source
from artsim.training import face_training
from artsim.training.face_training import (
    PersonPicture,
    draw_pairs,
    find_crops,
    read_people,
    write_unseen,
)


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (48, 48, 3), dtype=np.uint8)


def test_folders_of_people(tmp_path: Path) -> None:
    for person in ("Ada", "Bo", "family/Cy"):
        for number in range(2):
            save(tmp_path / "all" / person / f"{number}.png", noise())
    save(tmp_path / "all" / "nobody.png", noise())
    people = read_people([tmp_path / "all"])
    assert Counter(p.person for p in people.pictures) == {"Ada": 2, "Bo": 2, "family/Cy": 2}
    assert people.pictures[0].name == "all/Ada/0.png"
    assert people.unlabeled == 1


def test_metadata_has_the_word_where_it_names_people(tmp_path: Path) -> None:
    for name in ("x/1.png", "x/2.png", "y/3.png"):
        save(tmp_path / "one" / name, noise())
    (tmp_path / "one" / "metadata.csv").write_text(
        "filename,person,artist\nx/1.png,Ada,Frans Hals\nx/2.png,Bo,Hals Frans\n", "utf-8"
    )
    save(tmp_path / "two" / "Ada" / "4.png", noise())
    people = read_people([tmp_path / "one", tmp_path / "two"])
    found = {p.name: p.person for p in people.pictures}
    assert found == {"one/x/1.png": "Ada", "one/x/2.png": "Bo", "two/Ada/4.png": "Ada"}
    assert people.unlabeled == 1
    manifest = read_people([tmp_path / "one" / "metadata.csv"], by="extra.person")
    assert [p.name for p in manifest.pictures] == ["metadata.csv/x/1.png", "metadata.csv/x/2.png"]
    with pytest.raises(
        TrainingError, check=hinted("two people by 'artist', found 1 in 3 pictures.*--by")
    ):
        read_people([tmp_path / "one"], by="artist")


@pytest.fixture
def album(tmp_path: Path) -> list[PersonPicture]:
    astronaut = np.asarray(pictures.astronaut())[:300, 60:400]
    made = [
        ("a", save(tmp_path / "album" / "1.png", astronaut)),
        ("a", save(tmp_path / "album" / "2.png", astronaut[:, ::-1])),
        ("b", save(tmp_path / "album" / "3.png", noise())),
        ("c", tmp_path / "album" / "4.png"),
    ]
    made[3][1].write_bytes(b"no picture")
    return [PersonPicture(path, f"album/{path.name}", person) for person, path in made]


def test_crops_are_found_once_and_those_left_out_are_told(
    album: list[PersonPicture], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face_training, "_CHUNK", 3)
    first = find_crops(album, tmp_path / "faces", CenterFaceDetector())
    assert [p.name for p in first.works] == ["album/1.png", "album/2.png"]
    assert [p.name for p in first.without] == ["album/3.png"]
    assert len(first.problems) == 1
    assert "4.png" in first.problems[0]
    assert len(first.rows) == 2
    assert first.rows[-1].shape == (CROP_SIZE, CROP_SIZE, 3)

    class Blind(CenterFaceDetector):
        def detect(self, image: np.ndarray) -> list[object]:
            raise AssertionError("looked again")

    again = find_crops(album, tmp_path / "faces", Blind())
    np.testing.assert_array_equal(np.stack(again.rows), np.stack(first.rows))
    # A chunk that a kill left half written is made again.
    next(path for path in (tmp_path / "faces").glob("*.npy") if path.stat().st_size > 1000).unlink()
    with pytest.raises(AssertionError, match="looked again"):
        find_crops(album, tmp_path / "faces", Blind())
    find_crops(album, tmp_path / "faces", CenterFaceDetector())
    again = find_crops(album, tmp_path / "faces", Blind())
    np.testing.assert_array_equal(np.stack(again.rows), np.stack(first.rows))
    assert [p.name for p in again.without] == ["album/3.png"]


def test_the_main_face_is_taken(tmp_path: Path) -> None:
    """The middle one of three, as the evaluation of faces has it."""
    astronaut = Image.fromarray(np.asarray(pictures.astronaut())[:230, 110:330])
    scene = Image.new("RGB", (700, 240), "gray")
    small = astronaut.resize((110, 115))
    for place, face in (((0, 60), small), ((240, 5), astronaut), ((580, 60), small)):
        scene.paste(face, place)
    scene.save(tmp_path / "scene.png")
    astronaut.save(tmp_path / "alone.png")
    found = find_crops(
        [PersonPicture(tmp_path / f"{n}.png", n, n) for n in ("alone", "scene")],
        tmp_path / "faces",
        CenterFaceDetector(),
    )
    alone, main = (found.rows[i].astype(int) for i in range(2))
    assert np.abs(alone - main).mean() < 20


def test_no_faces(album: list[PersonPicture], tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no face was found in 2 pictures, 1 of which cannot"):
        find_crops(album[2:], tmp_path / "faces", CenterFaceDetector())
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, check=hinted("--out")):
        find_crops(album[:1], tmp_path / "file" / "faces", CenterFaceDetector())


def made_up_pictures(folder: Path, people: int = 5, each: int = 4) -> list[PersonPicture]:
    made = []
    for i in range(people * each):
        path = save(folder / "src" / f"p{i // each}" / f"{i}.png", noise(i))
        made.append(PersonPicture(path, f"src/p{i // each}/{i}.png", f"Name, the {i // each}."))
    return made


def test_people_held_back_are_a_source_with_pairs(tmp_path: Path) -> None:
    made = made_up_pictures(tmp_path)
    save(tmp_path / "out" / "test" / "old.png", noise())
    write_unseen(tmp_path / "out" / "test", made, seed=1)
    entries = list(read_source(tmp_path / "out" / "test"))
    assert [e.payload["extra"]["person"] for e in entries] == [p.person for p in made]
    for entry, picture in zip(entries, made, strict=True):
        assert entry.image_path.read_bytes() == picture.path.read_bytes()
    pairs = read_pairs(tmp_path / "out" / "test" / "pairs.csv")
    assert {name for pair in pairs for name in (pair.first, pair.second)} == {
        e.painting_id for e in entries
    }
    person = {p.name: p.person for p in made}
    assert all(pair.same == (person[pair.first] == person[pair.second]) for pair in pairs)
    assert Counter(pair.same for pair in pairs) == {True: 30, False: 30}
    assert len({frozenset((pair.first, pair.second)) for pair in pairs}) == 60


def test_pairs_of_few_people(tmp_path: Path) -> None:
    made = made_up_pictures(tmp_path, 1, 3)
    assert len(draw_pairs(made)) == 3
    assert draw_pairs([]) == []
    assert draw_pairs(made_up_pictures(tmp_path, 4), 7) == draw_pairs(
        made_up_pictures(tmp_path, 4), 7
    )


def test_pictures_are_copied_where_links_are_not_to_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    made = made_up_pictures(tmp_path, 2, 1)
    write_unseen(tmp_path / "test", made)
    assert (tmp_path / "test" / made[0].name).read_bytes() == made[0].path.read_bytes()
