"""Columns and rows become fields."""

# ruff: noqa: RUF001 - the dashes of catalogues are the subject

import pytest

from artsim.catalog.payload import FACE_FIELDS, LIST_FIELDS
from artsim.errors import MetadataError
from artsim.ingest.columns import FIELD_COLUMNS, resolve_columns, row_payload


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


LISTS = {
    "German": (
        "Inv.-Nr.;Datei;Künstler/in;Titel;Datierung;Datierung (von);Datierung (bis);Stil;Gattung;"
        "Schule;Technik;Standort;Maße (H x B) in cm;Bildquelle;Schlagwörter;Bestand"
    ),
    "German without umlauts": (
        "Inventarnummer;Dateiname;Kuenstler;Bildtitel;Entstehungszeit;Jahr von;Jahr bis;"
        "Stilrichtung;Gattung;Malschule;Material/Technik;Aufbewahrungsort;Masse;Quelle;Stichwoerter;Bestand"
    ),
    "French": (
        "N° d'inventaire;Fichier;Auteur;Titre;Datation;Année début;Année fin;Mouvement;Genre;École;"
        "Matériaux et techniques;Lieu de conservation;Mesures;Source;Mots-clés;Remarques"
    ),
    "Italian": (
        "Numero di inventario;Immagine;Autore;Titolo;Datazione;Anno da;Anno a;Stile;Genere;Scuola;"
        "Materia e tecnica;Luogo di conservazione;Dimensioni;Fonte;Parole chiave;Note"
    ),
    "Spanish": (
        "Nº de inventario;Archivo;Pintor;Título;Datación;Fecha inicio;Fecha fin;Estilo;Género;"
        "Escuela;Técnica;Ubicación;Dimensiones;Fuente;Palabras clave;Notas"
    ),
    "Dutch": (
        "Inventarisnummer;Bestand;Kunstenaar;Titel;Datering;Datum begin;Datum eind;Stijl;Genre;"
        "Nationaliteit;Materiaal/techniek;Bewaarplaats;Afmetingen;Bron;Trefwoorden;Opmerkingen"
    ),
}
IN_THE_ORDER_OF_THE_LISTS = [
    "id", "image", "artist", "title", "date_text", "year_start", "year_end", "style", "genre",
    "school", "medium", "institution", "dimensions", "source", "tags",
]  # fmt: skip


@pytest.mark.parametrize("language", LISTS)
def test_the_words_of_museums_lists(language: str) -> None:
    header = LISTS[language].split(";")
    expected = dict(zip(IN_THE_ORDER_OF_THE_LISTS, header, strict=False))
    columns = resolve_columns(header, place="list.csv")
    assert dict(columns.by_field) == expected
    assert columns.extra == (header[-1],)


@pytest.mark.parametrize(("first", "last"), [
    ("DateBegin", "DateEnd"), ("datebegin", "dateend"), ("date_start", "date_end"),
    ("creation_date_earliest", "creation_date_latest"), ("Object Begin Date", "Object End Date"),
    ("beginyear", "endyear"), ("year_from", "year_to"), ("Earliest date", "Latest date"),
    ("Jahr von", "Jahr bis"), ("Datierung Beginn", "Datierung Ende"),
    ("date de début", "date de fin"),
    ("datering.datum.start", "datering.datum.eind"), ("notBefore", "notAfter"), ("von", "bis"),
])  # fmt: skip
def test_the_years_of_a_pair_are_found_together(first: str, last: str) -> None:
    columns = fields_of("image", last, "title", first)
    assert (columns["year_start"], columns["year_end"]) == (first, last)


def test_halves_of_two_pairs_are_no_pair() -> None:
    assert fields_of("year_to", "DateBegin", "DateEnd")["year_end"] == "DateEnd"
    assert "year_start" not in fields_of("Artist Begin Date", "Artist End Date", "von", "start")


def test_a_museum_with_departments_is_not_its_collections() -> None:
    header = ["image", "collection", "current_location"]
    assert fields_of(*header)["institution"] == "collection"
    assert "institution" not in fields_of(*header, "department")
    assert fields_of(*header, "department", "repository")["institution"] == "repository"


def test_a_map_takes_other_words_for_the_fields() -> None:
    for word in ("filename", "file", "picture"):
        assert fields_of("scan", **{word: "scan"}) == {"image": "scan"}
    with pytest.raises(MetadataError, match=r"also taken: .*date for date_text.*file for image"):
        fields_of("file", colour="file")


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


