"""Heights and widths out of the texts of museums."""

# ruff: noqa: RUF001 - the signs of catalogues are the subject

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artsim.catalog.cells import Size, read_length, read_size

TEXTS = [
    ("62,2 x 34,8 cm", 62.2, 34.8),
    ("62.2 × 34.8 cm", 62.2, 34.8),
    ("62,2x34,8cm", 62.2, 34.8),
    ("62 cm x 35 cm", 62.0, 35.0),
    ("62 x 35 x 4 cm", 62.0, 35.0),
    ("622 x 348 mm", 62.2, 34.8),
    ("1,212 x 895 mm", 121.2, 89.5),
    ("24 1/2 x 13 3/4 in. (62.2 x 34.9 cm)", 62.2, 34.9),
    ("24½ × 13¾ in", 62.23, 34.925),
    ('24" x 13"', 60.96, 33.02),
    ("H. 62 cm; B. 35 cm", 62.0, 35.0),
    ("B 35 cm, H 62 cm", 62.0, 35.0),
    ("B x H: 35 x 62 cm", 62.0, 35.0),
    ("62 cm hoch, 35 cm breit", 62.0, 35.0),
    ("H. 0,62 m ; L. 0,35 m", 62.0, 35.0),
    ("Hauteur en cm : 62 ; Largeur en cm : 35", 62.0, 35.0),
    ("height 226 mm x width 176 mm", 22.6, 17.6),
    ("61.9 cm (height) x 47 cm (width)", 61.9, 47.0),
    ("Alto: 62 cm; Ancho: 35 cm", 62.0, 35.0),
    ("support: 613 x 921 mm\nframe: 895 x 1212 x 148 mm", 61.3, 92.1),
    ("Framed: 90 x 100 cm; unframed: 66 x 81.3 cm (26 x 32 in.)", 66.0, 81.3),
    ("Diam. 62 cm", 62.0, 62.0),
    ("Höhe 62 cm", 62.0, None),
]


def test_a_text_gives_height_and_width() -> None:
    read = [(text, read_size(text)) for text, _, _ in TEXTS]
    assert read == [(text, Size(height, width)) for text, height, width in TEXTS]


def test_what_is_no_size_is_not_guessed() -> None:
    for text in ("", "1024 x 768", "1024 x 768 px", "2.3 kg", "1 m 20 x 80 cm", "A4", "0 x 0 cm"):
        assert read_size(text) is None, text


def test_the_heading_has_the_unit_and_the_order() -> None:
    assert read_size("62 x 35", heading="Maße (cm)") == Size(62.0, 35.0)
    assert read_size("620 x 350", heading="dimensions_mm") == Size(62.0, 35.0)
    assert read_size("35 x 62", heading="Maße (B x H) in cm") == Size(62.0, 35.0)


@pytest.mark.parametrize(("text", "length"), [
    ("62,2", 62.2), ("62.2 cm", 62.2), ("622 mm", 62.2), ("24 1/2 in. (62.2 cm)", 62.2),
    ("H. 62 cm", 62.0), ('12"', 30.48), ("-3", None), ("0", None), ("about a yard", None),
])  # fmt: skip
def test_one_length(text: str, length: float | None) -> None:
    assert read_length(text) == length


@given(st.text(alphabet='0123456789.,/ xX×*()cmin"hbHB:;½-\n', max_size=200))
def test_any_text_gives_sizes_that_can_be_or_none(text: str) -> None:
    size = read_size(text)
    assert size is None or all(s is None or 0 < s <= 10_000 for s in (size.height, size.width))
