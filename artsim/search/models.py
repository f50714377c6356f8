"""Where a search gets its models from: loaded when first needed, and kept."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from artsim.catalog.encoder_info import EncoderInfo
from artsim.config import Settings, load_settings
from artsim.errors import EncoderMismatchError

if TYPE_CHECKING:
    from artsim.encoders.base import Encoder, FaceDetector
    from artsim.images.load import LoadedImage


@dataclass(slots=True)
class Models:
    """Loader of the encoders, the face detector and the query pictures.

    Threads may share it: each model is loaded once.

    Attributes
    ----------
    settings : Settings
        Where weights are looked for; by default from the environment.
    weights : Path or None
        File of weights for the encoder, instead.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    min_face, face_score : float or None
        Least short side of a face in pixels and least score; None is the detector's own.
    max_megapixels : float
        Largest query picture, in millions of pixels.
    """

    settings: Settings = field(default_factory=load_settings)
    weights: Path | None = None
    device: str = "auto"
    min_face: int | None = None
    face_score: float | None = None
    max_megapixels: float = 200.0
    _encoders: dict[str, Encoder] = field(default_factory=dict, repr=False)
    _detector: FaceDetector | None = field(default=None, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    def encoder(self, info: EncoderInfo) -> Encoder:
        """Return the encoder that made a gallery's vectors.

        Raises
        ------
        EncoderMismatchError
            If it now makes other vectors; naming both.
        WeightsError
            If it cannot be loaded.
        """
        with self._lock:
            return self._encoder(info)

    def _encoder(self, info: EncoderInfo) -> Encoder:
        if info.spec not in self._encoders:
            from artsim.encoders.registry import find_maker, load_encoder, resolve

            card = resolve(info.spec, weights=self.weights, settings=self.settings)
            if card.vector_name != info.vector_name:
                maker = find_maker(info.vector_name, settings=self.settings)
                way_out, option = (
                    ("use the weights that the gallery was made with", "--weights FILE")
                    if maker is None
                    else (
                        f"name the encoder that makes the old ones, {maker!r}",
                        f"--encoder {maker}",
                    )
                )
                raise EncoderMismatchError(
                    f"the gallery holds vectors {info.vector_name!r}, and the encoder "
                    f"{info.spec!r} now makes {card.vector_name!r}: they cannot be compared; "
                    f"{way_out}, or ingest the pictures anew into another gallery",
                    hint=f"{option}; artsim ingest SOURCE --encoder {info.name} --gallery NAME",
                )
            self._encoders[info.spec] = load_encoder(
                card, device=self.device, settings=self.settings
            )
        return self._encoders[info.spec]

    def vector_name(self, spec: str) -> str:
        """Return the name of the vectors that an encoder makes, without loading it.

        Raises
        ------
        UnknownEncoderError
            If there is no such encoder.
        """
        from artsim.encoders.registry import resolve

        return resolve(spec, weights=self.weights, settings=self.settings).vector_name

    def detector(self) -> FaceDetector:
        """Return the face detector."""
        with self._lock:
            if self._detector is None:
                from artsim.encoders.face_crops import load_detector

                self._detector = load_detector(
                    min_face=self.min_face, score=self.face_score, device=self.device
                )
            return self._detector

    def image(self, picture: Path | bytes, name: str = "a picture") -> LoadedImage:
        """Load a query picture from its file, or from what is in one, called `name`."""
        from artsim.images.load import ImageLimits, load_image, load_image_bytes

        limits = ImageLimits(max_megapixels=self.max_megapixels)
        if isinstance(picture, bytes):
            return load_image_bytes(picture, name, limits=limits)
        return load_image(picture, limits=limits)
