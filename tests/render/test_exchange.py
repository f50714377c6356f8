"""BibTeX and IIIF of answers and lists."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_answers import made_answer

from artsim.catalog.hits import Hit
from artsim.catalog.scale import Verdict
from artsim.files import choose_form
from artsim.render.exchange import BASE, Work, bibtex_of, manifest_of, to_bibtex, to_iiif
from artsim.render.output import ANSWER, ENDINGS
from artsim.search.answer import Answer
from artsim.search.listing import Listed, Listing

MONK = {
    "painting_id": "met-435869",
    "title": "Uncle Dominique, the Artist's Uncle & a 100 % Monk",
    "artist": "Paul Cézanne",
    "date_text": "1866",
    "year_start": 1866,
    "year_end": 1866,
    "medium": "Oil on canvas",
    "height_cm": 65.1,
    "width_cm": 54.6,
    "institution": "The Met",
    "rights": "CC0 1.0 (Met Open Access)",
    "source_url": "https://museum.example/435869?a=b_c",
    "image_uri": "file:///home/me/monk.jpg",
    "image_width": 600,
    "image_height": 800,
    "extra": {"object_number": "1993.400.1", "credit": "Gift of W. & L. Annenberg"},
}


def listed(*payloads: Mapping[str, Any]) -> Listing:
    return Listing(tuple(Listed("p", dict(one)) for one in payloads), len(payloads))


def entries(text: str) -> list[tuple[str, str, dict[str, str]]]:
    """Read BibTeX as its own grammar has it: braces are counted, whatever stands before them."""
    found, at = [], 0
    while (at := text.find("@", at)) >= 0:
        start, depth, end = text.index("{", at), 0, at
        for end in range(start, len(text)):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            if depth == 0:
                break
        assert depth == 0
        key, _, body = text[start + 1 : end].partition(",")
        fields, depth, value_at, name = {}, 0, 0, ""
        for i, char in enumerate(body):
            if char == "{":
                depth += 1
                if depth == 1:
                    name, value_at = body[:i].rpartition(",")[2].strip(" =\n"), i + 1
            elif char == "}":
                depth -= 1
                if depth == 0:
                    fields[name] = body[value_at:i]
                    body = body[: i + 1].replace(",", ";") + body[i + 1 :]
        found.append((text[at + 1 : start], key, fields))
        at = end
    return found


def test_an_entry() -> None:
    ((kind, key, fields),) = entries(to_bibtex(listed(MONK)))
    assert (kind, key) == ("artwork", "met-435869")
    assert fields == {
        "author": "{Paul Cézanne}",
        "title": r"{Uncle Dominique; the Artist's Uncle \& a 100 \% Monk}".replace(";", ","),
        "year": "1866",
        "howpublished": "Oil on canvas, 65.1 x 54.6 cm",
        "organization": "The Met",
        "note": r"1993.400.1. Gift of W. \& L. Annenberg",
        "rights": "CC0 1.0 (Met Open Access)",
        "url": "https://museum.example/435869?a=b_c",
    }


@pytest.mark.parametrize(
    ("years", "wanted"),
    [
        ((1640, 1645), {"date": "1640/1645", "note": "um 1640"}),
        ((-50, -50), {"date": "-0050", "note": "um 1640"}),
        ((None, 1645), {"note": "um 1640"}),
    ],
)
def test_dates_that_are_no_year(years: tuple[int | None, int], wanted: dict[str, str]) -> None:
    payload = {"painting_id": "a", "date_text": "um 1640", "year_start": years[0]}
    ((_, _, fields),) = entries(to_bibtex(listed({**payload, "year_end": years[1]})))
    assert fields == {"title": "{(no title)}", **wanted}


HOSTILE = st.text(st.sampled_from(list("ab{}\\@,=\"'%$#&_^~\n\t é\u202e<>")), min_size=1)


@settings(max_examples=60)
@given(st.lists(HOSTILE, min_size=1, max_size=3), HOSTILE, HOSTILE)
def test_hostile_metadata_stays_within_its_entry(ids: list[str], title: str, artist: str) -> None:
    works = [{"painting_id": one, "title": title, "artist": artist} for one in dict.fromkeys(ids)]
    text = to_bibtex(listed(*works))
    found = entries(text)
    assert len(found) == len(works) == len({key.lower() for _, key, _ in found})
    for kind, key, fields in found:
        assert kind == "artwork"
        assert re.fullmatch(r"[A-Za-z0-9_.:+/-]+", key)
        assert fields.keys() <= {"author", "title"}


def test_a_title_in_the_heading_begins_no_entry() -> None:
    answer = made_answer([Hit("p", 0.5, MONK)], query_payload={"title": "@misc{x, title={y}}"})
    assert [kind for kind, _, _ in entries(to_bibtex(answer))] == ["artwork"]


def hits() -> Answer:
    near = Verdict("very near", 99.9, 0.4)
    other = {"painting_id": "b", "title": "<b>Sea</b>", "image_uri": "https://museum.example/b.png"}
    service = {
        "painting_id": "c",
        "rights": "© The Museum",
        "extra": {"iiif_image": "https://i.example/c/"},
    }
    found = [Hit("p", 0.93, MONK, verdict=near), Hit("q", 0.8, other), Hit("r", 0.7, service)]
    return made_answer([*found, Hit("p", 0.6, MONK)], settings={"encoders": ["builtin-v3"]})


def test_a_manifest() -> None:
    manifest = json.loads(to_iiif(hits()))
    assert manifest["@context"] == "http://iiif.io/api/presentation/3/context.json"
    assert manifest["type"] == "Manifest" and manifest["id"].startswith(f"{BASE}/")
    assert manifest["summary"]["none"] == ["encoder builtin-v3 · no public address: 1 picture"]
    monk, sea, service = manifest["items"]  # each work once
    assert monk["label"] == {"none": [f"1. Paul Cézanne, {MONK['title']} (1866)"]}
    assert (monk["width"], monk["height"], monk["items"]) == (600, 800, [])
    assert monk["rights"] == "http://creativecommons.org/publicdomain/zero/1.0/"
    assert monk["requiredStatement"]["value"]["none"] == [
        "Gift of W. & L. Annenberg. CC0 1.0 (Met Open Access)"
    ]
    assert monk["homepage"][0]["id"] == MONK["source_url"]
    facts = {fact["label"]["en"][0]: fact["value"]["none"][0] for fact in monk["metadata"]}
    assert facts["Score"] == "0.9300" and facts["Verdict"] == "very near 99.900 %"
    (page,) = sea["items"]
    (painting,) = page["items"]
    assert painting["target"] == sea["id"] and painting["motivation"] == "painting"
    assert painting["body"] == {
        "id": "https://museum.example/b.png", "type": "Image", "format": "image/png",
    }  # fmt: skip
    body = service["items"][0]["items"][0]["body"]
    assert body["id"] == "https://i.example/c/full/max/0/default.jpg"
    assert body["service"][0]["@id"] == "https://i.example/c"
    assert "rights" not in service
    assert service["requiredStatement"]["value"]["none"] == ["© The Museum"]


def test_a_manifest_names_no_file_and_is_the_same_again() -> None:
    text = to_iiif(hits())
    assert "/home/me" not in text and "file:" not in text
    assert to_iiif(hits()) == text
    assert to_iiif(hits(), base="https://me.example/iiif").count("https://me.example/iiif/") > 3


@settings(max_examples=40)
@given(HOSTILE, st.sampled_from(["javascript:alert(1)", "file:///etc/passwd", "//x", "http://a b"]))
def test_hostile_metadata_is_no_markup_and_no_link(title: str, link: str) -> None:
    extra = {"iiif_image": link, "image_url": link, "credit": f"<{title}>"}
    work = {"painting_id": "a", "title": title, "source_url": link, "image_uri": link}
    (canvas,) = json.loads(to_iiif(listed({**work, "extra": extra})))["items"]
    statement = canvas["requiredStatement"]["value"]["none"][0]
    assert not (statement.startswith("<") and statement.endswith(">"))
    for place in re.findall(r'"id": "([^"]*)"', json.dumps(canvas)):
        assert place.startswith(("https://", "http://a%20b"))


def test_notes_and_pictures_of_a_selection() -> None:
    body = {"id": "https://me.example/1.jpg", "type": "Image", "format": "image/jpeg"}
    works = [Work(MONK, note="Cf. {the} uncle & 2nd version", picture=body), Work({"title": "b"})]
    ((_, key, fields), (_, other, _)) = entries(bibtex_of(works, "kept"))
    assert fields["annotation"] == r"Cf. \textbraceleft{}the\textbraceright{} uncle \& 2nd version"
    assert (key, other) == ("met-435869", "work")
    manifest = json.loads(manifest_of(works, "Uncles", "", own="https://me.example/kept"))
    first, second = manifest["items"]
    assert first["items"][0]["items"][0]["body"] == body
    assert first["metadata"][-1]["value"]["none"] == ["Cf. {the} uncle & 2nd version"]
    assert second["id"] == "https://me.example/kept/2"


def test_by_the_ending_of_a_file() -> None:
    assert choose_form(Path("hits.bib"), None, ENDINGS, ANSWER) == "bibtex"
    assert choose_form(Path("hits.json"), None, ENDINGS, ANSWER) == "json"
    assert choose_form(Path("hits.json"), "iiif", ENDINGS, ANSWER) == "iiif"
