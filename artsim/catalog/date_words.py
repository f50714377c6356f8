"""The words of catalogue dates, in six languages; which ones there are is in date_words.toml."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal

from artsim.catalog.names import fold_text

WordKind = Literal[
    "number", "ordinal", "decade", "century", "hundreds", "part", "fraction", "turn", "decade_of",
    "to", "list", "between", "before", "by", "after", "earlier", "later", "not", "close",
    "era", "month", "skip",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a date: what it is, and its number or name.

    `value` is the number of a number, ordinal (-1: last) or decade, and how many
    fractions make a whole; `name` tells parts and eras apart; `digits` is how many a
    number was written with.
    """

    kind: WordKind
    value: int = 0
    name: str = ""
    digits: int = 0


_LONGEST: Final = 200
"""Characters; a longer text is no date."""

_PUNCTUATION: Final = {
    **dict.fromkeys(".?~:'\"*", Word("skip")),
    **dict.fromkeys(",;&+$", Word("list")),
    "-": Word("to", name="dash"),
    "/": Word("to", name="slash"),
}
_YEAR_AND_MONTH: Final = re.compile(r"\b(\d\d(\d\d))-(0[1-9]|1[0-2])(?![\d/-])")
_TOKEN: Final = re.compile(
    r"(?P<number>[0-9]++)"
    r"(?:(?P<decade>'?s|er)|(?P<ordinal>st|nd|rd|th|nde|de|ste|i?eme|i?e?re|e|o|a))?(?![^\W\d_])"
    r"|(?P<word>[^\W\d_]+)|\S"
)
_CENTURY_NUMERAL: Final = re.compile(r"([ivx]+?)(?:eme|er|e|th|o)?")
_YEAR_NUMERAL: Final = re.compile(r"m[mdclxvi]{3,}")


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


@cache
def _vocabulary() -> dict[str, Word]:
    words: dict[str, Word] = {}
    for kind, forms in _tables()["words"].items():
        for name, text in forms.items() if isinstance(forms, dict) else [("", forms)]:
            is_number = name.lstrip("-").isdigit()
            word = Word(kind, int(name)) if is_number else Word(kind, name=name)
            words.update(dict.fromkeys(text.split(), word))
    return words


@cache
def _rewrites(name: str) -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(pattern), text) for pattern, text in _tables()["rewrites"][name]]


@cache
def _place_first() -> re.Pattern[str]:
    places = _tables()["places"]
    return re.compile(
        rf"(?:(?!(?:{'|'.join(places['not'].split())})\b)[A-Z][\w.'-]+"
        r"(?: (?:de|di|del|la|le|les|los|sur|am|an|der|and|und|et|[A-Z][\w.'-]+))*,"
        rf"|(?:{'|'.join(places['cities'])}),?)\s+(?=\S.*\d{{3}})"
    )


@cache
def _numerals() -> dict[str, int]:
    """Return the roman numerals below 10,000, as they are written properly."""
    digits = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
    hundreds, tens = (
        [digit.translate(str.maketrans("ivx", letters)) for digit in digits]
        for letters in ("cdm", "xlc")
    )
    places = product(["m" * n for n in range(10)], hundreds, tens, digits)
    return {"".join(place): number for number, place in enumerate(places)}


def read_words(text: str) -> list[Word]:
    """Split a date into words that all have a meaning, without those that add none.

    The list is empty if `text` has a word without a meaning, or none at all.
    """
    if len(text) > _LONGEST:
        return []
    # A line break, or what a spreadsheet made of one, stands between two dates.
    lines = [" ".join(line.split()) for line in re.split(r"\\n|[\r\n]+", _without_place(text))]
    folded = "; ".join(fold_text(line) for line in lines if line)
    for pattern, replacement in _rewrites("signs"):
        folded = pattern.sub(replacement, folded)
    # "1911-09"; "1905-07" is two years as well and stays.
    folded = _YEAR_AND_MONTH.sub(lambda m: m[1] if int(m[3]) < int(m[2]) else m[0], folded)
    for pattern, replacement in _rewrites("years"):
        folded = pattern.sub(replacement, folded)
    if re.search(r"\b[lio]\d", folded):
        return []  # a letter typed for a digit: "l860s"
    words: list[Word] = []
    tokens = list(_TOKEN.finditer(folded))
    for i, token in enumerate(tokens):
        following = [later[0] for later in tokens[i + 1 : i + 3]]
        if following[:1] == ["."] and len(following) > 1:
            del following[0]
        word = _meaning(token, words[-1] if words else None, following[0] if following else "")
        if word is None:
            return []
        words.append(word)
    return [word for word in words if word.kind != "skip"]


def _without_place(text: str) -> str:
    """Drop the place before a date: ``Horta de San Joan, summer 1909``."""
    found = _place_first().match(text)
    is_place = found and fold_text(found[0]).strip(" ,").split()[0] not in _vocabulary()
    return text[found.end() :] if found and is_place else text


def _meaning(token: re.Match[str], previous: Word | None, following: str) -> Word | None:
    text = token[0]
    if token["number"]:
        return _number(token["number"], token["decade"], token["ordinal"])
    if not token["word"]:
        return _PUNCTUATION.get(text)
    is_behind_ordinal = previous is not None and previous.kind == "ordinal"
    if text == "c":
        return Word("century") if is_behind_ordinal else Word("skip")
    if text == "s":
        return Word("century") if is_behind_ordinal or _roman_ordinal(following) else None
    if number := _tables()["hundreds"].get(text):
        return Word("hundreds", number)
    if word := _vocabulary().get(text) or _roman_ordinal(text):
        return word
    year = _numerals().get(text) if _YEAR_NUMERAL.fullmatch(text) else None
    return Word("number", year, digits=4) if year else None


def _number(number: str, decade: str | None, ordinal: str | None) -> Word | None:
    value, digits = int(number[:5]), len(number)
    if digits > 4:
        return None
    if decade and digits > 1 and value % 10 == 0:
        return Word("decade", value, digits=digits)
    if ordinal or (decade == "er" and value == 1):
        return Word("ordinal", value) if 1 <= value <= 21 else None
    return None if decade else Word("number", value, digits=digits)


def _roman_ordinal(text: str) -> Word | None:
    found = _CENTURY_NUMERAL.fullmatch(text)
    value = _numerals().get(found[1], 0) if found else 0
    return Word("ordinal", value) if 1 <= value <= 21 else None
