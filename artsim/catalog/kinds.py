"""What collections hold: points of a kind, as paintings or faces, and vectors of an encoder."""

from __future__ import annotations

import math
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, Self, cast

from artsim.catalog.payload import (
    EVERYTHING,
    FACE_FIELDS,
    PAINTING_FIELDS,
    Between,
    Criteria,
    IndexKind,
    Known,
    Payload,
    painting_point_id,
)
from artsim.errors import OptionError, shortened

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from artsim.catalog.arrays import RGBImage


@dataclass(frozen=True, slots=True)
class Box:
    """Upright rectangle in pixels, (x, y) its top left corner."""

    x: float
    y: float
    width: float
    height: float

    def scaled(self, factor: float) -> Box:
        """Return the box in a picture `factor` times as large."""
        return Box(self.x * factor, self.y * factor, self.width * factor, self.height * factor)

    def shared(self, other: Box) -> float:
        """Return the area that is in both boxes."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(0.0, width) * max(0.0, height)

    def overlap(self, other: Box) -> float:
        """Return the intersection over union with another box, in 0..1."""
        shared = self.shared(other)
        together = self.width * self.height + other.width * other.height - shared
        return shared / together if together > 0 else 0.0


_ALMOST: Final = 1e-6
"""Pixels, or percents, by which sums of decimals may be off."""


@dataclass(frozen=True, slots=True)
class Region:
    """Part of an upright picture, in pixels or in percent of its width and height.

    Its text, as ``120,80,300,240`` or ``10%,10%,50%,50%``, is that of command lines, saved
    questions and addresses; `parse` is the inverse.

    Raises
    ------
    OptionError
        If it is empty, begins outside of the picture, or ends beyond 100 %.
    """

    x: float
    y: float
    width: float
    height: float
    in_percent: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no part of any picture."""
        values = (self.x, self.y, self.width, self.height)
        if not all(map(math.isfinite, values)) or min(values) < 0:
            raise OptionError(f"region {self}: expected numbers of 0 and more")
        if not (self.width and self.height):
            raise OptionError(f"region {self}: nothing is in it; give a width and a height above 0")
        ends = (self.x + self.width, self.y + self.height)
        if self.in_percent and max(ends) > 100 + _ALMOST:
            raise OptionError(f"region {self}: ends at {max(ends):g} %, beyond the picture's 100 %")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the region of a text: x, y, width and height, all or none with a percent sign."""
        parts = [part.strip() for part in text.split(",")]
        signs = {part.endswith("%") for part in parts}
        try:
            x, y, width, height = (float(part.removesuffix("%")) for part in parts)
        except ValueError:
            signs = set()
        if len(signs) != 1:
            raise OptionError(
                f"region {shortened(text)!r}: expected x,y,width,height, all in pixels or all in "
                "percent, as 120,80,300,240 or 10%,10%,50%,50%"
            )
        return cls(x, y, width, height, in_percent=True in signs)

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        sign = "%" if self.in_percent else ""
        values = (self.x, self.y, self.width, self.height)
        return ",".join(repr(float(value)).removesuffix(".0") + sign for value in values)

    def within(self, width: int, height: int, place: str) -> Box:
        """Return it in whole pixels of a picture of that size, which `place` names in errors."""
        across, down = (width / 100, height / 100) if self.in_percent else (1.0, 1.0)
        left, right = self.x * across, (self.x + self.width) * across
        top, bottom = self.y * down, (self.y + self.height) * down
        if right > width + _ALMOST * across or bottom > height + _ALMOST * down:
            raise OptionError(
                f"{place}: the region {self} reaches beyond the picture, which has "
                f"{width} x {height} pixels; give one within it"
            )
        x, y = (math.floor(start + _ALMOST) for start in (left, top))
        x, y = min(x, width - 1), min(y, height - 1)
        ends = (math.ceil(end - _ALMOST) for end in (right, bottom))
        return Box(x, y, *(max(1, end - start) for start, end in zip((x, y), ends, strict=True)))


@dataclass(frozen=True, slots=True)
class DetectedFace:
    """One face of a picture, in pixels of the one that was given to the detector.

    `landmarks` are, of shape (5, 2), the (x, y) of the eye at the left of the picture, the eye at
    its right, the nose, the mouth's left and its right corner. `score` is in 0..1.
    """

    box: Box
    landmarks: npt.NDArray[np.float32]
    score: float


def prominence(box: Box, size: tuple[float, float] | None) -> float:
    """Return how much a face looks like the one that its picture is of: large, near the middle.

    The box's area minus twice the squared distance of its center from the picture's, in
    pixels; where the picture's width and height are unknown, only the area counts. This is how
    facenet picks the face of a photograph of LFW (Sandberg, ``align_dataset_mtcnn.py``).
    """
    area = box.width * box.height
    if size is None:
        return area
    right, down = box.x + box.width / 2 - size[0] / 2, box.y + box.height / 2 - size[1] / 2
    return area - 2.0 * (right**2 + down**2)


@dataclass(frozen=True, slots=True)
class Crop:
    """One part of a picture: the pixels that are encoded, and what its point says of it.

    The payload is beyond its painting's and its index: ``box`` (x, y, width and height in pixels
    of the picture at its full size) and whatever else the kind has. `wide` are the same pixels
    with some more on all sides, where a kind has encoders that want these.
    """

    pixels: RGBImage
    payload: Payload
    wide: RGBImage | None = None


class Cutter(Protocol):
    """Finds the parts of a picture."""

    @property
    def identity(self) -> str:
        """What the crops depend on: other crops only come of another identity."""
        ...

    def __call__(self, picture: RGBImage, width: int) -> list[Crop]:
        """Return the parts of `picture`, which is `width` pixels wide at its full size."""
        ...


@dataclass(frozen=True, slots=True)
class CutterOptions:
    """How parts are looked for, as `artsim.encoders.face_detectors.load_detector` has it.

    `min_face` is the least short side of a face in pixels of the picture at its full size; None
    is the default, of `face_detector` and `face_score` too.
    """

    device: str = "auto"
    min_face: int | None = None
    face_score: float | None = None
    face_detector: str | None = None
    small_faces: bool = False

    @classmethod
    def of(cls, settings: object) -> Self:
        """Return what settings that have all of these, and others, say of them."""
        return cls(**{each.name: getattr(settings, each.name) for each in fields(cls)})


MakeCutter = Callable[[CutterOptions], Cutter]


@dataclass(frozen=True, slots=True)
class Kind:
    """Description of one collection of a gallery.

    A cutter that is given as ``"module:name"`` is imported when the first picture is cut, so that
    a query by id loads no model; where there is none, a point is a whole picture.

    Parts are searched by those of the query picture, or `by_whole` of it, which may be such a part
    itself: the best of each painting is then shown.
    """

    name: str  # of the collection, behind the gallery's prefix: ``faces``
    noun: str  # what one point is, in messages and in names of fields: ``face_index``
    # Payload fields beyond the painting's, with their payload index.
    own_fields: Mapping[str, IndexKind | None] = field(default_factory=dict)
    cutter: MakeCutter | str | None = None
    cutter_field: str = ""  # of a painting, that notes its cutter; ``NOUN_cutter`` if not given
    own_encoders: bool = False  # whether its parts have others than the pictures
    by_whole: bool = False
    has_pixels: bool = True  # whether a point has the small gray picture that re-rankers compare
    sure: Criteria = EVERYTHING  # what searches show unless they are asked for other points

    def __post_init__(self) -> None:
        """Name the field that notes the cutter."""
        if not self.cutter_field:
            object.__setattr__(self, "cutter_field", f"{self.noun}_cutter")

    @property
    def is_whole(self) -> bool:
        """Whether a point is a whole picture."""
        return self.cutter is None

    @property
    def index_field(self) -> str:
        """Field of a part's number within its picture, from 0."""
        return f"{self.noun}_index"

    @property
    def count_field(self) -> str:
        """Field of a painting that notes how many parts were found."""
        return f"{self.noun}_count"

    @property
    def encoders_field(self) -> str:
        """Field of a painting that notes the vector names of its parts."""
        return f"{self.noun}_encoders"

    @property
    def state_fields(self) -> tuple[str, str, str]:
        """Fields in which a painting notes how its parts were looked for."""
        return self.count_field, self.cutter_field, self.encoders_field

    @property
    def fields(self) -> Mapping[str, IndexKind | None]:
        """All fields of a point, with their payload index (None: not indexed)."""
        return {**PAINTING_FIELDS, **self.own_fields}

    @property
    def indexes(self) -> dict[str, IndexKind]:
        """The indexed fields of a point, and how."""
        return {name: index for name, index in self.fields.items() if index is not None}

    def point_id(self, painting_id: str, index: int = 0) -> str:
        """Return the id of a point: a UUIDv5 of the painting's id, or ``<id>#<noun><index>``."""
        part = "" if self.is_whole else f"#{self.noun}{index}"
        return painting_point_id(painting_id + part)

    def make_cutter(self, options: CutterOptions | None = None) -> Cutter:
        """Return the cutter, loading what it needs; `EncoderError` where a model cannot be."""
        if self.cutter is None:
            raise ValueError(f"{self.name} are whole pictures: nothing is cut out of them")
        make = self.cutter
        if isinstance(make, str):
            make = cast("MakeCutter", pkgutil.resolve_name(make))
        return make(options or CutterOptions())


