"""ONNX encoders compute what onnxruntime computes on the input that the JSON describes."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from PIL import Image

from artsim.config import Settings
from artsim.encoders.base import Encoder, MapReader
from artsim.encoders.registry import list_cards, load_encoder, resolve
from artsim.errors import EncoderError, WeightsError
from tests.onnx_networks import write_graph, write_network

CONFIGS = Path(__file__).parents[1] / "data" / "encoders"


def settings_for(weights: Path | None, home: Path) -> Settings:
    return Settings(home=home, weights=weights)


WEIGHT = np.random.default_rng(3).normal(size=(5, 3, 3, 3)).astype(np.float32)

CONFIG = {
    "input": {
        "name": "x",
        "size": [8, 8],
        "range": [-1, 1],
        "mean": [0.1, 0.2, 0.3],
        "std": [0.5, 0.6, 0.7],
    },
    "output": "y",
}


def write_encoder(folder: Path, config: dict[str, object], **kwargs: Any) -> Path:
    return write_network(folder / "net.onnx", WEIGHT, config, **kwargs)


def pictures(count: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [
        rng.integers(0, 256, (int(h), int(w), 3), dtype=np.uint8)
        for h, w in rng.integers(4, 40, (count, 2))
    ]


def load(model: Path, tmp_path: Path) -> Encoder:
    return load_encoder(f"onnx:{model}", settings=settings_for(None, tmp_path))


def reference(images: list[np.ndarray], *, bgr: bool = False) -> np.ndarray:
    """Resize, scale, normalize, convolve, average and normalize in float64, in other words."""
    rows = []
    for image in images:
        small = np.asarray(Image.fromarray(image).resize((8, 8), Image.Resampling.BICUBIC))
        x = small[..., ::-1] if bgr else small
        x = (x.astype(np.float64) / 127.5 - 1 - [0.1, 0.2, 0.3]) / [0.5, 0.6, 0.7]
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(0, 1))
        row = np.einsum("ijckl,ockl->o", windows, WEIGHT.astype(np.float64)) / 36
        rows.append(row / np.linalg.norm(row))
    return np.array(rows)


@pytest.mark.parametrize("bgr", [False, True])
def test_equals_an_independent_computation(tmp_path: Path, bgr: bool) -> None:
    entry = {**CONFIG["input"], "channels": "BGR" if bgr else "RGB"}  # type: ignore[dict-item]
    encoder = load(write_encoder(tmp_path, {**CONFIG, "input": entry}), tmp_path)
    images = pictures(5)
    got = encoder.encode(images)
    assert got.dtype == np.float32
    assert encoder.info.dim == 5
    np.testing.assert_allclose(got, reference(images, bgr=bgr), atol=1e-5)


def test_a_network_of_fixed_batch_size_takes_any_number(tmp_path: Path) -> None:
    encoder = load(write_encoder(tmp_path, CONFIG, batch=4), tmp_path)
    for count in (1, 4, 6):
        images = pictures(count, seed=count)
        np.testing.assert_allclose(encoder.encode(images), reference(images), atol=1e-5)


def test_vector_does_not_depend_on_the_batch(tmp_path: Path) -> None:
    encoder = load(write_encoder(tmp_path, CONFIG), tmp_path)
    images = pictures(7)
    alone = np.concatenate([encoder.encode([image]) for image in images])
    np.testing.assert_allclose(encoder.encode(images), alone, atol=1e-6)


def test_identity_follows_what_changes_the_vectors(tmp_path: Path) -> None:
    def name(config: dict[str, object]) -> str:
        model = write_encoder(tmp_path, config)
        return resolve(f"onnx:{model}", settings=settings_for(None, tmp_path)).vector_name

    plain = name(CONFIG)
    assert plain.startswith("onnx-net-y-")
    assert name({**CONFIG, "licence": "CC0", "source": None}) == plain
    squeezed = {**CONFIG["input"], "interpolation": "bilinear"}  # type: ignore[dict-item]
    assert name({**CONFIG, "input": squeezed}) != plain
    write_network(tmp_path / "net.onnx", WEIGHT * 2)
    again = resolve(f"onnx:{tmp_path / 'net.onnx'}", settings=settings_for(None, tmp_path))
    assert again.vector_name != plain


def test_the_spec_makes_the_same_encoder_again(tmp_path: Path) -> None:
    encoder = load(write_encoder(tmp_path, CONFIG), tmp_path)
    again = load_encoder(encoder.info.spec, settings=settings_for(None, tmp_path))
    assert again.info.vector_name == encoder.info.vector_name
    np.testing.assert_array_equal(again.encode(pictures(2)), encoder.encode(pictures(2)))


def test_a_json_elsewhere_names_the_model_in_the_weights_folder(tmp_path: Path) -> None:
    weights, elsewhere = tmp_path / "weights", tmp_path / "configs"
    weights.mkdir()
    elsewhere.mkdir()
    write_network(weights / "net.onnx", WEIGHT)
    (elsewhere / "mine.json").write_text(json.dumps({**CONFIG, "model": "net.onnx"}))
    settings = settings_for(weights, tmp_path)
    encoder = load_encoder(f"onnx:{elsewhere / 'mine.json'}", settings=settings)
    np.testing.assert_allclose(encoder.encode(pictures(2)), reference(pictures(2)), atol=1e-5)
    with pytest.raises(WeightsError, match=r"no ONNX file at .*configs.*; put it there"):
        resolve(f"onnx:{elsewhere / 'mine.json'}", settings=settings_for(None, tmp_path))


def test_configured_files_in_the_weights_folder_are_listed(tmp_path: Path) -> None:
    write_encoder(tmp_path, {**CONFIG, "dim": 5, "licence": "CC0"})
    (tmp_path / "unrelated.json").write_text("[1, 2]")
    settings = settings_for(tmp_path, tmp_path)
    (card,) = [card for card in list_cards(settings) if card.family == "onnx"]
    assert (card.dim, card.licence, card.weights_here) == (5, "CC0", True)
    assert load_encoder(card.name, settings=settings).info.dim == 5


def test_without_a_json_the_error_shows_one_to_fill_in(tmp_path: Path) -> None:
    write_network(tmp_path / "net.onnx", WEIGHT)
    with pytest.raises(EncoderError, match=r"no net\.json beside it") as caught:
        load(tmp_path / "net.onnx", tmp_path)
    message = str(caught.value)
    template = json.loads(message[message.index("{") :])
    assert template["input"]["name"] == "x"
    assert template["input"]["size"] == [8, 8]
    assert template["output"] == "y"
    (tmp_path / "net.json").write_text(json.dumps(template))
    assert load(tmp_path / "net.onnx", tmp_path).info.dim == 5


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"output": "z"}, r"has the outputs y, p; .* says 'z'"),
        ({"output": "p"}, r"'p' .* has shape \(1, 5, 1, 1\)"),
        ({"dim": 6}, "has 5 numbers, its JSON says dim 6"),
        ({"dim": "five"}, "dim: Input should be a valid integer"),
        ({"colour": "RGB"}, "colour: Unexpected keyword"),
        ({"sha256": "0" * 64}, "is not the file that .* describes"),
        ({"input": {}}, "input.size: Field required"),
        ({"input": []}, "input: Input should be an object"),
        ({"input": {"size": [8]}}, "input.size.1: Field required"),
        ({"input": {"size": [9, 9]}}, "refused a batch"),
        ({"input": {"size": [8, 8], "std": [1, 0, 1]}}, "'std' not 0"),
        ({"input": {"size": [8, 8], "mean": [1, 2]}}, "input.mean.2: Field required"),
        (
            {"input": {"size": [8, 8], "fit": "stretch"}},
            "input.fit: Input should be 'squash' or 'crop'",
        ),
        ({"input": {"size": [8, 8], "name": "picture"}}, "has the inputs x"),
    ],
)
def test_a_wrong_json_is_explained(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    model = write_encoder(tmp_path, {**CONFIG, **change})
    with pytest.raises(EncoderError, match=complaint):
        load(model, tmp_path)


def test_files_that_are_not_what_they_seem(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text("{")
    (tmp_path / "net.onnx").write_bytes(b"no network")
    with pytest.raises(EncoderError, match="Invalid JSON"):
        load(tmp_path / "net.onnx", tmp_path)
    (tmp_path / "net.json").write_text(json.dumps(CONFIG))
    with pytest.raises(WeightsError, match="cannot be run as an ONNX model"):
        load(tmp_path / "net.onnx", tmp_path)
    with pytest.raises(WeightsError, match="no ONNX file"):
        load(tmp_path / "missing.onnx", tmp_path)


def test_a_device_that_is_not_here_is_refused(tmp_path: Path) -> None:
    model = write_encoder(tmp_path, CONFIG)
    if "CUDAExecutionProvider" in ort.get_available_providers():
        pytest.skip("this machine has a CUDA onnxruntime")
    with pytest.raises(EncoderError, match=r"no device 'cuda'.*here: auto, cpu"):
        load_encoder(f"onnx:{model}", device="cuda", settings=settings_for(None, tmp_path))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(path.stem, marks=[] if "v1" in path.stem else [pytest.mark.slow])
        for path in sorted(CONFIGS.glob("*.json"))
    ],
)
def test_shared_weights_equal_a_direct_call(tmp_path: Path, name: str) -> None:
    folder = os.environ.get("ARTSIM_TEST_WEIGHTS")
    if not folder:
        pytest.skip("ARTSIM_TEST_WEIGHTS is not set")
    settings = settings_for(Path(folder), tmp_path)
    encoder = load_encoder(f"onnx:{CONFIGS / name}.json", settings=settings)
    config = json.loads((CONFIGS / f"{name}.json").read_text())
    height, width = config["input"]["size"]
    low, high = config["input"]["range"]
    images = [np.kron(image, np.ones((20, 20, 1), np.uint8)) for image in pictures(3)]
    small = [Image.fromarray(i).resize((width, height), Image.Resampling.BICUBIC) for i in images]
    stacked = np.stack([np.asarray(s) for s in small]).astype(np.float32)
    inputs = (stacked / 255 * (high - low) + low).transpose(0, 3, 1, 2)
    session = ort.InferenceSession(
        str(Path(folder) / config["model"]), providers=["CPUExecutionProvider"]
    )
    (rows,) = session.run([config["output"]], {"x": inputs})
    expected = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert encoder.info.dim == config["dim"]
    np.testing.assert_allclose(encoder.encode(images), expected, atol=2e-5)


# --- what it sees where ---


def maps_of(model: Path, tmp_path: Path) -> MapReader:
    maps = load(model, tmp_path).open_maps()
    assert maps is not None
    return maps


@pytest.mark.parametrize("batch", ["n", 4])
def test_vectors_are_the_means_of_the_maps(tmp_path: Path, batch: int | str) -> None:
    model = write_encoder(tmp_path, CONFIG, batch=batch)
    encoder, maps = load(model, tmp_path), maps_of(model, tmp_path)
    images = pictures(6)
    vectors, seen = maps([encoder.prepare(image) for image in images])
    assert seen.shape == (6, 5, 6, 6)
    np.testing.assert_allclose(seen.mean(axis=(2, 3)), vectors, atol=1e-5)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, reference(images), atol=1e-5)


def test_a_mean_over_height_and_width_is_found_however_it_is_written(tmp_path: Path) -> None:
    node = onnx.helper.make_node
    mean = node("ReduceMean", ["r", "axes"], ["m"], keepdims=0)
    nodes = [node("Relu", ["x"], ["r"]), mean, node("Identity", ["m"], ["y"])]
    model = write_graph(tmp_path / "net.onnx", nodes, CONFIG)
    _, seen = maps_of(model, tmp_path)([np.full((8, 8, 3), 200, np.uint8)])
    assert seen.shape == (1, 3, 8, 8)


def test_vectors_that_are_no_means_have_no_maps(tmp_path: Path) -> None:
    node = onnx.helper.make_node
    largest = node("ReduceMax", ["x", "axes"], ["y"], keepdims=0)
    assert load(write_graph(tmp_path / "net.onnx", [largest], CONFIG), tmp_path).open_maps() is None
    assert load_encoder("handcrafted").open_maps() is None


def test_without_onnx_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load(write_encoder(tmp_path, CONFIG), tmp_path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(EncoderError, match=r"pip install 'artsim\[onnx\]'"):
        encoder.open_maps()
