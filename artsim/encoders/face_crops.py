"""The faces of a picture, cut out upright: one step for ingest and search alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import Crop, CutterOptions, DetectedFace
from artsim.catalog.payload import Payload
from artsim.encoders.base import FaceDetector
from artsim.encoders.face_detectors import load_detector
from artsim.images.align import align_face

CROP_SIZE: Final = 160  # side of a crop in pixels: what FaceNet takes
DEFAULT_MIN_FACE: Final = 12  # short side in pixels: what is smaller tells nothing of a person
WIDER: Final = 0.05  # share of its side that a wide crop has more on each side: dlib's chin
CROP_MARGIN: Final = 0.0  # share of the template's square that it shows beyond it on each side


@dataclass(frozen=True, slots=True)
class FaceCrop:
    """A face and its aligned crop."""

    face: DetectedFace  # in pixels of the picture it was found in
    crop: RGBImage  # turned and scaled so that the landmarks lie where every face has them
    wide: RGBImage  # the crop with more on all sides, in pixels of the same size


def crops_identity(detector: FaceDetector) -> str:
    """Return what the crops depend on: other crops only come of another identity."""
    return f"{detector.identity}-crop{CROP_SIZE}-margin{CROP_MARGIN:g}"


def find_faces(
    image: RGBImage,
    detector: FaceDetector,
    *,
    crop_size: int = CROP_SIZE,
    margin: float = CROP_MARGIN,
    least: float = DEFAULT_MIN_FACE,
) -> list[FaceCrop]:
    """Return every face that `detector` finds in `image`, with its crop, in its order.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
    crop_size : int
        Side of the crops in pixels.
    margin : float
        Share of the template's square that a crop shows beyond it on each side.
    least : float
        Least short side of a face, in pixels of `image`.
    """
    edge = round(WIDER * crop_size)
    side = crop_size + 2 * edge
    more = (side / crop_size * (1 + 2 * margin) - 1) / 2  # a margin of as many pixels more
    found = []
    for face in detector.detect(image):
        if min(face.box.width, face.box.height) >= least:
            wide = align_face(image, face.landmarks, size=side, margin=more)
            found.append(FaceCrop(face, wide[edge : side - edge, edge : side - edge], wide))
    return found


class FaceCutter:
    """Cutter of the kind ``faces``: each face upright, surest first."""

    def __init__(self, options: CutterOptions) -> None:
        self._detector = load_detector(
            options.face_detector,
            score=options.face_score,
            twice=options.small_faces,
            device=options.device,
        )
        self._min_face = DEFAULT_MIN_FACE if options.min_face is None else options.min_face
        self.identity = f"{crops_identity(self._detector)}-min{self._min_face}"

    def __call__(self, picture: RGBImage, width: int) -> list[Crop]:
        """Return the faces of `picture`, which is `width` pixels wide at its full size."""
        scale = width / picture.shape[1]
        faces = find_faces(picture, self._detector, least=self._min_face / scale)
        return [Crop(one.crop, _face_payload(one.face, scale), one.wide) for one in faces]


def _face_payload(face: DetectedFace, scale: float) -> Payload:
    box = face.box.scaled(scale)
    return {
        "box": [round(float(side), 1) for side in (box.x, box.y, box.width, box.height)],
        "landmarks": [
            [round(float(x) * scale, 1), round(float(y) * scale, 1)] for x, y in face.landmarks
        ],
        "detection_score": round(float(face.score), 4),
        "face_size": round(float(min(box.width, box.height))),
    }
