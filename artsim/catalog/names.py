"""Who made a work: keys of artists' names, parts of names, and what an artist line says.

The words of artist lines are in attribution_words.toml.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, Literal, cast

from artsim.catalog.payload import AttributionKind, Payload, field_values, first_text

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
_LONGEST: Final = 400  # characters of a name or an artist line that are looked into


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


# --- artist lines -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attribution:
    """How a work is tied to an artist: the name alone, as written, None if nobody is named."""

    kind: AttributionKind
    artist: str | None


_UNKNOWN: Final = Attribution("unknown", None)


@cache
def _entries() -> dict[str, str | list[str]]:
    place = Path(__file__).with_name("attribution_words.toml")
    return tomllib.loads(place.read_text("utf-8"))


def _expression(name: str) -> str:
    """Return an entry of the table of words, with the entries that it names in it."""
    entry = _entries()[name]
    text = entry if isinstance(entry, str) else f"(?:{'|'.join(entry)})"
    return re.sub(r"\{([a-z_]+)\}", lambda found: _expression(found[1]), text)


@cache
def _words(name: str) -> re.Pattern[str]:
    return re.compile(_expression(name))


@lru_cache(maxsize=4096)
def parse_attribution(text: str) -> Attribution:
    """Read an artist line in the terms museums and salerooms use.

    The kinds follow the saleroom's glossary [1]_. Decisions where usage differs:

    - "X and workshop", "X with assistants": ``workshop``, so that ``by`` is kept for
      works held to be by the artist's own hand.
    - "X?", "possibly X", "X or workshop", "X or Y": ``attributed``, to X; of "Leonard or
      Nardon Pénicaud" to Leonard Pénicaud.
    - "School of X", "X School": ``follower`` if X is not one of the usual places and
      nations, else ``unknown`` ("School of Fontainebleau").
    - "Imitator of": ``manner``. "Pupil of", "assistant of": ``workshop``.
    - "X, after Y": what X alone would be, for X held the brush; "Anonymous, after Y" is
      ``after`` Y.
    - "Formerly attributed to X", "X (rejected attribution)", "Florentine 15th Century",
      "Egyptian" and "Nürnberger Meister um 1480": ``unknown``. "Veronese" is Paolo.
    - A role is no part of the name: "Artist: X", "X (French, 1830-1903), artist".
    - "Master of the Saint Lucy Legend" is an artist like others.
    - "X and Y", and the parts of a line divided by ``|`` or ``;``: both artists, in one
      name joined by *and*.

    English, French, German, Italian, Dutch and Spanish terms are known, and the usual ones
    of the Nordic languages and Portuguese, in attribution_words.toml. What is not recognized as
    a term is taken for a name.

    References
    ----------
    .. [1] Christie's, "Important notices and explanation of cataloguing practice":
       attributed to, studio of, circle of, follower of, manner of, after.
    """
    if len(text) > _LONGEST:
        return Attribution("by", _tidy(text))
    parts = [part.strip() for part in re.split(r"[|;]", _tidy(text)) if part.strip()]
    if len(parts) > 1:
        return _parse_several(parts)
    return _parse_one(parts[0]) if parts else _UNKNOWN


def sitter_of(payload: Payload) -> str | None:
    """Return the key of the one person whom a work is known to show; None where that is not known.

    ``extra.sitter`` says it, or the title of a work by its artist's own hand that it is a
    self-portrait. What is said with a doubt ("?", "possibly", "so-called") is not known.
    """
    said = field_values(payload, "extra.sitter")
    if said:
        person = parse_attribution(str(said[0]))
        is_known = len(said) == 1 and person.kind == "by" and person.artist
        return (artist_key(str(person.artist)) or None) if is_known else None
    title = fold_text(first_text(payload, "title") or "")
    is_own = payload.get("attribution") == "by" and _words("self_portrait").search(title)
    return (
        first_text(payload, "artist_key") if is_own and not _words("unsure").search(title) else None
    )


def without_role(text: str) -> str:
    """Return a line without a role before or behind it, and the life beside the latter.

    ``"Artist: Claude Monet"``; ``"Camille Pissarro (French, 1830-1903), artist"``.
    """
    line = _tidy(text)
    if len(line) > _LONGEST:
        return text
    parts = re.split(r"(; ?)", line)
    plain = "".join(map(_without_role, parts))
    return text if plain == line else plain


def _without_role(part: str) -> str:
    if found := _words("role_before").match(_fold_evenly(part)):
        return part[found.end() :]
    if found := _words("role_behind").fullmatch(_fold_evenly(part)):
        return part[: found.end(1)]
    return part


def _parse_several(parts: list[str]) -> Attribution:
    """Read ``A|or B|and C``, as the National Gallery of Art writes joint attributions."""
    if any(fold_text(part).startswith("or ") for part in parts[1:]):
        return _doubted(_parse_one(parts[0]))
    if _names_a_place(_fold_evenly(parts[0])):
        # What follows a nation is a place in it where it ends in one, or is one word:
        # "Egyptian; probably Thebes (now Luxor), Egypt"
        ends = {part: _fold_evenly(part).rpartition(",")[2] for part in parts[1:]}
        names = [part for part in ends if not (part.isalpha() or _names_a_place(ends[part]))]
        parts = [parts[0], *names]
    is_helped = any(_words("help_alone").fullmatch(_fold_evenly(part)) for part in parts[1:])
    every = [_parse_one(re.sub(r"^and ", "", part, flags=re.IGNORECASE)) for part in parts]
    named = [one for one in every if one.artist is not None]
    masters = [one.artist for one in named if one.kind == "by" and one.artist]
    if not named:
        return _UNKNOWN
    if not masters:
        first = named[0]
        is_workshop = is_helped and first.kind == "attributed"
        return Attribution("workshop", first.artist) if is_workshop else first
    helped = {artist_key(one.artist) for one in named if one.kind == "workshop" and one.artist}
    is_helped = is_helped or bool(helped & set(map(artist_key, masters)))
    return Attribution("workshop" if is_helped else "by", " and ".join(dict.fromkeys(masters)))


def _parse_one(text: str) -> Attribution:
    text = without_role(text.strip(" ,-\u2013\u2014"))
    folded = _fold_evenly(text)
    if not any(c.isalpha() for c in folded) or _words("disowned").match(folded):
        return _UNKNOWN
    if _words("rejected").fullmatch(folded) or _words("help_alone").fullmatch(folded):
        return _UNKNOWN
    if doubt := _words("doubt").match(folded):
        return _doubted(_parse_one(text[doubt.end() :]))
    if prefix := _words("prefix").match(folded):
        return _tied(_kind(prefix), _nominative(text, folded, prefix.end()))
    if folded.endswith(("?", "(?)", "[?]")):
        return _doubted(_parse_one(text.rstrip("?()[] ")))
    if suffixed := _parse_suffixed(text, folded):
        return suffixed
    if _names_nobody(folded):
        return _UNKNOWN
    if folded.endswith(" school"):
        return Attribution("follower", text[: -len(" school")])
    maker = _words("by").match(text)
    return Attribution("by", text[maker.end() :] if maker else text)


def _nominative(text: str, folded: str, start: int) -> str:
    """Return the name from `start` on, without the ending that German terms give it."""
    last = re.sub(r"\W+$", "", folded).rpartition(" ")[2]
    is_genitive = _words("genitive").match(folded) and last.endswith("s") and "(" not in text
    is_cut = is_genitive and not _words("ends_in_s").fullmatch(last)
    return text.rstrip()[start:-1] if is_cut else text[start:]


def _tied(kind: AttributionKind, rest: str) -> Attribution:
    """Return what a term says of the line that it stands before or behind."""
    inner = _parse_one(rest)
    if inner.artist is None:
        return _UNKNOWN
    # "After a follower of Bosch": the outer term says what this work is; a mere doubt
    # ("attributed to the workshop of Rubens") leaves the inner one standing.
    return _doubted(inner) if kind == "attributed" else Attribution(kind, inner.artist)


def _parse_suffixed(text: str, folded: str) -> Attribution | None:
    """Read ``X and workshop``, ``X or Y``, ``X, after Y``, ``X (circle of)``."""
    if found := _words("doubted_behind").fullmatch(folded):
        return _doubted(_parse_one(text[: found.end(1)]))
    if found := _words("with_help").fullmatch(folded):
        inner = _parse_one(text[: found.end(1)])
        return Attribution("workshop", inner.artist) if inner.kind == "by" else inner
    if found := _words("perhaps_help").fullmatch(folded):
        return _doubted(_parse_one(text[: found.end(1)]))
    found = _words("alternative").fullmatch(folded)
    # A word that is written small, or all is in capitals: "Ou Ning" is a name.
    if found and (text.isupper() or text[slice(*found.span(2))].islower()):
        return _doubted(_parse_one(_first_of_two(text, found)))
    if found := _words("copyist").fullmatch(folded):
        head = _parse_one(text[: found.end(1)])
        return head if head.artist else Attribution("after", text[found.start(3) : found.end(3)])
    if found := _words("trailing").fullmatch(folded):
        term = found[2].strip()
        if kind := _kind_of_term(term):
            return _tied(kind, text[: found.end(1)])
        if _words("prefix").match(term) and _parse_one(text[: found.end(1)]).artist is None:
            return _parse_one(text[found.start(2) : found.end(2)])
    if found := _words("behind_genitive").fullmatch(folded) or _words("term_behind").fullmatch(
        folded
    ):
        return _term_behind(text, found)
    if found := _words("life").fullmatch(folded):
        tied = _parse_suffixed(text[: found.end(1)], found[1])
        return tied if tied is not None and tied.kind != "by" else None
    return None


def _term_behind(text: str, found: re.Match[str]) -> Attribution | None:
    """Read ``Rembrandts Werkstatt`` and ``Rembrandt-Schule``."""
    kind = _kind_of_term(found["term"])
    if kind is None or _names_nobody(_fold_evenly(text)):
        return None
    end = found.end("name")
    last = _fold_evenly(text[: end + 1]).rpartition(" ")[2]
    name = text[: end + 1] if _words("ends_in_s").fullmatch(last) else text[:end]
    return _tied(kind, name)


def _first_of_two(text: str, found: re.Match[str]) -> str:
    """Return the first of two names, with the surname that it shares with the second."""
    first, second = text[: found.end(1)], text[found.start(3) :]
    given, *rest = second.split()
    is_mononym = _words("mononym").fullmatch(found[1]) and not (
        rest and fold_text(rest[-1]) in _entries()["surname_of_mononyms"]
    )
    if " " in first or "," in second or not rest or is_mononym or not given[:1].isupper():
        return first
    return f"{first} {' '.join(rest)}"


def _kind_of_term(term: str) -> AttributionKind | None:
    """Return what a term that stands behind a name says: ``workshop of``, ``y Taller``."""
    if _words("help_alone").fullmatch(term):
        return "workshop"
    if term in _entries()["also_name"]:
        return None
    for ending in ("", " of", " to", " a", " de", " di", " van"):
        if found := _words("prefix").fullmatch(f"{term}{ending}"):
            return _kind(found)
    return None


def _kind(term: re.Match[str]) -> AttributionKind:
    return cast("AttributionKind", term.lastgroup)


def _names_a_place(folded: str) -> bool:
    """Say whether a folded line has only words of nations, cities and schools: nobody is named."""
    any_place = _words("any_place")
    places = [match["place"] for match in any_place.finditer(folded)]
    return any(places) and not any(c.isalpha() for c in any_place.sub(" ", folded))


def _names_nobody(folded: str) -> bool:
    nobodies = (_words(name) for name in ("nobody", "period", "school_of_a_place"))
    return _names_a_place(folded) or any(nobody.fullmatch(folded) for nobody in nobodies)


def _doubted(attribution: Attribution) -> Attribution:
    if attribution.kind == "by":
        return Attribution("attributed", attribution.artist)
    return attribution


def _tidy(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _fold_evenly(text: str) -> str:
    """Fold letter by letter, so that positions in the result are positions in `text`."""
    if text.isascii():
        return text.lower()
    return "".join(fold_text(c)[:1] or " " for c in text)
