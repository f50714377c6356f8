"""What counts as right, and what is left out."""

import numpy as np
import pytest

from artsim.catalog.payload import AnyOf
from artsim.errors import EvaluationError
from artsim.evaluation.leave_one_out import Relevance, field_values, read_labels

PAYLOADS = [
    {"painting_id": "1", "artist": "Frans Hals", "artist_key": "frans hals", "style": ["A", "B"]},
    {"painting_id": "2", "artist": "HALS, Frans", "artist_key": "frans hals", "style": ["B"]},
    {"painting_id": "3", "artist": "Frans Hals", "artist_key": "frans hals", "extra": {"room": 3}},
    {"painting_id": "4", "artist": "Jan Steen", "artist_key": "jan steen", "style": ["C", "A"]},
    {"painting_id": "5", "extra": {"room": 3}},
]


def test_values_of_fields() -> None:
    assert field_values(PAYLOADS[1], "artist") == ("frans hals",)
    assert field_values(PAYLOADS[0], "style") == ("A", "B")
    assert field_values(PAYLOADS[2], "extra.room") == (3,)
    for name in ("style", "artist", "extra.floor", "extra.room.number"):
        assert field_values(PAYLOADS[4], name) == ()
    with pytest.raises(EvaluationError, match="extra of the painting '5' is dict"):
        field_values(PAYLOADS[4], "extra")


def test_artists_are_told_apart_by_key_and_named_as_written() -> None:
    labels = read_labels(PAYLOADS, "artist")
    assert labels.names == ("Frans Hals", "Jan Steen")
    assert labels.of_work == ((0,), (0,), (0,), (1,), ())
    assert [members.tolist() for members in labels.members] == [[0, 1, 2], [3]]
    assert labels.condition(1) == AnyOf("artist_key", ("frans hals",))
    assert labels.condition(4) is None


def test_one_shared_value_is_enough() -> None:
    labels = read_labels(PAYLOADS, "style")
    marks = labels.mark(np.array([0, 1, 4]))
    assert np.flatnonzero(marks[0]).tolist() == [0, 1, 3]
    assert np.flatnonzero(marks[1]).tolist() == [0, 1]
    assert not marks[2].any()
    assert labels.condition(3) == AnyOf("style", ("C", "A"))


def test_what_is_excluded_is_no_right_answer() -> None:
    relevance = Relevance(read_labels(PAYLOADS, "artist"), (read_labels(PAYLOADS, "style"),))
    rows = np.arange(5)
    barred = relevance.barred(rows)
    assert np.flatnonzero(barred[0]).tolist() == [0, 1, 3]
    assert np.flatnonzero(barred[2]).tolist() == [2]
    right = relevance.right(rows, barred)
    assert [np.flatnonzero(row).tolist() for row in right] == [[2], [2], [0, 1], [], []]


def test_artists_written_alike_have_names_of_their_own() -> None:
    payloads = [
        {"painting_id": "1", "artist": "Unknown", "artist_key": "unknown"},
        {"painting_id": "2", "artist": "Unknown", "artist_key": "unknown master"},
    ]
    names = read_labels(payloads, "artist").names
    assert names == ("Unknown", "Unknown (unknown master)")
