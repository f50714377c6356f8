"""What is not needed is not imported."""

import subprocess
import sys
from pathlib import Path

import pytest
from runner import environment

HEAVY = ("torch", "scipy", "skimage", "timm", "open_clip", "onnxruntime", "qdrant_client", "pandas")

PROBE = """
import sys
from artsim.cli import app
try:
    app(sys.argv[1:])
except SystemExit as stop:
    assert not stop.code, stop.code
print("LOADED", *sorted(set(sys.modules) & {heavy}), file=sys.stderr)
""".replace("{heavy}", repr(set(HEAVY)))


def loaded(home: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.strip().splitlines()[-1].split()[1:]


def test_help_loads_nothing(tmp_path: Path) -> None:
    assert loaded(tmp_path, "--help") == []
    assert loaded(tmp_path, "query", "--help") == []


@pytest.mark.parametrize("rerank", [(), ("--rerank", "rmse")])
def test_a_query_by_id_loads_no_model_library(sample_home: Path, rerank: tuple[str, ...]) -> None:
    painting_id = first_id(sample_home)
    assert loaded(sample_home, "query", "--id", painting_id, *rerank) == []
    assert loaded(sample_home, "query", "--id", painting_id, "--artist", "a", "-f", "json") == []
    assert loaded(sample_home, "show", painting_id) == []
    assert loaded(sample_home, "list", "--artist", "a", "--year", "17. Jh.") == []
    assert loaded(sample_home, "facets", "artist") == []


def test_models_are_listed_without_loading_any(tmp_path: Path) -> None:
    assert loaded(tmp_path, "models") == []


def first_id(home: Path) -> str:
    from artsim.catalog.kinds import PAINTINGS
    from artsim.store.gallery import open_gallery

    with open_gallery(home=home) as gallery:
        return str(next(gallery[PAINTINGS].scroll()).payload["painting_id"])
