"""Weights are found where they are said to be, and no file of weights can run code."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from artsim.config import Settings
from artsim.encoders.weights import (
    fetch_from_hub,
    file_sha256,
    fill_model,
    find_weights,
    load_state_dict,
)
from artsim.errors import WeightsError

STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.tensor([1.0, 2.0])}


class CreatesAFile:
    """Unpickled, it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.open, (str(self.path), os.O_CREAT)


def settings_for(weights: Path | None) -> Settings:
    return Settings(home=Path("/nonexistent"), weights=weights)


def assert_equal(got: dict[str, torch.Tensor]) -> None:
    assert got.keys() == STATE.keys()
    assert all(torch.equal(got[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_reads_both_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    if suffix == ".pt":
        torch.save(STATE, path)
    else:
        save_file(STATE, path)
    assert_equal(load_state_dict(path))


@pytest.mark.parametrize("key", ["state_dict", "model", "state_dict_ema"])
def test_finds_weights_within_a_checkpoint(tmp_path: Path, key: str) -> None:
    wrapped = {f"module.{name}": tensor for name, tensor in STATE.items()}
    torch.save({key: wrapped, "epoch": 7}, tmp_path / "net.pth")
    assert_equal(load_state_dict(tmp_path / "net.pth"))


@pytest.mark.parametrize("plain", [True, False], ids=["pickle", "torch"])
def test_a_malicious_file_is_refused_and_does_nothing(tmp_path: Path, plain: bool) -> None:
    created = tmp_path / "created"
    path = tmp_path / "net.pt"
    payload = {**STATE, "payload": CreatesAFile(created)}
    if plain:
        path.write_bytes(pickle.dumps(payload))
    else:
        torch.save(payload, path)
    with pytest.raises(WeightsError, match=r"net\.pt.*not loaded.*\.safetensors"):
        load_state_dict(path)
    assert not created.exists()
    # The payload is a real one: an unguarded reader runs it.
    if plain:
        os.close(pickle.loads(path.read_bytes())["payload"])
    else:
        os.close(torch.load(path, weights_only=False)["payload"])
    assert created.exists()


@pytest.mark.parametrize("name", ["net.pt", "net.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights", b"\x00" * 64])
def test_a_damaged_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=name.replace(".", r"\.")):
        load_state_dict(tmp_path / name)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "net.safetensors")
    whole = (tmp_path / "net.safetensors").read_bytes()
    (tmp_path / "net.safetensors").write_bytes(whole[:-4])
    with pytest.raises(WeightsError, match="is not a file of weights"):
        load_state_dict(tmp_path / "net.safetensors")


@pytest.mark.parametrize("content", [[1, 2], {}, {"a": 1}, {"a": {"b": 2}}])
def test_a_file_without_tensors_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "net.pt")
    with pytest.raises(WeightsError, match="holds no weights"):
        load_state_dict(tmp_path / "net.pt")


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot read"):
        file_sha256(tmp_path)
    with pytest.raises(WeightsError, match="No such file"):
        load_state_dict(tmp_path / "net.pt")


def test_fills_a_model(tmp_path: Path) -> None:
    model = torch.nn.Linear(3, 2)
    fill_model(model, {**STATE, "head.weight": torch.ones(1)}, path=tmp_path, unused="head.")
    assert_equal(dict(model.state_dict()))


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        ({"weight": STATE["weight"]}, 'Missing .*: "bias"'),
        ({**STATE, "extra": torch.ones(1)}, 'Unexpected .*: "extra"'),
        ({**STATE, "bias": torch.ones(5)}, "size mismatch for bias"),
    ],
)
def test_weights_of_another_model_are_named(
    tmp_path: Path, state: dict[str, torch.Tensor], complaint: str
) -> None:
    with pytest.raises(WeightsError, match=complaint) as caught:
        fill_model(torch.nn.Linear(3, 2), state, path=tmp_path / "net.pt")
    assert "net.pt" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_looks_up_names_in_order_and_safetensors_first(tmp_path: Path) -> None:
    def found() -> str | None:
        path, _ = find_weights(("short", "long"), given=None, settings=settings_for(tmp_path))
        return path and path.name

    assert found() is None
    for name in ("long.bin", "long.safetensors", "short.pth", "short.pt", "short.safetensors"):
        (tmp_path / name).touch()
        assert found() == name


def test_a_given_file_is_the_only_one(tmp_path: Path) -> None:
    (tmp_path / "resnet50.pt").touch()
    (tmp_path / "mine.pt").touch()
    elsewhere = Path("/home/somebody/mine.pt")
    for given in (tmp_path / "mine.pt", Path("mine.pt"), elsewhere):
        path, _ = find_weights(("resnet50",), given=given, settings=settings_for(tmp_path))
        assert path == tmp_path / "mine.pt"
    with pytest.raises(WeightsError, match=r"no weights at other\.pt"):
        find_weights(("resnet50",), given=Path("other.pt"), settings=settings_for(tmp_path))


def test_without_a_connection_both_ways_out_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError) as caught:
        fetch_from_hub("some/net", ("a.safetensors",), model="net", looked_in=("/here",))
    message = caught.value.with_hint
    for part in ("no weights of net", "/here", "some/net", "--weights FILE", "ARTSIM_WEIGHTS"):
        assert part in message


def test_a_file_in_the_hub_cache_needs_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    repository = tmp_path / "models--some--net"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("c0ffee")
    (repository / "snapshots" / "c0ffee").mkdir(parents=True)
    cached = repository / "snapshots" / "c0ffee" / "b.bin"
    cached.touch()
    found = fetch_from_hub("some/net", ("a.safetensors", "b.bin"), model="net", looked_in=())
    assert found == cached
