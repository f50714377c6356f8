"""Where a search gets its models from: loaded when first needed, and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.catalog.kinds import Crop, Cutter, CutterOptions, EncoderInfo, Kind, short_names
from artsim.config import Settings, load_settings
from artsim.errors import EncoderMismatchError

if TYPE_CHECKING:
    from artsim.encoders.base import Encoder
    from artsim.encoders.cards import Card
    from artsim.images.load import LoadedImage

T = TypeVar("T")


@dataclass(slots=True)
class Models:
    """Loader of the encoders, what cuts parts out of pictures, and the query pictures.

    Threads may share it: each model is loaded once, and only those wait who need that one.
    `settings` say where weights are looked for, by default those of the environment, `weights` is a
    file of them, instead. `device` is ``auto``, ``cpu``, ``cuda`` or ``mps``; how faces are looked
    for is as in `artsim.catalog.kinds.CutterOptions`; the largest query picture has
    `max_megapixels` million pixels.
    """

    settings: Settings = field(default_factory=load_settings)
    weights: Path | None = None
    device: str = "auto"
    min_face: int | None = None
    face_score: float | None = None
    face_detector: str | None = None
    small_faces: bool = False
    max_megapixels: float = 200.0
    _encoders: dict[str, Encoder] = field(default_factory=dict, repr=False)
    _cutters: dict[str, Cutter] = field(default_factory=dict, repr=False)
    _locks: dict[str, threading.RLock] = field(default_factory=dict, repr=False, compare=False)

    def encoder(self, info: EncoderInfo) -> Encoder:
        """Return the encoder that made a gallery's vectors.

        EncoderMismatchError, naming both, if it now makes other vectors; WeightsError if it cannot
        be loaded.
        """

        def load() -> Encoder:
            from artsim.encoders.registry import load_encoder

            card = self.card(info.spec)
            if card.vector_name != info.vector_name:
                raise self._mismatch(info, card.vector_name)
            return load_encoder(card, device=self.device, settings=self.settings)

        return self._once(self._encoders, info.spec, load)

    def encode(self, info: EncoderInfo, crops: Sequence[Crop]) -> Embeddings:
        """Encode N parts of pictures, or whole ones, as a gallery's were: rows of shape (N, D)."""
        return self.encoder(info).encode_crops(crops)

    def _mismatch(self, info: EncoderInfo, made: str) -> EncoderMismatchError:
        from artsim.encoders.registry import find_maker

        maker = find_maker(info.vector_name, settings=self.settings)
        way_out, option = "use the weights that the gallery was made with", "--weights FILE"
        if maker is not None:
            way_out = f"name the encoder that makes the old ones, {maker!r}"
            option = f"--encoder {maker}"
        return EncoderMismatchError(
            f"the gallery holds vectors {info.vector_name!r}, and the encoder {info.spec!r} now "
            f"makes {made!r}: they cannot be compared; {way_out}, or ingest the pictures anew into "
            "another gallery",
            hint=f"{option}; artsim ingest SOURCE --encoder {info.name} --gallery NAME",
        )

    def card(self, spec: str) -> Card:
        """Return what is known of an encoder, without loading it."""
        from artsim.encoders.registry import resolve

        return resolve(spec, weights=self.weights, settings=self.settings)

    def cutter(self, kind: Kind) -> Cutter:
        """Return what cuts the parts of a kind, such as faces, out of a picture."""
        return self._once(
            self._cutters, kind.name, lambda: kind.make_cutter(CutterOptions.of(self))
        )

    def cut(self, kind: Kind, picture: RGBImage, width: int) -> list[Crop]:
        """Return the parts of `picture`, which is `width` pixels wide at its full size."""
        return self.cutter(kind)(picture, width)

    def _once(self, loaded: dict[str, T], name: str, load: Callable[[], T]) -> T:
        with self._locks.setdefault(name, threading.RLock()):
            if name not in loaded:
                loaded[name] = load()
            return loaded[name]

    def image(
        self, picture: Path | bytes, name: str = "a picture", *, max_side: int | None = None
    ) -> LoadedImage:
        """Load a query picture from its file, or from what is in one, called `name`."""
        from artsim.images.load import DEFAULT_MAX_SIDE, ImageLimits, load_image

        limits = ImageLimits(max_megapixels=self.max_megapixels)
        called = name if isinstance(picture, bytes) else None
        side = max_side or DEFAULT_MAX_SIDE
        return load_image(picture, name=called, max_side=side, limits=limits)


def choose_encoders(
    recorded: Mapping[str, EncoderInfo],
    names: Sequence[str] | None,
    models: Models,
    *,
    for_text: bool = False,
) -> list[EncoderInfo]:
    """Return the gallery's encoders of the given names, or the one to use where none is given."""
    if not names:
        usable = [info for info in recorded.values() if info.takes_text or not for_text]
        usable.sort(key=lambda info: info.kind != "face")  # who it is before how it is painted
        return (usable or list(recorded.values()))[:1]
    found = [_recorded(recorded, name, models) for name in names]
    return list({info.vector_name: info for info in found}.values())


def _recorded(recorded: Mapping[str, EncoderInfo], name: str, models: Models) -> EncoderInfo:
    shown = short_names(list(recorded.values()))
    for info, short_name in zip(recorded.values(), shown, strict=True):
        if name in (info.name, info.spec, info.vector_name, short_name):
            return info
    card = models.card(name)
    if card.vector_name in recorded:
        return replace(recorded[card.vector_name], spec=name)
    have = ", ".join(f"{info.name} ({info.vector_name})" for info in recorded.values())
    raise EncoderMismatchError(
        f"the gallery has no vectors {card.vector_name!r} of the encoder {name!r}; it has: {have}. "
        "Add them by an ingest",
        hint=f"artsim ingest SOURCE --{'face-' if card.kind == 'face' else ''}encoder {name}",
    )
