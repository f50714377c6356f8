"""The faces of a picture, cut out upright: one step for ingest and search alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import Crop, CutterOptions, DetectedFace
from artsim.catalog.payload import Payload
from artsim.encoders.base import FaceDetector
from artsim.images.align import align_face

CROP_SIZE: Final = 160  # side of a crop in pixels: what FaceNet takes
CROP_MARGIN: Final = 0.0  # share of the template's square that it shows beyond it on each side


@dataclass(frozen=True, slots=True)
class FaceCrop:
    """A face and its aligned crop."""

    face: DetectedFace  # in pixels of the picture it was found in
    crop: RGBImage  # turned and scaled so that the landmarks lie where every face has them


def crops_identity(detector: FaceDetector) -> str:
    """Return what the crops depend on: other crops only come of another identity."""
    return f"{detector.identity}-crop{CROP_SIZE}-margin{CROP_MARGIN:g}"


def find_faces(
    image: RGBImage,
    detector: FaceDetector,
    *,
    crop_size: int = CROP_SIZE,
    margin: float = CROP_MARGIN,
) -> list[FaceCrop]:
    """Return every face that `detector` finds in `image`, with its crop, in its order.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
    crop_size : int
        Side of the crops in pixels.
    margin : float
        Share of the template's square that a crop shows beyond it on each side.
    """
    return [
        FaceCrop(face, align_face(image, face.landmarks, size=crop_size, margin=margin))
        for face in detector.detect(image)
    ]


class FaceCutter:
    """Cutter of the kind ``faces``: each face upright, surest first."""

    def __init__(self, options: CutterOptions) -> None:
        self._detector = load_detector(
            min_face=options.min_face, score=options.face_score, device=options.device
        )

        self.identity = crops_identity(self._detector)

    def __call__(self, picture: RGBImage, width: int) -> list[Crop]:
        """Return the faces of `picture`, which is `width` pixels wide at its full size."""
        scale = width / picture.shape[1]
        faces = find_faces(picture, self._detector)
        return [Crop(one.crop, _face_payload(one.face, scale)) for one in faces]


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


def load_detector(
    *, min_face: int | None = None, score: float | None = None, device: str = "auto"
) -> FaceDetector:
    """Load the face detector; EncoderError if the device or its weights are not there.

    Parameters
    ----------
    min_face : int, optional
        Least side of a face, in pixels; None is the detector's own.
    score : float, optional
        Least certainty, in 0..1; None is the detector's own.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """
    from artsim.encoders.devices import pick_device
    from artsim.encoders.mtcnn import DEFAULT_MIN_FACE, DEFAULT_SCORE, MTCNNDetector

    return MTCNNDetector(
        min_face=DEFAULT_MIN_FACE if min_face is None else min_face,
        score=DEFAULT_SCORE if score is None else score,
        device=pick_device(device),
    )
