"""Classifications for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TextIO

from artsim.catalog.classification import Classification
from artsim.render.table import print_table, rows_table
from artsim.render.text import clean, field_text, format_score

SCHEMA: Final = 1
"""Version of the JSON form, which docs/output.md describes."""


def print_classification(found: Classification, stream: TextIO, *, top: int) -> None:
    """Write what was answered, the first `top` candidates, and the voters, as tables."""
    stream.write(f"{clean(found.image)}: {_verdict(found)}\n")
    rows = [(c.label, f"{100 * c.probability:.1f} %") for c in found.candidates[:top]]
    what = "share of the vote" if found.voters else "probability"
    print_table(rows_table([found.field, what], rows, right=[what]), stream)
    if found.voters:
        stream.write("\n")
        headers = ["voter", found.field, "cosine", "id"]
        voters = [
            (
                field_text(voter.hit.payload, "title") or voter.hit.painting_id,
                ", ".join(voter.labels),
                format_score(voter.hit.score),
                voter.hit.painting_id,
            )
            for voter in found.voters
        ]
        print_table(rows_table(headers, voters, right=["cosine"]), stream)
    stream.write("\n")


def classifications_document(
    found: Sequence[Classification], source: dict[str, Any]
) -> dict[str, Any]:
    """Return classifications as what JSON can hold; `source` says what answered."""
    return {
        "schema": SCHEMA,
        **source,
        "pictures": [_document(one) for one in found],
    }


def _verdict(found: Classification) -> str:
    if found.answer is not None:
        return clean(found.answer)
    if found.threshold is None:
        return "no answer (this classifier is at no probability right often enough)"
    return f"no answer (it takes {100 * found.threshold:.1f} %)"


def _document(found: Classification) -> dict[str, Any]:
    document: dict[str, Any] = {
        "image": str(found.image),
        "field": found.field,
        "answer": found.answer,
        "threshold": found.threshold,
        "candidates": [{"label": c.label, "probability": c.probability} for c in found.candidates],
    }
    if found.voters:
        document["voters"] = [
            {
                "painting_id": voter.hit.painting_id,
                "score": voter.hit.score,
                "weight": voter.weight,
                "labels": list(voter.labels),
                "payload": voter.hit.payload,
            }
            for voter in found.voters
        ]
    return document
