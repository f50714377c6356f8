"""Faces cut out of a picture, in the detector's order and upright."""

from __future__ import annotations

import numpy as np
from PIL import Image
from skimage import data as pictures

from artsim.encoders.face_detectors import CROP_SIZE, CenterFaceDetector, find_faces


def test_crops_are_upright_and_in_the_order_of_the_faces() -> None:
    astronaut = Image.fromarray(np.asarray(pictures.astronaut()))
    pair = Image.new("RGB", (1024, 512))
    pair.paste(astronaut, (0, 0))
    pair.paste(astronaut.rotate(18, Image.Resampling.BICUBIC, center=(223, 118)), (512, 0))
    detector = CenterFaceDetector()
    crops = find_faces(np.asarray(pair), detector)
    assert [found.face.box for found in crops] == [
        face.box for face in detector.detect(np.asarray(pair))
    ]
    straight, tilted = sorted(crops, key=lambda found: found.face.box.x)
    assert straight.crop.shape == tilted.crop.shape == (CROP_SIZE, CROP_SIZE, 3)
    assert straight.crop.dtype == np.uint8
    # Upright again, the tilted head looks like the straight one.
    a, b = (found.crop.astype(float).ravel() for found in (straight, tilted))
    assert np.corrcoef(a, b)[0, 1] > 0.9


def test_no_face_no_crop() -> None:
    assert find_faces(np.full((90, 90, 3), 128, dtype=np.uint8), CenterFaceDetector()) == []
