"""Dates of a text, before they are given years."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

from artsim.catalog.date_words import Word, read_words

Unit = Literal["year", "decade", "century", "ordinal"]


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
    words = _without_days(read_words(text))
    words = [w for w, after in pairwise([*words, Word("skip")]) if not _both(w, after, ("list",))]
    return (_group(words) if words else None) or []


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
        if i and words[i - 1].kind in _OPENING and not _is_number(words, i + 1):
            dropped.add(i - 1)  # "1933, probably before November"
    kept = [word for i, word in enumerate(words) if i not in dropped]
    joints = ("to", "list")
    apart = [w for w, after in pairwise([*kept, Word("to")]) if not _both(w, after, joints)]
    while apart and apart[0].kind in joints:
        apart.pop(0)
    while apart and apart[-1].kind in joints:
        apart.pop()
    return apart


def _is_number(words: Sequence[Word], i: int) -> bool:
    return i < len(words) and words[i].kind in ("number", "decade")


def _is_day(word: Word) -> bool:
    return 1 <= word.value <= 31 and (
        word.kind == "ordinal" or (word.kind == "number" and word.digits <= 2)
    )


def _both(one: Word, other: Word, kinds: Sequence[str]) -> bool:
    return one.kind in kinds and other.kind in kinds


_DASHES: Final = ("dash", "slash")
_OPENING: Final = ("close", "earlier", "later", "before", "after")


def _group(words: Sequence[Word]) -> list[Span] | None:
    """Group the words into dates; None if they do not form any."""
    spans = [Span()]
    is_between = False
    for i, word in enumerate(words):
        following = words[i + 1] if i + 1 < len(words) else Word("skip")
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
            grown = _grow(spans[-1], word, words[i - 1] if i else Word("skip"), following)
            if grown is None:
                return None
            spans[-1] = grown
    return _merge_parts_behind(spans)


def _grow(span: Span, word: Word, previous: Word, following: Word) -> Span | None:
    """Add a word to a date; None if it has no place there."""
    match word.kind:
        case "number" | "ordinal" | "decade":
            return _grow_number(span, word, previous, following)
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


def _grow_number(span: Span, word: Word, previous: Word, following: Word) -> Span | None:
    if following.kind == "fraction":
        return span  # which fraction it is
    if span.number is not None or word.value < 0:
        return None
    unit: Unit = span.unit
    if word.kind == "ordinal" and unit != "century":
        unit = "ordinal"
    if word.kind == "decade":
        unit = "decade"
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
