"""Filters as people write them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_up_gallery import ARTISTS, STYLES, MadeUp

from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.catalog.payload import Criteria, painting_point_id
from artsim.errors import QueryError
from artsim.search.filters import Filters, Years, build_criteria, read_years
from artsim.store.gallery import Gallery, open_gallery
from artsim.store.protocol import Collection, Point


def matching(gallery: Gallery, filters: Filters) -> tuple[set[int], list[str]]:
    criteria, notes = build_criteria(filters, gallery[PAINTINGS])
    found = gallery[PAINTINGS].scroll(criteria, payload_fields=["painting_id"])
    return {int(record.payload["painting_id"][1:]) for record in found}, notes


@pytest.mark.parametrize(
    "name", ["Rembrandt van Rijn", "REMBRANDT van Rijn", "Rijn, Rembrandt van", "Rembrandt"]
)
def test_an_artist_however_written(gallery: Gallery, made_up: MadeUp, name: str) -> None:
    found, notes = matching(gallery, Filters({"artist": [name]}))
    assert found == {i for i in range(made_up.count) if made_up.artist[i] == 0}
    assert all("works: " in note for note in notes)


def test_part_of_a_name_finds_every_artist_who_has_it(gallery: Gallery, made_up: MadeUp) -> None:
    found, notes = matching(gallery, Filters({"artist": ["Hals"]}))
    assert found == {i for i in range(made_up.count) if made_up.artist[i] in (1, 2)}
    assert notes[0] == "artist 'Hals' matches 2: Dirck Hals; Frans Hals"


def test_an_artists_works_are_counted_by_their_tie(gallery: Gallery, made_up: MadeUp) -> None:
    of_artist = [i for i in range(made_up.count) if made_up.artist[i] == 0]
    workshop = sum(i % 5 == 0 for i in of_artist)
    found, notes = matching(gallery, Filters({"artist": "Rembrandt"}))
    by = len(of_artist) - workshop
    assert notes == [f"{len(found)} works: {by} by, {workshop} workshop"]
    assert notes[0].hint == "--attribution by"
    assert matching(gallery, Filters({"artist": "Rembrandt", "attribution": "by"}))[1] == []
    _, notes = build_criteria(Filters({"artist": "Rembrandt"}), gallery[FACES])
    assert notes[0].startswith(f"{len(found)} faces: ")


def test_a_whole_name_that_others_contain_is_taken_alone_and_said(tmp_path: Path) -> None:
    names = {"Rembrandt": "rembrandt", "Rembrandt Peale": "peale rembrandt"}
    with open_gallery(home=tmp_path / "home") as gallery:
        paintings = gallery.create(PAINTINGS, [])
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
    assert notes[0].startswith("the gallery has no artist 'Rembrant'; it has: ")
    assert "Rembrandt van Rijn" in notes[0]


def test_values_whatever_their_case(gallery: Gallery, made_up: MadeUp) -> None:
    found, notes = matching(gallery, Filters({"style": ["baroque", "ROCOCO"]}))
    assert found == {i for i in range(made_up.count) if STYLES[made_up.style[i]] != "Romanticism"}
    assert notes == []
    assert matching(gallery, Filters({"style": ["Barok"]})) == (
        set(),
        [f"the gallery has no style 'Barok'; it has: {'; '.join(by_frequency(made_up))}"],
    )


def by_frequency(made_up: MadeUp) -> list[str]:
    counts = Counter(STYLES[style] for style in made_up.style)
    return sorted(counts, key=lambda style: (-counts[style], style))


def test_of_many_values_the_nearest_are_named(tmp_path: Path) -> None:
    styles = ["Baroque", "Rococo", "Romanticism", "Realism", "Cubism", "Fauvism"]
    with open_gallery(home=tmp_path / "home") as gallery:
        paintings = gallery.create(PAINTINGS, [])
        paintings.upsert(
            [
                Point(painting_point_id(style), {}, {"painting_id": style, "style": [style]})
                for style in styles
            ]
        )
        _, (note,) = build_criteria(Filters({"style": "Barok"}), paintings)
        assert note == "the gallery has no style 'Barok'; nearest: Baroque"
        assert note.hint == "artsim facets style"
        _, (note,) = build_criteria(Filters({"style": "Ukiyo-e"}), paintings)
        assert "most often: Baroque; Cubism; Fauvism; Realism; Rococo" in note


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
        build_criteria(filters, gallery[PAINTINGS])


def test_no_filters_are_no_criteria(gallery: Gallery) -> None:
    assert build_criteria(Filters(), gallery[PAINTINGS]) == (Criteria(), [])
    assert Filters().is_empty
    assert not Filters(years="1600").is_empty


@pytest.mark.parametrize(
    ("years", "first", "last"),
    [
        ("-50..10", -50, 10),
        (" 1642 ", 1642, 1642),
        ("-50", -50, -50),
        (1642, 1642, 1642),
        ((1600, 1650), 1600, 1650),
        ((None, 1650), None, 1650),
        ("1620-1650", 1620, 1650),
        ("1620\N{EN DASH}1650", 1620, 1650),
    ],
)
def test_plain_years_need_no_remark(years: Years, first: int | None, last: int | None) -> None:
    assert read_years(years) == (first, last, "")


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("17. Jh.", 1600, 1699),
        ("16th century", 1500, 1599),
        ("1640s", 1640, 1649),
        ("1620-50", 1620, 1650),
        ("um 1640", 1635, 1645),
        ("c. 1640", 1635, 1645),
        ("vers 1640", 1635, 1645),
        ("ca. 1620-1650", 1615, 1655),
        ("before 1700", None, 1700),
        ("nach 1650", 1650, None),
        ("50 BC", -50, -50),
    ],
)
def test_years_in_words_are_remarked(words: str, first: int | None, last: int | None) -> None:
    found_first, found_last, remark = read_years(words)
    assert (found_first, found_last) == (first, last)
    ends = ["" if end is None else str(end) for end in (first, last)]
    meant = ends[0] if first == last else "..".join(ends)
    assert remark.startswith(f"years {words!r} mean {meant}")


def test_circa_widens_what_is_asked_not_what_is_stored(tmp_path: Path) -> None:
    with open_gallery(home=tmp_path / "home") as gallery:
        paintings = gallery.create(PAINTINGS, [])
        payload = {"painting_id": "a", "date_text": "um 1643", "year_start": 1643, "year_end": 1643}
        paintings.upsert([Point(painting_point_id("a"), {}, payload)])
        for asked, found in (("1640", 0), ("c. 1640", 1)):
            criteria, _ = build_criteria(Filters(years=asked), paintings)
            assert paintings.count(criteria) == found


def test_a_single_value_is_one_value(gallery: Gallery) -> None:
    listed = matching(gallery, Filters({"style": ["Baroque"]}, where=["extra.room=3"]))
    assert matching(gallery, Filters({"style": "Baroque"}, where="extra.room=3")) == listed
    assert matching(gallery, Filters({"style": "Baroque", "extra.room": 3})) == listed
    assert Filters({"style": []}).is_empty


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"any_of": ["artist"]}, "any_of: expected values by field, found list"),
        ({"any_of": {"artist": None}}, "artist: expected a text or a list of texts"),
        ({"any_of": {"artist": [["Monet"]]}}, "artist: expected a text"),
        ({"where": {"school": "Dutch"}}, "where: expected a text or a list of texts, found dict"),
        ({"title": 7}, "title: expected words, found int"),
        ({"years": 1640.5}, "years: expected a text, a year, or first and last year"),
        ({"years": (1600, "1650")}, "years: expected"),
        ({"years": (1600, 1650, 1700)}, "years: expected"),
    ],
)
def test_other_types_are_refused_in_words(given: dict, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Filters(**given)


EXTRAS = [
    {"Maße": 52.5, "Inv.-Nr.": "A 1", "Standort": "Köln", "Breite (cm)": "52,5"},
    {"Maße": 60, "Inv.-Nr.": "A 2", "Standort": "Wien", "Breite (cm)": "70"},
    {"Maße": 80, "Inv.-Nr.": "A 3", "Standort": "KÖLN", "Breite (cm)": "unknown"},
    {"art.maker": "x", "art": {"maker": "y"}, "sold": True},
]


@pytest.fixture(scope="module")
def with_extras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    with open_gallery(home=tmp_path_factory.mktemp("extras")) as gallery:
        paintings = gallery.create(PAINTINGS, [])
        paintings.upsert(
            [
                Point(painting_point_id(f"p{i}"), {}, {"painting_id": f"p{i}", "extra": extra})
                for i, extra in enumerate(EXTRAS)
            ]
        )
        yield paintings


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Maße=50..60", {0, 1}),
        ("masse=50..60", {0, 1}),
        ("extra.MASSE=60", {1}),
        ("Maße=52.5", {0}),
        ("Maße=70..", {2}),
        ("Inv.-Nr.=A 2", {1}),
        ("extra.Inv.-Nr.=A 2", {1}),
        ("standort=wien", {1}),
        ("Standort=köln", {0, 2}),
        ("Breite (cm)=50..60", {0}),
        ("Breite (cm)=52.5", {0}),
        ("art.maker=x", {3}),
        ("art.maker=y", {3}),
        ("Standort=Rom", set()),
    ],
)
def test_what_a_manifest_had_beside_the_fields(
    with_extras: Collection, where: str, found: set[int]
) -> None:
    criteria, _ = build_criteria(Filters(where=where), with_extras)
    ids = {str(r.payload["painting_id"]) for r in with_extras.scroll(criteria)}
    assert ids == {f"p{i}" for i in found}
    criteria, _ = build_criteria(Filters(where_not=where), with_extras)
    assert with_extras.count(criteria) == len(EXTRAS) - len(found)


def test_an_unknown_field_names_a_few(with_extras: Collection) -> None:
    with pytest.raises(QueryError) as caught:
        build_criteria(Filters(where="Mase=50"), with_extras)
    message = str(caught.value)
    assert "did you mean extra.Maße?" in message
    assert "extra.Inv.-Nr." in message
    assert "image_sha256" not in message
    with pytest.raises(QueryError, match="cannot compare with true or false"):
        build_criteria(Filters(where="sold=true"), with_extras)
    _, (note,) = build_criteria(Filters(where="Standort=Rom"), with_extras)
    assert note == "the gallery has no extra.Standort 'Rom'; it has: KÖLN; Köln; Wien"
    _, (note,) = build_criteria(Filters(where="extra.Saal=1"), with_extras)
    assert note.startswith("the gallery has no extra.Saal; it has: extra.Breite (cm)")
