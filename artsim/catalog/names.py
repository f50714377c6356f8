"""Artist names: a key however a name is written, keys of parts of a name, sides of a split."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Final, Literal

_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "\u0131": "i"}
    | {"þ": "th", "æ": "ae", "œ": "oe", "ß": "ss"}
)
"""Letters that Unicode does not decompose into a base letter and a mark."""

_LATIN_MARKS: Final = re.compile("[\u0300-\u036f]")
"""Combining Diacritical Marks only: the vowel signs of Indic scripts and the voicing
marks of kana are letters to their readers and stay."""

_GENERATIONS: Final = {
    "elder": "the elder|elder|der altere|il vecchio|vecchio|l.ancien|de oude|el viejo|o velho",
    "younger": "the younger|younger|der jungere|il giovane|giovane|le jeune|de jonge|el joven|"
    "o moco",
    "jr": r"jun\.?|jr\.?|junior",
    "sr": r"sen\.?|sr\.?|senior",
}
_GERMAN_GENERATION: Final = re.compile(r"\bd\. ?(?:(Ä|Ae?\b)|J\b)\.?")
"""Matched before case is folded: ``d. J.`` is *der Jüngere*, ``D. J.`` are initials."""
_GENERATION: Final = re.compile(
    "|".join(rf"(?P<{name}>(?<!\w)(?:{forms})(?!\w))" for name, forms in _GENERATIONS.items())
)

_PARENTHESIS: Final = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_LIFE_DATES: Final = re.compile(
    r"[,;]?\s*(?<!\bof )(?:\b(?:b|born|d|died|fl|active|ca?|circa|by|before|after)\b\.?\s*){0,4}"
    r"(?<!\bof )\b\d{3,4}\b(?:.*\d)?"
)
"""From the first year to the last digit; a ``Master of 1499`` keeps his."""

_NOT_PART_OF_A_NAME: Final = frozenset({"the", "sir", "dame", "and", "with"})
_ABBREVIATIONS: Final = {"st": "saint", "ste": "sainte"}
_SHORTLIST: Final = 64
_LONGEST: Final = 400  # characters of a name that are looked at


def fold_text(text: str) -> str:
    """Return `text` without case and accents: ``"Łukasz Dürer"`` is ``"lukasz durer"``.

    Scripts without case or Latin-like accents come back as they were, in composed form.
    """
    if text.isascii():
        return text.lower()
    # Decomposed before case is folded too: a mathematical bold A only then is a letter A.
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
    decomposed = unicodedata.normalize("NFKD", plain)
    bare = _LATIN_MARKS.sub("", decomposed).translate(_LETTERS)
    return unicodedata.normalize("NFC", bare)


def artist_key(name: str) -> str:
    """Return the key under which all usual spellings of one artist's name meet.

    The key is the name's words without case and accents, in alphabetical order, joined
    by single spaces. ``"REMBRANDT van Rijn"``, ``"Rijn, Rembrandt van"`` and
    ``"rembrandt-van-rijn"`` all become ``"rembrandt rijn van"``. Parentheses and life
    dates are dropped, and so are *the*, *and*, *Sir* and *Dame*; *the Elder*, *d. Ä.*,
    *il Vecchio* become the word ``elder``, *the Younger* and its like ``younger``, since
    they tell father from son. Initials and roman numerals stay. Empty if `name` has no letter.
    """
    tidy = " ".join(name[:_LONGEST].replace("_", " ").split())
    spelled_out = _GERMAN_GENERATION.sub(
        lambda match: " the elder " if match[1] else " the younger ", tidy
    )
    folded = _PARENTHESIS.sub(_keep_generation, fold_text(spelled_out))
    folded = _LIFE_DATES.sub(" ", folded)
    folded = _GENERATION.sub(lambda match: f" {match.lastgroup} ", folded)
    # Split at whatever is neither letter, digit nor a mark inside a word.
    spaced = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in folded)
    words = [_ABBREVIATIONS.get(word, word) for word in spaced.split()]
    kept = [word for word in words if word not in _NOT_PART_OF_A_NAME]
    return " ".join(sorted(kept or words))


def match_artist(query: str, keys: Iterable[str]) -> list[str]:
    """Return the keys that a name, whole or in part, stands for.

    The first of these that finds any: the key itself; every key that has all words of
    `query` (``"Rembrandt"`` finds ``"rembrandt rijn van"``); every key that has them
    when an initial, on either side, stands for a word (``"R. van Rijn"``). Sorted.
    """
    wanted = artist_key(query)
    known = sorted(set(keys))
    if not wanted:
        return []
    if wanted in known:
        return [wanted]
    words = wanted.split()
    containing = [key for key in known if set(words) <= set(key.split())]
    return containing or [key for key in known if _matches_with_initials(words, key.split())]


def suggest_artists(query: str, keys: Iterable[str], limit: int = 5) -> list[str]:
    """Return the keys most like a name that matched none, best first.

    Every word of the name is compared with its most similar word of the key, by the
    share of letters in common order; keys below a half are left out.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    words = artist_key(query).split()
    if not words:
        return []
    pairs = _letter_pairs(" ".join(words))
    overlaps = [(len(pairs & _letter_pairs(key)), key) for key in set(keys)]
    shortlist = sorted((o for o in overlaps if o[0]), key=lambda o: (-o[0], o[1]))[:_SHORTLIST]
    scored = [(_similarity(words, key.split()), key) for _, key in shortlist]
    near = sorted((-score, key) for score, key in scored if score > 0.5)
    return [key for _, key in near[:limit]]


