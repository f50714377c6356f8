"""The detector on real pictures, and against facenet-pytorch's own."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from skimage import data as pictures

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import Box, DetectedFace
from artsim.encoders.base import FaceDetector
from artsim.encoders.mtcnn import MTCNNDetector
from artsim.encoders.torchvision_ops import ensure_torchvision


@pytest.fixture(scope="module")
def detector() -> MTCNNDetector:
    return MTCNNDetector()


@pytest.fixture(scope="module")
def lenient() -> MTCNNDetector:
    return MTCNNDetector(score=0.7)


@pytest.fixture(scope="module")
def library() -> Any:
    """facenet-pytorch's detector, whose last threshold is 0.7."""
    ensure_torchvision()
    with warnings.catch_warnings():
        # torch's remark on pickles that it did not write.
        warnings.filterwarnings("ignore", message="Detected pickle protocol")
        from facenet_pytorch import MTCNN

        return MTCNN(keep_all=True)


@pytest.fixture(scope="module")
def astronaut() -> RGBImage:
    return np.asarray(pictures.astronaut())


def face_of(astronaut: RGBImage) -> RGBImage:
    """Head and shoulders, 240 pixels square."""
    return astronaut[20:260, 110:350]


def theirs(library: Any, image: RGBImage) -> list[DetectedFace]:
    boxes, scores, landmarks = library.detect(Image.fromarray(image), landmarks=True)
    if boxes is None:
        return []
    height, width = image.shape[:2]
    faces = []
    for box, score, points in zip(boxes, scores, landmarks, strict=True):
        left, right = np.clip(box[[0, 2]].astype(float), 0, width)
        top, bottom = np.clip(box[[1, 3]].astype(float), 0, height)
        clipped = Box(left, top, right - left, bottom - top)
        faces.append(DetectedFace(clipped, points.astype(np.float32), float(score)))
    return sorted(faces, key=lambda face: -face.score)


def corners(face: DetectedFace) -> npt.NDArray[np.float64]:
    box = face.box
    return np.array([box.x, box.y, box.x + box.width, box.y + box.height])


def center(face: DetectedFace) -> npt.NDArray[np.float64]:
    return corners(face).reshape(2, 2).mean(axis=0)


def iou(first: DetectedFace, second: DetectedFace) -> float:
    a, b = corners(first), corners(second)
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    shared = sides.prod()
    areas = first.box.width * first.box.height + second.box.width * second.box.height
    return float(shared / (areas - shared))


def assert_same_faces(ours: list[DetectedFace], reference: list[DetectedFace]) -> None:
    assert len(ours) == len(reference)
    for mine, its in zip(ours, reference, strict=True):
        # A candidate on the edge between two pixels may fall to either side.
        np.testing.assert_allclose(corners(mine), corners(its), atol=2)
        np.testing.assert_allclose(mine.landmarks, its.landmarks, atol=2)
        assert mine.score == pytest.approx(its.score, abs=0.02)


def test_is_a_face_detector(detector: MTCNNDetector) -> None:
    found: FaceDetector = detector
    assert found.identity == "mtcnn-facenet2.5.3-v1-min20-score0.9"


def test_identity_tells_every_setting_apart() -> None:
    settings: list[dict[str, Any]] = [
        {},
        {"min_face": 24},
        {"score": 0.95},
    ]
    assert len({MTCNNDetector(**setting).identity for setting in settings}) == len(settings)


def test_one_face_with_landmarks_in_their_places(
    detector: MTCNNDetector, astronaut: RGBImage
) -> None:
    (face,) = detector.detect(astronaut)
    assert face.score > 0.99
    np.testing.assert_allclose(center(face), (223, 118), atol=12)
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert face.landmarks.shape == (5, 2)
    assert face.landmarks.dtype == np.float32
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_same_faces_as_the_library(
    lenient: MTCNNDetector, library: Any, astronaut: RGBImage
) -> None:
    for image in (astronaut, astronaut[:401, 30:], np.asarray(pictures.cat())):
        assert_same_faces(lenient.detect(image), theirs(library, image))


@pytest.mark.parametrize("min_face", [12, 33, 60])
def test_same_faces_as_the_library_from_other_sizes_on(
    min_face: int, library: Any, astronaut: RGBImage
) -> None:
    library.min_face_size = min_face
    try:
        expected = theirs(library, astronaut)
    finally:
        library.min_face_size = 20
    assert_same_faces(MTCNNDetector(min_face=min_face, score=0.7).detect(astronaut), expected)


def test_three_faces_of_three_sizes(detector: MTCNNDetector, astronaut: RGBImage) -> None:
    head = Image.fromarray(face_of(astronaut))
    (alone,) = detector.detect(face_of(astronaut))
    wall = np.full((420, 640, 3), (90, 80, 70), dtype=np.uint8)
    places = {240: (20, 30), 150: (300, 200), 90: (520, 40)}
    for size, (left, top) in places.items():
        wall[top : top + size, left : left + size] = head.resize((size, size))
    faces = detector.detect(wall)
    assert len(faces) == 3
    by_size = sorted(faces, key=lambda face: -face.box.width)
    for face, (size, place) in zip(by_size, places.items(), strict=True):
        expected = np.array(place) + center(alone) * size / 240
        np.testing.assert_allclose(center(face), expected, atol=0.04 * size)
    assert faces == sorted(faces, key=lambda face: (-face.score, face.box.x, face.box.y))


