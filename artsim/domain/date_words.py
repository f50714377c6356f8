"""The words of catalogue dates, in six languages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from artsim.domain.names import fold_text

WordKind = Literal[
    "number", "ordinal", "decade", "century", "part", "fraction", "turn", "decade_of",
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
        "ongeveer omstreeks dated date datiert datato datee signed inscribed painted executed "
        "made completed finished begun started produced created designed printed reworked "
        "revised retouched repainted continued fertiggestellt begonnen termine commence year "
        "anno annee jahr jaar the of in du de la le les l des del della dell dello dei il lo "
        "der dem den het van el los d than from von dal years jahre quem terminus",
    ),
    (Word("century"), "century centuries cent siecle siecles jahrhundert jahrhunderts "
        "jahrhunderte jh jhd jhdt jhs secolo secoli sec saec saeculum eeuw siglo siglos sc"),
    (Word("part", name="early"), "early beginning begin start debut anfang beginn fruhes fruhe "
        "inizio inizi principios vroege vroeg"),
    (Word("part", name="mid"), "mid middle milieu mitte meta midden mediados midway halfweg"),
    (Word("part", name="late"), "late end fin ende spates spate fine eind einde finales final "
        "laat"),
    (Word("fraction", 2), "half moitie halfte helft mitad"),
    (Word("fraction", 4), "quarter quart viertel quarto kwart cuarto"),
    (Word("fraction", 3), "tiers drittel"),
    (Word("fraction", 10), "decade decennie jahrzehnt decennio decennium"),
    (Word("turn"), "turn"),
    (Word("decade_of"), "annees anni jaren"),
    (Word("to"), "to till until bis a al tot through thru hasta"),
    (Word("list"), "and or und oder et ou e ed o y en then"),
    (Word("between"), "between entre zwischen tra fra tussen"),
    (Word("before"), "before avant vor voor antes ante pre"),
    (Word("by"), "by"),
    (Word("after"), "after apres nach na dopo despues post since ab seit depuis"),
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

_PUNCTUATION: Final = {
    **dict.fromkeys(".?~:'\"*", Word("skip")),
    **dict.fromkeys(",;&+", Word("list")),
    **dict.fromkeys("-/", Word("to", name="dash")),
}

_REWRITES: Final = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # A period with its years behind it: the years are the date.
        (r"^[^\d()]*\b(?:period|dynasty|era)\b[^\d()]*\(([^()]*\d[^()]*)\)$", r"\1"),
        (r"[()\[\]{}<>]", " "),
        ("[\u2018\u2019]", "'"),
        ("[\u2010-\u2015\u2212]", "-"),
        (r"\b(?:b\. ?c\.(?: ?e\.)?|av\. ?j\.? ?-?c\.?|v\. ?chr\.?|a\. ?c\.)", " bc "),
        (r"\b(?:a\. ?d\.|c\. ?e\.|ap\. ?j\.? ?-?c\.?|n\. ?chr\.?|d\. ?c\.)", " ad "),
        (r"\b(\d{4})-(?:0\d|1[0-2])-(?:[0-2]\d|3[01])(?:t[\d:.z+-]*| [\d:.]+)?(?!\d)", r"\1"),
        (r"\b(?:[0-2]?\d|3[01])[./](?:[0-2]?\d|3[01])[./](\d{4})\b", r"\1"),
        (r"\b(\d\d)xx\b", r"\g<1>00s"),
        (r"\b(\d{3})x\b", r"\g<1>0s"),
        (r"\bsigned and dated\b", " "),
        (r"\bprima (?:del|di)(?:l')?\b", "before "),
        (r"\b(prima|seconda|1a|2a) meta\b", r"\1 half"),
        (r"\bup to\b", "until"),
        (r"\bnot? (?:earlier|before)(?: than)?\b", "after"),
        (r"\bnot? (?:later|after)(?: than)?\b", "by"),
        (r"\btwenty-first\b", "21st"),
        (r"^en ", " "),
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
    folded = " ".join(fold_text(text).split())
    for pattern, replacement in _REWRITES:
        folded = pattern.sub(replacement, folded)
    words: list[Word] = []
    tokens = list(_TOKEN.finditer(folded))
    for i, token in enumerate(tokens):
        following = tokens[i + 1][0] if i + 1 < len(tokens) else ""
        if following == "." and i + 2 < len(tokens):
            following = tokens[i + 2][0]
        word = _meaning(token, words[-1] if words else None, following)
        if word is None:
            return []
        words.append(word)
    return [word for word in words if word.kind != "skip"]


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
        return Word("century") if _roman_ordinal(following) else None
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
