"""Classification without training: the nearest works of a gallery vote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from artsim.catalog.hits import Classification, Hit, Voter, rank_candidates
from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.payload import Criteria, Known, field_values, most_written, stored_field
from artsim.errors import QueryError
from artsim.search.answer import find_similar
from artsim.search.filters import check_field
from artsim.search.models import Models
from artsim.search.question import ImageQuery, SearchOptions
from artsim.store.gallery import Gallery

MAJORITY: Final = 0.5
"""Share of the neighbors' vote that an answer needs."""


def classify_by_neighbors(
    gallery: Gallery,
    image: Path,
    field: str,
    *,
    k: int = 10,
    threshold: float = MAJORITY,
    encoder: str | None = None,
    models: Models | None = None,
) -> Classification:
    """Say what value of a payload's field a picture has, by the vote of its nearest neighbors.

    The `k` nearest works that have the field vote, the picture itself (a painting with the same
    file, by SHA-256) left out. A vote counts as much as its cosine, nothing where that is negative
    [1]_, and is divided evenly among the values of a work that has several. A candidate's
    probability is its share of the votes: no more than that, and not fitted to anything. Below
    `threshold` the answer is withheld. Artists are told apart by their key. QueryError if no
    payload has such a field, or no work of the gallery does; else as `find_similar`.

    References
    ----------
    .. [1] Dudani (1976). The distance-weighted k-nearest-neighbor rule. IEEE Transactions
           on Systems, Man, and Cybernetics 6(4).
    """
    check_field(field, gallery[PAINTINGS])
    asked = stored_field(field)
    result = find_similar(
        gallery,
        ImageQuery(image),
        Criteria((Known(asked),)),
        SearchOptions(limit=k),
        encoders=[encoder] if encoder else None,
        models=models,
    )
    if not result.hits:
        raise QueryError(
            f"no work of the gallery but the picture itself has the field {field!r}; "
            "name one that works have",
            hint="artsim facets FIELD",
        )
    names = _artists(result.hits) if asked == "artist_key" else {}
    voters = []
    for hit in result.hits:
        values = dict.fromkeys(map(str, field_values(hit.payload, asked)))
        labels = tuple(names.get(value, value) for value in values)
        voters.append(Voter(hit, labels, max(0.0, hit.score)))
    total = sum(voter.weight for voter in voters)
    shares: dict[str, float] = {}
    for voter in voters:
        for label in voter.labels:
            vote = voter.weight / total / len(voter.labels) if total else 0.0
            shares[label] = shares.get(label, 0.0) + vote
    return Classification(image, field, rank_candidates(shares), threshold, tuple(voters))


def _artists(hits: Sequence[Hit]) -> dict[str, str]:
    """Return what the neighbors call each artist most often, by key."""
    written: dict[str, list[str]] = {}
    for hit in hits:
        key = str(hit.payload["artist_key"])
        written.setdefault(key, []).append(str(hit.payload.get("artist", key)))
    return {key: most_written(names) for key, names in written.items()}
