"""timm encoders against timm itself, with seeded weights saved as files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from artsim.catalog.arrays import RGBImage
from artsim.config import Settings
from artsim.encoders.base import Preprocessing
from artsim.encoders.devices import import_library
from artsim.encoders.registry import load_encoder, resolve
from artsim.encoders.timm import gem, rmac
from artsim.encoders.torch_encoder import TorchEncoder, native_reduced_precision
from artsim.errors import EncoderError, UnknownEncoderError, WeightsError

SETTINGS = Settings(home=Path("/nonexistent"))
CONVOLUTIONAL, TRANSFORMER = "test_resnet.r160_in1k", "test_vit.r160_in1k"


def timm() -> Any:
    """Return the library, which takes long to import."""
    return import_library("timm")


def seeded_network(name: str, **kwargs: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        network = timm().create_model(name, **kwargs).eval()
        for module in network.modules():  # running statistics that matter
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 2)
    return network


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Spare small networks the threads' waiting for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    for name in (CONVOLUTIONAL, TRANSFORMER):
        save_file(seeded_network(name).state_dict(), folder / f"{name}.safetensors")
    return folder


def pictures(count: int = 4, side: int | None = None) -> list[RGBImage]:
    """Return blotches of color; square ones of `side`, or of any shape."""
    rng = np.random.default_rng(11)
    found = []
    for _ in range(count):
        blotches = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        size = (side, side) if side else tuple(int(n) for n in rng.integers(90, 400, 2))
        found.append(np.asarray(blotches.resize(size, Image.Resampling.BICUBIC)))
    return found


def in_full_precision(spec: str, weights: Path) -> TorchEncoder:
    """Load an encoder as users do, and turn its reduced precision off."""
    encoder = load_encoder(spec, settings=Settings(home=weights, weights=weights), device="cpu")
    assert isinstance(encoder, TorchEncoder)
    encoder._reduced = None
    return encoder


def unit(rows: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(rows.double(), dim=1).numpy()


def timm_input(network: Any, images: list[RGBImage]) -> torch.Tensor:
    """Return timm's own preprocessing, without its cut-out."""
    config = timm().data.resolve_data_config({}, model=network)
    transform = timm().data.create_transform(**config | {"crop_pct": 1.0, "crop_mode": "squash"})
    return torch.stack([transform(Image.fromarray(image)) for image in images])


@pytest.mark.parametrize("name", [CONVOLUTIONAL, TRANSFORMER])
@pytest.mark.parametrize("pooling", ["", "+gem", "+rmac", "+cls"])
def test_vectors_equal_timms(weights: Path, name: str, pooling: str) -> None:
    network = seeded_network(name)
    is_transformer = name == TRANSFORMER
    refused = {"+gem", "+rmac"} if is_transformer else {"+cls"}
    if pooling in refused:
        with pytest.raises(EncoderError, match=r"use \+avg"):
            in_full_precision(f"timm:{name}{pooling}", weights)
        return
    encoder = in_full_precision(f"timm:{name}{pooling}", weights)
    images = pictures()
    with torch.inference_mode():
        inputs = timm_input(network, images)
        features = network.forward_features(inputs)
        if pooling == "+cls":
            expected = features[:, 0]
        elif is_transformer:
            expected = features[:, network.num_prefix_tokens :].mean(1)
        elif pooling:
            expected = (gem if pooling == "+gem" else rmac)(features)
        else:
            headless = seeded_network(name)
            headless.reset_classifier(0)
            expected = headless(inputs)
    np.testing.assert_allclose(encoder.encode(images), unit(expected), atol=2e-5)
    assert encoder.info.dim == expected.shape[1]


def test_timm_cuts_the_same_pixels_out() -> None:
    network = seeded_network(CONVOLUTIONAL)
    config = timm().data.resolve_data_config({}, model=network)
    transform = timm().data.create_transform(**config)
    ours = Preprocessing(
        160, 160, fit="crop", crop_share=config["crop_pct"], interpolation=config["interpolation"]
    )
    for image in pictures(6):
        theirs = transform(Image.fromarray(image)) * 0.5 + 0.5
        np.testing.assert_allclose(
            ours.fit_image(image) / 255, theirs.permute(1, 2, 0).numpy(), atol=1e-6
        )


@pytest.mark.parametrize("name", [CONVOLUTIONAL, TRANSFORMER])
def test_loading_draws_no_random_numbers(weights: Path, name: str) -> None:
    """They would be replaced by the weights, and take longer to draw than these to read."""
    before = torch.get_rng_state()
    load_encoder(f"timm:{name}", settings=Settings(home=weights, weights=weights))
    assert torch.equal(torch.get_rng_state(), before)


def test_reduced_precision_keeps_the_vectors(weights: Path) -> None:
    if native_reduced_precision(torch.device("cpu")) is None:
        pytest.skip("this CPU computes no faster in reduced precision, so it is not used")
    images = pictures(8)
    for name in (CONVOLUTIONAL, TRANSFORMER):
        fast = load_encoder(f"timm:{name}", settings=Settings(home=weights, weights=weights))
        assert isinstance(fast, TorchEncoder)
        assert fast.precision == "bfloat16"
        full = in_full_precision(f"timm:{name}", weights)
        cosines = (fast.encode(images) * full.encode(images)).sum(axis=1)
        assert cosines.min() > 0.999
        assert not np.array_equal(fast.encode(images), full.encode(images))


