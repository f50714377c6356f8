"""Trainings on invented faces: they learn, restart after any end, and give an encoder."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from face_runs import crops, face_set, recipe
from hints import hinted

from artsim.encoders.registry import load_encoder, resolve
from artsim.errors import TrainingError, WeightsError
from artsim.training.face_trainee import (
    FacesTrainee,
    begin_network,
    make_face_set,
    plan_network,
    rate_at,
)
from artsim.training.face_training import train_on_faces
from artsim.training.loop import LoopOptions


def mean_of(history: list[dict[str, float]], name: str, part: slice) -> float:
    return float(np.mean([losses[name] for losses in history[part]]))


@pytest.mark.parametrize("loss", [pytest.param("contrastive", marks=pytest.mark.slow), "margin"])
def test_losses_fall_and_unseen_people_are_told_apart(tmp_path: Path, loss: str) -> None:
    faces = face_set(24, test=0.2, validation=0.3)
    done = train_on_faces(
        faces, tmp_path, recipe(loss=loss, epochs=8, people=8, learning_rate=3e-3)
    )
    for name in (loss, *(["reconstruction"] if loss == "contrastive" else [])):
        first, last = (mean_of(done.history, name, part) for part in (slice(8), slice(-8, None)))
        assert last < 0.9 * first, name
    measured = [losses["validation"] for losses in done.history if "validation" in losses]
    assert len(measured) == 8
    assert measured[-1] < 0.05  # 0.5 is chance; they were not trained on

    encoder = load_encoder(done.spec)
    rows = faces.rows("test")
    codes, people = faces.codes("test")
    assert len(people) >= 2
    vectors = encoder.encode([faces.crops[i] for i in rows])
    cosines = vectors @ vectors.T - 2 * np.eye(len(rows))
    assert (codes[cosines.argmax(axis=1)] == codes).mean() > 0.8


def test_the_encoder_is_named_by_its_hash_and_gives_what_was_trained(tmp_path: Path) -> None:
    faces = face_set()
    first = train_on_faces(faces, tmp_path / "one", recipe(epochs=1))
    other = train_on_faces(faces, tmp_path / "two", recipe(epochs=1, seed=1))
    info = load_encoder(first.spec, device="cpu").info
    assert (info.kind, info.dim, info.takes_text) == ("face", 16, False)
    assert re.fullmatch(r"one-[0-9a-f]{12}-v1", info.vector_name)
    names = [resolve(spec).vector_name.split("-")[1] for spec in (first.spec, other.spec)]
    assert names[0] != names[1]

    chosen = recipe(epochs=1)
    trainee = FacesTrainee(faces, plan_network(chosen), chosen, torch.device("cpu"))
    trainee.load_state(torch.load(tmp_path / "one" / "checkpoint.pt")["state"])
    trainee.finish()
    rows = np.arange(5)
    vectors = load_encoder(first.spec, device="cpu").encode([faces.crops[i] for i in rows])
    np.testing.assert_allclose(vectors, trainee.encode(rows).numpy(), atol=1e-5)


def test_the_best_network_is_kept_and_the_card_says_what_was_done(tmp_path: Path) -> None:
    faces = face_set(validation=0.4)
    done = train_on_faces(faces, tmp_path, recipe(), data={"sources": ["made up"]})
    measured = {
        i + 1: losses["validation"]
        for i, losses in enumerate(done.history)
        if "validation" in losses
    }
    assert done.kept_step == min(measured, key=lambda step: (measured[step], step))
    card = json.loads((tmp_path / "encoder.json").read_text(encoding="utf-8"))["card"]
    assert card["kept_step"] == done.kept_step
    assert card["losses"]["validation"] == min(measured.values())
    assert card["data"]["sources"] == ["made up"]
    assert card["recipe"]["loss"] == "margin"
    assert sum(card["data"][side]["people"] for side in ("train", "validation", "test")) == 12


def test_other_settings_are_refused_and_restart_begins_anew(tmp_path: Path) -> None:
    faces = face_set()
    train_on_faces(faces, tmp_path, recipe(epochs=1))
    with pytest.raises(TrainingError, match="loss: 'margin', now 'contrastive'"):
        train_on_faces(faces, tmp_path, recipe(epochs=1, loss="contrastive"))
    with pytest.raises(TrainingError, match="crops"):
        train_on_faces(face_set(13), tmp_path, recipe(epochs=1))
    anew = train_on_faces(
        faces,
        tmp_path,
        recipe(epochs=1, loss="contrastive"),
        options=LoopOptions(restart=True),
    )
    assert {"contrastive", "reconstruction"} <= set(anew.history[0])


def test_given_weights_are_what_it_begins_with(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    plan = plan_network(recipe())
    begun = begin_network(plan, recipe(seed=9)).state_dict()
    weights = {name: tensor.contiguous() for name, tensor in begun.items()}
    save_file({**weights, "logits.weight": torch.zeros(3, 16)}, tmp_path / "w.safetensors")
    filled = begin_network(plan, recipe(weights=tmp_path / "w.safetensors"))
    for name, tensor in filled.state_dict().items():
        assert torch.equal(tensor, weights[name]), name
    assert recipe(weights=tmp_path / "w.safetensors").highest_rate == 1e-4
    save_file({"x": torch.zeros(2)}, tmp_path / "other.safetensors")
    for file in ("missing.pt", "other.safetensors"):
        with pytest.raises(WeightsError, match=file):
            begin_network(plan, recipe(weights=tmp_path / file))


def test_every_kind_of_network(tmp_path: Path) -> None:
    faces = face_set(8, 2, test=0.0, validation=0.0)
    for number, name in enumerate(
        ("inception-resnet-v1", "resnet10t", "timm:mobilenetv3_small_050")
    ):
        chosen = recipe(
            network=name,
            network_settings={},
            side=80 if number == 0 else 32,
            epochs=1,
            people=2,
            faces=2,
        )
        trainee = FacesTrainee(faces, plan_network(chosen), chosen, torch.device("cpu"))
        torch.manual_seed(0)
        assert trainee.step(0)["margin"] > 0
        assert trainee.encode(np.arange(2)).shape == (2, 512 if number == 0 else 256)


def test_networks_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no network 'resnet9999'.*inception-resnet-v1"):
        plan_network(recipe(network="resnet9999", network_settings={}))
    with pytest.raises(TrainingError, check=hinted("32 x 32 pixels.*--side")):
        plan_network(recipe(network="inception-resnet-v1", network_settings={}))
    with pytest.raises(TrainingError, match="colour"):
        plan_network(recipe(network_settings={"colour": 1}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"people": 1},
        {"faces": 1},
        {"side": 4},
        {"learning_rate": 0.0},
        {"loss": "triplet"},
    ],
)
def test_recipes_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        recipe(**wrong)


def test_too_few_people(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"found 6 faces of 1 people"):
        make_face_set(crops(1), ["a"] * 6, test=0, validation=0)
    with pytest.raises(TrainingError, match="two of one of them"):
        make_face_set(crops(3, 1), ["a", "b", "c"], test=0, validation=0)


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [rate_at(step, 100) for step in range(100)]
    assert rates[4] == 1
    assert rates[:5] == sorted(rates[:5])
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert 0 <= rates[-1] < 0.01
    assert rate_at(0, 1) == 1
