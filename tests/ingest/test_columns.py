"""Columns and rows become fields."""

import pytest

from artsim.domain.payload import FACE_FIELDS, LIST_FIELDS
from artsim.errors import MetadataError
from artsim.ingest.columns import FIELD_COLUMNS, resolve_columns
from artsim.ingest.row_payload import row_payload


def fields_of(*header: str, **column_map: str) -> dict[str, str]:
    return dict(resolve_columns(header, column_map, place="list.csv").by_field)


def payload_of(column_map: dict[str, str] | None = None, **values: object) -> dict[str, object]:
    columns = resolve_columns(list(values), column_map, place="list.csv")
    return row_payload(values, columns)


def test_every_mappable_field_is_in_the_payload_contract() -> None:
    assert FIELD_COLUMNS.keys() - {"image", "id"} <= FACE_FIELDS.keys()


def test_names_are_recognized_however_they_are_spelled() -> None:
    assert fields_of("File Name", "ARTIST-NAME", "displaydate", "Begin_Year") == {
        "image": "File Name", "artist": "ARTIST-NAME", "date_text": "displaydate",
        "year_start": "Begin_Year",
    }  # fmt: skip


def test_pixels_are_not_centimeters() -> None:
    columns = resolve_columns(["file", "width", "height", ""], place="list.csv")
    assert dict(columns.by_field) == {"image": "file"}
    assert columns.extra == ("width", "height")


def test_of_several_columns_the_best_is_taken_and_the_rest_is_extra() -> None:
    columns = resolve_columns(["attribution", "artist", "year", "date"], place="list.csv")
    assert dict(columns.by_field) == {
        "artist": "artist", "attribution": "attribution", "date_text": "date", "year_start": "year",
    }  # fmt: skip
    assert fields_of("attribution", "creator") == {"artist": "attribution"}


def test_a_map_goes_first_and_can_switch_a_field_off() -> None:
    assert fields_of("file", "scan", "genre", image="scan", genre="") == {"image": "scan"}
    assert fields_of("file", "Maler", artist="maler")["artist"] == "Maler"
    assert fields_of("file", "when", date="when")["date_text"] == "when"


def test_a_map_that_does_not_fit_is_refused_with_what_there_is() -> None:
    with pytest.raises(MetadataError, match=r"no field 'colour'.*fields are image, id, title"):
        fields_of("file", colour="file")
    with pytest.raises(MetadataError, match=r"list\.csv has no column 'scan'.*are file, title"):
        fields_of("file", "title", image="scan")


def test_artist_attribution_and_key() -> None:
    assert payload_of(artist="Workshop of Rubens, Peter Paul") == {
        "artist": "Workshop of Rubens, Peter Paul", "attribution": "workshop",
        "artist_key": "paul peter rubens",
    }  # fmt: skip
    assert payload_of(artist="Unknown") == {"artist": "Unknown", "attribution": "unknown"}
    prefixed = payload_of(artist="Rembrandt", artist_prefix="Attributed to")
    assert (prefixed["artist_key"], prefixed["attribution"]) == ("rembrandt", "attributed")
    exported = payload_of(artist="Rembrandt", attribution="circle")
    assert exported["attribution"] == "circle"


@pytest.mark.parametrize(("text", "start", "end", "expected"), [
    ("c. 1650", "", "", (1650, 1650)),
    ("", "1640", "1660", (1640, 1660)),
    ("c. 1650", "1645", "1655", (1645, 1655)),
    ("c. 1650", 1645.0, 1655, (1645, 1655)),
    ("after 1479", "1479", "", (1479, 1529)),
    ("c. 1669", "1664", "", (1664, 1669)),
    ("", "1664", "", (1664, 1664)),
    ("", "", "1664", (1664, 1664)),
    ("1650", "1700", "", (1650, 1650)),
    ("1650", "1700", "1600", (1650, 1650)),
    ("", "1700", "1600", None),
    ("1650", "0", "9999", (1650, 1650)),
    ("", "-400", "-301", (-400, -301)),
    ("no idea", "c. 1500", "1520s", (1500, 1529)),
])  # fmt: skip
def test_stated_and_read_years(
    text: str, start: object, end: object, expected: tuple[int, int] | None
) -> None:
    payload = payload_of(date=text, year_start=start, year_end=end)
    found = (payload["year_start"], payload["year_end"]) if "year_start" in payload else None
    assert found == expected
    assert payload.get("date_text") == (text or None)


def test_what_a_field_cannot_take_is_kept_as_extra() -> None:
    payload = payload_of(
        width_cm="62,2 cm", height_cm="about a yard", year_end="later", date="spring"
    )
    assert payload == {
        "width_cm": 62.2, "date_text": "spring",
        "extra": {"height_cm": "about a yard", "year_end": "later"},
    }  # fmt: skip


@pytest.mark.parametrize("size", ["0", "-3", "1/0", "inf", "1e999", "9" * 400])
def test_sizes_that_are_none(size: str) -> None:
    assert payload_of(width_cm=size) == {"extra": {"width_cm": size}}


def test_lists_are_divided_and_schools_come_down_to_one() -> None:
    payload = payload_of(style="Baroque | Dutch; Baroque", tags="a, b", school="Sienese|Umbrian")
    assert payload["style"] == ["Baroque", "Dutch"]
    assert payload["tags"] == ["a, b"]
    assert payload["school"] == "Sienese"
    assert payload["extra"] == {"school": "Sienese|Umbrian"}


def test_nothing_is_ever_empty() -> None:
    blanks = {column: " " for names in FIELD_COLUMNS.values() for column in names}
    assert payload_of(None, **blanks, other="", another=None, list_=[], nested={"x": None}) == {}
    full = payload_of(
        None, **{column: "1642" for names in FIELD_COLUMNS.values() for column in names}
    )
    assert all(value not in ("", None, []) for value in full.values())
    assert all(
        isinstance(full[name], list) == (name in LIST_FIELDS) for name in full if name != "extra"
    )
