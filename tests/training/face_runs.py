"""Invented faces, and small trainings on them."""

from __future__ import annotations

import numpy as np
from skimage.transform import resize

from artsim.catalog.arrays import RGBImage
from artsim.training.face_trainee import FaceSet, make_face_set
from artsim.training.recipes import FacesRecipe

SMALL = {"widths": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "stem": 8, "dim": 16}


def crops(people: int = 12, each: int = 6, *, side: int = 40, seed: int = 0) -> list[RGBImage]:
    """Return pictures of patches of color, alike for one person but for noise and light."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(people):
        face = resize(random.random((5, 5, 3)), (side, side), order=1)
        for _ in range(each):
            light = 0.8 + 0.4 * random.random()
            seen = face * light + random.normal(0, 0.04, face.shape)
            made.append((255 * seen.clip(0, 1)).astype(np.uint8))
    return made


def face_set(people: int = 12, each: int = 6, **shares: float) -> FaceSet:
    names = [f"person {i // each}" for i in range(people * each)]
    return make_face_set(crops(people, each), names, **shares)


def recipe(**settings: object) -> FacesRecipe:
    usual = {
        "network_settings": SMALL,
        "side": 32,
        "epochs": 4,
        "people": 4,
        "faces": 3,
    }
    return FacesRecipe(**{**usual, **settings})
