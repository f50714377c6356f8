"""Filters as people write them."""

from pathlib import Path

import pytest
from made_up_gallery import ARTISTS, STYLES, MadeUp

from artsim.domain.criteria import Criteria
from artsim.domain.payload import painting_point_id
from artsim.errors import QueryError
from artsim.search.filters import Filters, build_criteria, parse_range
from artsim.store.base import Point
from artsim.store.gallery import Gallery, open_gallery


def matching(gallery: Gallery, filters: Filters) -> tuple[set[int], list[str]]:
    criteria, notes = build_criteria(filters, gallery.paintings)
    found = gallery.paintings.scroll(criteria, payload_fields=["painting_id"])
    return {int(record.payload["painting_id"][1:]) for record in found}, notes


@pytest.mark.parametrize(
    "name", ["Rembrandt van Rijn", "REMBRANDT van Rijn", "Rijn, Rembrandt van", "Rembrandt"]
)
def test_an_artist_however_written(gallery: Gallery, made_up: MadeUp, name: str) -> None:
    found, notes = matching(gallery, Filters({"artist": [name]}))
    assert found == {i for i in range(made_up.count) if made_up.artist[i] == 0}
    assert notes == []


def test_part_of_a_name_finds_every_artist_who_has_it(gallery: Gallery, made_up: MadeUp) -> None:
    found, notes = matching(gallery, Filters({"artist": ["Hals"]}))
    assert found == {i for i in range(made_up.count) if made_up.artist[i] in (1, 2)}
    assert notes == ["artist 'Hals' matches 2: Dirck Hals; Frans Hals"]


def test_a_whole_name_that_others_contain_is_taken_alone_and_said(tmp_path: Path) -> None:
    names = {"Rembrandt": "rembrandt", "Rembrandt Peale": "peale rembrandt"}
    with open_gallery(home=tmp_path / "home") as gallery:
        paintings = gallery.create_paintings([])
        paintings.upsert(
            [
                Point(
                    painting_point_id(key), {}, {"painting_id": key, "artist": a, "artist_key": key}
                )
                for a, key in names.items()
            ]
        )
        criteria, notes = build_criteria(Filters({"artist": ["rembrandt"]}), paintings)
        assert paintings.count(criteria) == 1
        assert notes == ["artist 'rembrandt' is one of that name; not taken: Rembrandt Peale"]
        criteria, notes = build_criteria(
            Filters({"artist": ["Rembrandt", "Rembrandt Peale"]}), paintings
        )
        assert paintings.count(criteria) == 2


def test_an_unknown_name_suggests_the_nearest(gallery: Gallery) -> None:
    found, notes = matching(gallery, Filters({"artist": ["Rembrant"]}))
    assert found == set()
    assert notes == ["the gallery has no artist 'Rembrant'; nearest: Rembrandt van Rijn"]


def test_values_whatever_their_case(gallery: Gallery, made_up: MadeUp) -> None:
    found, notes = matching(gallery, Filters({"style": ["baroque", "ROCOCO"]}))
    assert found == {i for i in range(made_up.count) if STYLES[made_up.style[i]] != "Romanticism"}
    assert notes == []
    assert matching(gallery, Filters({"style": ["Barok"]})) == (
        set(),
        ["the gallery has no style 'Barok'; nearest: Baroque"],
    )


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("1620..1630", 1620, 1630),
        ("..1620", -9999, 1620),
        ("1680..", 1680, 9999),
        ("1650", 1650, 1650),
    ],
)
def test_years_overlap(gallery: Gallery, made_up: MadeUp, text: str, first: int, last: int) -> None:
    found, _ = matching(gallery, Filters(years=text))
    assert found == {
        i for i in range(made_up.count) if made_up.year[i] <= last and made_up.year[i] + 5 >= first
    }
    assert 0 < len(found) < made_up.count


def test_filters_of_different_fields_all_hold(gallery: Gallery, made_up: MadeUp) -> None:
    filters = Filters(
        {"attribution": ["workshop"], "style": ["Baroque"]},
        title="eleve PORTRAIT",
        where=["extra.room=3"],
        where_not=["artist=Judith Leyster"],
    )
    found, _ = matching(gallery, filters)
    assert found == {
        i
        for i in range(made_up.count)
        if i % 5 == 0
        and made_up.style[i] == 0
        and i % 7 == 3
        and ARTISTS[made_up.artist[i]][0] != "Judith Leyster"
    }


def test_numbers_take_ranges(gallery: Gallery, made_up: MadeUp) -> None:
    found, _ = matching(gallery, Filters(where=["year_start=1640..1649.5"]))
    assert found == {i for i in range(made_up.count) if 1640 <= made_up.year[i] <= 1649}


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (Filters(where=["artst=x"]), "did you mean artist"),
        (Filters(where=["style"]), "expected field=value"),
        (Filters(years="later"), "expected A..B"),
        (Filters(years="1700..1600"), "write 1600..1700"),
        (Filters({"attribution": ["perhaps"]}), "expected one of by, attributed"),
        (Filters(where=["width_cm=wide"]), "expected a number"),
    ],
)
def test_what_makes_no_sense_is_refused(gallery: Gallery, filters: Filters, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        build_criteria(filters, gallery.paintings)


def test_no_filters_are_no_criteria(gallery: Gallery) -> None:
    assert build_criteria(Filters(), gallery.paintings) == (Criteria(), [])
    assert Filters().is_empty
    assert not Filters(years="1600").is_empty


def test_ranges() -> None:
    assert parse_range("-50..10", "x") == (-50, 10)
    assert parse_range(" 1642 ", "x") == (1642, 1642)