PAINTINGS: Final = Kind("paintings", "painting")

FRAMES: Final = Criteria((Known("video_uri"),))
"""What frames of films, and their parts, meet."""

NO_FRAMES: Final = Criteria(must_not=FRAMES.must)
"""What points meet that are no frames, which searches show unless they are asked for films."""

SURE_SIZE: Final = 20
"""Least short side in pixels of a face that searches show unless they are asked for others."""

SURE_SCORE: Final = 0.5
"""Least certainty of such a face, in 0..1."""

FACES: Final = Kind(
    "faces",
    "face",
    own_fields={name: FACE_FIELDS[name] for name in FACE_FIELDS if name not in PAINTING_FIELDS},
    cutter="artsim.encoders.face_detectors:FaceCutter",
    cutter_field="face_detector",
    own_encoders=True,
    sure=Criteria((Between("face_size", SURE_SIZE), Between("detection_score", SURE_SCORE))),
)

DETAILS: Final = Kind(
    "details",
    "detail",
    own_fields={"detail_index": "integer", "box": None},
    cutter="artsim.images.details:DetailCutter",
    by_whole=True,
    has_pixels=False,
)

KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in (PAINTINGS, FACES, DETAILS)}
"""Every kind by name; one that is put here can be ingested, searched, evaluated and exported."""


