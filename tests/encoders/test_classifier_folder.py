"""A classifier's folder: written, read, moved; damaged or foreign, it is refused in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from artsim.catalog.hits import rank_candidates
from artsim.encoders.classifier import (
    ClassifierConfig,
    Head,
    load_classifier,
    read_classifier,
    save_classifier,
    softmax,
)
from artsim.encoders.registry import load_encoder, recall_encoder
from artsim.errors import EncoderError, EncoderMismatchError, ImageError, WeightsError

CLASSES = ("Baroque", "Cubism", "Ukiyo-e")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    info = load_encoder("builtin").info
    random = np.random.default_rng(0)
    head = Head(random.normal(0, 3, (3, info.dim)).astype(np.float32), np.zeros(3, np.float32), 2.0)
    config = ClassifierConfig(
        field="style",
        kind="linear",
        classes=CLASSES,
        encoder=info,
        own_encoder=False,
        temperature=2.0,
        threshold=0.4,
        precision=0.8,
    )
    place = tmp_path_factory.mktemp("classifier") / "styles"
    save_classifier(place, config, head)
    return place


def change(folder: Path, how: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "classifier.json"
    content = json.loads(path.read_text("utf-8"))
    how(content)
    path.write_text(json.dumps(content), "utf-8")


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copied"))


def test_what_was_written_is_read(folder: Path) -> None:
    config, head = read_classifier(folder)
    assert config.classes == CLASSES
    assert head.temperature == 2.0
    classifier = load_classifier(folder)
    image = np.random.default_rng(1).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    (ranked,) = classifier.rank([image])
    vector = load_encoder("builtin").encode([image])
    expected = softmax((vector.astype(float) @ head.weights.T.astype(float) + head.bias) / 2.0)[0]
    assert {c.label: c.probability for c in ranked} == pytest.approx(
        dict(zip(CLASSES, expected, strict=True))
    )
    assert list(ranked) == sorted(ranked, key=lambda c: -c.probability)


def test_a_picture_that_cannot_be_read(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file"):
        load_classifier(folder).classify(tmp_path / "missing.png")


def test_nothing_there(tmp_path: Path, copied: Path) -> None:
    with pytest.raises(EncoderError, match="holds no classifier"):
        read_classifier(tmp_path)
    (copied / "head.safetensors").unlink()
    with pytest.raises(WeightsError, match="is missing"):
        read_classifier(copied)


@pytest.mark.parametrize(
    "how",
    [
        lambda c: c.pop("classes"),
        lambda c: c.update(format=2),
        lambda c: c.update(classes=["one"]),
        lambda c: c.update(classes=["one", "one", "two"]),
        lambda c: c.update(classes=7),
        lambda c: c.update(classes=["one", 2, "three"]),
        lambda c: c.update(threshold=1.5),
        lambda c: c.update(threshold="often"),
        lambda c: c.update(encoder=None),
        lambda c: c["encoder"].update(dim=-1),
        lambda c: c["encoder"].update(spec=""),
        lambda c: c.update(own_encoder="../.."),
        lambda c: c.update(unknown=1),
    ],
)
def test_a_configuration_that_makes_no_sense(
    copied: Path, how: Callable[[dict[str, Any]], object]
) -> None:
    change(copied, how)
    with pytest.raises(EncoderError, match=r"classifier.json cannot be understood: .*train again"):
        read_classifier(copied)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, "\udcff"])
def test_no_json(copied: Path, text: str) -> None:
    (copied / "classifier.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(EncoderError, match="cannot be understood"):
        read_classifier(copied)


def test_a_damaged_head(copied: Path) -> None:
    path = copied / "head.safetensors"
    whole = path.read_bytes()
    tensors = load_file(path)
    for content in (b"", whole[: len(whole) // 2], b"\x80\x04" + whole):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="damaged or of another classifier"):
            read_classifier(copied)
    for wrong in (
        {"weights": tensors["weights"]},
        {**tensors, "weights": tensors["weights"][:2]},
        {**tensors, "weights": tensors["weights"][:, :-1].copy()},
        {**tensors, "bias": tensors["bias"] * np.nan},
    ):
        save_file(wrong, path)
        with pytest.raises(WeightsError, match="damaged or of another classifier"):
            read_classifier(copied)


def test_numbers_of_a_temperature_that_is_none(copied: Path) -> None:
    for wrong in (0.0, -1.0, float("inf")):
        change(copied, lambda c, wrong=wrong: c.update(temperature=wrong))
        with pytest.raises(WeightsError, match="temperature"):
            read_classifier(copied)


def test_vectors_of_another_encoder_are_refused(copied: Path) -> None:
    change(copied, lambda c: c["encoder"].update(vector_name="other-v1"))
    with pytest.raises(EncoderMismatchError, match=r"'other-v1'.*now makes"):
        load_classifier(copied)
    change(copied, lambda c: c["encoder"].update(name="nothing", spec="onnx:/missing.onnx"))
    with pytest.raises(EncoderError, match="not to be had"):
        load_classifier(copied)
    change(copied, lambda c: c.update(own_encoder=True))
    with pytest.raises(EncoderError, match="holds no trained encoder"):
        load_classifier(copied)


def test_an_encoder_is_found_under_its_name_where_its_files_moved() -> None:
    info = load_encoder("builtin").info
    assert recall_encoder(replace(info, spec="file:/moved/away")).vector_name == info.vector_name


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=5))
def test_softmax_is_a_distribution(logits: list[list[float]]) -> None:
    rows = softmax(np.array(logits))
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    assert (rows >= 0).all()


def test_equal_candidates_stand_by_name() -> None:
    ranked = rank_candidates({"b": 0.25, "a": 0.25, "c": 0.5})
    assert [c.label for c in ranked] == ["c", "a", "b"]


def test_a_head_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="bias"):
        Head(np.zeros((2, 3), np.float32), np.zeros(3, np.float32))
