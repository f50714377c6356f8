"""A question as JSON and back, as a file, and asked again."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.catalog.payload import AnyOf, Between, Criteria, HasVector, Known, Shows, Words
from artsim.cli import app
from artsim.errors import OptionError, QueryError
from artsim.search.filters import Filters
from artsim.search.question import (
    ExamplesQuery,
    IdQuery,
    ImageQuery,
    PixelsQuery,
    Question,
    SearchOptions,
    TextQuery,
)

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
texts = st.text(max_size=5)
pictures = st.one_of(
    st.builds(IdQuery, texts),
    st.builds(ImageQuery, st.sampled_from(["a.jpg", "/b/ä.png"]), sha256=st.none() | texts),
    st.builds(ImageQuery, st.binary(max_size=9), texts),
)
queries = st.one_of(
    pictures,
    st.builds(TextQuery, texts),
    st.builds(
        ExamplesQuery,
        st.lists(pictures, min_size=1, max_size=2).map(tuple),
        st.lists(pictures, max_size=2).map(tuple),
    ),
)
scalars = texts | numbers | st.booleans()
conditions = st.one_of(
    st.builds(AnyOf, texts, st.lists(scalars, max_size=3).map(tuple)),
    st.builds(Between, texts, st.none() | numbers, st.none() | numbers),
    st.builds(Words, texts, texts),
    st.builds(Known, texts),
    st.builds(HasVector, texts),
    st.builds(Shows, st.lists(texts).map(tuple), st.lists(texts).map(tuple)),
)
some = st.lists(conditions, max_size=3).map(tuple)
years = st.none() | texts | st.integers(-500, 3000) | st.tuples(st.none(), st.integers(0, 2000))
filters = st.builds(
    Filters,
    st.dictionaries(texts, st.lists(texts, min_size=1, max_size=2) | texts, max_size=2),
    years,
    st.none() | texts,
    st.lists(texts, max_size=2),
    st.lists(texts, max_size=2),
    st.lists(texts, max_size=2),
)
options = st.builds(
    SearchOptions,
    limit=st.integers(1, 100),
    offset=st.integers(0, 9),
    min_score=st.none() | st.floats(-1, 1),
    rerank=st.sampled_from(["ssim", "rmse"]),
    rerank_weight=st.none() | st.floats(0, 100),
    group_by=st.none() | texts,
    exact=st.booleans(),
)
questions = st.builds(
    Question,
    queries,
    st.just(FACES),
    st.none() | st.integers(0, 9),
    filters,
    st.builds(Criteria, some, some),
    st.lists(texts, max_size=2).map(tuple),
    options,
) | st.builds(Question, queries, st.just(PAINTINGS), options=options)


@settings(max_examples=40)
@given(questions)
def test_json_is_an_exact_inverse(question: Question) -> None:
    document = question.to_dict()
    again = Question.from_dict(json.loads(json.dumps(document)))
    assert again == question
    assert again.to_dict() == document


def test_pixels_go_through_json() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    again = Question.from_dict(Question(PixelsQuery(pixels, "mine")).to_dict()).query
    assert isinstance(again, PixelsQuery)
    assert again.name == "mine"
    assert np.array_equal(again.pixels, pixels)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"more": 1}, "more"),
        ({"kind": "horses"}, "kind: expected paintings or faces"),
        ({"part": "0"}, "part"),
        ({"part": True}, "part"),
        ({"options": {"limit": "5"}}, "options.limit"),
        ({"options": {"limits": 5}}, "options.limits"),
        ({"options": {"limit": 0}}, "limit must be at least 1"),
        ({"filters": {"years": 1.5}}, "filters.years"),
        ({"encoders": "one"}, "encoders"),
        ({"criteria": {"must": [{"field": "x"}], "must_not": []}}, "criteria.must.0"),
        ({"query": {"id": 5}}, "query"),
        ({"query": {"id": "a", "text": "b"}}, "query"),
        ({"query": {"like": [{"text": "a"}], "unlike": []}}, "query.like.0"),
        ({"query": {"image": {"base64": "!", "name": "a"}}}, "query"),
        ({"query": {"pixels": {"base64": "AAAA", "shape": [2, 1, 3], "name": "a"}}}, "query"),
    ],
)
def test_what_is_no_question_is_refused_by_its_place(change: dict, place: str) -> None:
    with pytest.raises((QueryError, OptionError), match=place):
        Question.from_dict({**Question(IdQuery("a")).to_dict(), **change})


def test_a_search_by_id_does_not_import_pydantic(sample_home: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import artsim\n"
        f"gallery = artsim.open_gallery(home=Path({str(sample_home)!r}))\n"
        "artsim.find_similar(gallery, artsim.IdQuery('met-437388'))\n"
        "sys.exit(bool({'pydantic', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def run(*arguments: object) -> tuple[str, str]:
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_a_saved_question_has_the_same_answer(
    sample: Path, changeable_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARTSIM_HOME", str(changeable_home))
    picture = Path("girl.jpg")
    picture.write_bytes(sorted((sample / "images").iterdir())[0].read_bytes())
    asked = ["query", picture, "--rerank", "ssim", "--genre", "portrait", "--min-face", "20"]
    first, _ = run(*asked, "--save", "q.json", "--format", "json")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again, said = run("replay", tmp_path / "q.json", "--format", "json")
    assert again == first
    assert "changed" not in said and "since" not in said
    document = json.loads((tmp_path / "q.json").read_text())
    assert document["min_face"] == 20

    document["source"] |= {"artsim": "0.0.1", "points": 3, "digest": "x", "encoders": ["other-v1"]}
    (tmp_path / "old.json").write_text(json.dumps(document))
    with (tmp_path / "girl.jpg").open("ab") as file:
        file.write(b"more")
    _, said = run("replay", tmp_path / "old.json", "--format", "json")
    for part in ("artsim 0.0.1", "other-v1", "had 3 paintings", "girl.jpg: the picture's file"):
        assert part in said
    (tmp_path / "girl.jpg").unlink()
    done = CliRunner().invoke(app, ["replay", str(tmp_path / "old.json")])
    assert done.exit_code == 1
    assert "the picture is gone" in done.stderr


def test_what_is_no_file_of_a_question(tmp_path: Path) -> None:
    for content, what in ((b"{", "no question"), (b"[]", "it:"), (b'{"schema": 1}', "question")):
        (tmp_path / "q.json").write_bytes(content)
        done = CliRunner().invoke(app, ["replay", str(tmp_path / "q.json")])
        assert done.exit_code == 1
        assert what in done.stderr
