"""Figures that others published, to stand beside one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class PublishedAccuracy:
    """An accuracy, in 0..1, on the publication's own data, classes and split."""

    name: str
    field: str
    accuracy: float
    note: str


_ARTEXTRACT: Final = (
    "published, on its own classes and split of WikiArt; convolutional-recurrent network of "
    "ArtExtract"
)

PUBLISHED: Final = (
    PublishedAccuracy("ArtExtract, WikiArt", "artist", 0.63, _ARTEXTRACT),
    PublishedAccuracy("ArtExtract, WikiArt", "genre", 0.70, _ARTEXTRACT),
    PublishedAccuracy("ArtExtract, WikiArt", "style", 0.40, _ARTEXTRACT),
    PublishedAccuracy(
        "MobileNetV2, Pandora18k",
        "style",
        0.462,
        "published, on its own data, the 18 styles of Pandora18k; MobileNetV2 fine-tuned",
    ),
)


def published_for(field: str) -> list[PublishedAccuracy]:
    """Return what was published for a field."""
    return [figure for figure in PUBLISHED if figure.field == field]
