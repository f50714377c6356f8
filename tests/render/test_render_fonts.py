import pytest
from PIL import Image

from artsim.render.sheet_png import Type, load_type


@pytest.fixture
def kind() -> Type:
    return load_type("serif", 20)


def drawn(kind: Type, text: str) -> bytes:
    canvas = Image.new("RGB", (300, 40), (255, 255, 255))
    kind.draw(canvas, 2, 2, text, "black")
    return canvas.tobytes()


def test_letters_keep_their_accents(kind: Type) -> None:
    assert drawn(kind, "Čiurlionis, Łódź, Strauß") != drawn(kind, "Ciurlionis, Lodz, Strauss")
    boxes = drawn(kind, "\uec01\uec01")
    assert boxes != drawn(kind, "")  # what no font has is a box
    for text in ("דיוקן אישה", "лилии", "Κόρη", "★"):
        assert drawn(kind, text[:2]) != boxes


def test_lines_fit_and_lose_nothing(kind: Type) -> None:
    text = "The Adoration of the Magi, fragment of a predella"
    lines = kind.wrap(text, 160, 9)
    assert " ".join(lines) == text
    assert max(kind.width(line) for line in lines) <= 160


def test_the_last_line_ends_in_an_ellipsis(kind: Type) -> None:
    lines = kind.wrap("The Adoration of the Magi, fragment of a predella", 160, 2)
    assert len(lines) == 2
    assert lines[1].endswith("…")
    assert max(kind.width(line) for line in lines) <= 160


@pytest.mark.parametrize("text", ["x" * 200, "睡" * 60, "a-b_" * 40, "1  " + "<script>" * 20])
def test_long_words_are_broken(kind: Type, text: str) -> None:
    lines = kind.wrap(text, 100, 3)
    assert len(lines) == 3
    assert max(kind.width(line) for line in lines) <= 100


def test_no_room_is_no_endless_loop(kind: Type) -> None:
    assert kind.wrap("ab c", 0.1, 5) == ["a", "b", "c"]
    assert kind.wrap("   ", 100, 3) == []
