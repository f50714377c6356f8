"""What a catalogue's artist line says: who, and how surely it is by that hand."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from artsim.domain.names import artist_key, fold_text

AttributionKind = Literal[
    "by", "attributed", "workshop", "circle", "follower", "manner", "after", "unknown"
]
"""Nearest to the artist first, as in `artsim.domain.payload.ATTRIBUTIONS`."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """How a work is tied to an artist.

    Attributes
    ----------
    kind : str
        One of `artsim.domain.payload.ATTRIBUTIONS`.
    artist : str or None
        The name alone, as written; None if and only if nobody is named.
    """

    kind: AttributionKind
    artist: str | None


_LONGEST: Final = 400
"""Characters of a line that is looked into; a longer one is taken as it is."""

_UNKNOWN: Final = Attribution("unknown", None)

_PREFIXES: Final[tuple[tuple[AttributionKind, str], ...]] = (
    (
        "workshop",
        r"workshop of|studio of|studio assistants? of|atelier of|shop of|assistants? (?:of|to)|"
        r"pupils? of|(?:l.)?atelier (?:de|du|des|van)|bottega (?:di|del)|"
        r"werkstatt(?: (?:von|des|der))?|werkplaats van|taller de|eleve de|allievo di|"
        r"schuler (?:von|des)",
    ),
    (
        "circle",
        r"(?:close )?circle of|associate of|entourage (?:de|du|des)|cercle (?:de|du|des)|"
        r"(?:umkreis|kreis)(?: (?:von|des|der))?|cerchia (?:di|del)|ambito (?:di|del)|"
        r"(?:omgeving|kring) van|circulo de",
    ),
    (
        "manner",
        r"(?:in the )?(?:manner|style) of|imitators? of|(?:alla )?maniera (?:di|del)|"
        r"(?:a la )?maniere (?:de|du|des)|(?:dans le )?gout (?:de|du|des)|stile di|"
        r"(?:in der )?art (?:von|des|der)|(?:stijl|trant) van|estilo de|imitatore di|"
        r"imitateur de",
    ),
    (
        "after",
        r"(?:(?:modern |early |later )?cop(?:y|ies) )?after|cop(?:y|ies) (?:of|from)|copied from|"
        r"(?:copie )?d.apres|copie de|copia (?:da|di|de)|"
        r"(?:kopie )?nach|(?:kopie )?naar|segun",
    ),
    (
        "attributed",
        r"(?:here )?attributed to|attr\.?(?: to)?|ascribed to|attribuee? (?:a|au)|"
        r"attribuito a|zugeschrieben(?: an)?|toegeschreven aan|atribuido a",
    ),
    (
        "follower",
        r"(?:close )?followers? of|school of|ecole (?:de|du|des)|scuola (?:di|del)|"
        r"schule(?: (?:von|des|der))?|escuela de|(?:nachfolger|nachfolge)(?: (?:von|des|der))?|"
        r"(?:suiveur|disciple) (?:de|du|des)|seguace (?:di|del)|navolger van|seguidor de",
    ),
)
_PREFIX: Final = re.compile(
    r"(?:(?:by |from |the |an? )*)(?:"
    + "|".join(f"(?P<{kind}>{forms})" for kind, forms in _PREFIXES)
    + r")(?:[ :]+|$)"
)
_DOUBT: Final = re.compile(
    r"(?:possibly|probably|perhaps|presumably|likely|maybe|wohl|vermutlich|peut-etre|forse)"
    r"(?:,? by)? +"
)
_DOUBTED_BEHIND: Final = re.compile(r"(.+?),? (?:zugeschrieben|toegeschreven)")
_DISOWNED: Final = re.compile(
    r"(?:formerly|previously|once|traditionally) (?:attributed|ascribed) "
)
_HELPERS: Final = (
    r"(?:(?:his|her|the) )?(?:workshop|studio|assistants?|pupils?|atelier|werkstatt|bottega|"
    r"shop|helfer|gehilfen|collaborators?|an assistant)"
)
_WITH_HELP: Final = re.compile(rf"(.+?),? (?:and|with|&|und|et|e|en|mit|avec) {_HELPERS}")
_PERHAPS_HELP: Final = re.compile(rf"(.+?),? (?:or|oder|ou|of) {_HELPERS}")
_ALTERNATIVE: Final = re.compile(r"(.+?),? (?:or|oder|ou) (.+)")
_COPYIST: Final = re.compile(r"(.+?)[,;]? \(?((?:copy )?after|d.apres|nach|naar) ([^()]+)\)?")
_TRAILING: Final = re.compile(r"(.+?)(?:, ?| ?\()([^(),]+?)\)?")

_NOBODY: Final = re.compile(
    r"(?:an? |by )?(?:unknown|unidentified|anonymous|anon\.?|anonym(?:e|us|er)?|anonimo|anoniem|"
    r"unbekannt(?:er)?|inconnue?|ignoto|sconosciuto|onbekend(?:e)?|desconocido|artist unknown|"
    r"maker unknown|not recorded|various(?: artists)?|autore ignoto|maestro ignoto)(?!\w).*"
    r"|n/?a|none"
)
_PERIOD: Final = re.compile(
    r".*\b(?:\d{1,2}(?:st|nd|rd|th|e|de)?(?:[-/\u2013 ]\d{1,2}(?:st|nd|rd|th|e|de)?)?[- ]"
    r"(?:century|centuries|c\.|jahrhunderts?|jh\.?|eeuw)|"
    r"[ivx]+e? (?:siecle|secolo|siglo)).*"
)
_NATIONS: Final = (
    "american|antwerp|austrian|barbizon|bohemian|bolognese|british|bruges|brussels|byzantine|"
    "catalan|chinese|cologne|cremonese|cretan|cuzco|danish|danube|dutch|early netherlandish|"
    "emilian|english|ferrarese|flemish|florentine|fontainebleau|franco-flemish|french|genoese|"
    "german|ghent|greek|haarlem|hague|haarlem|hudson river|hungarian|indian|irish|italian|"
    "italo-byzantine|japanese|leiden|leyden|lombard|london|madrid|mexican|milan|milanese|"
    "mughal|naples|neapolitan|netherlandish|netherlands|new york|north italian|norwegian|"
    "norwich|novgorod|paduan|paris|parma|persian|pisan|polish|portuguese|prague|rajasthani|"
    "rimini|roman|rome|russian|sicilian|siena|sienese|south german|spanish|st ives|swabian|"
    "swedish|swiss|tuscan|tyrolean|umbrian|upper rhenish|utrecht|valencian|venetian|venice|"
    "veronese|westphalian|bologna|ferrara|florence|genoa|seville|delft|barcelona|cordoba|"
    "posillipo|pont-aven|altamura|ferrare|venise|sienne|napoli|venezia|firenze|roma"
)
_NO_PERSON: Final = re.compile(
    rf"(?:the )?(?:(?:north|south|central|northern|southern|upper|lower|early|modern|old) )*"
    rf"(?:{_NATIONS})(?:[-/ ](?:{_NATIONS}))*"
    rf"(?: (?:school\b.*|schule|painter|artist|master))?"
)


@lru_cache(maxsize=4096)
def parse_attribution(text: str) -> Attribution:
    """Read an artist line in the terms museums and salerooms use.

    The kinds follow the saleroom's glossary [1]_. Decisions where usage differs:

    - "X and workshop", "X with assistants": ``workshop``, so that ``by`` is kept for
      works held to be by the artist's own hand.
    - "X?", "possibly X", "X or workshop", "X or Y": ``attributed``, to X.
    - "School of X", "X School": ``follower`` if X is not one of the usual places and
      nations, else ``unknown`` ("School of Fontainebleau").
    - "Imitator of": ``manner``. "Pupil of", "assistant of": ``workshop``.
    - "X, after Y": what X alone would be, for X held the brush; "Anonymous, after Y" is
      ``after`` Y.
    - "Formerly attributed to X" and "Florentine 15th Century": ``unknown``.
    - "Master of the Saint Lucy Legend" is an artist like others.
    - "X and Y", and the parts of a line divided by ``|`` or ``;``: both artists, in one
      name joined by *and*.

    English, French, German, Italian, Dutch and Spanish terms are known. What is not
    recognized as a term is taken for a name.

    References
    ----------
    .. [1] Christie's, "Important notices and explanation of cataloguing practice":
       attributed to, studio of, circle of, follower of, manner of, after.
    """
    parts = [part.strip() for part in re.split(r"[|;]", _tidy(text))]
    parts = [part for part in parts if part]
    if len(text) > _LONGEST:
        return Attribution("by", _tidy(text))
    if len(parts) > 1:
        return _parse_several(parts)
    return _parse_one(parts[0]) if parts else _UNKNOWN


def _parse_several(parts: list[str]) -> Attribution:
    """Read ``A|or B|and C``, as the National Gallery of Art writes joint attributions."""
    if any(fold_text(part).startswith("or ") for part in parts[1:]):
        return _doubted(_parse_one(parts[0]))
    every = [_parse_one(re.sub(r"^and ", "", part, flags=re.IGNORECASE)) for part in parts]
    named = [one for one in every if one.artist is not None]
    masters = [one.artist for one in named if one.kind == "by" and one.artist]
    if not named:
        return _UNKNOWN
    if not masters:
        return named[0]
    helped = {artist_key(one.artist) for one in named if one.kind == "workshop" and one.artist}
    kind: AttributionKind = "workshop" if helped & set(map(artist_key, masters)) else "by"
    return Attribution(kind, " and ".join(dict.fromkeys(masters)))


def _parse_one(text: str) -> Attribution:
    text = text.strip(" ,")
    folded = _fold_evenly(text)
    if not any(c.isalpha() for c in folded) or _DISOWNED.match(folded):
        return _UNKNOWN
    if doubt := _DOUBT.match(folded):
        return _doubted(_parse_one(text[doubt.end() :]))
    if prefix := _PREFIX.match(folded):
        kind: AttributionKind = next(k for k, _ in _PREFIXES if prefix[k] is not None)
        return _tied(kind, text[prefix.end() :])
    if folded.endswith(("?", "(?)", "[?]")):
        return _doubted(_parse_one(text.rstrip("?()[] ")))
    return _parse_suffixed(text, folded) or _parse_name(text, folded)


def _tied(kind: AttributionKind, rest: str) -> Attribution:
    """Return what a term says of the line that it stands before or behind."""
    if kind == "follower" and _NO_PERSON.fullmatch(_fold_evenly(rest).split(",")[0].strip()):
        return _UNKNOWN
    inner = _parse_one(rest)
    if inner.artist is None:
        return _UNKNOWN
    # "After a follower of Bosch": the outer term says what this work is; a mere doubt
    # ("attributed to the workshop of Rubens") leaves the inner one standing.
    return _doubted(inner) if kind == "attributed" else Attribution(kind, inner.artist)


def _parse_suffixed(text: str, folded: str) -> Attribution | None:
    """Read ``X and workshop``, ``X or Y``, ``X, after Y``, ``X (circle of)``."""
    if found := _DOUBTED_BEHIND.fullmatch(folded):
        return _doubted(_parse_one(text[: found.end(1)]))
    if found := _WITH_HELP.fullmatch(folded):
        inner = _parse_one(text[: found.end(1)])
        return Attribution("workshop", inner.artist) if inner.kind == "by" else inner
    if found := _PERHAPS_HELP.fullmatch(folded) or _ALTERNATIVE.fullmatch(folded):
        return _doubted(_parse_one(text[: found.end(1)]))
    if found := _COPYIST.fullmatch(folded):
        head = _parse_one(text[: found.end(1)])
        return head if head.artist else Attribution("after", text[found.start(3) : found.end(3)])
    if (found := _TRAILING.fullmatch(folded)) and (kind := _kind_of_term(found[2])):
        return _tied(kind, text[: found.end(1)])
    return None


def _kind_of_term(term: str) -> AttributionKind | None:
    """Return what a term that stands behind a name says: ``workshop of``, ``Werkstatt``."""
    for ending in ("", " of", " to", " a", " de", " di"):
        if found := _PREFIX.fullmatch(f"{term}{ending}"):
            return next(kind for kind, _ in _PREFIXES if found[kind] is not None)
    return None


def _parse_name(text: str, folded: str) -> Attribution:
    if _NOBODY.fullmatch(folded) or _PERIOD.fullmatch(folded) or _NO_PERSON.fullmatch(folded):
        return _UNKNOWN
    if folded.endswith(" school"):
        return Attribution("follower", text[: -len(" school")])
    return Attribution("by", re.sub(r"^by (?=\w)", "", text, flags=re.IGNORECASE))


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