def test_landmarks_turn_with_the_picture(detector: MTCNNDetector, astronaut: RGBImage) -> None:
    (upright,) = detector.detect(astronaut)
    middle = np.array([223.0, 118.0])
    turned = Image.fromarray(astronaut).rotate(
        15, resample=Image.Resampling.BICUBIC, center=tuple(middle)
    )
    (face,) = detector.detect(np.asarray(turned))
    angle = np.radians(-15)  # y points down
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    expected = (upright.landmarks - middle) @ rotation.T + middle
    np.testing.assert_allclose(face.landmarks, expected, atol=6)


def test_boxes_stay_within_the_picture(detector: MTCNNDetector, astronaut: RGBImage) -> None:
    cut = astronaut[85:300, 150:300]  # the top of the head is missing
    faces = detector.detect(cut)
    assert faces
    for face in faces:
        x1, y1, x2, y2 = corners(face)
        assert 0 <= x1 < x2 <= cut.shape[1]
        assert 0 <= y1 < y2 <= cut.shape[0]


def test_score_is_a_threshold(lenient: MTCNNDetector, astronaut: RGBImage) -> None:
    (sure,) = lenient.detect(astronaut)
    strict = MTCNNDetector(score=min(sure.score + (1 - sure.score) / 2, 0.999999))
    assert strict.detect(astronaut) == []


def test_a_picture_has_the_same_faces_in_any_company(
    detector: MTCNNDetector, astronaut: RGBImage
) -> None:
    others = [face_of(astronaut), np.asarray(pictures.cat()), astronaut[::-1], astronaut[:300]]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(detector.detect, [astronaut, *others] * 2))
    alone = MTCNNDetector().detect(astronaut)
    for faces in together[::5]:
        assert [(f.box, f.score) for f in faces] == [(f.box, f.score) for f in alone]
        for face, same in zip(faces, alone, strict=True):
            np.testing.assert_array_equal(face.landmarks, same.landmarks)


def test_torch_keeps_its_cores_outside_of_the_detector(
    detector: MTCNNDetector, astronaut: RGBImage
) -> None:
    before = torch.get_num_threads()
    detector.detect(astronaut)
    assert torch.get_num_threads() == before
    with ThreadPoolExecutor(1) as fresh:
        assert fresh.submit(torch.get_num_threads).result() == before


def test_noise_has_no_face(detector: MTCNNDetector) -> None:
    random = np.random.default_rng(0)
    for shape in ((300, 200, 3), (128, 333, 3)):
        assert detector.detect(random.integers(0, 256, shape, dtype=np.uint8)) == []


@pytest.mark.parametrize(
    "shape",
    [(1, 1), (10, 10), (20, 20), (21, 33), (1, 500), (500, 1), (1000, 20), (19, 900), (25, 700)],
)
@pytest.mark.parametrize("value", [0, 127, 255])
def test_small_thin_and_flat_pictures_have_no_face(
    shape: tuple[int, int], value: int, detector: MTCNNDetector
) -> None:
    assert detector.detect(np.full((*shape, 3), value, dtype=np.uint8)) == []


def test_views_and_gray_pictures(detector: MTCNNDetector, astronaut: RGBImage) -> None:
    gray = np.repeat(astronaut.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert len(detector.detect(gray)) == 1
    mirrored = astronaut[:, ::-1]  # a view with a negative stride
    assert [f.box for f in detector.detect(mirrored)] == [
        f.box for f in detector.detect(np.ascontiguousarray(mirrored))
    ]


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((50, 50), dtype=np.uint8),
        np.zeros((50, 50, 4), dtype=np.uint8),
        np.zeros((50, 50, 3), dtype=np.float32),
    ],
)
def test_other_arrays_are_refused(image: Any, detector: MTCNNDetector) -> None:
    with pytest.raises(ValueError, match="uint8 of shape"):
        detector.detect(image)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"min_face": 11}, "min_face"),
        ({"score": 0.0}, "score"),
        ({"score": 1.0}, "score"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MTCNNDetector(**setting)


def test_same_faces_as_the_library_on_paintings(
    data: Path, lenient: MTCNNDetector, library: Any
) -> None:
    files = sorted((data / "paintings" / "images").iterdir())
    found = 0
    for path in (files[i] for i in (32, 607, 1007, 1202, 1448)):
        with Image.open(path) as opened:
            image = np.asarray(opened.convert("RGB"))
        ours, reference = lenient.detect(image), theirs(library, image)
        assert len(ours) == len(reference)
        for face in reference:
            assert max(iou(face, mine) for mine in ours) > 0.9
        found += len(reference)
    assert found >= 5
