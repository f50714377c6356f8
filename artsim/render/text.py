"""Words for what is shown: metadata made safe, dates, scores, places of pictures.

Metadata is hostile until cleaned: titles come from other people's spreadsheets and may
hold terminal escapes, bidirectional overrides, or a megabyte of text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from artsim.catalog.progress import counted
from artsim.files import local_path

if TYPE_CHECKING:
    from artsim.catalog.hits import Evidence, Hit
    from artsim.catalog.kinds import Box
    from artsim.catalog.scale import Likelihood, Verdict
    from artsim.evaluation.report import Unit
    from artsim.search.answer import Answer
    from artsim.search.comparison import Comparison
    from artsim.search.listing import Listing
    from artsim.search.probes import QueryFace

MAX_TEXT: Final = 300  # most characters of a metadata field that a table or sheet shows
MAX_ID: Final = 1000  # most characters of an id: it is of use only whole

NO_TITLE: Final = "(no title)"

UNIT_WORDS: Final[dict[Unit, str]] = {"share": "%", "ms": "ms", "seconds": "s"}

LATEX: Final = str.maketrans(
    {char: f"\\{char}" for char in "#$%&_"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)
"""Escapes of letters that LaTeX would obey, but braces."""

_MOST_NAMED: Final = 8  # most paintings or faces that one line lists

_ESCAPE_SEQUENCES: Final = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]"
)
"""OSC, CSI and short escape sequences of ECMA-48, which would leave debris if only ESC went."""

_JOINERS: Final = frozenset("\u200c\u200d")  # Persian, Indic scripts and emoji need these
_MAX_MARKS: Final = 3  # on one letter; Vietnamese and Hebrew need 3, floods have dozens


def clean(value: object, limit: int = MAX_TEXT) -> str:
    """Return `value` as one line of visible text of at most `limit` characters.

    Terminal escapes, control and bidirectional format characters are removed, lone
    surrogates replaced, runs of white space become one space.
    """
    text = _ESCAPE_SEQUENCES.sub("", str(value)[: limit * 8])
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    text = " ".join("".join(_visible(text)).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _visible(text: str) -> list[str]:
    kept: list[str] = []
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks > _MAX_MARKS:
            continue
        if category in {"Cc", "Zl", "Zp"}:
            kept.append(" ")
        elif category == "Cs":
            kept.append("\N{REPLACEMENT CHARACTER}")
        elif category not in {"Cf", "Cn", "Co"} or char in _JOINERS:
            kept.append(char)
    return kept


def field_text(payload: Mapping[str, Any], field: str) -> str:
    """Return a field's value cleaned, lists joined by commas; "" where it is unknown."""
    value = payload.get(field)
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return clean(", ".join(str(part) for part in value))
    return clean(value)


def format_bytes(count: int) -> str:
    """Return a size in the unit that suits it, in powers of 1000 as disks are sold."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def date_text(payload: Mapping[str, Any]) -> str:
    """Return the date as the source words it, else its years, else ""."""
    years = [payload[name] for name in ("year_start", "year_end") if payload.get(name) is not None]
    worded = field_text(payload, "date_text")
    return worded or "–".join(dict.fromkeys(map(clean, years)))  # noqa: RUF001 - an en dash


def format_score(score: float) -> str:
    """Return a score with four decimals, or fewer where it is large, as RMSE can be."""
    decimals = 4 if abs(score) < 10 else 2 if abs(score) < 1000 else 0
    return f"{score:z.{decimals}f}"


def number_text(number: float, unit: Unit, *, signed: bool = False) -> str:
    """Return a number in its unit, without the unit's name; shares are in percent."""
    size = abs(number)
    if unit == "score" and 0 < number < 0.0005 and not signed:
        return "<0.001"  # a probability of 0.000 would be none
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    if unit == "share":
        number, decimals = 100 * number, 1
    elif unit == "score":
        decimals = 3
    elif unit == "count":
        decimals = 0 if float(number).is_integer() else min(1, decimals)
    text = f"{number:z,.{decimals}f}"
    return f"+{text}" if signed and float(text.replace(",", "")) > 0 else text


def sentence(text: str) -> str:
    """Return words as a sentence of their own."""
    return f"{text[:1].upper()}{text[1:]}."


def verdict_text(verdict: Verdict | None) -> str:
    """Return what a score says, as `Verdict` writes it; "" where that was not measured."""
    return "" if verdict is None else str(verdict)


def meaning_text(hit: Hit) -> str:
    """Return what points say of a hit that they have verified, else what its score says."""
    evidence = hit.evidence
    if evidence is not None and evidence.is_found:
        return f"{evidence.word}, {counted(evidence.inliers, 'point')}"
    return verdict_text(hit.verdict)


_RELATIONS: Final[Mapping[str, str]] = {
    "same picture": "the same picture",
    "detail": "the query is a detail of it",
    "shown": "the query shows it",
    "part": "the query shows a part of it",
}


