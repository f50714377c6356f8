"""Artist lines of catalogues."""

# ruff: noqa: RUF001 - the dashes and quotes of catalogues are the subject

import csv
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artsim.catalog.names import Attribution, parse_attribution, sitter_of
from artsim.catalog.payload import ATTRIBUTIONS

LINES = """
Rembrandt van Rijn = by: Rembrandt van Rijn
Rijn, Rembrandt van = by: Rijn, Rembrandt van
Dyck, Anthony van = by: Dyck, Anthony van
by Rembrandt = by: Rembrandt
Master of the Saint Lucy Legend = by: Master of the Saint Lucy Legend
Rubens and Jan Brueghel = by: Rubens and Jan Brueghel
Puccio di Simone|and Allegretto Nuzi = by: Puccio di Simone and Allegretto Nuzi
Gainsborough, after Van Dyck = by: Gainsborough
Art & Language = by: Art & Language
Na Hye-sok = by: Na Hye-sok
Naar, Hans = by: Naar, Hans
Kreis, Hans = by: Kreis, Hans
Artemisia Gentileschi = by: Artemisia Gentileschi
Attributed to Giorgione = attributed: Giorgione
Attr. to Giorgione = attributed: Giorgione
Giorgione, attributed to = attributed: Giorgione
Rembrandt? = attributed: Rembrandt
Rembrandt (?) = attributed: Rembrandt
Possibly by Goya = attributed: Goya
Probably Goya = attributed: Goya
Rembrandt or workshop = attributed: Rembrandt
Rembrandt or Jan Lievens = attributed: Rembrandt
Rembrandt (zugeschrieben) = attributed: Rembrandt
Rembrandt zugeschrieben = attributed: Rembrandt
attribué à Poussin = attributed: Poussin
Master of the Osservanza|or Possibly Sano di Pietro = attributed: Master of the Osservanza
Andrea Mantegna|or Follower of Andrea Mantegna|Possibly Giulio Campagnola = attributed: Andrea Mantegna
Workshop of Rubens = workshop: Rubens
Studio of Van Dyck = workshop: Van Dyck
Frans Hals and studio = workshop: Frans Hals
Frans Hals and Workshop = workshop: Frans Hals
Hans Holbein the Younger (and Workshop(?)) = workshop: Hans Holbein the Younger
Rubens (workshop of) = workshop: Rubens
Lucas Cranach, Werkstatt = workshop: Lucas Cranach
atelier de Rubens = workshop: Rubens
bottega di Raffaello = workshop: Raffaello
Pupil of Rembrandt = workshop: Rembrandt
attributed to the workshop of Rubens = workshop: Rubens
Italian 15th Century|Workshop of Bicci di Lorenzo = workshop: Bicci di Lorenzo
Gerard David|and Netherlandish 15th/16th Century|Workshop of Gerard David = workshop: Gerard David
Master of Saint Giles|and Anonymous Artist|and Assistant of Master of Saint Giles = workshop: Master of Saint Giles
Circle of Raphael = circle: Raphael
Rubens (circle) = circle: Rubens
Entourage de Poussin = circle: Poussin
Umkreis von Dürer = circle: Dürer
Follower of Bosch = follower: Bosch
Nachfolger von Bosch = follower: Bosch
School of Titian = follower: Titian
Rembrandt School = follower: Rembrandt
Anonymous Artist|Follower of Andrea Mantegna = follower: Andrea Mantegna
Manner of Corot = manner: Corot
In the style of Corot = manner: Corot
Imitator of Corot = manner: Corot
after Titian = after: Titian
AFTER TITIAN = after: TITIAN
Copy after Rubens = after: Rubens
Rubens, Peter Paul (after) = after: Rubens, Peter Paul
d'après Titien = after: Titien
D’après Titien = after: Titien
nach Dürer = after: Dürer
Copy after a follower of Bosch = after: Bosch
Anonymous, after Rubens = after: Rubens
Flemish School, after Rubens = after: Rubens
Rembrandt (zugeschr.) = attributed: Rembrandt
?Titian = attributed: Titian
doubtfully attributed to Titian = attributed: Titian
Rembrandt (toegeschreven) = attributed: Rembrandt
Goya (Atribuido) = attributed: Goya
Leonard or Nardon Pénicaud = attributed: Leonard Pénicaud
Rembrandt or Raphaelle Peale = attributed: Rembrandt Peale
Cao Fei, Ou Ning = by: Cao Fei, Ou Ning
British School 17th century, attributed to John Greenhill = attributed: John Greenhill
Rembrandt Werkstatt = workshop: Rembrandt
Rembrandts Werkstatt = workshop: Rembrandt
Rembrandts værksted = workshop: Rembrandt
Rubens' Werkstatt = workshop: Rubens
Frans Hals Werkstatt = workshop: Frans Hals
Werkstatt Lucas Cranach d. Ä. = workshop: Lucas Cranach d. Ä.
Bellini, Giovanni (y Taller) = workshop: Bellini, Giovanni
Tintoretto, Jacopo Robusti (Copia de Taller) = workshop: Tintoretto, Jacopo Robusti
Rubens et son atelier = workshop: Rubens
Alexander Cozens and a pupil = workshop: Alexander Cozens
Peter Paul Rubens [workshop of] = workshop: Peter Paul Rubens
Sir Anthony van Dyck and Studio (Antwerp 1599-1641 London) = workshop: Sir Anthony van Dyck
Jan van Eyck|and Workshop Workshop Member = workshop: Jan van Eyck
Workshop of Veronese = workshop: Veronese
Umkreis Rembrandts = circle: Rembrandt
Umkreis Frans Hals = circle: Frans Hals
Cercle d'Adriaen van Ostade = circle: Adriaen van Ostade
Nachahmer Rembrandts = manner: Rembrandt
Genre de Boucher = manner: Boucher
Green, Art = by: Green, Art
Rembrandt-Schule = follower: Rembrandt
BRIL école des = follower: BRIL
Ecole d'Andrea Castagnéri = follower: Andrea Castagnéri
Zuccaro, Federico (Discipulo de) = follower: Zuccaro, Federico
prints after Abraham Solomon = after: Abraham Solomon
Luini, Bernardino (Segun Modelo de) = after: Luini, Bernardino
Reni, Guido (Obra Copiada de) = after: Reni, Guido
Kopia efter Rembrandt = after: Rembrandt
painter: after: Rembrandt = after: Rembrandt
Veronese = by: Veronese
Artist: Claude Monet = by: Claude Monet
Camille Pissarro (French, 1830–1903), artist = by: Camille Pissarro
Designed by Koloman Moser = by: Koloman Moser
Maestro Domenico = by: Maestro Domenico
Lanfranco Workshop = by: Lanfranco Workshop
Zumbro's Studio = by: Zumbro's Studio
Monogrammist AG = by: Monogrammist AG
Rubens;Jan Brueghel = by: Rubens and Jan Brueghel
Designed and made by William Morris = by: William Morris
Workshop Lucas Cranach the Elder = workshop: Lucas Cranach the Elder
Attributed to Jan van Eyck|and Workshop Workshop Member = workshop: Jan van Eyck
after a design by William Hogarth = after: William Hogarth
Rembrandts efterfølger = follower: Rembrandt
"""  # noqa: E501

