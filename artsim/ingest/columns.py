"""Which column of a manifest is which field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from artsim.catalog.names import fold_text
from artsim.errors import MetadataError


def _names(*lines: str) -> tuple[str, ...]:
    return tuple(name.strip() for line in lines for name in line.split(","))


_HEIGHTS: Final = "höhe, hauteur, altezza, alto, altura, hoogte"
_WIDTHS: Final = "breite, largeur, larghezza, ancho, anchura, breedte"

FIELD_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "image": _names(
        "image, image file, image path, image filename, filename, file name, file, file path,"
        "path, local path, picture, img",
        "datei, dateiname, bilddatei, dateipfad, bild",
        "fichier, nom du fichier, nom de fichier, fichier image, chemin, photo",
        "immagine, nome file, file immagine, percorso",
        "bestandsnaam, bestandspad, afbeelding, afbeeldingsbestand",
        "archivo, nombre de archivo, nombre del archivo, fichero, imagen, foto, bestand",
    ),
    "id": _names(
        "painting id, id, object id, artwork id, work id, object number, accession number,"
        "accession no, inventory number, inventory no, inventory",
        "inventarnummer, inventarnr, inv nr, invnr, inventar, objektnummer, objekt nr, objekt id,"
        "werknummer, werk id",
        "numéro d'inventaire, numéro inventaire, n° d'inventaire, n° inventaire, n° inv,"
        "no inventaire, num inventaire, inventaire, inv",
        "numero d'inventario, numero di inventario, numero inventario, n inventario, num inv,"
        "inventario, inventarisnummer, inventarisnr, objectnummer",
        "número de inventario, nº de inventario, nº inventario, núm inventario, n° de inventario",
    ),
    "title": _names(
        "title, object title, artwork title, work title, painting title, item label",
        "titel, werktitel, bildtitel, objekttitel, titre, titre de l'œuvre, titolo,"
        "titolo dell'opera, titolo opera, título, título de la obra",
    ),
    "artist": _names(
        "artist, artist name, artist display name, attribution, artist display, painter, creator,"
        "creators, artists, author, maker, principal maker, creator label, artist title",
        "künstler, künstlerin, künstlerinnen, künstlername, name des künstlers, maler, malerin,"
        "urheber, urheberin, zuschreibung, artiste, auteur, peintre, artista, autore, autrice,"
        "pittore, attribuzione, autor, autora, pintor, pintora, atribución, kunstenaar, schilder,"
        "vervaardiger, toeschrijving, kunstner, konstnär",
    ),
    "attribution": _names(
        "attribution kind, attribution type, attribution qualifier, artist prefix,"
        "artist qualifier, creator qualifier, artist role, creator role, attribution",
        "zuschreibung, art der zuschreibung, attribuzione, atribución, toeschrijving",
    ),
    "date_text": _names(
        "date text, date, display date, object date, date display, dated, dating, creation date,"
        "date created, production date, date made, year, inception",
        "datierung, entstehungszeit, entstehungsjahr, entstehungsdatum, datum, jahr",
        "datation, date de création, date d'exécution, millésime, millésime de création, année,"
        "période de création, siècle",
        "datazione, cronologia, anno, data, datación, cronología, fecha, año, datering, jaar",
    ),
    "year_start": _names("year, jahr, année, anno, año, jaar"),
    "year_end": (),
    "style": _names(
        "style, styles, movement, art movement, stil, stilrichtung, kunstrichtung, epoche,"
        "mouvement, courant, stile, corrente, movimento, estilo, movimiento, stijl, stroming",
    ),
    "genre": _names(
        "genre, genres, object genre, gattung, bildgattung, genere, género, genero pictórico",
    ),
    "school": _names(
        "school, nationality, artist nationality, culture, schule, malschule, nationalität,"
        "école, école-pays, nationalité, scuola, scuola pittorica, nazionalità, escuela,"
        "nacionalidad, nationaliteit",
    ),
    "medium": _names(
        "medium, materials, material, medium display, technique, techniques",
        "technik, material/technik, technik/material, material und technik, materialien,"
        "maltechnik, matériaux, matériau, matériaux/techniques, matériaux et techniques,"
        "matières et techniques, technique et support, tecnica, materia e tecnica, materiale,"
        "materiali, técnica, técnica y soporte, materia y técnica, materiales, techniek,"
        "materiaal, materiaal/techniek",
    ),
    "institution": _names(
        "institution, museum, repository, holding institution, owner",
        "aufbewahrungsort, verwahrort, sammlung, besitzer, eigentümer",
        "lieu de conservation, musée, établissement, propriétaire",
        "luogo di conservazione, museo, proprietà, institución, lugar de conservación",
        "bewaarplaats, verblijfplaats, instelling",
        "collection, collection label, current location, location, standort, localisation,"
        "collocazione, ubicazione, collezione, ubicación, localización, colección, collectie,"
        "standplaats",
    ),
    "width_cm": _names(
        "width cm", _WIDTHS, ", ".join(f"{name} cm" for name in _WIDTHS.split(", ")), "b cm, w cm"
    ),
    "height_cm": _names(
        "height cm", _HEIGHTS, ", ".join(f"{name} cm" for name in _HEIGHTS.split(", ")), "h cm"
    ),
    "rights": _names(
        "rights, license, licence, copyright, rights statement, share license status",
        "rechte, bildrechte, lizenz, urheberrecht, droits, diritti, licenza, derechos, licencia,"
        "rechten, licentie",
    ),
    "source": _names(
        "source, data source, provider, dataset, quelle, bildquelle, datenquelle, fonte, fuente,"
        "bron",
    ),
    "source_url": _names(
        "source url, object url, page url, web page, permalink, url, link, link resource,"
        "frontend url, weblink, webseite, objektlink, lien, enlace",
    ),
    "tags": _names(
        "tags, tag, keywords, keyword, subjects, subject, schlagworte, schlagwort, schlagwörter,"
        "stichworte, stichwörter, mots-clés, mots clefs, parole chiave, palabras clave,"
        "trefwoorden",
    ),
}
"""Names under which a field is recognized, the best first, whatever their case, accents,
spaces, hyphens and underscores; ``Kuenstler`` is ``Künstler`` too. Pairs of years are found
by `_year_pair`. ``width`` and ``height`` alone are nobody's: most files mean pixels."""

