"""What a catalogue's artist line says: who, and how surely it is by that hand."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, cast

from artsim.catalog.names import artist_key, fold_text
from artsim.catalog.payload import AttributionKind, Payload, field_values, first_text


@dataclass(frozen=True, slots=True)
class Attribution:
    """How a work is tied to an artist: the name alone, as written, None if nobody is named."""

    kind: AttributionKind
    artist: str | None


_LONGEST: Final = 400  # characters of a line that is looked into; a longer one is a name
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
