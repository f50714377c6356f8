"""The benchmark of speed, tiny and real; times are never held to a fixed number."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from artsim.catalog.kinds import FACES, PAINTINGS, EncoderInfo
from artsim.catalog.payload import painting_point_id
from artsim.config import Settings
from artsim.errors import EvaluationError
from artsim.store.gallery import PIXELS, open_gallery
from artsim.store.protocol import Point
from benchmarks.speed.__main__ import MEASURES, main
from benchmarks.speed.bench import Sizes
from benchmarks.speed.gallery import filters, make_gallery, queries
from benchmarks.speed.kills import find_differences, run_ingest
from benchmarks.speed.leave_one_out import product_and_top
from benchmarks.speed.search import brute_force

ROOT = Path(__file__).parents[1]
TINY = Sizes(
    ingest_pictures=8,
    batch_size=4,
    rounds=1,
    ingest_rounds=1,
    face_pictures=4,
    rerank_hits=5,
    cold_runs=1,
    gallery_points=500,
    queries=3,
    kills=1,
    kill_paintings=8,
    works=100,
    work_dim=16,
    photo_works=6,
    page_paintings=8,
    visitors=3,
    visit_seconds=1.0,
)


@pytest.mark.parametrize(
    "parts",
    [
        ("rerank",),
        pytest.param(
            (
                "search",
                "leave-one-out",
                "ingest",
                "points",
                "faces",
                "photos",
                "cold",
                "kill",
                "page",
                "rest",
            ),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_promises_are_measured_in_folders_that_go(
    parts: tuple[str, ...],
    sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("ARTSIM_URL", "QDRANT_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # a server that no measurement may use
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    told = tmp_path / "numbers.json"
    arguments = ["--data", str(sample / "images"), "--encoder", "builtin", "--json", str(told)]
    for part in parts:
        arguments += ["--only", part]
    assert main(arguments, TINY) == 0
    assert [path for path in scratch.iterdir() if path.name.startswith("artsim")] == []
    document = json.loads(told.read_text(encoding="utf-8"))
    shown = capsys.readouterr().out
    for promise in document:
        assert f"| {promise['name']} |" in shown
        is_measured = not promise["measured"].startswith("not measured")
        assert bool(promise["numbers"]) is is_measured
        assert is_measured or promise["kept"] is None
    numbers = {name: value for p in document for name, value in p["numbers"].items()}
    # So few points are compared one by one, without an index that could miss one.
    expected = {"differences": 0, "recall": 1.0}
    assert all(numbers.get(name, value) == value for name, value in expected.items())
    assert numbers.get("difference", 0) < 1e-9


def test_what_cannot_be_measured_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path)]) == 1
    assert "holds no pictures" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--only", "sprint"])


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_bench(tmp_path: Path) -> None:
    (tmp_path / "ready").touch()
    done = subprocess.run(
        [
            *("make", "--no-print-directory", "bench", f"BIN={Path(sys.executable).parent}"),
            *(f"READY={tmp_path / 'ready'}", "BENCH=--only rest"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "| kill -9 at any moment of a download |" in done.stdout
    assert set(MEASURES) > {"rest"}


def test_brute_force_ranks_only_what_passes() -> None:
    rng = np.random.default_rng(5)
    gallery = make_gallery(300, 8, rng)
    for make in filters(gallery, rng).values():
        for query in queries(gallery, 3, rng):
            _, passing = make()
            scores = gallery.embeddings @ query
            ranked = sorted(np.flatnonzero(passing), key=lambda i: -scores[i])
            assert brute_force(gallery, query, passing) == [f"p{i:07d}" for i in ranked[:10]]


def test_the_bare_product_ranks() -> None:
    vectors = np.random.default_rng(0).standard_normal((40, 6), dtype=np.float32)
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    assert np.array_equal(product_and_top(vectors, 7), np.argsort(-scores, axis=1)[:, :7])
    assert product_and_top(vectors).shape == (40, 39)


def painting(name: str, *, title: str = "untitled", gray: int = 0) -> Point:
    vectors = {"made-up": np.array([1, 0, 0], np.float32), PIXELS: np.full(64 * 64, gray, np.uint8)}
    return Point(painting_point_id(name), vectors, {"painting_id": name, "title": title})


@pytest.mark.slow
def test_every_difference_of_two_galleries_is_found(tmp_path: Path) -> None:
    encoder = EncoderInfo("made-up", "made-up", "made-up", 3)
    with (
        open_gallery(Settings(home=tmp_path / "one")) as one,
        open_gallery(Settings(home=tmp_path / "other")) as other,
    ):
        one.create(PAINTINGS, [encoder]).upsert([painting("a"), painting("b")])
        paintings = other.create(PAINTINGS, [encoder])
        paintings.upsert([painting("b")])
        assert find_differences(one, other) == [
            f"paintings: {painting_point_id('a')} is only in one"
        ]
        paintings.upsert([painting("a")])
        assert find_differences(one, other) == []
        paintings.upsert([painting("a", title="other"), painting("b", gray=9)])
        assert sorted(find_differences(one, other)) == sorted(
            [
                f"paintings: {painting_point_id('a')}: payload",
                f"paintings: {painting_point_id('b')}: {PIXELS}",
            ]
        )
        one.create(FACES, [encoder])
        assert find_differences(one, other)[-1] == "faces: only in one"


def test_an_ingest_that_fails_says_why(tmp_path: Path) -> None:
    script = "import sys; print('begun', file=sys.stderr); sys.exit('the easel fell')"
    for lifetime_s in (None, 60.0):
        with pytest.raises(EvaluationError, match="the easel fell"):
            run_ingest((sys.executable, "-c", script), tmp_path, lifetime_s)


def test_a_house_with_everything_wrong(tmp_path: Path) -> None:
    for name, text in {
        "a/one.py": "def f():\n    from house.b import two\n",
        "b/two.py": "if TYPE_CHECKING:\n    import house.c.three\nimport house.a.one\n",
        "c/three.py": "def long():\n" + "    x = 1\n" * 40,
        "c/four.py": 'def short():\n    """Say\n\n    more.\n    """\n' + "    x = 1\n" * 39,
        "d/three.py": "import house.b.two",
        "commands/five.py": "def five(\n" + "    a=1,\n" * 50 + "):\n    pass\n",
    }.items():
        path = tmp_path / "house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    command = (sys.executable, "-m", "benchmarks.house", str(tmp_path / "house"))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.split("\n\n")[1].replace(str(tmp_path) + "/", "").splitlines() == [
        "name twice: three.py in house/c, house/d",
        "circle: house.a.one -> house.b.two",
        "41 lines: house/c/three.py:1 long",
    ]