def describe_evidence(evidence: Evidence) -> str:
    """Return what points say of a hit in words: "a detail of it, found by 43 points, mirrored"."""
    if not evidence.is_found:
        why = f": {evidence.why}" if evidence.why else ""
        return f"{evidence.found} by points{why}"
    turned = ", mirrored" if evidence.mirrored else ""
    said = _RELATIONS[str(evidence.relation)]
    return f"{said}, found by {counted(evidence.inliers, 'point')}{turned}"


def describe_likelihoods(found: Comparison) -> list[str]:
    """Return in sentences how likely faces are one person's, and of what that was learned."""
    if found.no_likelihood:
        return [f"No likelihood that two faces are one person's: {found.no_likelihood}."]
    said = [(of.faces or (0, 0), of.likelihood) for of in found.faces if of.likelihood]
    if not said:
        return []
    of = said[0][1]
    return [
        *(f"Faces {one} and {other} are {_likelihood_text(of)}." for (one, other), of in said),
        f"Likelihoods, no names: from {counted(of.known, 'pair')} of portraits of {of.people} "
        f"people and {counted(of.others, 'pair')} of two people, in {_RELATED[of.relation]}. What "
        "else is known of the two counts as well. For sitters of the past, never for the living.",
    ]


_RELATED: Final = {
    "one artist": "works by one artist",
    "two artists": "works by two artists",
    "unknown artists": "works of which an artist is not known",
}


def _likelihood_text(of: Likelihood) -> str:
    ends, people = (of.ratio, of.low, of.high), ("one person", "two")
    if of.ratio < 1:
        ends, people = (1 / of.ratio, 1 / of.high, 1 / of.low), ("two people", "one")
    ratio, low, high = (f"{end:,.0f}" if end >= 10 else f"{end:.2g}" for end in ends)
    chance = f"{of.by_chance:,.0f}" if of.by_chance >= 10 else f"{of.by_chance:.2g}"
    others = (
        f"by chance {chance} of {counted(of.faces, 'face')} here would be, as {of.as_near:,} of "
        f"the {counted(of.others, 'pair')} of two people are"
        if of.as_near
        else f"none of the {counted(of.others, 'pair')} of two people is"
    )
    return (
        f"{'at least ' if of.is_at_an_end else ''}{ratio} times as likely to be so near ({low} to "
        f"{high}) if they show {people[0]} as if they show {people[1]}; {others}"
    )


def picture_link(payload: Mapping[str, Any]) -> str:
    """Return the address that opens the picture, fit for a page or terminal; "" without one.

    Of a frame it opens the film at its time, as ``#t=83.5,91``.
    """
    uri, fragment = payload.get("image_uri"), ""
    start, end = (payload.get(name) for name in ("time_start", "time_end"))
    if "video_uri" in payload and isinstance(start, int | float) and isinstance(end, int | float):
        uri, fragment = payload["video_uri"], f"#t={start:.12g},{end:.12g}"
    path = local_path(uri) if isinstance(uri, str) else None
    if path is None:
        link = web_link(uri)
        return link and link + fragment
    return path.as_uri() + fragment if path.is_absolute() else ""


def web_link(address: object) -> str:
    """Return an address of the web in plain ASCII; "" for what is none."""
    text = str(address)
    if not text.lower().startswith(("https://", "http://")):
        return ""
    # Whatever an address cannot hold anyway would be an escape to a terminal.
    return quote(text.encode("utf-8", "replace"), safe="%:/?#[]@!$&'()*+,;=~")


def title_text(payload: Mapping[str, Any]) -> str:
    """Return the title, or that there is none."""
    return field_text(payload, "title") or NO_TITLE


def id_text(payload: Mapping[str, Any]) -> str:
    """Return the painting's id, whole."""
    return clean(payload.get("painting_id", ""), MAX_ID)


def untaken(name: str, taken: set[str]) -> str:
    """Return a name that nothing has in any case, with a number if need be; it is `taken` then."""
    own, number = name, 1
    while own.lower() in taken:
        number += 1
        own = f"{name}-{number}"
    taken.add(own.lower())
    return own


def first_few(words: Sequence[str], most: int, between: str = ", ", more: str = " and") -> str:
    """Return the first of some words, and how many more there are."""
    left = len(words) - most
    return between.join(words[:most]) + (f"{more} {left:,} more" if left > 0 else "")


def describe_left_out(result: Answer) -> str:
    """Return which paintings are the query picture itself and were left out; "" for none."""

    def named(payload: Mapping[str, Any]) -> str:
        title = field_text(payload, "title")
        return f"“{title}”, {id_text(payload)}" if title else id_text(payload)

    known = result.left_out
    if len(known) < 2:
        return f"the query picture is {named(known[0])}, and left out" if known else ""
    return (
        f"the query picture is {len(known)} times in the gallery, and left out each time: "
        f"{first_few(list(map(named, known)), _MOST_NAMED, '; ', '; and')}"
    )


def describe_query_faces(result: Answer) -> str:
    """Return which face of the query picture has which number, by their boxes."""

    def named(face: QueryFace) -> str:
        box = face.box
        return f"{face.index} is {box.width:.0f} x {box.height:.0f} at {box.x:.0f}, {box.y:.0f}"

    words = [named(face) for face in result.query_faces]
    shown = first_few(words, _MOST_NAMED, "; ", "; and")
    return f"face {shown} (pixels of the query picture, from its top left)"


