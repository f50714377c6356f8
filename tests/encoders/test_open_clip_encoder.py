"""open_clip encoders against open_clip itself, with seeded weights saved as files."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hints import hinted
from open_clip_networks import CONFIG, MODEL, tiny_open_clip, write_weights
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.config import Settings
from artsim.encoders.base import TextEncoder
from artsim.encoders.devices import import_library
from artsim.encoders.registry import load_encoder, resolve
from artsim.encoders.torch_encoder import TorchTextEncoder
from artsim.errors import EncoderError, UnknownEncoderError, WeightsError

SETTINGS = Settings(home=Path("/nonexistent"))


def open_clip() -> Any:
    """Return the library, which takes long to import."""
    return import_library("open_clip")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Spare small networks the threads' waiting for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with tiny_open_clip(tmp_path_factory.mktemp("configs")):
        yield


@pytest.fixture(scope="module")
def reference(tiny_model: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Path]:
    """Return open_clip's network, its preprocessing, and its weights as a file."""
    file = write_weights(tmp_path_factory.mktemp("weights"))
    network, _, preprocess = open_clip().create_model_and_transforms(MODEL, pretrained=str(file))
    return network.eval(), preprocess, file


def square_pictures(count: int = 4) -> list[RGBImage]:
    """Return square pictures, of which open_clip's preprocessing cuts nothing off."""
    rng = np.random.default_rng(1)
    blotches = rng.integers(0, 256, (count, 5, 5, 3), dtype=np.uint8)
    return [
        np.asarray(Image.fromarray(b).resize((90 + 17 * i,) * 2)) for i, b in enumerate(blotches)
    ]


def load(file: Path) -> TorchTextEncoder:
    encoder = load_encoder(f"open_clip:{MODEL}", weights=file, device="cpu", settings=SETTINGS)
    assert isinstance(encoder, TorchTextEncoder)
    return encoder


def unit(rows: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(rows.double(), dim=1).numpy()


def test_picture_vectors_equal_open_clips(reference: tuple[Any, Any, Path]) -> None:
    network, preprocess, file = reference
    encoder = load(file)
    images = square_pictures()
    with torch.inference_mode():
        inputs = torch.stack([preprocess(Image.fromarray(image)) for image in images])
        expected = unit(network.encode_image(inputs))
    in_use = encoder.encode(images)
    assert (in_use * expected).sum(axis=1).min() > 0.999
    encoder._reduced = None
    np.testing.assert_allclose(encoder.encode(images), expected, atol=2e-5)


def test_text_vectors_equal_open_clips(reference: tuple[Any, Any, Path]) -> None:
    network, _, file = reference
    encoder = load(file)
    texts = ["a portrait of a woman", "Sturm über dem Meer", ""]
    with torch.inference_mode():
        expected = unit(network.encode_text(open_clip().get_tokenizer(MODEL)(texts)))
    assert isinstance(encoder, TextEncoder)
    assert encoder.info.takes_text
    np.testing.assert_allclose(encoder.encode_text(texts), expected, atol=2e-5)
    alone = np.concatenate([encoder.encode_text([text]) for text in texts])
    np.testing.assert_allclose(alone, expected, atol=2e-5)
    assert encoder.encode_text(["very " * 500 + "long"]).shape == (1, 32)
    with pytest.raises(ValueError, match="at least one text"):
        encoder.encode_text([])


def test_the_whole_picture_counts(reference: tuple[Any, Any, Path]) -> None:
    encoder = load(reference[2])
    (image,) = square_pictures(1)
    wide = np.concatenate([image[:, :20] // 2, image, image[:, -20:] // 2], axis=1)
    assert encoder.prepare(wide).shape == (64, 64, 3)
    assert not np.array_equal(encoder.prepare(wide), encoder.prepare(image))


def test_identity(reference: tuple[Any, Any, Path]) -> None:
    file = reference[2]
    encoder = load(file)
    assert encoder.info.dim == 32
    assert encoder.info.vector_name.startswith(f"clip-{MODEL}-")
    again = load_encoder(encoder.info.spec, settings=SETTINGS)
    assert again.info.vector_name == encoder.info.vector_name
    assert resolve("clip", settings=SETTINGS).vector_name == "clip-ViT-B-32-laion2b_s34b_b79k-v1"


def test_weights_of_another_model_are_refused(reference: tuple[Any, Any, Path]) -> None:
    with pytest.raises(WeightsError, match="not of this model"):
        load_encoder("open_clip:ViT-S-32", weights=reference[2], settings=SETTINGS)


@pytest.mark.parametrize(
    ("spec", "error", "complaint"),
    [
        ("open_clip:ViT-B-33/openai", UnknownEncoderError, "did you mean ViT-B-32"),
        ("open_clip:ViT-B-32/nothing", UnknownEncoderError, "no weights 'nothing'; it has openai"),
        ("open_clip:ViT-B-32", EncoderError, "does not say which weights"),
        ("clip+gem", EncoderError, "leave \\+gem out"),
    ],
)
def test_wrong_specs(spec: str, error: type[EncoderError], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        load_encoder(spec, settings=SETTINGS)


def test_never_random_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        WeightsError, check=hinted(r"ViT-B-32/laion2b.*ARTSIM_WEIGHTS.*--weights FILE")
    ):
        load_encoder("clip", settings=SETTINGS)


@pytest.mark.slow
def test_loading_says_nothing(reference: tuple[Any, Any, Path], tmp_path: Path) -> None:
    (tmp_path / f"{MODEL}.json").write_text(json.dumps(CONFIG))
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from artsim.encoders.devices import ensure_torchvision\n"
        "ensure_torchvision()\nimport facenet_pytorch, logging, open_clip, timm\n"
        f"open_clip.add_model_config({str(tmp_path)!r})\n"
        "from artsim.encoders.registry import load_encoder\n"
        f"load_encoder('open_clip:{MODEL}', weights=Path({str(reference[2])!r}))\n"
        "assert not logging.getLogger().handlers\n"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert logging.root.manager.disable == logging.NOTSET
