"""Real trainings, small: each kind learns, calibrates, is tested, and classifies."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_manners import ARTISTS_OF_EACH, MANNERS, WORKS, paint
from painting_runs import write_teacher

from artsim.encoders.classifier import load_classifier
from artsim.encoders.registry import load_encoder, resolve
from artsim.errors import (
    EncoderError,
    EncoderMismatchError,
    QueryError,
    TrainingError,
    WeightsError,
)
from artsim.evaluation.report import ConfusionPlot, read_report
from artsim.render.report_forms import write_report
from artsim.render.training_report import classifier_report
from artsim.training.classifier_training import ClassifierOutcome, train_classifier
from artsim.training.recipes import ClassifierOptions

STYLE = ClassifierOptions(by="style", precision=0.7)


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> ClassifierOptions:
    """What most learn here; vectors are shared."""
    return replace(STYLE, cache=tmp_path_factory.mktemp("vectors"))


@pytest.fixture(scope="module")
def linear(
    manners: Path, style: ClassifierOptions, tmp_path_factory: pytest.TempPathFactory
) -> ClassifierOutcome:
    return train_classifier([manners], tmp_path_factory.mktemp("linear") / "styles", style)


@pytest.fixture(scope="module")
def recurrent(manners: Path, tmp_path_factory: pytest.TempPathFactory) -> ClassifierOutcome:
    folder = tmp_path_factory.mktemp("recurrent")
    encoder = write_teacher(folder / "net.onnx")
    options = replace(STYLE, kind="recurrent", encoder=encoder, epochs=4, batch_size=8)
    return train_classifier([manners], folder / "styles", options)


def test_a_linear_head_tells_manners_apart(linear: ClassifierOutcome, tmp_path: Path) -> None:
    assert linear.scores.accuracy > 0.9
    assert linear.scores.majority < 0.5
    assert (len(linear.sides.train), len(linear.sides.test)) == (30, 6)
    assert linear.scores.confusion.sum() == 6
    assert linear.config.threshold is not None
    classifier = load_classifier(linear.folder)
    assert classifier.config.classes == tuple(sorted(MANNERS))
    assert not classifier.config.own_encoder
    picture = tmp_path / "unseen.png"
    paint("Blots", 9999).save(picture)
    found = classifier.classify(picture)
    assert found.answer == found.candidates[0].label == "Blots"
    assert sum(c.probability for c in found.candidates) == pytest.approx(1)
    assert classifier.classify(picture, threshold=1.0).answer is None


def test_its_report_is_one_like_any_other(linear: ClassifierOutcome, tmp_path: Path) -> None:
    report = classifier_report(linear)
    write_report(report, tmp_path)
    again = read_report(tmp_path / "report.json")
    assert again.task == "train classifier"
    tables = {table.name: table for table in again.tables}
    assert set(tables) == {"scores", "calibration", "classes"}
    rows = {row.name: row for row in tables["scores"].rows}
    assert rows["ArtExtract, WikiArt"].values == {"accuracy": 0.4}
    assert not rows["MobileNetV2, Pandora18k"].measured
    assert "on its own" in rows["MobileNetV2, Pandora18k"].note
    assert len(tables["classes"].rows) == 3
    (confusion,) = (plot for plot in again.plots if isinstance(plot, ConfusionPlot))
    assert confusion.column_label == "classifier's"
    for name in ("confusion", "training"):
        assert (tmp_path / f"plot-{name}.png").stat().st_size > 5000


def test_the_same_again(
    linear: ClassifierOutcome, manners: Path, style: ClassifierOptions, tmp_path: Path
) -> None:
    again = train_classifier([manners], tmp_path / "again", STYLE)
    for name in ("head.safetensors", "classifier.json"):
        assert (again.folder / name).read_bytes() == (linear.folder / name).read_bytes()
    other = train_classifier([manners], tmp_path / "other", replace(style, seed=1))
    assert other.settings != linear.settings


def test_artists_that_were_never_seen(
    manners: Path, style: ClassifierOptions, tmp_path: Path
) -> None:
    outcome = train_classifier([manners], tmp_path / "out", replace(style, split="artist"))
    assert outcome.scores.accuracy > 0.9
    with pytest.raises(TrainingError, match="works of other artists"):
        train_classifier([manners], tmp_path / "no", ClassifierOptions("artist", split="artist"))


def test_artists_are_called_what_their_works_call_them(manners: Path, tmp_path: Path) -> None:
    options = ClassifierOptions("artist", min_works=6)
    with pytest.raises(TrainingError, match=r"0 of 18 values of 'artist' .* \(2\)"):
        train_classifier([manners], tmp_path / "out", options)
    shutil.copytree(manners, tmp_path / "few")
    table = tmp_path / "few" / "metadata.csv"
    lines = table.read_text("utf-8")
    for a in range(ARTISTS_OF_EACH):
        lines = lines.replace(f"Painter Stripes {a}", "Élodie Marchand" if a % 2 else "Frans Hals")
    table.write_text(lines, "utf-8")
    outcome = train_classifier([tmp_path / "few"], tmp_path / "out", options)
    assert [score.name for score in outcome.scores.classes] == ["Frans Hals", "Élodie Marchand"]
    assert len(outcome.sides.labeled.left_out) == 12
    notes = " ".join(classifier_report(outcome).notes)
    assert "fewer than 6 works: Painter Blots 0 (2)" in notes
    assert "and 7 more" in notes


def test_what_cannot_be_learned_is_said(manners: Path, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"'stile': did you mean .*style"):
        train_classifier([manners], tmp_path / "out", ClassifierOptions("stile"))
    with pytest.raises(TrainingError, match=r"no work has the field 'school'; they have: artist"):
        train_classifier([manners], tmp_path / "out", ClassifierOptions("school"))
    with pytest.raises(TrainingError, match="1 of 1 values of 'genre'"):
        train_classifier([manners], tmp_path / "out", ClassifierOptions("genre"))
    with pytest.raises(TrainingError, match="from scratch"):
        train_classifier([manners], tmp_path / "out", replace(STYLE, from_scratch=True))
    assert not (tmp_path / "out").exists()


def test_unreadable_pictures_stop_nothing(manners: Path, tmp_path: Path) -> None:
    shutil.copytree(manners, tmp_path / "damaged")
    (tmp_path / "damaged" / "blots-0-0.png").write_bytes(b"no picture")
    encoder = write_teacher(tmp_path / "net.onnx")
    options = replace(STYLE, encoder=encoder)
    outcome = train_classifier([tmp_path / "damaged"], tmp_path / "out", options)
    assert len(outcome.sides.folds) == WORKS - 1
    assert len(outcome.problems) == 1
    assert "blots-0-0.png" in outcome.problems[0]
    assert "blots-0-0.png" in " ".join(classifier_report(outcome).notes)
    again = train_classifier([tmp_path / "damaged"], tmp_path / "out", options)
    assert again.problems == outcome.problems


def test_another_run_is_not_overwritten(
    linear: ClassifierOutcome, manners: Path, style: ClassifierOptions, tmp_path: Path
) -> None:
    shutil.copytree(linear.folder, tmp_path / "out")
    with pytest.raises(TrainingError, match=r"other settings \(seed: 0, now 1\)"):
        train_classifier([manners], tmp_path / "out", replace(style, seed=1))
    train_classifier([manners], tmp_path / "out", replace(style, seed=1, restart=True))
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="a folder is expected"):
        train_classifier([manners], tmp_path / "file", style)


def test_a_recurrent_network_is_a_classifier_and_an_encoder(
    recurrent: ClassifierOutcome, tmp_path: Path
) -> None:
    assert recurrent.scores.accuracy > 0.8
    assert recurrent.curve.y[-1] < recurrent.curve.y[0]
    encoder = load_encoder(f"file:{recurrent.folder}")
    pictures = [np.asarray(paint(manner, 7)) for manner in MANNERS]
    rows = encoder.encode(pictures)
    assert rows.shape == (3, encoder.info.dim)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    alone = np.concatenate([encoder.encode([picture]) for picture in pictures])
    np.testing.assert_allclose(alone, rows, atol=1e-5)
    tiny = encoder.encode([np.zeros((1, 2, 3), np.uint8)])
    assert np.isfinite(tiny).all()
    for manner in MANNERS:
        paint(manner, 7).save(tmp_path / "picture.png")
        first = load_classifier(recurrent.folder).classify(tmp_path / "picture.png").candidates[0]
        assert first.label == manner


def test_the_backbone_is_part_of_its_identity(recurrent: ClassifierOutcome, tmp_path: Path) -> None:
    shutil.copytree(recurrent.folder, tmp_path / "styles")
    same = resolve(f"file:{tmp_path / 'styles'}")
    assert same.vector_name == resolve(f"file:{recurrent.folder}").vector_name
    path = tmp_path / "styles" / "encoder.json"
    content = json.loads(path.read_text("utf-8"))
    content["base"]["vector_name"] = "another-v1"
    path.write_text(json.dumps(content), "utf-8")
    other = resolve(f"file:{tmp_path / 'styles'}")
    assert other.vector_name != same.vector_name
    with pytest.raises(EncoderMismatchError, match="another-v1"):
        load_encoder(other, device="cpu")
    with pytest.raises(EncoderMismatchError, match="copy the whole folder"):
        load_classifier(tmp_path / "styles")
    content["base"] = {"name": "builtin"}
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(EncoderError, match="cannot be understood"):
        resolve(f"file:{tmp_path / 'styles'}")


def test_mobilenetv2_is_trained_as_a_whole(manners: Path, tmp_path: Path) -> None:
    rows = (manners / "metadata.csv").read_text("utf-8").splitlines()
    few = tmp_path / "few"
    few.mkdir()
    for row in rows[1:6] + rows[13:18]:  # five works of two manners
        shutil.copy(manners / row.partition(",")[0], few)
    (few / "metadata.csv").write_text("\n".join([rows[0], *rows[1:6], *rows[13:18]]), "utf-8")
    options = ClassifierOptions(
        "style", kind="mobilenetv2", epochs=1, batch_size=4, from_scratch=True, min_works=5
    )
    outcome = train_classifier([few], tmp_path / "out", options)
    assert outcome.settings["begun_with"] == "random"
    encoder = load_encoder(f"file:{tmp_path / 'out'}")
    assert encoder.info.dim == 1280
    assert load_classifier(tmp_path / "out").rank([np.asarray(paint("Glow", 1))])


def test_mobilenetv2_never_begins_at_random_unasked(
    manners: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("artsim.encoders.weights.find_in_hub_cache", lambda *_: None)
    monkeypatch.setattr("artsim.encoders.weights._download", _no_connection)
    with pytest.raises(WeightsError, match="no weights of timm:mobilenetv2_100"):
        train_classifier([manners], tmp_path / "out", replace(STYLE, kind="mobilenetv2"))
    assert not (tmp_path / "out").exists()


def _no_connection(*_: object) -> Path:
    raise OSError("no connection")
