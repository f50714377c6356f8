from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from small_films import RATE, scene, write_film, write_sound

from artsim.catalog.film_names import clock, frame_place, split_frame
from artsim.errors import ImageError
from artsim.images.films import Film, Still, pick_stills
from artsim.images.load import ImageLimits, file_sha256, load_image

SCENES = [(scene(1), 1.0), (scene(2), 5.0), (scene(3), 0.5)]


def looks_like(pixels: np.ndarray, number: int) -> bool:
    return float(np.abs(pixels.astype(int) - scene(number).astype(int)).mean()) < 12


def edges(stills: list[Still]) -> list[float]:
    return [*(still.start for still in stills), stills[-1].end]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.avi", "a.webm"])
def test_a_still_of_each_shot_with_the_seconds_it_stands_for(tmp_path: Path, name: str) -> None:
    codec = {"a.avi": "mpeg4", "a.webm": "libvpx-vp9"}.get(name, "libx264")
    film = Film.open(write_film(tmp_path / name, SCENES, codec=codec))
    stills = list(pick_stills(film))
    assert film.damage == ""
    assert edges(stills) == pytest.approx([0, 1, 6, 6.5], abs=0.11 if name == "a.avi" else 0.01)
    assert all(looks_like(s.pixels, i) for i, s in enumerate(stills, 1))
    assert all(still.begins_shot for still in stills)


def test_times_are_the_streams_own_at_a_variable_rate(tmp_path: Path) -> None:
    film = Film.open(write_film(tmp_path / "a.mp4", SCENES, rates=(20, 2, 10)))
    stills = list(pick_stills(film))
    assert edges(stills) == pytest.approx([0, 1, 6, 6.5], abs=0.01)


def test_a_long_shot_that_moves_has_a_still_every_two_seconds(tmp_path: Path) -> None:
    wide = np.asarray(Image.fromarray(scene(5)).resize((960, 64), Image.Resampling.BICUBIC))
    moving = [(wide[:, x : x + 96], 0.1) for x in range(0, 720, 10)]
    stills = list(pick_stills(Film.open(write_film(tmp_path / "a.mp4", moving))))
    assert [round(s.start) for s in stills] == [0, 2, 4, 6]
    assert all(s.start <= s.time < s.end for s in stills)


def test_the_sharpest_frame_is_taken(tmp_path: Path) -> None:
    blurred = np.asarray(Image.fromarray(scene(1)).filter(ImageFilter.GaussianBlur(1)))
    film = Film.open(write_film(tmp_path / "a.mp4", [(blurred, 0.6), (scene(1), 0.4)]))
    (still,) = pick_stills(film)
    assert still.time >= 0.6


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_film_that_was_held_askew_stands_upright(tmp_path: Path, rotation: int) -> None:
    askew = np.rot90(scene(1), -rotation // 90)
    film = Film.open(write_film(tmp_path / "a.mp4", [(askew, 1.0)], rotation=rotation))
    assert looks_like(film.frame_at(0.5).pixels, 1)


def test_a_frame_is_opened_as_a_picture_is(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a#t=1.mp4", SCENES, rates=(RATE, 3))
    place = frame_place(path, 2.5)
    assert split_frame(place) == (path, 2.5)
    image = load_image(place)
    assert looks_like(image.pixels, 2)
    assert (image.width, image.height) == (96, 64)
    assert image.sha256 == file_sha256(place) and len(image.sha256) == 64
    assert image.sha256 != hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ImageError, match="there is no such film"):
        load_image(frame_place(tmp_path / "none.mp4", 1))


def cut(path: Path) -> Path:
    """The film with its end missing, whose index stands first."""
    place = path.with_name("cut.mkv")
    whole = write_film(path.with_name("whole.mkv"), SCENES).read_bytes()
    place.write_bytes(whole[: len(whole) * 2 // 3])
    return place


def test_of_a_film_that_is_cut_short_the_beginning_is_read(tmp_path: Path) -> None:
    film = Film.open(cut(tmp_path / "a"))
    stills = list(pick_stills(film))
    assert looks_like(stills[0].pixels, 1)
    assert stills[-1].end < 6.5


def test_damage_within_a_film_is_passed_over_and_told(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mkv", SCENES)
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
    path.write_bytes(content)
    film = Film.open(path)
    assert looks_like(next(iter(pick_stills(film))).pixels, 1)
    list(film.frames())
    assert film.damage


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"no film at all", "a damaged or unsupported film"), (b"", "a damaged or unsupported film")],
)
def test_what_is_no_film_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=said):
        Film.open(path)


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no moving pictures"):
        Film.open(write_sound(tmp_path / "a.mp4"))


def test_limits(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", SCENES)
    with pytest.raises(ImageError, match=r"the film has 0:06, and the limit is 0:03"):
        Film.open(path, ImageLimits(max_film_hours=3 / 3600))
    with pytest.raises(ImageError, match="megapixels"):
        Film.open(path, ImageLimits(max_megapixels=0.001))
    with pytest.raises(ImageError, match="there is no such film"):
        Film.open(tmp_path / "none.mp4")


def test_times_as_people_write_them() -> None:
    assert [clock(s) for s in (0, 83.5, 3723)] == ["0:00", "1:23", "1:02:03"]
