"""Every command and example of the README is run, in its order, on the sample collection."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from copied_home import copy_home
from qdrant_client import QdrantClient
from starlette.testclient import TestClient
from typer.testing import CliRunner

from artsim.ingest.upkeep import push_gallery
from artsim.store.gallery import open_gallery
from artsim.store.server import ServerStore
from artsim.web.app import make_app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SERVER = "http://localhost:6333"

ELSEWHERE = {
    "make demo": "test_demo",
    "make test": "this very run",
    "pip install .": "the Makefile's setup",
    "export QDRANT_API_KEY=$(openssl rand -hex 32)": "no server in tests",
    "docker compose up -d --wait": "test_the_compose_file",
    "artsim serve": "tests/cli/test_serve.py, and tests/web",
    "artsim serve --host 0.0.0.0 --gallery nga --allow-origin https://museum.example": "tests/web",
}

SMALLER = {
    "artsim sample": ["--count", "60"],  # those that stand for the whole
    "artsim ingest pictures --details": ["--limit", "8"],
    "artsim evaluate labels --by artist": ["--limit-queries", "6"],
    "artsim evaluate pixels": ["--queries", "2"],
    "artsim evaluate copies": ["--queries", "3"],
    "artsim evaluate films": ["--clips", "1"],
}
"""What is added to commands, since a test need not show more of them than that they run."""


LONG = (
    "artsim train",
    "artsim classify pictures/images/van-gogh-wheat-field-cypresses-met-436535.jpg --model styles",
    "artsim classify pictures/images/rembrandt",
    "artsim ingest pictures --details",
    "artsim query pictures/images/van-gogh-wheat-field-cypresses-met-436535.jpg --region",
    "artsim query pictures/images/van-gogh-irises-met-436528.jpg --in-photo",
    "artsim evaluate films",
    "artsim evaluate labels --by artist",
    "artsim evaluate pixels",
    "artsim evaluate --compare",
    "artsim map --genre",
)
"""How the commands begin that take most of the time: run with the slow tests."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    lines = "\n".join(blocks("sh")).splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


@pytest.fixture
def in_workplace(
    sample: Path, ingested_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Folder in which the README is followed, with the sample there, and encoded."""
    folder = tmp_path / "readme"
    shutil.copytree(sample, folder / "pictures")
    home = copy_home(ingested_home, folder / "home")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ARTSIM_HOME", str(home))
    return folder


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_every_command_in_order(
    every: bool,
    in_workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    server_url: str,
    between_commands: Callable[[], None],
) -> None:
    from artsim.cli import app

    url = os.environ.get("ARTSIM_TEST_QDRANT_URL") or server_url
    with open_gallery() as source, open_gallery(url=url) as server:
        push_gallery(source, server)
    monkeypatch.setattr(
        "artsim.store.server.ServerStore", lambda _, api_key=None: ServerStore(url, api_key)
    )
    ran = []
    for command in commands():
        if command in ELSEWHERE or (command.startswith(LONG) and not every):
            continue
        name, *arguments = shlex.split(command)
        assert name == "artsim", f"{command}: say in ELSEWHERE where this is run"
        for start, added in SMALLER.items():
            arguments += added if command.startswith(start) else []
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, (command, done.output, done.exception)
        assert "Nothing found" not in done.output, command
        ran.append(arguments[0])
        between_commands()
    assert {"sample", "ingest", "query", "info", "facets", "show", "export", "delete"} <= set(ran)
    assert {"models", "push", "evaluate", "map", "classify"} <= set(ran)
    assert (in_workplace / "alike.png").is_file()
    assert (in_workplace / "faces.html").is_file()
    assert (in_workplace / "map.html").is_file()
    if every:
        assert (in_workplace / "by-label" / "report.html").is_file()
        assert (in_workplace / "styles" / "report.json").is_file()
        assert (in_workplace / "faces-encoder" / "encoder.json").is_file()


def test_every_example_in_python(
    sample_home: Path,
    in_workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    server_url: str,
) -> None:
    of_the_page, library, *direct = blocks("python")
    exec(compile(library, "README", "exec"), {})
    assert "20 paintings" in capsys.readouterr().out
    assert (in_workplace / "faces.png").is_file()

    with open_gallery(home=sample_home) as source, open_gallery(url=server_url) as served:
        push_gallery(source, served)
    client = QdrantClient(server_url, check_compatibility=False)
    monkeypatch.setattr("qdrant_client.QdrantClient", lambda *_, **__: client)
    monkeypatch.setenv("QDRANT_API_KEY", "secret")
    namespace: dict[str, object] = {}
    scores = []
    for example in direct:
        exec(compile(example, "README", "exec"), namespace)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) >= 3
        scores.append([float(line.split()[0]) for line in lines])
    by_cosine, by_rmse = scores
    assert by_cosine == sorted(by_cosine, reverse=True)
    assert by_rmse[0] == 0, "the painting itself"
    assert by_rmse == sorted(by_rmse)
    app = make_app(open_gallery(home=in_workplace / "home"), in_workplace / "page")
    asked = TestClient(app, base_url="http://127.0.0.1:8000")
    monkeypatch.setattr("httpx.Client", lambda base_url: asked)
    exec(compile(of_the_page, "README", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) >= 5


def test_every_command_of_artsim_is_in_the_readme() -> None:
    from artsim.commands.command_line import read_table

    table = read_table()
    names = [(name,) for name in table]
    names += [(name, below) for name in table for below in table[name].get("commands", ())]
    ran = {tuple(command.split()[1:]) for command in commands() if command.startswith("artsim")}
    assert [name for name in names if not any(r[: len(name)] == name for r in ran)] == []


def test_the_payload_contract_is_documented() -> None:
    from artsim.catalog.payload import FACE_FIELDS

    contract = README.partition("## Querying Qdrant directly")[2].partition("```python")[0]
    documented = set(re.findall(r"`(\w+)`", contract))
    assert set(FACE_FIELDS) <= documented


@pytest.mark.slow
def test_demo(tmp_path: Path, sample: Path, ingested_home: Path) -> None:
    shutil.copytree(sample, tmp_path / "demo" / "pictures")
    copy_home(ingested_home, tmp_path / "demo" / "galleries")
    settings = {"BIN": str(Path(sys.executable).parent), "DEMO": "demo", "COUNT": "60"}
    done = subprocess.run(
        [ROOT / "demo.sh"],
        cwd=tmp_path,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    named = done.stdout.splitlines()[-1].partition(": ")[2].split(", ")
    assert len(named) == 4
    assert all((tmp_path / name).stat().st_size > 10_000 for name in named)
    assert not re.search(r"(?i)warning|traceback|error", done.stdout + done.stderr)


def test_the_compose_file() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    qdrant = compose["services"]["qdrant"]
    assert re.fullmatch(r"qdrant/qdrant:v\d+\.\d+\.\d+", qdrant["image"])
    assert all(port.startswith("127.0.0.1:") for port in qdrant["ports"])
    assert "${QDRANT_API_KEY:?" in qdrant["environment"]["QDRANT__SERVICE__API_KEY"]
    assert "healthcheck" in qdrant
    assert qdrant["volumes"][0].split(":")[0] in compose["volumes"]