def test_reduced_precision_that_loses_the_vectors_is_not_used(weights: Path) -> None:
    if native_reduced_precision(torch.device("cpu")) is None:
        pytest.skip("this CPU computes no faster in reduced precision, so it is not used")
    card = resolve(f"timm:{CONVOLUTIONAL}", settings=Settings(home=weights, weights=weights))

    def cancels(pictures: torch.Tensor) -> torch.Tensor:
        """Return differences of large numbers, which few digits cannot hold."""
        flat = pictures[:, :, ::40, ::40].flatten(1)
        large = torch.nn.functional.linear(flat, torch.eye(flat.shape[1])) + 300
        return large - 300 if large.dtype == torch.float32 else (large - 300).float()

    encoder = TorchEncoder(
        card, torch.nn.Identity(), Preprocessing(160, 160), cancels, device="cpu"
    )
    assert encoder.precision == "float32"


def test_vector_does_not_depend_on_the_batch(weights: Path) -> None:
    images = pictures(3)
    for name in (CONVOLUTIONAL, TRANSFORMER):
        encoder = load_encoder(f"timm:{name}", settings=Settings(home=weights, weights=weights))
        alone = np.concatenate([encoder.encode([image]) for image in images])
        together = encoder.encode(images)
        assert (alone * together).sum(axis=1).min() > 0.9999
        full = in_full_precision(f"timm:{name}", weights)
        alone = np.concatenate([full.encode([image]) for image in images])
        np.testing.assert_allclose(full.encode(images), alone, atol=1e-5)


def test_another_input_size(weights: Path) -> None:
    encoder = in_full_precision(f"timm:{TRANSFORMER}/96+cls", weights)
    network = seeded_network(TRANSFORMER, img_size=160)
    (image,) = pictures(1, side=96)
    assert encoder.prepare(image).shape == (96, 96, 3)
    network.set_input_size(img_size=96)
    with torch.inference_mode():
        expected = network.forward_features(
            torch.tensor(image).permute(2, 0, 1)[None].float() / 127.5 - 1
        )[:, 0]
    assert (encoder.encode([image]) * unit(expected)).sum() > 0.999
    assert encoder.info.vector_name.endswith("-cls-96-v1")


def test_weights_saved_without_a_classifier_will_do(weights: Path, tmp_path: Path) -> None:
    headless = seeded_network(CONVOLUTIONAL)
    headless.reset_classifier(0)
    file = tmp_path / "headless.pt"
    torch.save({"state_dict": headless.state_dict()}, file)
    whole = in_full_precision(f"timm:{CONVOLUTIONAL}", weights)
    cut = load_encoder(f"timm:{CONVOLUTIONAL}@{file}", settings=SETTINGS, device="cpu")
    assert isinstance(cut, TorchEncoder)
    cut._reduced = None
    np.testing.assert_array_equal(cut.encode(pictures()), whole.encode(pictures()))
    assert cut.info.vector_name != whole.info.vector_name


def test_the_file_can_be_given_in_three_ways(weights: Path) -> None:
    file = weights / f"{CONVOLUTIONAL}.safetensors"
    names = {
        resolve(f"timm:{CONVOLUTIONAL}", weights=file, settings=SETTINGS).vector_name,
        resolve(f"timm:{CONVOLUTIONAL}@{file}", settings=SETTINGS).vector_name,
        resolve(
            f"timm:{CONVOLUTIONAL}", settings=Settings(home=weights, weights=weights)
        ).vector_name,
    }
    assert len(names) == 1
    assert names.pop().startswith("test_resnet-")


def test_the_spec_makes_the_same_encoder_again(weights: Path) -> None:
    file = weights / f"{CONVOLUTIONAL}.safetensors"
    first = load_encoder("timm:test_resnet+rmac", weights=file, settings=SETTINGS)
    again = load_encoder(first.info.spec, settings=SETTINGS)
    assert again.info.vector_name == first.info.vector_name
    np.testing.assert_array_equal(first.encode(pictures(2)), again.encode(pictures(2)))


def test_weights_of_another_model_are_refused(weights: Path) -> None:
    file = weights / f"{TRANSFORMER}.safetensors"
    with pytest.raises(WeightsError, match=r"not of this model: .*Missing"):
        load_encoder("resnet50", weights=file, settings=SETTINGS)


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("timm:test_resnet9.r160_in1k", "did you mean test_resnet"),
        ("timm:test_resnet.r161_in1k", "no weights 'r161_in1k'; it has r160_in1k"),
    ],
)
def test_unknown_models_are_named(spec: str, complaint: str) -> None:
    with pytest.raises(UnknownEncoderError, match=complaint):
        load_encoder(spec, settings=SETTINGS)


def test_never_random_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for spec in ("resnet50", "timm:test_resnet", f"timm:{TRANSFORMER}+cls"):
        with pytest.raises(WeightsError, match="ARTSIM_WEIGHTS"):
            load_encoder(spec, settings=SETTINGS)


def test_a_device_that_is_not_here_is_refused(weights: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    settings = Settings(home=weights, weights=weights)
    with pytest.raises(EncoderError, match=r"no device 'cuda'.*here: auto, .*cpu"):
        load_encoder(f"timm:{CONVOLUTIONAL}", device="cuda", settings=settings)
    with pytest.raises(EncoderError, match="known: auto, cpu, cuda, mps"):
        load_encoder(f"timm:{CONVOLUTIONAL}", device="gpu", settings=settings)


def test_damaged_weights_are_found_out(tmp_path: Path) -> None:
    state = seeded_network(CONVOLUTIONAL).state_dict()
    state["conv1.0.weight"] = torch.full_like(state["conv1.0.weight"], float("nan"))
    save_file(state, tmp_path / "nan.safetensors")
    encoder = load_encoder(
        f"timm:{CONVOLUTIONAL}@{tmp_path / 'nan.safetensors'}", settings=SETTINGS
    )
    with pytest.raises(EncoderError, match="not finite"):
        encoder.encode(pictures(1))
