"""Encoders by name."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hints import hinted
from safetensors.torch import save_file

from artsim.config import Settings
from artsim.encoders.cards import vector_name
from artsim.encoders.registry import (
    FAMILIES,
    list_cards,
    load_encoder,
    resolve,
)
from artsim.errors import EncoderError, UnknownEncoderError, WeightsError

SETTINGS = Settings(home=Path("/nonexistent"))
CARDS = list_cards(SETTINGS)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    import torch

    path = tmp_path / "some.safetensors"
    save_file({"x": torch.ones(1)}, path)
    return path


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_card_is_what_its_name_resolves_to(card) -> None:
    plan = resolve(card.name, settings=SETTINGS)
    again = resolve(card.spec, settings=SETTINGS)
    assert plan.spec == again.spec == card.spec
    assert plan.vector_name == again.vector_name
    assert (plan.family, plan.kind, plan.dim, plan.takes_text) == (
        card.family,
        card.kind,
        card.dim,
        card.takes_text,
    )
    assert re.fullmatch(r"[A-Za-z0-9._-]+-v\d+", plan.vector_name)
    assert card.family in FAMILIES
    assert card.licence
    assert card.summary


def test_names_and_vectors_are_distinct() -> None:
    assert len({card.name for card in CARDS}) == len(CARDS)
    assert len({resolve(card.name, settings=SETTINGS).vector_name for card in CARDS}) == len(CARDS)
    assert CARDS[0].name == "builtin"
    assert CARDS[0].weights_here


def test_the_builtin_encoder_loads_and_encodes() -> None:
    encoder = load_encoder("builtin", settings=SETTINGS)
    assert encoder.info.vector_name == resolve("builtin", settings=SETTINGS).vector_name
    rows = encoder.encode([np.full((30, 40, 3), 90, np.uint8)])
    assert rows.shape == (1, encoder.info.dim)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("buildin", "did you mean builtin"),
        ("ResNet-50", "did you mean resnet50"),
        ("resnet", "did you mean resnet50"),
        ("mobilenet_v2", "did you mean mobilenetv2"),
        ("nothing like it", "Names: builtin, "),
        ("timn:resnet50", "also open_clip:MODEL/PRETRAINED"),
        ("", "no encoder is called ''"),
        ("facenet:lfw", "no variant 'lfw'"),
    ],
)
def test_unknown_names_get_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(UnknownEncoderError, match=hint):
        resolve(name, settings=SETTINGS)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("builtin@file", "no weights and no variants"),
        ("resnet50+median", "pooling 'median' is none of avg, gem, rmac, cls"),
        ("resnet50+", "is not whole"),
        ("resnet50@", "is not whole"),
        ("timm:", "is not whole"),
        ("timm:resnet50.a1_in1k/0", "size '0' is no number of pixels"),
        ("resnet50@nowhere.pt", "no weights at nowhere.pt"),
        ("facenet+gem", "has no poolings"),
    ],
)
def test_wrong_specs_are_explained(name: str, complaint: str) -> None:
    with pytest.raises(EncoderError, match=re.escape(complaint)):
        resolve(name, settings=SETTINGS)


def test_weights_where_there_can_be_none(weights: Path) -> None:
    with pytest.raises(EncoderError, check=hinted("leave --weights out")):
        resolve("builtin", weights=weights, settings=SETTINGS)
    with pytest.raises(WeightsError, match="no weights at"):
        resolve("resnet50", weights=weights.parent, settings=SETTINGS)


def test_another_pooling_or_size_is_another_vector() -> None:
    specs = ["resnet50", "resnet50+gem", "resnet50+rmac", "timm:resnet50.a1_in1k/320+gem"]
    names = [resolve(spec, settings=SETTINGS).vector_name for spec in specs]
    assert names == [
        "resnet50-a1_in1k-avg-v1",
        "resnet50-a1_in1k-gem-v1",
        "resnet50-a1_in1k-rmac-v1",
        "resnet50-a1_in1k-gem-320-v1",
    ]
    assert resolve("resnet50+gem", settings=SETTINGS).spec == "timm:resnet50.a1_in1k+gem"


def test_local_weights_are_part_of_the_vectors_name(weights: Path) -> None:
    import torch

    given = resolve("resnet50", weights=weights, settings=SETTINGS)
    assert re.fullmatch(r"resnet50-[0-9a-f]{12}-avg-v1", given.vector_name)
    assert given.weights == weights
    assert resolve(given.spec, settings=SETTINGS).vector_name == given.vector_name
    save_file({"x": torch.zeros(1)}, weights)
    assert resolve(given.spec, settings=SETTINGS).vector_name != given.vector_name


def test_the_weights_option_comes_before_the_specs_own_file(weights: Path) -> None:
    plan = resolve("resnet50@gone.pt", weights=weights, settings=SETTINGS)
    assert plan.weights == weights


def test_cards_say_whether_the_weights_are_here(weights: Path) -> None:
    settings = Settings(home=weights.parent, weights=weights.parent)

    def here() -> set[str]:
        return {card.name for card in list_cards(settings) if card.weights_here}

    before = here()
    weights.rename(weights.parent / "dino.safetensors")
    (weights.parent / "ViT-B-32-laion2b_s34b_b79k.pt").touch()
    (weights.parent / "facenet-casia-webface.pt").touch()
    assert here() - before == {"dino", "clip", "facenet-casia"}


def test_a_face_encoder_downloaded_before_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def here() -> set[str]:
        faces = [card for card in list_cards(SETTINGS) if card.kind == "face"]
        return {card.name for card in faces if card.weights_here}

    assert here() == {"dlib"}
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "20180402-114759-vggface2.pt").touch()
    assert here() == {"dlib", "facenet"}


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("clip", "ViT-B-32", "openai"), "clip-ViT-B-32-openai-v1"),
        (("net", "", "x y/z:ü"), "net-x_y_z_-v1"),
    ],
)
def test_vector_names(parts: tuple[str, ...], name: str) -> None:
    assert vector_name(*parts) == name


def test_what_needs_no_model_runtime_imports_none(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nimport numpy as np\n"
        "from artsim.config import Settings\n"
        "from artsim.encoders.lpips import find_lpips\n"
        "from artsim.encoders.registry import list_cards, load_encoder, resolve\n"
        "from artsim.errors import WeightsError\n"
        "assert list_cards()[0].weights_here\n"
        "for card in list_cards():\n    resolve(card.name)\n"
        "load_encoder('handcrafted').encode([np.zeros((9, 9, 3), np.uint8)])\n"
        "folder = Path(sys.argv[1])\n"
        "try:\n    find_lpips('alex', Settings(home=folder, weights=folder))\n"
        "except WeightsError:\n    pass\n"
        "heavy = {'torch', 'torchvision', 'timm', 'open_clip', 'onnxruntime', 'facenet_pytorch',\n"
        "    'lpips', 'scipy', 'skimage', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={**os.environ, "TORCH_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
