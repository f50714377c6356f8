"""Dates as catalogues write them, in six languages, as intervals of years.

The words that there are, are in date_words.toml.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any, Final, Literal

from artsim.catalog.names import fold_text

OPEN_END_YEARS: Final = 50
"""How far "before 1700" and "after 1650" reach. Object ID (Thornes et al. 1999, Getty) allows
up to 100 years; half of that is about one painter's working life."""

CLOSE_END_YEARS: Final = 5
"""How far "shortly after 1650" reaches: what cataloguers mean by *circa* (Baca et al. 2006,
Cataloging Cultural Objects, 4.2.3: "ca. 1610" is 1605..1615)."""

LATEST_YEAR: Final = 2099
"""A larger number is no year of a painting (9999 is some databases' "unknown")."""


@dataclass(frozen=True, slots=True)
class YearRange:
    """Years in which a work was made, both ends included.

    Years before Christ are negative and there is no year 0: 4 BC is -4.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        """Refuse an interval that ends before it starts."""
        if self.start > self.end:
            raise ValueError(f"a range of years cannot run from {self.start} to {self.end}")


@lru_cache(maxsize=4096)
def parse_date(text: str) -> YearRange | None:
    """Read a catalogue's date; None where any word of it is not understood.

    Conventions, after the Getty's guides [1]_ [2]_ where they have one:

    - A century is its hundred: "17th century" and "1600s" are 1600..1699, "4th century
      BC" is -399..-300. *Early*, *mid-* and *late* (and "beginning", "end") are thirds,
      1600..1633, 1634..1666, 1667..1699; of a decade 0..3, 4..6, 7..9. Halves
      ("later 18th century" is the second) and quarters are 50 and 25 years. "Turn of the
      18th century" is 1690..1709.
    - *Circa*, "probably" and "?" do not widen: "c. 1500-25" is 1500..1525.
    - "Before" and "by 1700" are 1650..1700, "after 1650" is 1650..1700
      (`OPEN_END_YEARS`), "shortly before" and "shortly after" reach `CLOSE_END_YEARS`;
      no end lies in the future. "17th century or later" starts with the century;
      "1902, printed before 1910" is 1902..1910, "18th century, after 1713" 1713..1799.
    - Alternatives and stages ("1598 or 1599", "begun 1501, finished 1508", "1918, printed
      1968") are the shortest interval around all. A day or month is its year, "1911-09"
      too; "1905-07" is two years.
    - A place before the date is passed over: "Paris 1911".
    - English, French, German, Italian, Dutch, Spanish and Latin words are known.

    None for "n.d.", "Spring", "99", "1650-1600", "Ming dynasty" and whatever else is no
    date beyond doubt.

    References
    ----------
    .. [1] Categories for the Description of Works of Art, Getty Research Institute.
    .. [2] Baca et al. (2006). Cataloging Cultural Objects, 4.2.3.
    """
    spans = read_spans(text)
    completed = _complete(spans) if spans else None
    return _enclose(completed) if completed else None


# --- words ------------------------------------------------------------------------

WordKind = Literal[
    "number", "ordinal", "decade", "century", "hundreds", "part", "fraction", "turn", "decade_of",
    "to", "list", "between", "before", "by", "after", "earlier", "later", "not", "close",
    "era", "month", "skip",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a date: what it is, and its number or name."""

    kind: WordKind
    value: int = 0  # of a number, ordinal (-1: last) or decade; how many fractions make a whole
    name: str = ""  # tells parts and eras apart
    digits: int = 0  # how many a number was written with


_LONGEST: Final = 200  # characters; a longer text is no date

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
    return tomllib.loads(Path(__file__).with_name("date_words.toml").read_text("utf-8"))


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


# --- dates of words -----------------------------------------------------------------

Unit = Literal["year", "decade", "century", "ordinal"]

_DASHES: Final = ("dash", "slash")
_OPENING: Final = ("close", "earlier", "later", "before", "after")
_THIRDS: Final = {"early": "1/3", "mid": "2/3", "late": "3/3"}
_NOTHING: Final = Word("skip")


@dataclass(frozen=True, slots=True)
class Span:
    """One date of a text; `joined` says how it follows the one before it.

    An open end is with the date itself (`is_with`) in "17th century or later".
    """

    number: int | None = None
    digits: int = 0
    unit: Unit = "year"
    part: str = ""
    open_end: Literal["", "before", "by", "after"] = ""
    is_with: bool = False
    is_close: bool = False
    era: str = ""
    joined: Literal["", "to", "list"] = ""
    is_slash: bool = False


def read_spans(text: str) -> list[Span]:
    """Return the dates of a text in order; none if any word has no place."""
    words = _alone(_without_days(read_words(text)), ("list",), _NOTHING)
    return (_group(words) if words else None) or []


def _alone(words: Sequence[Word], kinds: Sequence[str], end: Word) -> list[Word]:
    """Drop a word of these kinds before another of them, or before the `end`."""
    both = pairwise([*words, end])
    return [w for w, after in both if not (w.kind in kinds and after.kind in kinds)]


def _without_days(words: Sequence[Word]) -> list[Word]:
    """Drop months, seasons and the days beside them."""
    months = [i for i, word in enumerate(words) if word.kind == "month"]
    if not months:
        return list(words)
    dropped = set(months)
    for i in months:
        before = [k for k in range(i - 1, -1, -1) if words[k].kind != "to"]
        if before and before[0] not in dropped and _is_day(words[before[0]]):
            dropped.add(before[0])
            # "12-14 June"
            if i > 2 and words[i - 2].kind == "to" and _is_day(words[i - 3]):
                dropped.add(i - 3)
        elif i + 1 < len(words) and _is_day(words[i + 1]):
            dropped.add(i + 1)
            # "June 12-14"
            if i + 3 < len(words) and words[i + 2].kind == "to" and _is_day(words[i + 3]):
                dropped.update((i + 2, i + 3))
        is_of_a_year = i + 1 < len(words) and words[i + 1].kind in ("number", "decade")
        if i and words[i - 1].kind in _OPENING and not is_of_a_year:
            dropped.add(i - 1)  # "1933, probably before November"
    kept = [word for i, word in enumerate(words) if i not in dropped]
    apart = _alone(kept, ("to", "list"), Word("to"))
    return apart[1:] if apart and apart[0].kind in ("to", "list") else apart


def _is_day(word: Word) -> bool:
    return 1 <= word.value <= 31 and (
        word.kind == "ordinal" or (word.kind == "number" and word.digits <= 2)
    )


def _group(words: Sequence[Word]) -> list[Span] | None:
    """Group the words into dates; None if they do not form any."""
    spans = [Span()]
    is_between = False
    for i, word in enumerate(words):
        following = words[i + 1] if i + 1 < len(words) else _NOTHING
        if word.kind in ("to", "list"):
            if word.name in _DASHES and words[i - 1].kind == "part" and i:
                if following.kind not in ("part", "to"):
                    continue  # "mid-17th century"
            elif i and words[i - 1].kind == "to":
                continue  # "mid- to late"
            if i + 1 < len(words) and all(w.kind in _OPENING for w in words[i + 1 :]):
                continue  # "1650 or shortly after"
            if i == 0 and following.kind in ("before", "by", "after"):
                continue  # "in or before 1650"
            if spans[-1] == Span(joined=spans[-1].joined, is_slash=spans[-1].is_slash):
                if word.kind == "to" and not word.name and i == 0:
                    spans[-1] = Span(open_end="by")  # "until 1520"
                    continue
                return None
            joined: Literal["to", "list"] = "to" if is_between or word.kind == "to" else "list"
            spans.append(Span(joined=joined, is_slash=word.name == "slash"))
        elif word.kind == "between":
            is_between = True
        else:
            grown = _grow(spans[-1], word, words[i - 1] if i else _NOTHING, following)
            if grown is None:
                return None
            spans[-1] = grown
    return _merge_parts_behind(spans)


def _grow(span: Span, word: Word, previous: Word, following: Word) -> Span | None:
    """Add a word to a date; None if it has no place there."""
    match word.kind:
        case "number" | "ordinal" | "decade":
            return _grow_number(span, word, following)
        case "century":
            return replace(span, unit="century")
        case "hundreds":
            is_free = span.number is None
            return replace(span, number=word.value, digits=2, unit="century") if is_free else None
        case "fraction":
            named = f"{previous.value}/{word.value}"
            is_counted = previous.kind in ("ordinal", "number") and not span.part
            return replace(span, part=named) if is_counted else None
        case "part" | "turn":
            return None if span.part else replace(span, part=word.name or "turn")
        case "before" | "by" | "after":
            return replace(span, open_end=word.kind, is_with=span.number is not None)
        case "earlier" | "later":
            return _grow_comparative(span, word, following)
        case "close":
            return replace(span, is_close=True)
        case "era":
            return None if span.era else replace(span, era=word.name)
        case "decade_of":
            return replace(span, unit="decade") if following.kind == "number" else None
        case _:
            return None


def _grow_comparative(span: Span, word: Word, following: Word) -> Span | None:
    """Add *earlier* or *later*: a half of a century, an open end, or the order of two years."""
    is_later = word.kind == "later"
    if following.kind in ("ordinal", "decade", "century", "hundreds"):
        return None if span.part else replace(span, part="2/2" if is_later else "1/2")
    if following.kind == "number":
        return span
    end: Literal["before", "after"] = "after" if is_later else "before"
    return replace(span, open_end=end, is_with=span.number is not None)


def _grow_number(span: Span, word: Word, following: Word) -> Span | None:
    if following.kind == "fraction":
        return span  # which fraction it is
    if span.number is not None or word.value < 0:
        return None
    unit: Unit = span.unit
    if word.kind == "decade" or (word.kind == "ordinal" and unit != "century"):
        unit = word.kind
    return replace(span, number=word.value, digits=word.digits, unit=unit)


def _merge_parts_behind(spans: Sequence[Span]) -> list[Span]:
    """Read "17th century, second half" like "second half of the 17th century"."""
    merged = [spans[0]]
    for span in spans[1:]:
        before = merged[-1]
        is_part_alone = span.number is None and bool(span.part) and span.joined == "list"
        if is_part_alone and before.number is not None and not before.part:
            merged[-1] = replace(before, part=span.part)
        else:
            merged.append(span)
    return merged


# --- years of dates ---------------------------------------------------------------


def _complete(spans: Sequence[Span]) -> list[Span] | None:
    """Fill in what a date leaves to its neighbour: "late 15th-early 16th c.", "1500-25"."""
    done = list(spans)
    for i in range(len(done) - 2, -1, -1):
        done[i] = _from_next(done[i], done[i + 1])
    for i in range(1, len(done)):
        done[i] = _from_previous(done[i], done[i - 1])
    if len(done) == 1 and done[0].unit == "ordinal":
        return None
    return done if all(map(_is_sound, done)) else None


def _from_next(span: Span, following: Span) -> Span:
    if not span.era:
        span = replace(span, era=following.era)
    if span.number is None and span.part:
        return replace(span, number=following.number, digits=following.digits, unit=following.unit)
    if following.unit == "century" and _may_count_centuries(span):
        return replace(span, unit="century")
    return span


def _from_previous(span: Span, before: Span) -> Span:
    if not span.era:
        span = replace(span, era=before.era)
    if span.number is None or before.number is None:
        return span
    if before.unit == "century" and _may_count_centuries(span):
        return replace(span, unit="century")
    is_short = span.digits <= 2 and before.unit in ("year", "decade") and before.number >= 100
    base = 10**span.digits
    number = before.number // base * base + span.number
    # "1190/85 BC", but not "100-50 BC".
    is_descending = span.era == "bc" and span.is_slash and number < before.number
    if is_short and span.unit in ("year", "decade") and (not span.era or is_descending):
        return replace(span, number=number, digits=before.digits)
    return span


def _may_count_centuries(span: Span) -> bool:
    if span.number is None or not 1 <= span.number <= 21:
        return False
    return span.unit == "ordinal" or (span.unit == "year" and span.digits <= 2)


def _is_sound(span: Span) -> bool:
    number = span.number
    if number is None:
        return False
    if span.unit == "century":
        return 1 <= number <= 21 and span.digits <= 2
    if span.unit == "decade":
        return 100 <= number <= LATEST_YEAR and number % 10 == 0 and span.digits >= 3
    least, most = 1 if span.era else 100, 9999 if span.era == "bc" else LATEST_YEAR
    is_year = span.unit == "year" and least <= number <= most
    return is_year and (bool(span.era) or span.digits >= 3)


def _enclose(spans: Sequence[Span]) -> YearRange | None:
    """Return the shortest interval around all dates, which must ascend where one says so."""
    known = [years for years in map(_years, spans) if years]
    if len(known) < len(spans):
        return None
    for (_, before), (span, years) in pairwise(zip(spans, known, strict=True)):
        if span.joined == "to" and years.start < before.start:
            return None
    if [span.open_end for span in spans] in (["after", "before"], ["after", "by"]):
        first, last = known[0].end, known[1].start
        return YearRange(first, last) if first <= last else None
    if narrowed := _narrowed(spans, known):
        return narrowed
    return _around([_open(span, years) for span, years in zip(spans, known, strict=True)])


def _around(ranges: Sequence[YearRange]) -> YearRange:
    return YearRange(min(one.start for one in ranges), max(one.end for one in ranges))


def _narrowed(spans: Sequence[Span], known: Sequence[YearRange]) -> YearRange | None:
    """Read an open end beside another date, which closes it or which it cuts.

    "1902, printed before 1910" starts in 1902, and "18th century, after 1713" ends with
    the century.
    """
    *closed, last = spans
    if not closed or any(span.open_end for span in closed) or not last.open_end or last.is_with:
        return None
    first, other = _around(known[:-1]), known[-1]
    is_within = first.start <= other.start and other.end <= first.end
    if len(closed) == 1 and closed[0].unit in ("century", "decade") and is_within:
        if last.open_end == "after":
            return YearRange(other.end, first.end)
        return YearRange(first.start, other.end)
    is_closing = last.open_end != "after" and first.start <= other.start
    return YearRange(first.start, max(first.end, other.end)) if is_closing else None


def _years(span: Span) -> YearRange | None:
    """Return the years of one date, its open end aside."""
    number = span.number or 0
    if span.unit == "year":
        year = -number if span.era == "bc" else number
        return YearRange(year, year) if span.part in ("", "early", "mid", "late") else None
    if span.unit == "century":
        length, first = 100, 100 * (number - 1)
    else:
        length, first = (100 if number % 100 == 0 else 10), number
    offsets = _offsets(span.part, length)
    if offsets is None:
        return None
    if span.era == "bc":
        first = -(first + length - 1)
        return YearRange(first + offsets[0], min(first + offsets[1], -1))
    return YearRange(max(first + offsets[0], 1), first + offsets[1])


def _offsets(part: str, length: int) -> tuple[int, int] | None:
    """Return the first and last year of a part, counted from the start of the whole."""
    part = _THIRDS.get(part, part)
    if not part:
        return 0, length - 1
    if part == "turn":
        return (-10, 9) if length == 100 else None
    which, many = map(int, part.split("/"))
    which = many if which == -1 else which
    if not 1 <= which <= many or (length == 10 and many in (4, 10)):
        return None
    # Thirds of a hundred are 0..33, 34..66, 67..99; of ten 0..3, 4..6, 7..9.
    return -(-length * (which - 1) // many), -(-length * which // many) - 1


def _open(span: Span, years: YearRange) -> YearRange:
    reach = CLOSE_END_YEARS if span.is_close else OPEN_END_YEARS
    if span.open_end == "after":
        first = years.start if span.is_with else years.end
        until = min(_shift(years.end, reach), datetime.date.today().year)
        return YearRange(first, max(until, years.end))
    if span.open_end:
        last = years.start if span.open_end == "before" and not span.is_with else years.end
        return YearRange(_shift(years.start, -reach), last)
    return years


def _shift(year: int, by: int) -> int:
    """Add years, stepping over the year 0 that never was."""
    shifted = year + by
    if (year < 0 <= shifted) or (shifted <= 0 < year):
        shifted += 1 if by > 0 else -1
    return shifted
