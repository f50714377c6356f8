"""Artist names: keys, matches and suggestions."""

# ruff: noqa: RUF001 - the dashes and quotes of catalogues are the subject

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from artsim.catalog.names import artist_key, fold_text, match_artist, suggest_artists

GALLERY = [
    artist_key(name)
    for name in (
        "Rembrandt van Rijn", "Vincent van Gogh", "Raphael", "Raphael Kirchner", "J.M.W. Turner",
        "Jan Brueghel the Elder", "Jan Brueghel the Younger", "Claude Monet", "Édouard Manet",
        "葛飾北斎",
    )
]  # fmt: skip


@pytest.mark.parametrize("names", [
    ["Rembrandt van Rijn", "REMBRANDT van Rijn", "Rijn, Rembrandt van", "rembrandt-van-rijn",
     "Rembrandt_van_Rijn", "Rembrandt van Rijn (Dutch, 1606–1669)", "Rembrandt van Rijn, 1606-69"],
    ["Albrecht Dürer", "ALBRECHT DURER", "Du\u0308rer, Albrecht"],
    ["Lucas Cranach the Elder", "Lucas Cranach d. Ä.", "Lucas Cranach d.Ä.", "Cranach, Lucas, the "
     "Elder", "Lucas Cranach (der Ältere)", "Lucas Cranach il Vecchio", "Lucas Cranach l'Ancien"],
    ["Hans Holbein the Younger", "Hans Holbein d. J.", "Holbein, Hans, der Jüngere"],
    ["Peter Paul Rubens", "Sir Peter Paul Rubens", "Rubens, Peter Paul, Sir"],
    ["Titian", "Titian (1488-1576)", "Titian, c. 1488 - after 1576", "titian (Tiziano Vecellio)"],
    ["Łukasz Ørsted", "lukasz orsted"],
    ["Georgia O'Keeffe", "O'Keeffe, Georgia", "Georgia O\u2019Keeffe"],
    ["Master of the St. Bartholomew Altar", "Master of the Saint Bartholomew Altar"],
])  # fmt: skip
def test_spellings_of_one_name_have_one_key(names: list[str]) -> None:
    assert {artist_key(name) for name in names} == {artist_key(names[0])}
    assert artist_key(names[0])


@pytest.mark.parametrize(("one", "other"), [
    ("Jan Brueghel the Elder", "Jan Brueghel the Younger"),
    ("Jan Brueghel the Elder", "Jan Brueghel"),
    ("David Teniers I", "David Teniers II"),
    ("John Smith", "John Smith, Jr."),
    ("Master of 1445", "Master of 1499"),
    ("Smith, D. J.", "Smith d. J."),
])  # fmt: skip
def test_different_artists_keep_different_keys(one: str, other: str) -> None:
    assert artist_key(one) != artist_key(other)


def test_the_documented_form_of_a_key() -> None:
    assert artist_key("Rijn, Rembrandt van") == "rembrandt rijn van"
    assert artist_key("Cranach d. Ä., Lucas") == "cranach elder lucas"


@pytest.mark.parametrize(
    "name", ["葛飾北斎", "अमृता शेरगिल", "ガラ", "Иван Шишкин", "김홍도", "Θεόφιλος"]
)
def test_other_scripts_survive(name: str) -> None:
    key = artist_key(name)
    assert key
    assert artist_key(key) == key


@pytest.mark.parametrize("name", ["", " ", "?!", "1606-1669"])
def test_no_letter_no_key(name: str) -> None:
    assert artist_key(name) == ""


@given(st.text(max_size=60))
@example("𝐀")
def test_a_key_is_words_in_order(name: str) -> None:
    key = artist_key(name)
    assert key.split(" ") == sorted(key.split()) or not key
    assert fold_text(key) == key or not key.isascii()


words = st.lists(
    st.sampled_from(["anna", "maria", "del", "sarto", "hals", "van", "dyck", "ruiz"]), min_size=1
)


@given(words, st.randoms(use_true_random=False))
def test_order_and_case_do_not_matter(parts: list[str], random) -> None:
    shuffled = random.sample(parts, len(parts))
    assert artist_key(" ".join(shuffled).title()) == artist_key(", ".join(parts))


@pytest.mark.parametrize(("query", "found"), [
    ("Rembrandt", ["rembrandt rijn van"]),
    ("rijn rembrandt", ["rembrandt rijn van"]),
    ("R. van Rijn", ["rembrandt rijn van"]),
    ("Raphael", ["raphael"]),
    ("kirchner", ["kirchner raphael"]),
    ("Joseph Mallord William Turner", ["j m turner w"]),
    ("Turner", ["j m turner w"]),
    ("Brueghel", ["brueghel elder jan", "brueghel jan younger"]),
    ("J. Brueghel d. Ä.", ["brueghel elder jan"]),
    ("Edouard MANET", ["edouard manet"]),
    ("葛飾北斎", ["葛飾北斎"]),
    ("R. M.", []), ("Vermeer", []), ("", []),
])  # fmt: skip
def test_part_of_a_name_finds_its_keys(query: str, found: list[str]) -> None:
    assert match_artist(query, GALLERY) == found


@pytest.mark.parametrize(("query", "nearest"), [
    ("Rembrant", "rembrandt rijn van"), ("Van Googh", "gogh van vincent"),
    ("Rafael", "raphael"), ("Monnet", "claude monet"), ("Turnor", "j m turner w"),
])  # fmt: skip
def test_a_slip_of_the_pen_is_suggested_right(query: str, nearest: str) -> None:
    assert match_artist(query, GALLERY) == []
    assert suggest_artists(query, GALLERY)[0] == nearest


def test_suggestions_are_few_and_near() -> None:
    assert suggest_artists("zzz", GALLERY) == []
    assert suggest_artists("", GALLERY) == []
    assert len(suggest_artists("brueghel", GALLERY, limit=1)) == 1
    with pytest.raises(ValueError, match="at least 1"):
        suggest_artists("x", GALLERY, limit=0)