NOBODY = [
    "", " ", "?", "-", "|", "Anonymous", "Unknown", "Unknown artist", "Artist unknown", "n/a",
    "Unbekannt", "Anonyme", "Ignoto", "Anonymous 17th-century Flemish", "Florentine 15th Century",
    "Franco-Flemish 15th Century", "Probably Antwerp 16th Century", "Flemish School",
    "Byzantine 13th Century (possibly from Constantinople)", "School of Fontainebleau",
    "Hudson River School", "XVIIe siècle", "Italian (Venetian) School, 16th century",
    "Artist/maker unknown, Flemish", "Maker(s) unknown", "Artist not known", "Not known",
    "Not provided", "No artist", "NULL", "None", "Ubekendt", "Okänd", "Tuntematon", "Nieznany",
    "neznámý autor", "Desconhecido", "Неизвестный художник", "作者不詳", "Auteur inconnu",
    "Autor desconocido", "Maître anonyme", "École française", "FRANCE école", "ITALIE (école)",
    "Niederländische Schule", "Deutsch", "Italienisch, 16. Jh.", "Nürnberger Meister um 1480",
    "Hollandse School", "Friese School 1542", "Scuola veneta", "Ambito fiorentino",
    "Escuela cuzqueña", "Italian (Florentine) Painter", "British (?) School 19th century",
    "?British School", "Egyptian; probably Thebes (now Luxor), Egypt", "Iran, probably Isfahan",
    "China", "Korean", "Rembrandt van Rijn (rejected attribution)", "Workshop Member",
    "RUBENS (anciennement attribué à)", "Rembrandt (formerly attributed to)", "Greek; Athens",
    "formerly attributed to Titian", "Anonymous Artist|Imitator of Anonymous Flemish 15th Century",
]  # fmt: skip


