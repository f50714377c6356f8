"""`artsim ingest` and `artsim push`, and what a user hears when they cannot."""

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
from runner import ARTSIM, artsim, environment, fails, succeeds

CONFIGS = Path(__file__).parents[1] / "data" / "encoders"


@pytest.mark.slow
def test_a_learned_encoder_beside_the_built_in_one(
    sample: Path, changeable_home: Path, weights: Path
) -> None:
    spec = f"onnx:{CONFIGS / 'mobilenet-v1.json'}"
    home, env = changeable_home, {"ARTSIM_WEIGHTS": str(weights)}
    picture = sample / "images" / "rembrandt-portrait-woman-probably-member-van-met-437388.jpg"
    asked = ["-e", spec, "-f", "json", "-k", "20"]
    succeeds("ingest", sample, "-e", spec, "--no-faces", "--limit", "12", home=home, **env)
    by_id = json.loads(succeeds("query", "--id", "met-437388", *asked, home=home, **env))
    by_picture = json.loads(succeeds("query", picture, *asked, home=home, **env))
    assert by_id["settings"]["encoders"][0].startswith("onnx-mobilenet_v1")
    ids = [hit["painting_id"] for hit in by_id["hits"]]
    assert len(ids) == 11  # of the twelve that have its vectors
    assert [hit["painting_id"] for hit in by_picture["hits"]] == ids
    assert "set ARTSIM_WEIGHTS" in fails("query", picture, "-e", spec, home=home)


@pytest.mark.slow
def test_weights_that_are_nowhere(
    few_pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    line = fails("ingest", few_pictures, "-e", "resnet50", "--no-faces", home=tmp_path / "h")
    assert "resnet50" in line
    assert "--weights" in line
    assert "ARTSIM_WEIGHTS" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no folder or file nowhere"),
        (["README.md"], "neither a folder nor a manifest"),
        ([".", "--metadata", "none.csv"], "none.csv"),
        ([".", "--map", "painter=artist"], "painter"),
        ([".", "-e", "resnet51"], "did you mean resnet50"),
        ([".", "--device", "tpu", "-e", "timm:resnet18"], "no device 'tpu'"),
    ],
)
def test_what_cannot_be_ingested(
    few_pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(few_pictures)
    assert message in fails("ingest", *arguments, home=tmp_path / "home")
    assert not (tmp_path / "home" / "collections" / "paintings").exists()


@pytest.fixture
def few_pictures(sample: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "few"
    folder.mkdir()
    (folder / "README.md").write_text("not a manifest")
    for picture in sorted((sample / "images").iterdir())[:3]:
        (folder / picture.name).write_bytes(picture.read_bytes())
    (folder / "metadata.csv").write_text(
        "filename,artist\n" + "".join(f"{p.name},Somebody\n" for p in folder.glob("*.jpg"))
    )
    return folder


def test_a_server_that_is_not_there(sample: Path, sample_home: Path, tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9"
    for arguments in (["query", "--id", "x", "--url", nobody], ["push", "--to", nobody]):
        line = fails(*arguments, home=sample_home, QDRANT_API_KEY="a-secret-key")
        assert nobody in line
        assert "a-secret-key" not in line
    assert "http" in fails("info", "--url", "localhost:port", home=sample_home)


def test_the_shares_that_cannot_be(sample: Path, tmp_path: Path) -> None:
    for share in ("0/2", "3/2", "half"):
        assert artsim("ingest", sample, "--shard", share, home=tmp_path).returncode == 2
    assert artsim("ingest", sample, "--map", "artist", home=tmp_path).returncode == 2


@pytest.mark.slow
def test_a_terminal_shows_a_live_bar(few_pictures: Path, tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*ARTSIM, "ingest", str(few_pictures), "-e", "handcrafted", "--no-faces"],
        env=environment(tmp_path / "home", TERM="xterm-256color"),
        stderr=follower,
    ) as process:
        os.close(follower)
        shown = b""
        try:
            while piece := os.read(leader, 4096):
                shown += piece
        except OSError:  # how Linux says that the other side has closed
            pass
    assert process.returncode == 0
    assert b"\x1b[" in shown
    assert b"Wrote 3 paintings." in shown
