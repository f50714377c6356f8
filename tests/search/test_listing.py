"""Lists by filters alone, and counts of a field's values."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_up_gallery import ARTISTS, STYLES, MadeUp

import artsim
from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.catalog.payload import painting_point_id
from artsim.errors import QueryError
from artsim.search.filters import Filters, scan_values
from artsim.search.listing import Listing, ValueCounts, count_values, list_paintings
from artsim.store.gallery import Gallery, open_gallery
from artsim.store.protocol import Point


def ids(listing: Listing) -> list[str]:
    return [str(point.payload["painting_id"]) for point in listing.points]


def test_a_list_is_all_that_meets_the_filters_by_date(gallery: Gallery, made_up: MadeUp) -> None:
    filters = Filters({"style": "Baroque"}, years="1620-1650")
    wanted = sorted(
        (int(made_up.year[i]), made_up.painting_id(i))
        for i in range(made_up.count)
        if made_up.style[i] == 0 and 1615 <= made_up.year[i] <= 1650
    )
    listing = list_paintings(gallery, filters, limit=1000)
    assert ids(listing) == [painting_id for _, painting_id in wanted]
    assert listing.total == len(wanted)
    assert listing.points[0].point_id == painting_point_id(ids(listing)[0])
    assert listing.points[0].payload["extra"]
    criteria = listing.settings["criteria"]
    assert {"field": "style", "any_of": ["Baroque"]} in criteria["must"]


def test_pages_make_up_the_whole(gallery: Gallery, made_up: MadeUp) -> None:
    whole = ids(list_paintings(gallery, limit=1000, sort="artist"))
    pages = [
        list_paintings(gallery, limit=50, offset=start, sort="artist") for start in (0, 50, 100)
    ]
    assert [painting_id for page in pages for painting_id in ids(page)] == whole
    assert {page.total for page in pages} == {made_up.count}
    names = [str(ARTISTS[made_up.artist[int(painting_id[1:])]][0]) for painting_id in whole]
    assert names == sorted(names)
    assert ids(list_paintings(gallery, limit=5, sort="id")) == [f"p00{i}" for i in range(5)]
    rooms = [p.payload["extra"]["room"] for p in list_paintings(gallery, sort="ROOM").points]
    assert rooms == sorted(rooms)


def test_faces_are_listed_as_faces(gallery: Gallery, made_up: MadeUp) -> None:
    listing = list_paintings(gallery, Filters(where="face_size=30"), kind=FACES, limit=3)
    assert listing.is_of_faces
    assert listing.total == made_up.count
    assert all("box" in point.payload for point in listing.points)


def test_what_makes_no_list(gallery: Gallery) -> None:
    with pytest.raises(QueryError, match="no field is called 'colour'"):
        list_paintings(gallery, sort="colour")
    with pytest.raises(ValueError, match="limit must be at least 1"):
        list_paintings(gallery, limit=0)


def test_lists_and_counts_are_public() -> None:
    assert artsim.list_paintings is list_paintings
    assert artsim.count_values is count_values
    assert artsim.Listing is Listing
    assert artsim.ValueCounts is ValueCounts


WORKS = [
    {"artist": "Dürer, Albrecht", "artist_key": "albrecht durer", "attribution": "by"},
    {"artist": "Dürer, Albrecht", "artist_key": "albrecht durer", "attribution": "by"},
    *[{"artist": "after Dürer", "artist_key": "albrecht durer", "attribution": "after"}] * 3,
    {"artist": "Albrecht Durer", "artist_key": "albrecht durer", "attribution": "by"},
    {"artist": "unknown", "attribution": "unknown"},
    {"title": "Alone", "year_start": -45, "year_end": -45, "width_cm": 10.0},
    {"title": "Alone", "year_start": 1640, "year_end": 1655, "width_cm": 20.0},
    {"year_start": 1648, "year_end": 1648, "extra": {"Maße": "50", "Saal": ["A", "B"]}},
    {"extra": {"Maße": "50", "Inv. Nr.": 7}},
]


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    with open_gallery(home=tmp_path_factory.mktemp("works")) as gallery:
        gallery.create(PAINTINGS, []).upsert(
            [
                Point(painting_point_id(f"w{i}"), {}, {"painting_id": f"w{i}", **work})
                for i, work in enumerate(WORKS)
            ]
        )
        yield gallery


def test_the_unknown_comes_last_and_ties_by_date_and_id(works: Gallery) -> None:
    by_title = ids(list_paintings(works, sort="title"))
    assert by_title[:3] == ["w7", "w8", "w9"]
    assert by_title[3:] == sorted(by_title[3:])
    assert ids(list_paintings(works))[:3] == ["w7", "w8", "w9"]


def test_an_artist_is_counted_once_by_the_artists_own_spelling(works: Gallery) -> None:
    counted = count_values(works, "artist")
    durer, unknown = counted.artists
    assert (durer.artist, durer.count) == ("Dürer, Albrecht", 6)
    assert durer.attributions == {"by": 3, "after": 3}
    assert (unknown.artist, unknown.artist_key, unknown.count) == ("unknown", None, 1)
    assert counted.values[0] == ("after Dürer", 3)
    assert counted.total == 4
    assert counted.unknown == 4
    assert "4 paintings have no artist" in counted.notes


def test_counts_say_where_they_stop(gallery: Gallery, made_up: MadeUp) -> None:
    counted = count_values(gallery, "style", limit=2)
    frequent = Counter(STYLES[style] for style in made_up.style)
    assert counted.values == tuple(sorted(frequent.items(), key=lambda p: (-p[1], p[0]))[:2])
    assert counted.notes == ("2 of 3 values",)
    assert counted.notes[0].hint == "--limit 3"
    assert count_values(gallery, "style").notes == ()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("date", {"-49..-40": 1, "1640..1649": 2, "1650..1659": 1}),
        ("title", {"Alone": 2}),
        ("width_cm", {10.0: 1, 20.0: 1}),
        ("extra.Maße", {"50": 2}),
        ("masse", {"50": 2}),
        ("Saal", {"A": 1, "B": 1}),
        ("extra.Inv. Nr.", {7: 1}),
        ("extra", {"Maße": 2, "Saal": 1, "Inv. Nr.": 1}),
        ("date_text", {}),
    ],
)
def test_any_field_is_counted(works: Gallery, field: str, values: dict) -> None:
    counted = count_values(works, field)
    assert dict(counted.values) == values
    assert counted.total == len(values)
    assert counted.to_dict()["unknown"] == counted.unknown > 0


def test_a_decade_counts_what_the_filter_finds(gallery: Gallery) -> None:
    counted = count_values(gallery, "date")
    assert [decade for decade, _ in counted.values] == [
        f"{year}..{year + 9}" for year in range(1600, 1710, 10)
    ]
    for decade, count in counted.values:
        assert list_paintings(gallery, Filters(years=str(decade)), limit=1).total == count


def test_many_sizes_are_counted_in_ranges(tmp_path: Path) -> None:
    with open_gallery(home=tmp_path / "home") as gallery:
        gallery.create(PAINTINGS, []).upsert(
            [
                Point(painting_point_id(str(i)), {}, {"painting_id": str(i), "width_cm": i + 0.5})
                for i in range(100)
            ]
        )
        counted = count_values(gallery, "width_cm")
        assert counted.values == tuple((f"{i}..{i + 10}", 10) for i in range(0, 100, 10))


def test_what_cannot_be_counted(
    gallery: Gallery, works: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(QueryError, match="box has no values to count"):
        count_values(gallery, "box", kind=FACES)
    with pytest.raises(QueryError, match="only faces have face_size"):
        count_values(gallery, "face_size")
    with pytest.raises(QueryError, match="no field is called"):
        count_values(works, "nonsense")
    monkeypatch.setattr("artsim.search.filters._MOST_BYTES", 150)
    with pytest.raises(QueryError, match="too many to count"):
        scan_values("painting_id", works[PAINTINGS])
