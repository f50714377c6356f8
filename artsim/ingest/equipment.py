"""What an ingest encodes with, and whether a gallery takes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from artsim.catalog.encoder_info import EncoderInfo
from artsim.encoders.base import Encoder, FaceDetector
from artsim.encoders.face_crops import crops_identity
from artsim.encoders.registry import find_maker
from artsim.errors import EncoderMismatchError

DEFAULT_ENCODER = "builtin"


@dataclass(frozen=True, slots=True)
class Equipment:
    """Loaded models of one ingest.

    Attributes
    ----------
    encoders : sequence of Encoder
        For whole pictures; at least one.
    detector : FaceDetector or None
        None where faces are not looked for.
    face_encoders : sequence of Encoder
        For aligned face crops; empty without a detector.
    """

    encoders: Sequence[Encoder]
    detector: FaceDetector | None = None
    face_encoders: Sequence[Encoder] = ()

    @property
    def faces_identity(self) -> str | None:
        """How faces are found and cut out, as noted with each painting."""
        return None if self.detector is None else crops_identity(self.detector)


def default_specs(recorded: Mapping[str, EncoderInfo]) -> list[str]:
    """Return the specs to use where none are named: the gallery's own, else the built-in."""
    return [info.spec for info in recorded.values()] or [DEFAULT_ENCODER]


def check_encoders(
    encoders: Iterable[EncoderInfo], recorded: Mapping[str, EncoderInfo], gallery: str
) -> None:
    """Refuse an encoder that has the name of a recorded one but makes other vectors.

    Raises
    ------
    EncoderMismatchError
        Naming both.
    """
    by_name = {info.name: info for info in recorded.values()}
    for info in encoders:
        old = by_name.get(info.name)
        if old is not None and info.vector_name not in recorded:
            maker = find_maker(old.vector_name)
            way_out, option = (
                ("an encoder that the gallery holds", "artsim info")
                if maker is None
                else (f"the encoder that makes the old ones, {maker!r}", f"--encoder {maker}")
            )
            raise EncoderMismatchError(
                f"{gallery} holds vectors {old.vector_name!r} of the encoder {info.name!r}, "
                f"which now makes {info.vector_name!r}: their vectors cannot be compared; "
                f"ingest into a new gallery, or name {way_out}",
                hint=f"--gallery NAME; {option}",
            )