HELPER_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "attribution_suffix": _names("attribution suffix, artist suffix, creator suffix"),
    "dimensions": _names(
        "dimensions, dimension, measurements, size",
        "maße, masse, maß, bildmaße, abmessungen, abmessung, größe, format, mesures",
        "dimensioni, misure, dimensiones, medidas, afmetingen, afmeting, maten, formaat",
    ),
}
"""Names of columns from which fields are read that they are not themselves."""

_ALL_COLUMNS: Final = {**FIELD_COLUMNS, **HELPER_COLUMNS}

SINGLE_YEARS: Final = frozenset(FIELD_COLUMNS["year_start"])
"""Names of a column that is no half of a pair: the year is the first and the last."""

_ALIASES: Final = {
    "painting_id": "id", "date": "date_text", "tag": "tags",
    "filename": "image", "file": "image", "picture": "image", "path": "image",
    "museum": "institution", "url": "source_url",
    "width": "width_cm", "height": "height_cm", "size": "dimensions",
}  # fmt: skip
"""Other words for the fields, in a map that a person gives."""

_MISLEADING: Final = {
    # What is an institution in a scholar's list is a part or a room of it in the museum's own.
    **dict.fromkeys(
        _names(
            "collection, current location, location, standort, localisation, collocazione,"
            "ubicazione, ubicación, localización, colección, collectie, standplaats"
        ),
        _names("department, abteilung, département, dipartimento, departamento"),
    ),
    # A file in Dutch, the holdings in German.
    "bestand": _names("künstler, maler, datierung, maße, technik, gattung, standort, schule"),
}
"""Names that do not mean their field in a file which has one of these other columns."""

_DETAILS: Final = re.compile(r"\b(?:in )?(?:cm|mm|m|in|inch|inches|zoll|px|pixels?)\b")
_ORDER: Final = re.compile(r"\b[hbwltd] ?x ?[hbwltd](?: ?x ?[hbwltd])?\b")

