"""Colors and type of the plots, on paper and on the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

# Hues apart for red-, green- and blue-blind eyes as well: with the dichromacies simulated after
# Machado et al. (2009), doi:10.1109/TVCG.2009.113, the nearest two of a set are 8 apart in
# CIEDE2000, and all are at least 3:1 against the wall.
SERIES_LIGHT: Final = (
    "#1F5FAE",
    "#C47A0E",
    "#16705A",
    "#A5281C",
    "#C06AA8",
    "#2E90D0",
    "#4E2168",
    "#857D74",
)
SERIES_DARK: Final = (
    "#5CA8F5",
    "#F2A93B",
    "#2E9C7C",
    "#D9553F",
    "#E0A6D8",
    "#C6EAF9",
    "#7F6FD8",
    "#F4F1A8",
)


@dataclass(frozen=True, slots=True)
class Theme:
    """What a plot is drawn with; colors are ``#rrggbb``.

    Attributes
    ----------
    ink, muted, line, wall : str
        Of texts, lesser texts, the grid, and what is behind.
    series : tuple of str
        Of lines and bars, one after the other.
    """

    ink: str
    muted: str
    line: str
    wall: str
    series: tuple[str, ...]


PAPER: Final = Theme("#211f1c", "#6b655c", "#dcd7ce", "#ffffff", SERIES_LIGHT)
"""Of PNG files, which go into papers and slides."""

_MARKS: Final = {"ink": "#0102a1", "muted": "#0102a2", "line": "#0102a3", "wall": "#0102a4"}
_SERIES_MARKS: Final = tuple(f"#0102b{i}" for i in range(len(SERIES_LIGHT)))

PAGE: Final = Theme(**_MARKS, series=_SERIES_MARKS)
"""Of the page, whose style says what its colors are: these only stand for them."""

PAGE_COLORS: Final = {
    **{mark: f"var(--{name})" for name, mark in _MARKS.items()},
    **{mark: f"var(--series-{i + 1})" for i, mark in enumerate(_SERIES_MARKS)},
}
"""The page's colors by what stands for them in `PAGE`."""

FONT_SIZE: Final = 9.0
"""Points."""


_MORE_FONTS: Final = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Source Han Sans",
    "WenQuanYi Zen Hei",
    "Hiragino Sans",
    "PingFang SC",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
)
"""Fonts of scripts that DejaVu Sans lacks; those that are installed are used."""


def settings(name: str) -> dict[Any, Any]:
    """Return matplotlib's settings for the plot called `name`."""
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return {
        "font.family": ["DejaVu Sans", *(font for font in _MORE_FONTS if font in installed)],
        "font.size": FONT_SIZE,
        # Titles and names may hold dollar signs; none of them is a formula.
        "text.parse_math": False,
        "axes.titlesize": FONT_SIZE + 2,
        "svg.fonttype": "none",
        # Equal plots give equal files, and parts of two plots on a page are not mixed up.
        "svg.hashsalt": name,
    }
