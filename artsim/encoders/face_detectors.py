"""The faces of a picture: found by CenterFace, which is part of artsim, YuNet or MTCNN; cut out.

References
----------
.. [1] Xu, Yan, Yang, Sun, Sun & Cao (2020). CenterFace: joint face detection and alignment
   using face as point. Scientific Programming. Weights: Star-Clouds/CenterFace, MIT.
.. [2] Wu, Peng & Yu (2023). YuNet: a tiny millisecond-level face detector. Machine
   Intelligence Research 20. Weights: ShiqiYu/libfacedetection.train, Apache-2.0.
.. [3] Zhang, Zhang, Li & Qiao (2016). Joint face detection and alignment using multitask
   cascaded convolutional networks. IEEE Signal Processing Letters 23(10).
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import Box, Crop, CutterOptions, DetectedFace
from artsim.catalog.payload import Payload
from artsim.encoders.base import FaceDetector
from artsim.encoders.devices import Floats, import_library, on_one_core, pick_device, suppress
from artsim.encoders.onnx import open_session
from artsim.errors import EncoderError
from artsim.images.align import align_face

# N boxes (left, top, right, bottom), shape (N, 4), scores (N,) and landmarks (N, 5, 2).
Found: TypeAlias = tuple[Floats, Floats, Floats]

WEIGHTS: Final = Path(__file__).parent / "faces"
LONG_SIDE: Final = 640  # of what a network sees, in pixels
MOST_ENLARGED: Final = 1.28  # how far a small picture is; more finds nothing and moves landmarks
_MULTIPLE: Final = 32  # both sides of what a network sees

CROP_SIZE: Final = 160  # side of a crop in pixels: what FaceNet takes
DEFAULT_MIN_FACE: Final = 12  # short side in pixels: what is smaller tells nothing of a person
WIDER: Final = 0.05  # share of its side that a wide crop has more on each side: dlib's chin
CROP_MARGIN: Final = 0.0  # share of the template's square that it shows beyond it on each side


class _OnnxDetector(ABC):
    """A fully convolutional network on one core, on the whole picture at one size.

    Meant to be called from several threads. With `twice` a picture whose own size is well
    beyond `LONG_SIDE` is also looked at in that size, which finds its smallest faces.
    """

    name: str
    version: int  # to be raised whenever other faces come of the same settings
    default_score: float
    suppressed: float  # overlap above which the less sure one of two faces goes

    def __init__(self, *, score: float | None = None, twice: bool = False) -> None:
        self._score = _checked(self.default_score if score is None else score)
        self._twice = twice
        weights = WEIGHTS / f"{self.name}.onnx"
        self._session = open_session(str(weights), weights, "cpu", threads=1)

    @property
    def identity(self) -> str:
        """Model, version and settings: other faces come only of another identity."""
        size = f"{LONG_SIDE}{'+whole' if self._twice else ''}"
        return f"{self.name}-v{self.version}-{size}-score{self._score:g}"

    def detect(self, image: RGBImage) -> list[DetectedFace]:
        """Return every face, highest score first, equal scores by x and y."""
        _check(image)
        long_side = max(image.shape[:2])
        factors = [min(LONG_SIDE / long_side, MOST_ENLARGED)]
        if self._twice and long_side >= 1.4 * LONG_SIDE:
            factors.append(1.0)
        looks = [self._look(image, factor) for factor in factors]
        boxes, scores, points = (np.concatenate(parts) for parts in zip(*looks, strict=True))
        kept = suppress(boxes, scores, self.suppressed)
        return _faces((boxes[kept], scores[kept], points[kept]), image)

    def _look(self, image: RGBImage, factor: float) -> Found:
        """Return the faces, in pixels of the picture, found at `factor` times its size."""
        height, width = (max(1, round(side * factor)) for side in image.shape[:2])
        small = Image.fromarray(np.ascontiguousarray(image)).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        shape = [-(-side // _MULTIPLE) * _MULTIPLE for side in (height, width)]
        padded = np.zeros((1, 3, *shape), dtype=np.float32)
        padded[0, :, :height, :width] = np.asarray(small).transpose(2, 0, 1)
        boxes, scores, points = self._run(padded)
        back = np.array([width / image.shape[1], height / image.shape[0]])
        return boxes / np.tile(back, 2), scores, points / back

    @abstractmethod
    def _run(self, pixels: npt.NDArray[np.float32]) -> Found:
        """Return what the network finds in RGB pixels 0..255, shape (1, 3, height, width)."""


class CenterFaceDetector(_OnnxDetector):
    """CenterFace [1]_: a map of how much each place is the middle of a face."""

    name = "centerface"
    version = 1
    default_score = 0.35
    suppressed = 0.3

    def _run(self, pixels: npt.NDArray[np.float32]) -> Found:
        heat, sizes, offsets, points = (
            each[0] for each in self._session.run(None, {"input.1": pixels})
        )
        y, x = np.nonzero(heat[0] >= self._score)
        height, width = 4 * np.exp(sizes[:, y, x])
        down, right = offsets[:, y, x]
        left, top = 4 * (x + right + 0.5) - width / 2, 4 * (y + down + 0.5) - height / 2
        boxes = np.stack([left, top, left + width, top + height], axis=1)
        rows, columns = points[0::2, y, x], points[1::2, y, x]
        landmarks = np.stack([left + columns * width, top + rows * height], axis=-1)
        return boxes, heat[0][y, x], landmarks.transpose(1, 0, 2)


class YuNetDetector(_OnnxDetector):
    """YuNet [2]_: a third of CenterFace's time, and somewhat fewer faces."""

    name = "yunet"
    version = 1
    default_score = 0.6
    suppressed = 0.4

    def _run(self, pixels: npt.NDArray[np.float32]) -> Found:
        names = [one.name for one in self._session.get_outputs()]
        outputs = self._session.run(None, {"input": np.ascontiguousarray(pixels[:, ::-1])})
        maps = {name: values[0] for name, values in zip(names, outputs, strict=True)}
        found: list[Found] = []
        for stride in (8, 16, 32):
            score = np.sqrt(maps[f"cls_{stride}"] * maps[f"obj_{stride}"])[:, 0]
            kept = np.flatnonzero(score >= self._score)
            y, x = np.divmod(kept, pixels.shape[3] // stride)
            grid = np.stack([x, y], axis=1)
            box = maps[f"bbox_{stride}"][kept]
            middle, half = (grid + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride / 2
            points = (grid[:, None] + maps[f"kps_{stride}"][kept].reshape(-1, 5, 2)) * stride
            found.append((np.hstack([middle - half, middle + half]), score[kept], points))
        boxes, scores, landmarks = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return boxes, scores, landmarks


class MTCNNDetector:
    """MTCNN [3]_ as facenet-pytorch has it, on one core of the CPU or on another device."""

    def __init__(self, *, score: float | None = None, device: str = "cpu") -> None:
        self._score = _checked(0.9 if score is None else score)
        where = pick_device(device)
        self._on_cpu = where.type == "cpu"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks on the library's weight files
            library = import_library("facenet_pytorch")
            thresholds = [0.6, 0.7, self._score]  # of its three nets; the first two are its own
            self._mtcnn = library.MTCNN(keep_all=True, thresholds=thresholds, device=where)

    @property
    def identity(self) -> str:
        """Model, version and settings: other faces come only of another identity."""
        return f"mtcnn-facenet2.5.3-v2-score{self._score:g}"

    def detect(self, image: RGBImage) -> list[DetectedFace]:
        """Return every face, highest score first, equal scores by x and y."""
        _check(image)
        # The library fails where its smallest window does not fit.
        if min(image.shape[:2]) < self._mtcnn.min_face_size:
            return []
        work = partial(self._mtcnn.detect, Image.fromarray(image), landmarks=True)
        found = on_one_core(work) if self._on_cpu else work()
        if found[0] is None:
            return []
        boxes, scores, points = (np.asarray(each, dtype=np.float32) for each in found)
        return _faces((boxes, scores, points), image)


# By the names that ``--face-detector`` takes; the first is the default.
DETECTORS: Final[dict[str, Any]] = {
    "centerface": CenterFaceDetector,
    "yunet": YuNetDetector,
    "mtcnn": MTCNNDetector,
}


def load_detector(
    name: str | None = None,
    *,
    score: float | None = None,
    twice: bool = False,
    device: str = "auto",
) -> FaceDetector:
    """Load a face detector: one of `DETECTORS`, the first by default.

    `score` is the least certainty, in 0..1; None is the detector's own. With `twice` large pictures
    are also looked at in their own size, for their smallest faces. The device, ``auto``, ``cpu``,
    ``cuda`` or ``mps``, is MTCNN's; the others run on one core. Raises `EncoderError` if there is
    no such detector or device, or the detector cannot look twice.
    """
    name = next(iter(DETECTORS)) if name is None else name
    if name not in DETECTORS:
        raise EncoderError(
            f"no face detector is called {name!r}; there are {', '.join(DETECTORS)}",
            hint="--face-detector",
        )
    if DETECTORS[name] is not MTCNNDetector:
        detector: FaceDetector = DETECTORS[name](score=score, twice=twice)
        return detector
    if twice:
        raise EncoderError("mtcnn looks at every picture in all sizes; name another detector")
    return MTCNNDetector(score=score, device=device)


def _checked(score: float) -> float:
    if not 0 < score < 1:
        raise ValueError(f"score must lie between 0 and 1, got {score}")
    return score


def _check(image: RGBImage) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(
            f"uint8 of shape (height, width, 3) expected, got {image.dtype} {image.shape}"
        )


def _faces(found: Found, image: RGBImage) -> list[DetectedFace]:
    """Return what was found within the picture, surest first."""
    height, width = image.shape[:2]
    faces = []
    for box, score, points in zip(*found, strict=True):
        left, top, right, bottom = box.clip(0, (width, height, width, height)).tolist()
        if right > left and bottom > top:
            clipped = Box(left, top, right - left, bottom - top)
            faces.append(DetectedFace(clipped, points.astype(np.float32), float(score)))
    return sorted(faces, key=lambda face: (-face.score, face.box.x, face.box.y))


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

    `crop_size` is the crops' side in pixels, `margin` the share of the template's square that they
    show beyond it on each side, `least` the least short side of a face, in pixels of `image`.
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
