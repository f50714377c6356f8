"""LPIPS equals the program lpips, and reads weights without running them."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import save_file

from artsim.config import Settings
from artsim.encoders.devices import ensure_torchvision
from artsim.encoders.lpips import FILES, Backbone, LpipsDistance, find_lpips
from artsim.errors import EncoderError, WeightsError


@pytest.fixture(scope="session")
def torch_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """torch's cache with seeded random weights of SqueezeNet in it."""
    ensure_torchvision()
    import torchvision

    home = tmp_path_factory.mktemp("torch-home")
    cache = home / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = torchvision.models.squeezenet1_1(weights=None).state_dict()
        torch.save(state, cache / FILES["squeeze"])
    return home


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, weights=tmp_path)


@pytest.fixture
def pictures() -> npt.NDArray[np.uint8]:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (17, 12, 12, 3))
    noise = random.integers(-20, 20, (17, 72, 72, 3))
    return np.clip(coarse.repeat(6, 1).repeat(6, 2) + noise, 0, 255).astype(np.uint8)


def reference(
    backbone: Backbone, query: npt.NDArray[np.uint8], pictures: npt.NDArray[np.uint8]
) -> list[float]:
    """What lpips itself says, loading what torch's cache has, one picture after another."""
    import lpips

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lpips asks torchvision by names that are old now
        network = lpips.LPIPS(net=backbone, verbose=False)
    with torch.no_grad():
        one = lpips.im2tensor(query)
        return [float(network(one, lpips.im2tensor(picture))) for picture in pictures]


@pytest.mark.parametrize("backbone", [pytest.param("alex", marks=pytest.mark.slow), "squeeze"])
def test_equal_to_lpips(
    backbone: Backbone,
    torch_home: Path,
    settings: Settings,
    pictures: npt.NDArray[np.uint8],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torchvision

    monkeypatch.setenv("TORCH_HOME", str(torch_home))
    if backbone == "alex":
        state = torchvision.models.alexnet(weights=None).state_dict()
        torch.save(state, torch_home / "hub" / "checkpoints" / FILES["alex"])
    weights = find_lpips(backbone, settings)
    assert weights.is_relative_to(torch_home)
    found = LpipsDistance(backbone, weights, device="cpu").distances(pictures[0], pictures)
    assert found.dtype == np.float64
    assert found[0] == 0.0
    assert (found[1:] > 0.01).all()
    expected = reference(backbone, pictures[0], pictures)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_file_in_the_weights_folder_comes_first(
    torch_home: Path,
    settings: Settings,
    tmp_path: Path,
    pictures: npt.NDArray[np.uint8],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(torch_home))
    cached = find_lpips("squeeze", settings)
    state = torch.load(cached, weights_only=True)
    own = tmp_path / "squeezenet1_1.safetensors"
    save_file({k: v for k, v in state.items() if k.startswith("features.")}, own)
    assert find_lpips("squeeze", settings) == own
    one, other = (LpipsDistance("squeeze", path, device="cpu") for path in (own, cached))
    assert one.identity != other.identity
    assert np.array_equal(
        one.distances(pictures[0], pictures[:3]), other.distances(pictures[0], pictures[:3])
    )


def test_the_random_numbers_of_the_caller_stay(torch_home: Path) -> None:
    weights = torch_home / "hub" / "checkpoints" / FILES["squeeze"]
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    LpipsDistance("squeeze", weights, device="cpu")
    assert torch.equal(torch.rand(3), expected)


def test_missing_weights_say_where_and_how(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    with pytest.raises(WeightsError, match="alexnet") as caught:
        find_lpips("alex", settings)
    for part in (str(tmp_path), "ARTSIM_WEIGHTS", "alexnet-owt-7be5be79", "torchvision.models"):
        assert part in str(caught.value)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"features.0.weight": torch.zeros(64, 3, 11, 11)}, tmp_path / "alex.safetensors")
    with pytest.raises(WeightsError, match="not of this model"):
        LpipsDistance("squeeze", tmp_path / "alex.safetensors", device="cpu")


def test_a_pickle_that_would_run_something_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "touched",))

    bad = tmp_path / "squeezenet1_1.pth"
    bad.write_bytes(pickle.dumps({"features.0.weight": Evil()}))
    with pytest.raises(WeightsError):
        LpipsDistance("squeeze", bad, device="cpu")
    assert not (tmp_path / "touched").exists()


def test_wrong_pictures(torch_home: Path, pictures: npt.NDArray[np.uint8]) -> None:
    weights = torch_home / "hub" / "checkpoints" / FILES["squeeze"]
    distance = LpipsDistance("squeeze", weights, device="cpu")
    with pytest.raises(ValueError, match="expected"):
        distance.distances(pictures[0], pictures[:, :60])
    with pytest.raises(ValueError, match="uint8"):
        distance.distances(pictures[0], pictures.astype(np.float32))
    with pytest.raises(EncoderError, match="no device"):
        LpipsDistance("squeeze", weights, device="tpu")
