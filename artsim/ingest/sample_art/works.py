"""The catalog of the sample collection: invented painters and what they painted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import numpy as np

from artsim.ingest.sample_art import abstracts
from artsim.ingest.sample_art.canvas import Color, Picture, Shape, rgb
from artsim.ingest.sample_art.costumes import Costume, Dress
from artsim.ingest.sample_art.land import EVENING, FALL, MORNING, NIGHT, NOON, STORM, landscape
from artsim.ingest.sample_art.sitters import dark_ground, portrait
from artsim.ingest.sample_art.tables import flowers, still_life
from artsim.ingest.sample_art.water import seascape, town

Scene: TypeAlias = Callable[[np.random.Generator, Shape], Picture]


WIDE: Final = (384, 512)


TALL: Final = (512, 408)


SQUARE: Final = (448, 448)


@dataclass(frozen=True, slots=True)
class Painter:
    """What the works of one painter have in common."""

    name: str
    manner: str
    style: str
    school: str
    medium: str
    institution: str
    long_side_cm: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Work:
    """One work: who, what, when, and how its scene is made.

    `attribution` is how the catalog names the painter, with ``{}`` for the name.
    """

    painter: Painter
    title: str
    date: str
    genre: str
    scene: Scene
    shape: Shape
    tags: tuple[str, ...] = ()
    attribution: str = "{}"
    framed: bool = False


HOEVE: Final = Painter(
    "Aldert van der Hoeve", "old_master", "Baroque", "Dutch", "Oil on panel",
    "Kunsthuis Lindeborg", (48, 130),
)  # fmt: skip


SOVRANO: Final = Painter(
    "Bartolo da Sovrano", "fresco", "Early Renaissance", "Tuscan", "Fresco",
    "Museo Civico di Sovrano", (120, 260),
)  # fmt: skip


MARCHAND: Final = Painter(
    "Élodie Marchand", "impressionist", "Impressionism", "French", "Oil on canvas",
    "Musée de la Varenne", (46, 100),
)  # fmt: skip


EKDAHL: Final = Painter(
    "Jonas Ekdahl", "expressive", "Post-Impressionism", "Swedish", "Oil on canvas",
    "Westhaven Museum of Art", (55, 95),
)  # fmt: skip


FARGE: Final = Painter(
    "Lucien Farge", "pointillist", "Neo-Impressionism", "French", "Oil on canvas",
    "Musée de la Varenne", (50, 160),
)  # fmt: skip


CALDERON: Final = Painter(
    "Inés Calderón", "cubist", "Cubism", "Spanish", "Oil on canvas",
    "Westhaven Museum of Art", (60, 120),
)  # fmt: skip


KROL: Final = Painter(
    "Matthias Krol", "engraving", "Mannerism", "German", "Engraving on laid paper",
    "Kunsthuis Lindeborg", (18, 36),
)  # fmt: skip


ORIHARA: Final = Painter(
    "Orihara Shunsai", "woodblock", "Ukiyo-e", "Japanese", "Color woodblock print",
    "Westhaven Museum of Art", (24, 39),
)  # fmt: skip


WHITCOMBE: Final = Painter(
    "Samuel Whitcombe", "romantic", "Romanticism", "British", "Oil on canvas",
    "Harrowgate Gallery", (70, 180),
)  # fmt: skip


LINDQVIST: Final = Painter(
    "Noor Lindqvist", "hard_edge", "Hard-edge painting", "Swedish", "Acrylic on canvas",
    "Westhaven Museum of Art", (90, 200),
)  # fmt: skip


_BROWN, _OLIVE, _SLATE = rgb(0x6A5540), rgb(0x5A5A3A), rgb(0x4A5560)


_BLUE, _ROSE, _CREAM = rgb(0x7A9AC0), rgb(0xC89A9A), rgb(0xD8C8A0)


_LINEN, _BLACK, _WINE = rgb(0xECE8DC), rgb(0x1E1A1A), rgb(0x5A1E24)


_TEAL, _GOLD, _MOSS = rgb(0x1F5A60), rgb(0xC89A3A), rgb(0x4A5A30)


_TULIPS: Final = [rgb(0xE8E0D8), rgb(0xC83A3A), rgb(0xE8A0A8), rgb(0xE8B040)]


_SUNFLOWERS: Final = [rgb(0xF0B020), rgb(0xD88818), rgb(0xF8D860)]


_PEONIES: Final = [rgb(0xF0C0CC), rgb(0xD86A8A), rgb(0xFFF0F0)]


_PRIMARY: Final = (rgb(0xF2EEE2), rgb(0x161616), rgb(0xC8281E), rgb(0x1E4A9A), rgb(0xF0C020))


_NORDIC: Final = (rgb(0xE8E0D0), rgb(0x0F3A4A), rgb(0xE0703A), rgb(0xF0B84A), rgb(0x7AA8A0))


_EMBER: Final = (rgb(0x3A1410), rgb(0xC8402A), rgb(0xE8883A), rgb(0x7A1E1A))


_FJORD: Final = (rgb(0x10202E), rgb(0x2A5A7A), rgb(0x88B0B8), rgb(0xD8DCC8))


def _sitting(
    *sitters: tuple[str, Costume, Color, Color], ground: Color = _BROWN, reach: float = 0.46
) -> Scene:
    """Return the scene of one or more sitters, side by side, the middle one in front."""

    def scene(random: np.random.Generator, shape: Shape) -> Picture:
        picture: Picture = dark_ground(random, shape, ground)
        places = np.linspace(0, 1, 2 * len(sitters) + 1)[1::2]
        order = sorted(range(len(sitters)), key=lambda i: -abs(i - (len(sitters) - 1) / 2))
        for i in order:
            name, costume, cloth, trim = sitters[i]
            dress = Dress(costume, cloth, trim)
            at = float(places[i]) + float(random.uniform(-0.02, 0.02))
            picture = portrait(random, shape, name, dress, picture, reach=reach, at=at)
        return picture

    return scene


_MARGRIET: Final = "Margriet Claes"


_LORENZO: Final = "Lorenzo Vanni"


_BERTHE: Final = "Berthe Aubry"


_HENDRICK: Final = "Old Hendrick"


_ANA: Final = "Ana Robles"


_CLARA: Final = "Clara Nilsen"


_hoeve = partial(Work, HOEVE)


_sovrano = partial(Work, SOVRANO)


_marchand = partial(Work, MARCHAND)


_ekdahl = partial(Work, EKDAHL)


_farge = partial(Work, FARGE)


_calderon = partial(Work, CALDERON)


_krol = partial(Work, KROL)


_orihara = partial(Work, ORIHARA)


_whitcombe = partial(Work, WHITCOMBE)


_lindqvist = partial(Work, LINDQVIST)


_BY_PAINTER: Final[tuple[tuple[Work, ...], ...]] = (
    (
        _hoeve("Margriet Claes in a Ruff", "1634", "portrait",
               _sitting((_MARGRIET, "ruff", _BLACK, _LINEN)), TALL, (_MARGRIET, "ruff")),
        _hoeve("Still Life with a Jug and Oranges", "1637", "still life",
               partial(still_life, wall=_BROWN, table=rgb(0x6A4426)), WIDE, ("fruit", "jug")),
        _hoeve("Old Hendrick in a Wide-Brimmed Hat", "c. 1640–45", "portrait",  # noqa: RUF001
               _sitting((_HENDRICK, "hat", _BROWN, _BLACK), reach=0.42), TALL,
               (_HENDRICK, "hat"), framed=True),
        _hoeve("The Three Regents of the Linen Hall", "1642", "group portrait",
               _sitting((_HENDRICK, "collar", _BLACK, _LINEN), (_MARGRIET, "ruff", _BLACK, _LINEN),
                        (_LORENZO, "collar", _WINE, _LINEN), reach=0.4),
               WIDE, (_HENDRICK, _MARGRIET, _LORENZO, "ruff")),
        _hoeve("Banquet Piece", "c. 1650", "still life",
               partial(still_life, wall=_OLIVE, table=rgb(0x54381F), grand=True), WIDE,
               ("fruit", "jug"), "Workshop of {}"),
        _hoeve("Tulips and Roses in a Vase", "1630s", "still life",
               partial(flowers, wall=rgb(0x3A3028), petals=_TULIPS), TALL, ("flowers",)),
        _hoeve("A River with a Cottage", "1648", "landscape",
               partial(landscape, light=FALL, river=True, house=True), WIDE, ("river", "cottage"),
               "Attributed to {}"),
        _hoeve("A Young Woman with a Collar", "mid-17th century", "portrait",
               _sitting((_ANA, "collar", _WINE, _LINEN)), TALL, (_ANA,), "Circle of {}"),
    ),
    (
        _sovrano("Saint Anne with a White Veil", "1480s", "religious painting",
                 _sitting((_ANA, "veil", _BLUE, _LINEN), ground=_CREAM, reach=0.44), TALL,
                 (_ANA, "veil")),
        _sovrano("Hills with Cypresses", "c. 1485", "landscape",
                 partial(landscape, light=MORNING, cypresses=True), WIDE, ("cypresses",)),
        _sovrano("Lorenzo Vanni, Captain of Sovrano", "1478/1481", "portrait",
                 _sitting((_LORENZO, "plain", _WINE, _GOLD), ground=_BLUE), TALL, (_LORENZO,)),
        _sovrano("The Donors", "1492", "group portrait",
                 _sitting((_LORENZO, "turban", _MOSS, _WINE), (_ANA, "veil", _ROSE, _LINEN),
                          ground=_CREAM, reach=0.42), WIDE, (_LORENZO, _ANA, "veil")),
        _sovrano("The Road to Sovrano", "before 1500", "landscape",
                 partial(landscape, light=NOON, cypresses=True, house=True), WIDE,
                 ("cypresses", "cottage"), "Follower of {}"),
        _sovrano("The Fields in Summer", "late 15th century", "landscape",
                 partial(landscape, light=FALL, cypresses=True), WIDE, ("cypresses",)),
    ),
    (
        _marchand("The Varenne at Noon", "1876", "landscape",
                  partial(landscape, light=NOON, river=True), WIDE, ("river",)),
        _marchand("Haystacks, Evening", "1884", "landscape",
                  partial(landscape, light=EVENING, haystacks=3), WIDE, ("haystacks",)),
        _marchand("Berthe Aubry with a Shawl", "1879", "portrait",
                  _sitting((_BERTHE, "shawl", _SLATE, rgb(0xC05A4A)),
                           ground=rgb(0x8AA080), reach=0.5),
                  TALL, (_BERTHE, "shawl")),
        _marchand("Sails off the Jetty", "1881", "marine",
                  partial(seascape, light=MORNING, boats=3), WIDE, ("boats", "sea")),
        _marchand("Peonies", "c. 1882", "still life",
                  partial(flowers, wall=rgb(0x8A9A8A), petals=_PEONIES), TALL, ("flowers",)),
        _marchand("Haystacks, Morning", "1884", "landscape",
                  partial(landscape, light=MORNING, haystacks=4), WIDE, ("haystacks",)),
        _marchand("The Canal in October", "1880s", "cityscape",
                  partial(town, light=FALL), WIDE, ("canal",)),
    ),
    (
        _ekdahl("Cypresses under a Moving Sky", "1889", "landscape",
                partial(landscape, light=NOON, cypresses=True), WIDE, ("cypresses",)),
        _ekdahl("Clara Nilsen in a Blue Shawl", "1888", "portrait",
                _sitting((_CLARA, "shawl", _TEAL, rgb(0x2A4A9A)), ground=rgb(0xC8A030), reach=0.56),
                TALL, (_CLARA, "shawl")),
        _ekdahl("Lamps along the Quay", "1890", "cityscape",
                partial(town, light=NIGHT, lit=0.6), WIDE, ("canal", "night")),
        _ekdahl("Sunflowers", "1888", "still life",
                partial(flowers, wall=rgb(0x6A9AA8), petals=_SUNFLOWERS), TALL, ("flowers",)),
        _ekdahl("The Yellow Field", "1890", "landscape",
                partial(landscape, light=FALL, haystacks=2), WIDE, ("haystacks",)),
    ),
    (
        _farge("Regatta", "1891", "marine",
               partial(seascape, light=NOON, boats=4), WIDE, ("boats", "sea")),
        _farge("Berthe Aubry at the Window", "1894", "portrait",
               _sitting((_BERTHE, "plain", rgb(0x6A7AB8), _LINEN), ground=rgb(0x9AB0A0), reach=0.6),
               TALL, (_BERTHE,)),
        _farge("Evening on the Estuary", "c. 1895–1900", "marine",  # noqa: RUF001
               partial(seascape, light=EVENING, boats=2), WIDE, ("boats", "sea")),
        _farge("The River Path", "1889", "landscape",
               partial(landscape, light=MORNING, river=True), WIDE, ("river",)),
        _farge("Houses on the Quay", "1893", "cityscape",
               partial(town, light=NOON), WIDE, ("canal",)),
        _farge("Apples and a Jug", "1897", "still life",
               partial(still_life, wall=rgb(0x8A90A8), table=rgb(0xA87A4A)),
               WIDE, ("fruit", "jug")),
    ),
    (
        _calderon("Jug and Fruit on a Table", "1913", "still life",
                  partial(still_life, wall=_OLIVE, table=_BROWN), SQUARE, ("fruit", "jug")),
        _calderon("Ana Robles", "1914", "portrait",
                  _sitting((_ANA, "plain", _MOSS, _LINEN), ground=_OLIVE, reach=0.58),
                  TALL, (_ANA,)),
        _calderon("The Harbor Front", "1912", "cityscape",
                  partial(town, light=FALL), SQUARE, ("canal",)),
        _calderon("Two Jugs", "c. 1915", "still life",
                  partial(still_life, wall=_SLATE, table=rgb(0x7A5A3A), grand=True), TALL,
                  ("fruit", "jug")),
        _calderon("Hillside with House", "1911", "landscape",
                  partial(landscape, light=FALL, house=True), SQUARE, ("cottage",)),
    ),
    (
        _krol("Margriet Claes, after the Painting", "1636", "portrait",
              _sitting((_MARGRIET, "ruff", _BLACK, _LINEN), ground=rgb(0xB0A090), reach=0.56), TALL,
              (_MARGRIET, "ruff", "print"), "{}, after Aldert van der Hoeve"),
        _krol("View of a Trading Town", "1612", "cityscape",
              partial(town, light=NOON), WIDE, ("canal", "print")),
        _krol("A Scholar in a Turban", "early 17th century", "portrait",
              _sitting((_LORENZO, "turban", _BROWN, _LINEN),
                       ground=rgb(0xB8A890), reach=0.54), TALL,
              (_LORENZO, "print")),
        _krol("Ships before a Cliff", "1609", "marine",
              partial(seascape, light=STORM, cliff=True), WIDE, ("boats", "sea", "print")),
        _krol("The Wooded Valley", "1605", "landscape",
              partial(landscape, light=NOON, river=True), WIDE, ("river", "print")),
    ),
    (
        _orihara("Boats under the Moon", "1843", "marine",
                 partial(seascape, light=NIGHT, moon=True, boats=2),
                 WIDE, ("boats", "sea", "night")),
        _orihara("The Bay at Sunset", "c. 1840", "marine",
                 partial(seascape, light=EVENING, boats=3), WIDE, ("boats", "sea")),
        _orihara("Peonies in a Blue Jar", "1850s", "still life",
                 partial(flowers, wall=rgb(0xB8B090), petals=_PEONIES), TALL, ("flowers",)),
        _orihara("Mountain Pass, Autumn", "1847", "landscape",
                 partial(landscape, light=FALL, river=True), WIDE, ("river",)),
        _orihara("Fishing Boats at Dawn", "1841", "marine",
                 partial(seascape, light=MORNING, boats=4, waves=1.6), WIDE, ("boats", "sea")),
    ),
    (
        _whitcombe("Storm off Harrow Head", "1827", "marine",
                   partial(seascape, light=STORM, waves=1.8, cliff=True), WIDE, ("boats", "sea")),
        _whitcombe("Moonrise over the Estuary", "1832", "marine",
                   partial(seascape, light=NIGHT, moon=True), WIDE, ("boats", "sea", "night")),
        _whitcombe("Miss Nilsen", "1829", "portrait",
                   _sitting((_CLARA, "plain", rgb(0xB8B0C0), _LINEN), ground=rgb(0x7A6A50)), TALL,
                   (_CLARA,), framed=True),
        _whitcombe("The Fighting Boats at Sunset", "1838", "marine",
                   partial(seascape, light=EVENING, boats=3), WIDE, ("boats", "sea")),
        _whitcombe("The Vale in Evening Light", "1820s", "landscape",
                   partial(landscape, light=EVENING, river=True), WIDE, ("river",), "{}?"),
        _whitcombe("The Town at Night", "1835", "cityscape",
                   partial(town, light=NIGHT, lit=0.5), WIDE, ("canal", "night"), "Manner of {}"),
    ),
    (
        _lindqvist("Quarter Turn I", "1961", "abstract",
                   partial(abstracts.quarter_circles, colors=_NORDIC), SQUARE, ("geometric",)),
        _lindqvist("Lattice with Red", "1954", "abstract",
                   partial(abstracts.lattice, colors=_PRIMARY), SQUARE, ("geometric",)),
        _lindqvist("Target for a Winter Day", "1963", "abstract",
                   partial(abstracts.rings, colors=_FJORD), SQUARE, ("geometric",)),
        _lindqvist("Embers", "1958", "abstract",
                   partial(abstracts.stacked, colors=_EMBER), TALL, ("color field",)),
        _lindqvist("Quarter Turn II", "1962", "abstract",
                   partial(abstracts.quarter_circles, colors=_NORDIC, across=5), SQUARE,
                   ("geometric",)),
        _lindqvist("Slope", "1966", "abstract",
                   partial(abstracts.diagonals, colors=_NORDIC), SQUARE, ("geometric",)),
        _lindqvist("Fjord", "1959", "abstract",
                   partial(abstracts.stacked, colors=_FJORD), TALL, ("color field",)),
    ),
)  # fmt: skip


def _interleaved() -> tuple[Work, ...]:
    """Return the works of all painters in turn, so that even the first few are mixed."""
    most = max(len(works) for works in _BY_PAINTER)
    return tuple(works[i] for i in range(most) for works in _BY_PAINTER if i < len(works))


WORKS: Final = _interleaved()
"""Sixty works; those of each painter in the order above, the painters taking turns."""
