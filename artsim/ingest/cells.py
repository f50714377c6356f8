"""Values of a manifest's cells: stripped, made text, and recognized where they say nothing."""

from __future__ import annotations

import datetime
import decimal
import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from artsim.catalog.names import fold_text

_NEVER_A_VALUE: Final = frozenset(
    {"NULL", "Null", "null", "<NULL>", "<null>", "nan", "NaN", "NAN", "<NA>", "#N/A", "N/A", "n/a",
     "[blank]", "(blank)", "\\N", "NaT"}
)  # fmt: skip
"""What databases and spreadsheets write for nothing, in any column. ``Nan`` is a name."""

_NOTHING: Final = frozenset(
    {"none", "nil", "-", "--", "---", "?", "??", "\u2013", "\u2014", "not provided",
     "not available", "not applicable", "not recorded", "n. a.", "n.a.", "o. a.", "o.a.", "k. a.",
     "k.a.", "ohne angabe", "ohne angaben", "keine angabe", "keine angaben", "non renseigne",
     "non disponibile", "no disponible", "niet beschikbaar", "geen"}
)  # fmt: skip
"""What people write for nothing, without case and accents."""

_NOT_KNOWN: Final = frozenset(
    {"unknown", "not known", "unbekannt", "inconnu", "inconnue", "sconosciuto", "sconosciuta",
     "desconocido", "desconocida", "onbekend", "unidentified", "not identified"}
)  # fmt: skip

_TEXT_KEYS: Final = (
    "title", "name", "label", "period", "text", "value", "creator", "preflabel", "display_name",
    "displayname", "term", "content", "@value", "en", "none",
)  # fmt: skip
"""Where the text is in a nested value, such as ``{"title": …, "type": …}``."""

_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{2,4})?")


def clean(value: Any) -> Any:
    """Return `value` as JSON would hold it, stripped; None if nothing is left of it.

    ``NULL``, ``nan``, ``[blank]`` and the like are nothing.
    """
    if isinstance(value, str):
        text = value.strip()
        return text if text and text not in _NEVER_A_VALUE else None
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float | decimal.Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        cleaned = {str(key): clean(inner) for key, inner in value.items()}
        return {key: inner for key, inner in cleaned.items() if inner is not None} or None
    if isinstance(value, list | tuple):
        return [inner for inner in map(clean, value) if inner is not None] or None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return None


def says_nothing(value: Any, *, or_not_known: bool = False) -> bool:
    """Say whether a cleaned value is a person's mark for nothing, as ``None`` or ``-``.

    Parameters
    ----------
    value : object
        From `clean`.
    or_not_known : bool
        Whether ``unknown`` and its like are nothing too.
    """
    if not isinstance(value, str) or len(value) > 24:
        return False
    folded = " ".join(fold_text(value).split())
    return folded in _NOTHING or (or_not_known and folded in _NOT_KNOWN)


def as_text(value: Any) -> str:
    """Return a cleaned value as a person would write it: 12.0 is ``"12"``.

    Of a nested value the text in it, else JSON.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return "; ".join(dict.fromkeys(map(as_text, value)))
    if isinstance(value, Mapping):
        inner = text_within(value)
        return json.dumps(value, ensure_ascii=False) if inner is None else as_text(inner)
    return json.dumps(value)


def text_within(value: Any) -> Any:
    """Return what a nested value says in words: a plain value, or a list of such.

    Returns
    -------
    object or None
        None if it is nested and has no text under a usual key.
    """
    if isinstance(value, list):
        parts = [text_within(inner) for inner in value]
        return None if None in parts or not parts else parts
    if not isinstance(value, Mapping):
        return value
    by_key = {key.casefold(): inner for key, inner in value.items()}
    for key in _TEXT_KEYS:
        if key in by_key and (found := text_within(by_key[key])) is not None:
            return found
    if all(_LANGUAGE.fullmatch(key) for key in value):
        return text_within(next(iter(value.values())))
    return None