def describe_region(box: Box) -> str:
    """Return which part of the query picture was searched by."""
    place = f"{box.width:.0f} x {box.height:.0f} at {box.x:.0f}, {box.y:.0f}"
    return f"searched by the part {place} (pixels of the query picture, from its top left)"


def place_text(payload: Mapping[str, Any]) -> str:
    """Return where in its painting a part lies, as ``--region`` takes it; "" if it does not say."""
    box, width, height = (payload.get(name) for name in ("box", "image_width", "image_height"))
    try:
        x, y, across, down = (float(side) for side in box or ())
        sides = (x / width, y / height, across / width, down / height)  # type: ignore[operator]
    except (TypeError, ValueError, ZeroDivisionError):
        return ""
    return ",".join(f"{100 * side:.0f}%" for side in sides)


def describe_query(result: Answer) -> str:
    """Return one line that says what was asked."""
    query = result.query
    subject = result.kind.name.capitalize()
    if text := query.get("text"):
        return f"{subject} that look like “{clean(text, 120)}”"
    file_name = Path(str(query.get("image", ""))).name
    if picture := query.get("id") or query.get("pixels") or file_name:
        name = field_text(result.query_payload or {}, "title") or clean(picture, 120)
        part = "" if result.query_region is None else "a part of "
        return f"{subject} like {part}{name}"
    if query.get("like") or query.get("unlike"):
        return f"{subject} like these examples"
    return f"{subject} found"


_SETTING_WORDS: Final[Mapping[str, str]] = {
    "encoders": "encoder",
    "rerank": "re-ranked by",
    "rerank_weight": "with weight",
    "group_by": "grouped by",
    "min_score": "score at least",
}
"""Settings worth a reader's attention on a sheet, in order; others are for programs."""


def describe_settings(result: Answer) -> str:
    """Return the settings that a reader of a sheet would ask for, in one line."""
    settings, parts = result.settings, []
    for name, word in _SETTING_WORDS.items():
        value = settings[name]
        values = value if isinstance(value, list) else [] if value in (None, "") else [value]
        if values:
            parts.append(f"{word} {', '.join(clean(part, 120) for part in values)}")
    shown = [result.query_payload or {}, *(hit.payload for hit in result.hits)]
    return describe_search(settings, parts, shown)


def describe_search(
    settings: Mapping[str, Any],
    said: Iterable[str],
    payloads: Iterable[Mapping[str, Any]],
    notes: Iterable[str] = (),
) -> str:
    """Return in one line what was searched, what is said of it, and under which conditions.

    Artists are named as the payloads write them.
    """
    of = [
        f"{name} {clean(settings[name])}" for name in ("gallery", "encoder") if settings.get(name)
    ]
    return " · ".join([*of, *said, *_criteria_in_words(settings.get("criteria"), payloads), *notes])


def describe_listing(listing: Listing) -> str:
    """Return how many a list shows, of how many."""
    of = counted(listing.total, "face" if listing.is_of_faces else "painting")
    shown = len(listing.points)
    return of if shown == listing.total else f"{shown:,} of {of}"


def describe_list_settings(listing: Listing) -> str:
    """Return what a list was filtered and sorted by, in one line."""
    sort = listing.settings.get("sort")
    order = [f"in order of {'date' if sort == 'year_start' else clean(sort)}"] if sort else []
    payloads = [point.payload for point in listing.points]
    return describe_search(listing.settings, (), payloads, order)


def _criteria_in_words(criteria: Any, payloads: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return conditions, as `artsim.search.question` lists them, each as a few words."""
    artists = {p["artist_key"]: str(p.get("artist")) for p in payloads if "artist_key" in p}
    found = criteria or {}
    must = [_condition_in_words(condition, artists) for condition in found.get("must", ())]
    left_out = [_condition_in_words(c, artists) for c in found.get("must_not", ())]
    return [*must, *(f"not {words}" for words in left_out)]


def _condition_in_words(condition: Mapping[str, Any], artists: Mapping[str, str]) -> str:
    if "people" in condition:
        return f"person {' or '.join(clean(name, 60) for name in condition['people'])}"
    name = _FIELD_WORDS.get(str(condition.get("field")), clean(condition.get("field")))
    if "any_of" in condition:
        values = (clean(artists.get(value, value), 60) for value in condition["any_of"])
        return f"{name} {' or '.join(values)}"
    if "words" in condition:
        return f"{name} “{clean(condition['words'], 60)}”"
    if "known" in condition:
        return f"{name} known"
    ends = (("from", condition.get("least")), ("up to", condition.get("most")))
    return " ".join([name, *(f"{word} {end:g}" for word, end in ends if end is not None)])


_FIELD_WORDS: Final[Mapping[str, str]] = {
    "artist_key": "artist",
    "tags": "tag",
    "face_size": "size of the face",
    "detection_score": "certainty of the face",
    "year_start": "begun",
    "year_end": "finished",
}
"""Fields whose name a reader of a sheet would not guess."""