@pytest.mark.parametrize(("values", "expected"), [
    ({"Dated": "n.d.", "DateBegin": "1840", "DateEnd": "1865"}, (1840, 1865)),
    ({"Dated": "c. 1945 (printed 1979)", "DateBegin": "1940", "DateEnd": "1950"}, (1940, 1950)),
    ({"Dated": "1840–1865", "DateEnd": "1865"}, (1840, 1865)),
    ({"Dated": "1840–1865", "DateBegin": "1850"}, (1840, 1865)),
    ({"Dated": "c. 1669", "DateEnd": "1674"}, (1669, 1674)),
    ({"Dated": "n.d.", "DateEnd": "1865"}, None),
    ({"Dated": "1840", "DateBegin": "1840", "DateEnd": "0"}, (1840, 1840)),
    ({"Dated": "", "DateEnd": "1865"}, (1865, 1865)),
    ({"Dated": "NULL", "DateBegin": "1840", "DateEnd": "NULL"}, (1840, 1840)),
    ({"dateText": "date not known", "year": "1844"}, (1844, 1844)),
    ({"dateText": "c.1797–8", "year": "1797"}, (1797, 1798)),
    ({"Dated": "n.d.", "DateBegin": "-9999", "DateEnd": "9999"}, None),
])  # fmt: skip
def test_one_half_of_a_pair_never_cuts_what_the_text_says(
    values: dict[str, str], expected: tuple[int, int] | None
) -> None:
    payload = payload_of(None, **values)
    found = (payload["year_start"], payload["year_end"]) if "year_start" in payload else None
    assert found == expected
    if expected is None and "1865" in values.values():
        assert payload["extra"] == {"DateEnd": "1865"}


NOTHING = ["NULL", "null", "nan", "NaN", "None", "Not provided", "n/a", "N/A", "-", "--", "?",
           "[blank]", "o. A.", "<NA>", "keine Angabe"]  # fmt: skip


@pytest.mark.parametrize("mark", NOTHING)
def test_marks_of_nothing_are_empty_cells(mark: str) -> None:
    columns = ["artist", "date", "year_start", "style", "school", "museum", "width_cm", "note"]
    assert payload_of(None, title=f" {mark} ", **dict.fromkeys(columns, mark)) == {}


def test_unknown_is_a_word_for_the_artist_and_nothing_elsewhere() -> None:
    payload = payload_of(
        None, artist="unbekannt", school="Unknown", museum="unbekannt", note="unknown"
    )
    assert payload == {
        "artist": "unbekannt", "attribution": "unknown", "extra": {"note": "unknown"},
    }  # fmt: skip


@pytest.mark.parametrize("title", ["None", "?", "Nan", "Unknown", "-"])
def test_a_title_that_looks_like_nothing_is_kept(title: str) -> None:
    assert payload_of(title=title, artist="Gilbert Stuart")["title"] == title
    assert "title" not in payload_of(title="NULL", artist="Gilbert Stuart")


def test_dimensions_fill_both_sides_and_stay() -> None:
    assert payload_of(None, Maße="62,2 x 34,8 cm") == {
        "height_cm": 62.2, "width_cm": 34.8, "extra": {"Maße": "62,2 x 34,8 cm"},
    }  # fmt: skip
    assert payload_of(None, dimensions="in a box") == {"extra": {"dimensions": "in a box"}}
    own = payload_of(None, dimensions="62 x 35 cm", height_cm="61", width_cm="24 1/2 in. (62.2 cm)")
    assert (own["height_cm"], own["width_cm"]) == (61.0, 62.2)
    assert payload_of(None, **{"Höhe (mm)": "622", "Breite in mm": "348"}) == {
        "height_cm": 62.2, "width_cm": 34.8,
    }  # fmt: skip


def test_a_role_is_no_attribution_and_a_tie_is_one() -> None:
    def kind(artist: str, **more: str) -> object:
        return payload_of(None, artist=artist, **more)["attribution"]

    assert kind("Attributed to Rembrandt", artistRole="artist") == "attributed"
    assert kind("Rembrandt", artistRole="pupil of") == "workshop"
    assert kind("Rembrandt", artist_suffix="and Workshop") == "workshop"
    met = payload_of(None, artist="Jan van Eyck|Workshop Member", artist_prefix="|and Workshop")
    assert (met["attribution"], met["artist_key"]) == ("workshop", "eyck jan van")
    nobody = payload_of(None, artist="Unknown", artist_prefix="after Rembrandt")
    assert (nobody["attribution"], nobody["artist_key"]) == ("after", "rembrandt")


def test_a_role_behind_a_name_is_left_out_of_it() -> None:
    text = "Camille Pissarro (French, 1830–1903), artist"
    assert payload_of(creators=text) == {
        "artist": "Camille Pissarro", "attribution": "by", "artist_key": "camille pissarro",
        "extra": {"creators": text},
    }  # fmt: skip


def test_nested_values_give_their_text() -> None:
    payload = payload_of(
        title=[{"title": "Porträt", "type": "museum"}],
        date=[{"start": "1640-01-01", "period": "1640-1645"}],
        medium={"en": ["Oil"], "da": ["Olie"]},
        museum={"floor": 3},
    )
    assert payload == {
        "title": "Porträt", "medium": "Oil", "date_text": "1640-1645", "year_start": 1640,
        "year_end": 1645, "extra": {"museum": {"floor": 3}},
    }  # fmt: skip


def test_an_address_as_source_is_a_link() -> None:
    assert payload_of(Bildquelle="https://example.org/1") == {"source_url": "https://example.org/1"}
    assert payload_of(Bildquelle="Foto Marburg") == {"source": "Foto Marburg"}


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