_DATE: Final = (
    "years?|dates?|dated|dating|creation|created|production|produced|made|datierung|jahre?|"
    "datum|entstehung|entstehungsjahr|entstehungszeit|herstellung|annees?|datation|millesime|"
    "periode|anno|data|datazione|cronologia|fecha|ano|datacion|jaar|datering"
)
_OF_A_WORK: Final = "object|artwork|work|painting|werk|bild|de|di|der|du|d"
_FIRST: Final = (
    "begin|beginning|start|from|earliest|early|first|min|minimum|lower|notbefore|"
    "von|ab|beginn|anfang|fruhestens|debut|de|da|dal|inizio|iniziale|desde|inicio|inicial|van"
)
_LAST: Final = (
    "end|ending|finish|to|until|latest|late|last|max|maximum|upper|notafter|"
    "bis|ende|spatestens|fin|fine|a|al|finale|hasta|final|tot|eind|einde"
)
_BARE_PAIRS: Final = frozenset({"notbefore", "notafter", "earliest", "latest", "von", "bis"})
_HALF: Final = re.compile(
    rf"(?P<before>(?:{_DATE}|{_OF_A_WORK})*?)(?:(?P<first>{_FIRST})|(?P<last>{_LAST}))"
    rf"(?P<after>(?:{_DATE}|{_OF_A_WORK})*)"
)


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of one file, sorted out.

    Attributes
    ----------
    by_field : mapping of str to str
        Column of each field that has one.
    extra : tuple of str
        The other columns, in the file's order.
    """

    by_field: Mapping[str, str]
    extra: tuple[str, ...]


def resolve_columns(
    header: Sequence[str], column_map: Mapping[str, str] | None = None, *, place: str
) -> Columns:
    """Find the column of every field.

    The two halves of a pair of years are found together. In a file with a column of
    departments, which one museum wrote, collections and locations are no institutions.

    Parameters
    ----------
    header : sequence of str
        The file's column names; columns without a name are left out.
    column_map : mapping of str to str, optional
        Field to column, where the recognized names will not do; ``""`` means that no
        column is that field.
    place : str
        The file, for messages.

    Raises
    ------
    MetadataError
        If `column_map` names a field or a column that does not exist; the message lists
        those that do.
    """
    named = [column for column in header if column]
    chosen = _mapped(named, column_map or {}, place)
    taken = {column for column in chosen.values() if column}
    by_norm = {spelling: column for column in reversed(named) for spelling in _spellings(column)}
    for field, column in _year_pair([name for name in named if name not in taken]).items():
        if field not in chosen:
            chosen[field] = column
            taken.add(column)
    for field, names in _ALL_COLUMNS.items():
        if field in chosen:
            continue
        for name in names:
            found = next((by_norm[n] for n in _alias_spellings(name) if n in by_norm), None)
            if found and found not in taken and not _is_misleading(name, by_norm):
                chosen[field] = found
                taken.add(found)
                break
    by_field = {field: column for field, column in chosen.items() if column}
    return Columns(by_field, tuple(column for column in named if column not in taken))


def is_single_year(column: str) -> bool:
    """Say whether a column's name is that of a year, not of the first or last of several."""
    return _norm(column) in {_norm(name) for name in SINGLE_YEARS}


def _is_misleading(name: str, by_norm: Mapping[str, str]) -> bool:
    others = _MISLEADING.get(name, ())
    return any(spelling in by_norm for other in others for spelling in _alias_spellings(other))


def _year_pair(header: Sequence[str]) -> dict[str, str]:
    """Return the columns of first and last year: both if any pair is whole, else one half.

    ``DateBegin`` belongs to ``DateEnd``, not to ``year_to``: the rest of the name is one.
    """
    pairs: dict[str, dict[str, str]] = {}
    for column in header:
        name = _norm(column)
        found = _HALF.fullmatch(name)
        rest = found["before"] + found["after"] if found else ""
        if found and (re.search(_DATE, rest) or name in _BARE_PAIRS):
            side = "year_start" if found["first"] else "year_end"
            pairs.setdefault(rest, {}).setdefault(side, column)
    # Years before dates, which may have days; otherwise the first in the file.
    usable = [(rest, pair) for rest, pair in pairs.items() if rest or len(pair) == 2]
    ranked = sorted(usable, key=lambda found: (-len(found[1]), "year" not in found[0]))
    return ranked[0][1] if ranked else {}


def _mapped(header: Sequence[str], column_map: Mapping[str, str], place: str) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for given, column in column_map.items():
        field = given if given in _ALL_COLUMNS else _ALIASES.get(given.casefold(), given)
        if field not in _ALL_COLUMNS:
            aliases = ", ".join(f"{alias} for {name}" for alias, name in _ALIASES.items())
            raise MetadataError(
                f"there is no field {given!r} to map a column to; "
                f"the fields are {', '.join(_ALL_COLUMNS)}; also taken: {aliases}"
            )
        chosen[field] = column if column in header else _like(header, column)
        if column and not chosen[field]:
            raise MetadataError(
                f"{place} has no column {column!r} to map to {field}; "
                f"its columns are {', '.join(header)}"
            )
    return chosen


def _like(header: Sequence[str], column: str) -> str:
    alike = [name for name in header if _alias_spellings(name) & _alias_spellings(column)]
    return alike[0] if column and len(alike) == 1 else ""


def _spellings(column: str) -> list[str]:
    """Return a column's plain name, the best last; ``Maße (H x B) in cm`` is ``Maße`` too."""
    folded = " ".join(re.sub(r"[\W_]+", " ", fold_text(column)).split())
    bare = _DETAILS.sub("", _ORDER.sub("", folded)).replace(" ", "")
    details = _DETAILS.search(folded)
    sized = f"{bare}cm" if details and "p" not in details[0] else ""
    return [name for name in (sized, _norm(column)) if name] + _bare_dimensions(bare)


def _bare_dimensions(bare: str) -> list[str]:
    return [bare] if bare in {_norm(name) for name in HELPER_COLUMNS["dimensions"]} else []


@cache
def _alias_spellings(name: str) -> frozenset[str]:
    """Return the plain forms of a name, with and without German ``ae``, ``oe``, ``ue``."""
    spelled_out = name.casefold().translate({ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue"})
    return frozenset({_norm(name), _norm(spelled_out)})


def _norm(name: str) -> str:
    return re.sub(r"[\W_]+", "", fold_text(name))