def test_a_line_says_who_and_how_surely() -> None:
    right = dict(line.split(" = ") for line in LINES.strip().splitlines())
    read = {text: parse_attribution(text) for text in right}
    assert {text: f"{found.kind}: {found.artist}" for text, found in read.items()} == right


def test_nobody_is_named() -> None:
    assert [
        text for text in NOBODY if parse_attribution(text) != Attribution("unknown", None)
    ] == []


def test_accents_in_two_code_points_read_alike() -> None:
    assert parse_attribution("attribue\u0301 a\u0300 Poussin").kind == "attributed"


@given(st.text(max_size=500))
def test_any_text_is_read(text: str) -> None:
    found = parse_attribution(text)
    assert found.kind in ATTRIBUTIONS
    assert (found.artist is None) == (found.kind == "unknown")
    assert found.artist is None or found.artist.strip()


terms = st.sampled_from([
    "after", "copy after", "workshop of", "circle of", "possibly", "attributed to", "Rembrandt",
    "and workshop", "or", "and", "(?)", "|", "Unknown", "School", "15th Century", "(after)", "nach",
    "Umkreis", "?", "by", "the", "zugeschrieben", ";", "x;y", "Artist:", "(French, 1606), artist",
])  # fmt: skip


@given(st.lists(terms, max_size=12))
def test_any_terms_are_read(words: list[str]) -> None:
    found = parse_attribution(" ".join(words))
    assert (found.artist is None) == (found.kind == "unknown")
    assert found.artist is None or found.artist.strip()


def test_lines_of_the_national_gallery(data) -> None:
    path = data / "nga" / "paintings_with_images.csv"
    with path.open(encoding="utf-8", newline="") as file:
        lines = [row["attribution"] for row in csv.DictReader(file)]
    kinds = Counter(parse_attribution(line).kind for line in lines)
    assert kinds == {"by": 126, "unknown": 11, "attributed": 10, "workshop": 5, "follower": 3}


@pytest.mark.parametrize("folder", ["paintings", "wikiart224"])
def test_plain_names_stay_what_they_are(data, folder: str) -> None:
    with (data / folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        names = {row["artist"] for row in csv.DictReader(file)}
    assert [n for n in names if parse_attribution(n) != Attribution("by", n)] == []


@pytest.mark.parametrize(
    ("title", "sitter", "key"),
    [
        ("Self-Portrait with a Straw Hat", None, "gogh van vincent"),
        ("Selbstporträt als Fahnenträger", None, "gogh van vincent"),
        ("Autoportrait", None, "gogh van vincent"),
        ("Autorretrato", None, "gogh van vincent"),
        ("Self-portrait?", None, None),
        ("Portrait of a Man, Possibly a Self-Portrait", None, None),
        ("Portrait of the Artist's Mother", None, None),
        ("La Berceuse", "Augustine Roulin", "augustine roulin"),
        ("Self-Portrait", "Roulin, Augustine (1851-1930)", "augustine roulin"),
        ("Portrait", "Alvise Contarini(?)", None),
        ("Portrait", "Unidentified man", None),
        ("Self-Portrait", "unknown", None),
        ("Portrait", ["Camille", "Jean"], None),
    ],
)
def test_who_sits_is_known_only_without_a_doubt(
    title: str, sitter: str | list[str] | None, key: str | None
) -> None:
    payload = {"title": title, "artist_key": "gogh van vincent", "attribution": "by"}
    extra = {} if sitter is None else {"extra": {"sitter": sitter}}
    assert sitter_of({**payload, **extra}) == key
    if sitter is None:
        assert sitter_of({**payload, "attribution": "after"}) is None
