"""Neighbors vote: shares, abstention, and who has no vote."""

from __future__ import annotations

from pathlib import Path

import pytest

from artsim.errors import ImageError, QueryError
from artsim.search.classify_neighbors import classify_by_neighbors
from artsim.search.models import Models
from artsim.store.gallery import Gallery

RUFF, CYPRESSES, DAUGHTERS = 437388, 436535, 438014


@pytest.fixture(scope="module")
def models() -> Models:
    return Models()


def picture(sample: Path, number: int) -> Path:
    (found,) = (sample / "images").glob(f"*-met-{number}.jpg")
    return found


def test_the_picture_itself_has_no_vote(
    sample_gallery: Gallery, sample: Path, models: Models
) -> None:
    found = classify_by_neighbors(
        sample_gallery, picture(sample, CYPRESSES), "style", models=models
    )
    assert len(found.voters) == 10
    assert "met-436535" not in [voter.hit.painting_id for voter in found.voters]
    assert found.answer == found.candidates[0].label == "Post-Impressionism"


def test_shares_are_cosines(sample_gallery: Gallery, sample: Path, models: Models) -> None:
    found = classify_by_neighbors(
        sample_gallery, picture(sample, DAUGHTERS), "genre", k=7, models=models
    )
    assert sum(c.probability for c in found.candidates) == pytest.approx(1)
    total = sum(voter.hit.score for voter in found.voters)
    for candidate in found.candidates:
        own = [v.hit.score / len(v.labels) for v in found.voters if candidate.label in v.labels]
        assert candidate.probability == pytest.approx(sum(own) / total)
    scores = [voter.hit.score for voter in found.voters]
    assert scores == sorted(scores, reverse=True)
    assert [voter.weight for voter in found.voters] == scores


def test_without_a_majority_there_is_no_answer(
    sample_gallery: Gallery, sample: Path, models: Models
) -> None:
    found = classify_by_neighbors(
        sample_gallery, picture(sample, RUFF), "style", k=59, models=models
    )
    assert len(found.voters) > 10
    assert found.answer is None
    low = classify_by_neighbors(
        sample_gallery, picture(sample, RUFF), "style", k=59, threshold=0.0, models=models
    )
    assert low.answer == low.candidates[0].label


def test_artists_are_shown_by_name(sample_gallery: Gallery, sample: Path, models: Models) -> None:
    path = picture(sample, CYPRESSES)
    for field in ("artist", "artist_key"):
        found = classify_by_neighbors(sample_gallery, path, field, k=5, models=models)
        assert found.answer == "Vincent van Gogh"


def test_what_cannot_be_answered(
    sample_gallery: Gallery, sample: Path, tmp_path: Path, models: Models
) -> None:
    path = picture(sample, RUFF)
    with pytest.raises(QueryError, match="no field is called 'stile'"):
        classify_by_neighbors(sample_gallery, path, "stile", models=models)
    with pytest.raises(QueryError, match=r"no work of the gallery .* has the field 'extra.none'"):
        classify_by_neighbors(sample_gallery, path, "extra.none", models=models)
    with pytest.raises(ImageError):
        classify_by_neighbors(sample_gallery, tmp_path / "missing.png", "style", models=models)
