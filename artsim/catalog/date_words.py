"""The words of catalogue dates, in six languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

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

_MEANINGS: Final[tuple[tuple[Word, str], ...]] = (
    (
        Word("skip"),
        "ca circa cca cir about around approximately approx abt probably possibly perhaps "
        "presumably likely maybe prob poss vers env environ um etwa ungefahr wohl gegen hacia "
        "ongeveer omstreeks rond dated date datiert datato datee signed inscribed painted executed "
        "made completed finished begun started produced created designed printed reworked "
        "revised retouched repainted continued published issued printed reprinted reissued "
        "exhibited cast carved modeled modelled reconstructed remade assembled fabricated "
        "manufactured constructed composed conceived posthumously edition drawn built taken "
        "engraved etched typed reproduced print prints newspaper newspapers book portfolio "
        "drawing drawings woodcut woodcuts altered enlarged on reverse verso "
        "entstanden gemalt vollendet vermutlich signiert ausgefuhrt gedruckt gegossen "
        "gedateerd vermoedelijk vervaardigd databile eseguito dipinto realizzato fechado "
        "firmado publie expose realise peint cerca omkring dans fertiggestellt begonnen termine "
        "commence year anno annee jahr jaar the of in du de la le les l des del della dell dello "
        "dei il lo der dem den het van el los d than from von dal years jahre quem terminus",
    ),
    (Word("century"), "century centuries cent siecle siecles jahrhundert jahrhunderts "
        "jahrhunderte jh jhd jhdt jhs secolo secoli sec secc saec saeculum eeuw siglo siglos sc"),
    (Word("part", name="early"), "early beginning begin start debut anfang beginn fruhes fruhe "
        "inizio inizi inicio inicios comienzos principio principios vroege vroeg"),
    (Word("part", name="mid"), "mid middle milieu mitte meta midden mediados midway halfweg"),
    (Word("part", name="late"), "late end fin ende spates spate fine eind einde finales final "
        "laat"),
    (Word("fraction", 2), "half moitie halfte helft mitad"),
    (Word("fraction", 4), "quarter quart viertel quarto kwart cuarto"),
    (Word("fraction", 3), "tiers drittel tercio"),
    (Word("fraction", 10), "decade decennie jahrzehnt decennio decennium"),
    (Word("turn"), "turn"),
    (Word("decade_of"), "annees anni jaren"),
    (Word("to"), "to till until bis a al tot through thru hasta"),
    (Word("list"), "and or und oder et ou e ed o y en then og och"),
    (Word("between"), "between entre zwischen zw tra fra tussen mellem mellan"),
    (Word("before"), "before avant vor voor antes ante pre anterior fore"),
    (Word("by"), "by spatestens"),
    (Word("after"), "after apres nach na dopo despues post since ab seit depuis "
        "fruhestens posterior efter"),
    (Word("earlier"), "earlier fruher"),
    (Word("later"), "later spater"),
    (Word("not"), "not no nicht non"),
    (Word("close"), "shortly soon just slightly kurz peu kort"),
    (Word("era", name="bc"), "bc bce"),
    (Word("era", name="ad"), "ad ce"),
    (Word("month"), "january february march april may june july august september october "
        "november december jan feb mar apr jun jul aug sep sept oct nov dec spring summer "
        "autumn fall winter janvier fevrier mars avril mai juin juillet aout septembre octobre "
        "novembre decembre januar februar marz juni juli oktober dezember gennaio febbraio "
        "marzo aprile maggio giugno luglio agosto settembre ottobre dicembre januari februari "
        "maart mei augustus enero febrero abril mayo junio julio septiembre octubre noviembre "
        "diciembre printemps ete automne hiver fruhling fruhjahr sommer herbst primavera estate "
        "autunno inverno"),
    (Word("ordinal", -1), "last dernier derniere letzte letzter letztes letzten ultimo ultima "
        "laatste"),
)  # fmt: skip

_ORDINALS: Final = (
    "first premier premiere erste erstes ersten primo prima eerste primera primer",
    "second seconde deuxieme zweite zweites zweiten secondo seconda tweede segunda segundo",
    "third troisieme dritte drittes dritten terzo terza derde tercer tercera",
    "fourth quatrieme vierte viertes vierten vierde",
    "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth",
    "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth", "twentieth",
)  # fmt: skip

_VOCABULARY: Final = {
    **{form: word for word, forms in _MEANINGS for form in forms.split()},
    **{form: Word("ordinal", n) for n, f in enumerate(_ORDINALS, 1) for form in f.split()},
    "twenty-first": Word("ordinal", 21),
}

_CENTURIES: Final = {
    "duecento": 13, "trecento": 14, "quattrocento": 15, "cinquecento": 16, "seicento": 17,
    "settecento": 18, "ottocento": 19, "novecento": 20,
}  # fmt: skip
"""Italian centuries, by what they are counted as elsewhere."""

_PUNCTUATION: Final = {
    **dict.fromkeys(".?~:'\"*", Word("skip")),
    **dict.fromkeys(",;&+$", Word("list")),
    "-": Word("to", name="dash"),
    "/": Word("to", name="slash"),
}


def _year_and_month(match: re.Match[str]) -> str:
    """Return the year of ``1911-09``; ``1905-07`` is two years as well and stays."""
    return match[1] if int(match[3]) < int(match[2]) else match[0]


_REWRITES: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # A period with its years behind it: the years are the date, and what follows them.
        (r"^[^\d()]*\b(?:period|dynasty|era)\b[^\d()]*\(([^()]*\d[^()]*)\)$", r"\1"),
        (r"^[^\d(),]*\b(?:period|dynasty|era)\b[^\d(),]*(?:\([^()]*\))?, (?=.*\d)", ""),
        (r"\b[a-f]\) ?(?=\d|c)", " "),
        (r"<\s*(?=\d{3,4}\b(?!.*>))", "before "),
        (r"(?<!<)>\s*(?=\d{3,4}\b)", "after "),
        (r"(?<=[\w.?]) ?\((?=[^()]*\d)", ", "),
        (r"[()\[\]{}<>]", " "),
        ("[\u2018\u2019]", "'"),
        ("[\u2010-\u2015\u2212]", "-"),
        (r"\b(?:b\. ?c\.(?: ?e\.)?|av\. ?j\.? ?-?c\.?|v\. ?chr\.?|a\. ?c\.)", " bc "),
        (r"\b(?:a\. ?d\.|c\. ?e\.|ap\. ?j\.? ?-?c\.?|n\. ?chr\.?|d\. ?c\.)", " ad "),
        # Dates of machines; those of Wikidata have a sign, and 00 for what is not known.
        (r"^-0*(\d{1,4})-\d\d-\d\d(?:t[\d:.z+-]*)?$", r"\1 bc"),
        (
            r"(?<!\d)\+?\b(\d{4})-(?:0\d|1[0-2])-(?:[0-2]\d|3[01])"
            r"(?:t[\d:.z+-]*(?:/\d\d?)?| [\d:.]+)?(?!\d)",
            r"\1",
        ),
        (r"\b(\d\d(\d\d))-(0[1-9]|1[0-2])(?![\d/-])", _year_and_month),
        (r"(?<![\d/.-])(?:0?[1-9]|1[0-2])[/.](\d{4})\b", r"\1"),
        (r"\b(?:[0-2]?\d|3[01])[./](?:[0-2]?\d|3[01])[./](\d{4})\b", r"\1"),
        (r"\b(\d{3,4})/\.\.", r"after \1"),
        (r"^\.\./(?=\d{3})", "before "),
        (r"\b(1\d|20)(?:xx|uu|\?\?|__|--)(?![\w-])", r"\g<1>00s"),
        (r"\b(1\d\d|20\d)(?:[xu_?]|-(?=\s*(?:\?|$)))(?!\w)", r"\g<1>0s"),
        (r"\b(\d{2,3}0)-?tal(?:l?et)?\b", r"\1s"),
        (r"er-jahre\b", "er jahre"),
        (r"\ba\. ?(?=\d{1,2}\. ?j(?:h|ahr))", "anfang "),
        (r"\bm\. ?(?=\d{1,2}\. ?j(?:h|ahr))", "mitte "),
        (r"\be\. ?(?=\d{1,2}\. ?j(?:h|ahr))", "ende "),
        (r"\b([1-4])\. ?h\. ?(?=\d|des)", r"\1. half "),
        (r"\b([1-4])\. ?v\. ?(?=\d|des)", r"\1. quarter "),
        (r"\b([1-3])\. ?dr?\. ?(?=\d|des)", r"\1. drittel "),
        (
            r"\blimite (?:du |des |de )?(\S+ siecle)s?(?: et| -|/|,)?(?: du)? (\S+ siecle)\b",
            r"turn \2",
        ),
        (r"\b(?:primo|primi) (?:anni del )?(?=\w+cento\b)", "early "),
        (r"\bsigned and dated\b", " "),
        (r"\bprima (?:del|di)(?:l')?\b", "before "),
        (r"\b(prima|seconda|1a|2a) meta\b", r"\1 half"),
        (r"\b(anterior|posterior) al?\b", r"\1"),
        (r"\bup to\b", "until"),
        (r"\b(?:not? (?:earlier|before)(?: than)?|nicht (?:vor|fruher als))\b", "after"),
        (r"\b(?:not? (?:later|after)(?: than)?|nicht (?:nach|spater als))\b", "by"),
        (r"\btwenty-first\b", "21st"),
        (r"^en ", " "),
        (r",(?:\s*,)+", ","),
        (r"^[\s,;]+|[\s,;]+$", ""),
    )
)

_TOKEN: Final = re.compile(
    r"(?P<number>[0-9]++)"
    r"(?:(?P<decade>'?s|er)|(?P<ordinal>st|nd|rd|th|nde|de|ste|i?eme|i?e?re|e|o|a))?(?![^\W\d_])"
    r"|(?P<word>[^\W\d_]+)|\S"
)
_CENTURY_NUMERAL: Final = re.compile(r"([ivx]+?)(?:eme|er|e|th|o)?")
_YEAR_NUMERAL: Final = re.compile(r"m[mdclxvi]{3,}")
_ROMAN: Final = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


def read_words(text: str) -> list[Word]:
    """Split a date into words that all have a meaning, without those that add none.

    Returns
    -------
    list of Word
        Empty if `text` has a word without a meaning, or none at all.
    """
    if len(text) > _LONGEST:
        return []
    # A line break, or what a spreadsheet made of one, stands between two dates.
    lines = [" ".join(line.split()) for line in re.split(r"\\n|[\r\n]+", _without_place(text))]
    folded = "; ".join(fold_text(line) for line in lines if line)
    for pattern, replacement in _REWRITES:
        folded = pattern.sub(replacement, folded)
    words: list[Word] = []
    tokens = list(_TOKEN.finditer(folded))
    if re.search(r"\b[lio]\d", folded):
        return []  # a letter typed for a digit: "l860s"
    for i, token in enumerate(tokens):
        following = tokens[i + 1][0] if i + 1 < len(tokens) else ""
        if following == "." and i + 2 < len(tokens):
            following = tokens[i + 2][0]
        word = _meaning(token, words[-1] if words else None, following)
        if word is None:
            return []
        words.append(word)
    return [word for word in words if word.kind != "skip"]


_NO_PLACE: Final = (
    "Restored|Born|Died|Acquired|Bought|Inv|Acc|Lot|Copy|Copied|Model|Original|After|Before|By"
)
_PLACE_FIRST: Final = re.compile(
    rf"(?:(?!(?:{_NO_PLACE})\b)[A-Z][\w.'-]+"
    r"(?: (?:de|di|del|la|le|les|los|sur|am|an|der|and|und|et|[A-Z][\w.'-]+))*,"
    r"|(?:Paris|London|New York|Rome|Roma|Berlin|Munich|München|Vienna|Wien|Barcelona|Madrid|"
    r"Florence|Venice|Amsterdam|Antwerp|Brussels|Moscow|Nice|Arles|Cologne|Dresden|Weimar),?)"
    r"\s+(?=\S.*\d{3})"
)


def _without_place(text: str) -> str:
    """Drop the place before a date: ``Horta de San Joan, summer 1909``."""
    found = _PLACE_FIRST.match(text)
    is_place = found and fold_text(found[0]).strip(" ,").split()[0] not in _VOCABULARY
    return text[found.end() :] if found and is_place else text


def _meaning(token: re.Match[str], previous: Word | None, following: str) -> Word | None:
    if token["number"]:
        return _number(token["number"], token["decade"], token["ordinal"])
    text = token[0]
    if not token["word"]:
        return _PUNCTUATION.get(text)
    if text == "c":
        is_century = previous is not None and previous.kind == "ordinal"
        return Word("century") if is_century else Word("skip")
    if text == "s":
        is_behind = previous is not None and previous.kind == "ordinal"
        return Word("century") if is_behind or _roman_ordinal(following) else None
    if text in _CENTURIES:
        return Word("hundreds", _CENTURIES[text])
    return _VOCABULARY.get(text) or _roman_ordinal(text) or _roman_year(text)


def _number(number: str, decade: str | None, ordinal: str | None) -> Word | None:
    if len(number) > 4:
        return None
    value, digits = int(number), len(number)
    if decade and digits > 1 and value % 10 == 0:
        return Word("decade", value, digits=digits)
    if ordinal or (decade == "er" and value == 1):
        return Word("ordinal", value) if 1 <= value <= 21 else None
    return None if decade else Word("number", value, digits=digits)


def _roman_ordinal(text: str) -> Word | None:
    found = _CENTURY_NUMERAL.fullmatch(text)
    value = _from_roman(found[1]) if found else 0
    return Word("ordinal", value) if 1 <= value <= 21 else None


def _roman_year(text: str) -> Word | None:
    value = _from_roman(text) if _YEAR_NUMERAL.fullmatch(text) else 0
    return Word("number", value, digits=4) if value else None


def _from_roman(numeral: str) -> int:
    """Return the number that is written just like `numeral`, else 0."""
    value, rest = 0, numeral
    for step, letters in _ROMAN:
        while rest.startswith(letters):
            value, rest = value + step, rest[len(letters) :]
    written, left = "", value
    for step, letters in _ROMAN:
        written, left = written + letters * (left // step), left % step
    return value if written == numeral else 0