def all_fields() -> dict[str, IndexKind | None]:
    """Return the payload fields of every kind, with their payload index."""
    return {name: index for kind in KINDS.values() for name, index in kind.fields.items()}


# --- encoders ---------------------------------------------------------------------------

PIXELS: Final = "pixels"
"""Name of the vector of small gray pictures, which is no encoder's."""

POINTS: Final = "points"
"""Name of the vector of local points, which is no encoder's either, and has many rows."""

POINT_DIM: Final = 132
"""Numbers of one of them, as `artsim.images.local_points` has them."""

DEFAULT_ENCODER: Final = "builtin"
"""Encoder of whole pictures where nobody names one; of faces it sees those painted alike."""

FACE_ENCODER: Final = "dlib"
"""Encoder that knows who it is, which faces have by default beside the built-in one."""

EncoderKind = Literal["image", "face"]
"""`image` encodes whole pictures (and aligned faces), `face` only aligned faces."""


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """Identity of a usable encoder: what `store` records beside its vectors.

    The name of its vectors holds the model, the weights' identity and the preprocessing's version,
    of letters, digits, ``.``, ``_`` and ``-`` only.
    """

    name: str  # as given on the command line: ``builtin``, ``resnet50``
    spec: str  # what makes it again: ``timm:resnet50.a1_in1k+gem``, ``onnx:/models/net.onnx``
    vector_name: str
    dim: int
    kind: EncoderKind = "image"
    takes_text: bool = False  # whether texts can be encoded into the same space

    @property
    def short_name(self) -> str:
        """Its name; of one from a file that one's: ``net`` of ``onnx:/models/net.onnx``."""
        place = PurePath(self.spec.partition(":")[2])
        if not place.is_absolute():
            return self.name
        return place.stem if place.suffix[1:].isalpha() else place.name


def short_names(encoders: Sequence[EncoderInfo]) -> list[str]:
    """Return a name for each encoder: short, or that of its vectors where two share it."""
    short = [info.short_name for info in encoders]
    return [
        name if short.count(name) == 1 else info.vector_name
        for name, info in zip(short, encoders, strict=True)
    ]


def parse_info(value: Mapping[str, Any]) -> EncoderInfo:
    """Return what was written of an encoder by `dataclasses.asdict`, else raise `ValueError`."""
    try:
        info = EncoderInfo(**value)
    except TypeError as exc:
        raise ValueError(f"no encoder's name and vectors: {exc}") from exc
    texts = (info.name, info.spec, info.vector_name)
    if not all(isinstance(text, str) and text for text in texts):
        raise ValueError("the encoder's name, spec and vector_name must be texts")
    if type(info.dim) is not int or info.dim < 1:
        raise ValueError(f"the encoder's dim must be a whole number above 0, not {info.dim!r}")
    return info