def _keep_generation(parenthesis: re.Match[str]) -> str:
    inside = parenthesis[1].strip()
    is_generation = _GENERATION.fullmatch(inside) or re.fullmatch(r"i{1,3}|iv|v", inside)
    return f" {inside} " if is_generation else " "


def _matches_with_initials(words: Sequence[str], key_words: Sequence[str]) -> bool:
    if not any(len(word) > 1 and word in key_words for word in words):
        return False
    remaining = list((Counter(key_words) - Counter(words)).elements())
    for word in (Counter(words) - Counter(key_words)).elements():
        alike = (k for k in remaining if word[0] == k[0] and 1 in (len(word), len(k)))
        partner = next(alike, None)
        if partner is None:
            return False
        remaining.remove(partner)
    return True


def _letter_pairs(words: str) -> set[str]:
    padded = f" {words} "
    return {padded[i : i + 2] for i in range(len(padded) - 1)}


def _similarity(words: Sequence[str], key_words: Sequence[str]) -> float:
    """Mean over the words, weighted by their length, of the best ratio in the key."""
    weighted = [
        (len(word), max(SequenceMatcher(None, word, k).ratio() for k in key_words))
        for word in words
    ]
    best = sum(n * ratio for n, ratio in weighted) / sum(n for n, _ in weighted)
    # A key of fewer unexplained words is the likelier one.
    return best - 0.01 * max(0, len(key_words) - len(words))


Side = Literal["train", "validation", "test"]


def side_of(group: str, *, test: float, validation: float = 0.0, seed: int = 0) -> Side:
    """Return the side on which everything of `group` is.

    It depends on the group's name (an ``artist_key``, a sitter) and the seed alone, so that an
    artist is on the same side in every collection. The shares, in 0..1 and at most 1 together,
    are of the groups, not of the works.
    """
    if not (0 <= test <= 1 and 0 <= validation <= 1 and test + validation <= 1):
        raise ValueError(f"shares of {test} and {validation} are not within 0..1 together")
    digest = hashlib.sha256(f"{seed}\0{group}".encode("utf-8", "surrogatepass")).digest()
    draw = int.from_bytes(digest[:8], "big") / 2**64
    if draw < test:
        return "test"
    return "validation" if draw < test + validation else "train"
