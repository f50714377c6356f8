"""Colors of a map that color-blind readers can tell apart."""

from __future__ import annotations

from typing import Final

from artsim.render.map_fields import CategoryField, ColorField, NumberField

Color = tuple[int, int, int]

CATEGORICAL: Final[tuple[Color, ...]] = (
    (0, 141, 249),
    (226, 1, 52),
    (255, 195, 59),
    (0, 159, 129),
    (132, 0, 205),
    (255, 110, 58),
    (255, 90, 175),
    (0, 252, 207),
    (159, 1, 98),
    (255, 178, 253),
    (0, 194, 249),
    (164, 1, 34),
)
"""Twelve colors chosen for readers with any of the common color deficiencies [1]_, in an
order that keeps the first ones farthest apart: most maps need only those.

.. [1] Krzywinski, Color palettes for color blindness, mk.bcgsc.ca/colorblind.
"""

SEQUENTIAL: Final[tuple[Color, ...]] = (
    (68, 1, 84),
    (71, 45, 123),
    (59, 82, 139),
    (44, 114, 142),
    (33, 145, 140),
    (40, 174, 128),
    (94, 201, 98),
    (173, 220, 48),
    (253, 231, 37),
)
"""Nine even steps of viridis (Smith & van der Walt, 2015), of which the rest are mixed."""

OTHER: Final[Color] = (138, 134, 128)
"""Values beyond the palette."""

UNKNOWN: Final[Color] = (190, 186, 179)
"""No value, or no field to color by."""


def scale_color(share: float) -> Color:
    """Return the color of the sequential scale at `share` of its way; clipped to 0..1."""
    place = min(1.0, max(0.0, share)) * (len(SEQUENTIAL) - 1)
    low = min(int(place), len(SEQUENTIAL) - 2)
    rest = place - low
    pairs = zip(SEQUENTIAL[low], SEQUENTIAL[low + 1], strict=True)
    red, green, blue = (round(a + (b - a) * rest) for a, b in pairs)
    return red, green, blue


def point_colors(field: ColorField | None, count: int) -> list[Color]:
    """Return the color of each of `count` points; one for all where there is no field."""
    if field is None:
        return [CATEGORICAL[0]] * count
    if isinstance(field, CategoryField):
        return [
            CATEGORICAL[code] if 0 <= code < len(CATEGORICAL) else UNKNOWN if code < 0 else OTHER
            for code in field.codes
        ]
    return [_number_color(field, value) for value in field.values]


def _number_color(field: NumberField, value: float | None) -> Color:
    if value is None:
        return UNKNOWN
    span = field.high - field.low
    return scale_color((value - field.low) / span if span > 0 else 0.5)
