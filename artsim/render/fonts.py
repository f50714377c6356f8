"""Type for contact sheets from the fonts that the machine has.

Pillow brings one font of its own, which knows little beyond ASCII, so common system
fonts come first and each letter is drawn in the first font that has it. Where none has,
letters lose their accents rather than become boxes.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Final, Literal

from PIL import ImageDraw, ImageFont

Style = Literal["serif", "sans"]
Color = tuple[int, int, int]

PREFERRED: Final[Mapping[Style, Sequence[str]]] = {
    "serif": (
        "sourceserif4-regular.otf",
        "sourceserifpro-regular.otf",
        "notoserif-regular.ttf",
        "georgia.ttf",
        "liberationserif-regular.ttf",
        "dejavuserif.ttf",
    ),
    "sans": (
        "sourcesans3-regular.otf",
        "sourcesanspro-regular.otf",
        "notosans-regular.ttf",
        "helveticaneue.ttc",
        "segoeui.ttf",
        "liberationsans-regular.ttf",
        "dejavusans.ttf",
        "arial.ttf",
    ),
}
"""File names of text fonts, best first; the first that is there is used."""

FALLBACKS: Final = (
    "dejavusans.ttf",
    "notosans-regular.ttf",
    "notosanscjk-regular.ttc",
    "notosanscjksc-regular.otf",
    "wqy-zenhei.ttc",
    "wqy-microhei.ttc",
    "droidsansfallbackfull.ttf",
    "notosansarabic-regular.ttf",
    "notosanshebrew-regular.ttf",
    "notosansdevanagari-regular.ttf",
    "notosansbengali-regular.ttf",
    "notosansthai-regular.ttf",
    "notosansgeorgian-regular.ttf",
    "notosansarmenian-regular.ttf",
    "freesans.ttf",
    "arial unicode.ttf",
    "hiragino sans gb.ttc",
    "pingfang.ttc",
    "applesdgothicneo.ttc",
    "msyh.ttc",
    "yugothr.ttc",
    "malgun.ttf",
    "leelawui.ttf",
    "nirmala.ttc",
    "unifont.ttf",
    "unifont.otf",
)
"""File names of fonts for the letters that a text font lacks."""

_UNASSIGNED: Final = "\U0010ffff"
"""No font has it, so it is drawn as the font draws what it lacks."""

_SIMPLER: Final = str.maketrans(
    {
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{MINUS SIGN}": "-",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "·": "-",
        "ß": "ss",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "þ": "th",
        "ð": "d",
    }
)
"""Letters that do not come apart into a plain one and marks."""


class Face:
    """One font file at one size, and which characters it has."""

    def __init__(self, font: ImageFont.FreeTypeFont) -> None:
        self.font = font
        self._missing = self._picture(_UNASSIGNED)
        self._known: dict[str, bool] = {}

    def has(self, char: str) -> bool:
        """Return whether the font has a glyph for `char`."""
        if char not in self._known:
            # Pillow does not show a font's character map, only what it draws.
            self._known[char] = char.isspace() or self._picture(char) != self._missing
        return self._known[char]

    def _picture(self, char: str) -> tuple[tuple[int, int], bytes]:
        mask = self.font.getmask(char)
        return mask.size, bytes(mask)


class Type:
    """A text font at one size, with others behind it for the letters it lacks."""

    def __init__(self, faces: Sequence[Face]) -> None:
        self._faces = faces
        self.ascent, self.descent = faces[0].font.getmetrics()

    @property
    def line_height(self) -> int:
        """Pixels from one baseline to the next."""
        return round((self.ascent + self.descent) * 1.12)

    def width(self, text: str) -> float:
        """Return the width of `text` on one line, in pixels."""
        return sum(face.font.getlength(run) for face, run in self._runs(text))

    def draw(
        self, canvas: ImageDraw.ImageDraw, x: float, top: float, text: str, ink: Color
    ) -> None:
        """Draw `text` on one line whose top left corner is (x, top)."""
        for face, run in self._runs(text):
            canvas.text((x, top + self.ascent), run, font=face.font, fill=ink, anchor="ls")
            x += face.font.getlength(run)

    def wrap(self, text: str, width: float, lines: int) -> list[str]:
        """Break `text` into at most `lines` lines of `width`; the last may end in "…".

        Words longer than a line, and scripts without spaces, are broken anywhere.
        """
        wrapped: list[str] = []
        rest = text.strip()
        while rest and len(wrapped) < lines:
            if self.width(rest) <= width:
                wrapped.append(rest)
                return wrapped
            if len(wrapped) == lines - 1:
                wrapped.append(self._cut(rest, width, "…").rstrip() + "…")
                return wrapped
            line = self._cut(rest, width, "")
            if rest[len(line) :][:1] not in {"", " "}:
                line = _to_last_break(line)
            wrapped.append(line.rstrip())
            rest = rest[len(line) :].lstrip()
        return wrapped

    def _cut(self, text: str, width: float, end: str) -> str:
        """Return the longest start of `text`, at least a letter, that fits with `end`."""
        low, high = 1, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.width(text[:middle] + end) <= width:
                low = middle
            else:
                high = middle - 1
        while low > 1 and low < len(text) and unicodedata.combining(text[low]):
            low -= 1
        return text[:low]

    def _runs(self, text: str) -> Iterator[tuple[Face, str]]:
        faces: list[tuple[Face, str]] = []
        for char in text:
            if faces and (unicodedata.combining(char) or char in " \u200c\u200d"):
                # Marks and spaces stay with their word, so that it is shaped as one.
                faces.append((faces[-1][0], char))
            else:
                faces += self._find(char)
        for _, run in groupby(faces, key=lambda pair: id(pair[0])):
            pairs = list(run)
            yield pairs[0][0], "".join(part for _, part in pairs)

    def _find(self, char: str) -> list[tuple[Face, str]]:
        for face in self._faces:
            if face.has(char):
                return [(face, char)]
        simple = [c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c)]
        simple = list("".join(simple).translate(_SIMPLER))
        if simple == [char]:
            return [(self._faces[0], char)]
        return [found for part in simple for found in self._find(part)]


def _to_last_break(line: str) -> str:
    """Return `line` up to its last space or joint, unless that would leave it short."""
    end = max(line.rfind(" "), *(line.rfind(joint) + 1 for joint in "-_/"))
    return line[:end] if end * 3 > len(line) else line


@lru_cache(maxsize=32)
def load_type(style: Style, size: int) -> Type:
    """Return type of a style, `size` pixels to the em, from the fonts that are there."""
    return make_type(_font_files(), style, size)


def make_type(files: Mapping[str, Path], style: Style, size: int) -> Type:
    """Return type from font `files` by lower-case name, and Pillow's own font last."""
    preferred = [files[name] for name in PREFERRED[style] if name in files][:1]
    others = [files[name] for name in FALLBACKS if name in files]
    faces = [Face(font) for path in [*preferred, *others] if (font := _open(path, size))]
    own = ImageFont.load_default(size=size)
    if isinstance(own, ImageFont.FreeTypeFont):
        faces.append(Face(own))
    return Type(faces)


def _open(path: Path, size: int) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(str(path), size)
    except (OSError, ValueError):
        return None  # damaged, or of a kind that FreeType does not read


@lru_cache(maxsize=1)
def _font_files() -> Mapping[str, Path]:
    """Return the wanted fonts that are installed, by lower-case file name."""
    wanted = {*FALLBACKS, *PREFERRED["serif"], *PREFERRED["sans"]}
    files: dict[str, Path] = {}
    for folder in _font_folders():
        for root, _, names in os.walk(folder):
            for name in names:
                if name.lower() in wanted:
                    files.setdefault(name.lower(), Path(root, name))
    return files


def _font_folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "win32":
        windows = Path(os.environ.get("WINDIR", r"C:\Windows"), "Fonts")
        local = Path(os.environ.get("LOCALAPPDATA", home), "Microsoft", "Windows", "Fonts")
        return [windows, local]
    if sys.platform == "darwin":
        return [home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")]
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    own = os.environ.get("XDG_DATA_HOME") or str(home / ".local/share")
    return [Path(folder, "fonts") for folder in (own, *shared.split(":")) if folder]
