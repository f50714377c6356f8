"""Colors of a map that color-blind readers can tell apart."""

from __future__ import annotations

from typing import Final

from artsim.render.map_fields import CategoryField, ColorField, NumberField

Color = tuple[int, int, int]

CATEGORICAL: Final[tuple[Color, ...]] = (
    (0, 60, 210),
    (235, 210, 30),
    (90, 60, 0),
    (0, 210, 235),
    (235, 120, 0),
    (30, 235, 150),
    (30, 120, 120),
    (210, 150, 180),
    (235, 0, 60),
    (120, 150, 235),
    (30, 120, 0),
    (120, 30, 90),
)
"""Twelve colors found by a search for the largest least difference (CIEDE2000, in normal
sight counted at 0.42) as normal, protanopic and deuteranopic eyes see them [1]_, neither
lost on a light nor on a dark ground; each as far as can be from those before it, since
most maps need only the first ones. No two are nearer than 11 to color-blind eyes, nor than
26 to others.

.. [1] Machado, Oliveira & Fernandes (2009). A physiologically-based model for simulation
   of color vision deficiency. IEEE TVCG 15, 1291-1298.
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
