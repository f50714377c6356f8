"""The pictures that the pixel task compares: squares, loaded once, kept within bounds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.catalog.payload import Payload
from artsim.errors import ImageError
from artsim.files import local_path

if TYPE_CHECKING:
    from artsim.images.load import LoadedImage

KEPT_BYTES: Final = 256 * 1024 * 1024
"""Most memory for pictures that wait to be used again."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is compared: a painting, or one face of it.

    Attributes
    ----------
    key : str
        The painting's id, or the point id of the face.
    payload : dict
        With ``painting_id`` and ``image_uri``; a face's with ``landmarks``.
    """

    key: str
    payload: Payload

    @property
    def painting_id(self) -> str:
        """Id of the painting."""
        return str(self.payload["painting_id"])


class Pictures:
    """Loader of pictures of `size` x `size` pixels, whole ones and aligned faces.

    Parameters
    ----------
    size : int
        Side in pixels.
    max_megapixels : float
        Largest file that is opened, in millions of pixels.

    Attributes
    ----------
    problems : dict of str to str
        Why a file could not be used, by painting id; or a face, by its point id.
    """

    def __init__(self, size: int, *, max_megapixels: float = 200.0) -> None:
        self._size = size
        self._max_megapixels = max_megapixels
        self._kept: OrderedDict[tuple[bool, str], RGBImage] = OrderedDict()
        self._room = max(1, KEPT_BYTES // (3 * size * size))
        self.problems: dict[str, str] = {}

    def whole(self, subject: Subject) -> RGBImage | None:
        """Return the whole picture, squashed to the square; None if its file is of no use."""
        return self._get(subject, False, lambda image: squash(image.pixels, self._size))

    def face(self, subject: Subject) -> RGBImage | None:
        """Return the face, cut out upright as its encoder saw it; None as for `whole`."""
        return self._get(subject, True, lambda image: _crop(image, subject.payload, self._size))

    def _get(
        self, subject: Subject, is_face: bool, make: Callable[[LoadedImage], RGBImage]
    ) -> RGBImage | None:
        key = (is_face, subject.key)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        place = subject.painting_id
        if place in self.problems or subject.key in self.problems:
            return None
        try:
            image = self._load(subject.payload)
            place = subject.key
            picture = make(image)
        except ImageError as error:
            self.problems[place] = str(error)
            return None
        self._kept[key] = picture
        if len(self._kept) > self._room:
            self._kept.popitem(last=False)
        return picture

    def _load(self, payload: Payload) -> LoadedImage:
        from artsim.images.load import ImageLimits, load_image

        uri = str(payload.get("image_uri", ""))
        path = local_path(uri) if uri else None
        if path is None:
            raise ImageError(
                f"the painting {payload['painting_id']!r} has no picture file on this machine "
                f"(image_uri: {uri or 'none'}); ingest it from a folder that is here"
            )
        limits = ImageLimits(max_megapixels=self._max_megapixels)
        return load_image(path, limits=limits)


def squash(image: RGBImage, size: int) -> RGBImage:
    """Return `image` as a square of `size` pixels, whatever its format.

    Bilinear, as the published program does it: where it enlarges, as all of the
    published pictures need, the two agree; where it shrinks, both smooth first.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
    """
    square = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR)
    return np.array(square)


def to_gray(picture: RGBImage) -> RGBImage:
    """Return the luma of a picture after ITU-R BT.601, of shape (h, w), as Pillow computes it."""
    return np.array(Image.fromarray(picture).convert("L"))


def _crop(image: LoadedImage, payload: Payload, size: int) -> RGBImage:
    from artsim.encoders.face_crops import CROP_MARGIN
    from artsim.images.align import align_face

    # Landmarks are in pixels of the original; what was loaded may be smaller.
    scale = image.pixels.shape[1] / image.width
    try:
        landmarks = np.array(payload.get("landmarks", ()), dtype=np.float32) * scale
        return align_face(image.pixels, landmarks, size=size, margin=CROP_MARGIN)
    except ValueError as error:
        raise ImageError(
            f"a face of {payload['painting_id']!r} has no landmarks of a face ({error}); "
            "ingest its source again"
        ) from error
