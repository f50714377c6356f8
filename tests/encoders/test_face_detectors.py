"""Every detector on real pictures, MTCNN against facenet-pytorch's own."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from skimage import data as pictures

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import DetectedFace
from artsim.encoders.base import FaceDetector
from artsim.encoders.devices import ensure_torchvision
from artsim.encoders.face_detectors import DETECTORS, load_detector
from artsim.errors import EncoderError

LOADED: dict[str, FaceDetector] = {}


@pytest.fixture(params=list(DETECTORS))
def detector(request: pytest.FixtureRequest) -> FaceDetector:
    return LOADED.setdefault(request.param, load_detector(request.param, device="cpu"))


@pytest.fixture(scope="module")
def astronaut() -> RGBImage:
    return np.asarray(pictures.astronaut())


def face_of(astronaut: RGBImage) -> RGBImage:
    """Head and shoulders, 240 pixels square."""
    return astronaut[20:260, 110:350]


def corners(face: DetectedFace) -> npt.NDArray[np.float64]:
    box = face.box
    return np.array([box.x, box.y, box.x + box.width, box.y + box.height])


def center(face: DetectedFace) -> npt.NDArray[np.float64]:
    return corners(face).reshape(2, 2).mean(axis=0)


def test_identity_tells_every_setting_apart() -> None:
    settings: list[dict[str, Any]] = [
        *({"name": name} for name in DETECTORS),
        {"score": 0.5},
        {"twice": True},
    ]
    assert len({load_detector(**setting).identity for setting in settings}) == len(settings)


def test_centerface_is_the_default() -> None:
    assert load_detector().identity == "centerface-v1-640-score0.35"


def test_one_face_with_landmarks_in_their_places(
    detector: FaceDetector, astronaut: RGBImage
) -> None:
    (face,) = detector.detect(astronaut)
    assert face.score > 0.9
    np.testing.assert_allclose(center(face), (225, 117), atol=12)
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert face.landmarks.shape == (5, 2)
    assert face.landmarks.dtype == np.float32
    np.testing.assert_allclose([left_eye, right_eye], [(204, 101), (248, 102)], atol=5)
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_three_faces_of_three_sizes(detector: FaceDetector, astronaut: RGBImage) -> None:
    canvas = Image.new("RGB", (700, 300), (90, 110, 100))
    head = Image.fromarray(face_of(astronaut))
    places = {240: (10, 20), 120: (300, 60), 70: (550, 100)}
    for side, place in places.items():
        canvas.paste(head.resize((side, side), Image.Resampling.LANCZOS), place)
    faces = sorted(detector.detect(np.asarray(canvas)), key=lambda face: face.box.x)
    assert len(faces) == 3
    for face, (side, (x, y)) in zip(faces, places.items(), strict=True):
        expected = np.array([x, y]) + np.array([113, 98]) * side / 240
        np.testing.assert_allclose(center(face), expected, atol=0.1 * side)


def test_boxes_stay_within_the_picture(detector: FaceDetector, astronaut: RGBImage) -> None:
    cut = astronaut[95:190, 180:270]  # forehead and chin are missing
    for face in detector.detect(cut):
        left, top, right, bottom = corners(face)
        assert 0 <= left < right <= cut.shape[1]
        assert 0 <= top < bottom <= cut.shape[0]


def test_score_is_a_threshold(astronaut: RGBImage) -> None:
    for name in DETECTORS:
        (sure,) = load_detector(name, device="cpu").detect(astronaut)
        strict = load_detector(name, score=min((sure.score + 1) / 2, 0.9999999), device="cpu")
        assert strict.detect(astronaut) == []


def test_threads_find_what_one_finds(detector: FaceDetector, astronaut: RGBImage) -> None:
    images = [face_of(astronaut), astronaut[:300], face_of(astronaut)[:, ::-1]] * 2
    alone = [detector.detect(image) for image in images]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(detector.detect, images))
    for one, other in zip(alone, together, strict=True):
        assert [face.box for face in one] == [face.box for face in other]


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (19, 300), (300, 2), (33, 34)])
def test_small_and_flat_pictures_have_no_face(shape: tuple[int, int]) -> None:
    for name in DETECTORS:
        found = LOADED.setdefault(name, load_detector(name, device="cpu"))
        assert found.detect(np.full((*shape, 3), 130, dtype=np.uint8)) == []


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((40, 40), np.uint8),
        np.zeros((40, 40, 4), np.uint8),
        np.zeros((40, 40, 3), np.float32),
    ],
)
def test_other_arrays_are_refused(image: Any, detector: FaceDetector) -> None:
    with pytest.raises(ValueError, match="uint8 of shape"):
        detector.detect(image)


def test_settings_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="score"):
        load_detector(score=1.0)
    with pytest.raises(EncoderError, match="centerface, yunet, mtcnn"):
        load_detector("retina")
    with pytest.raises(EncoderError, match="all sizes"):
        load_detector("mtcnn", twice=True)


def test_a_second_look_finds_smaller_faces(astronaut: RGBImage) -> None:
    wall = Image.new("RGB", (1000, 400), (90, 110, 100))
    small = Image.fromarray(face_of(astronaut)).resize((26, 26), Image.Resampling.LANCZOS)
    wall.paste(Image.fromarray(face_of(astronaut)), (20, 20))
    for i in range(4):
        wall.paste(small, (400 + 100 * i, 200))
    once, twice = (load_detector(twice=each).detect(np.asarray(wall)) for each in (False, True))
    assert len(once) < len(twice) == 5
    assert [round(face.box.x) for face in once] == [round(face.box.x) for face in twice][:1]


def test_mtcnn_finds_what_the_library_does(astronaut: RGBImage) -> None:
    ensure_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's remark on pickles that it did not write
        from facenet_pytorch import MTCNN

        library = MTCNN(keep_all=True)
    boxes, scores, landmarks = library.detect(Image.fromarray(astronaut), landmarks=True)
    (face,) = load_detector("mtcnn", score=0.7, device="cpu").detect(astronaut)
    np.testing.assert_allclose(corners(face), boxes[0].astype(float), atol=0.01)
    np.testing.assert_allclose(face.landmarks, landmarks[0].astype(float), atol=0.01)
    assert face.score == pytest.approx(float(scores[0]))
