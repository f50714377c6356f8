"""Each measurement of speed, small and real; times are never held to a fixed number."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hints import hinted

from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.payload import painting_point_id
from artsim.config import Settings
from artsim.encoders.random_weights import write_random_weights
from artsim.encoders.reference_detector import one_torch_core
from artsim.encoders.registry import load_encoder
from artsim.errors import EvaluationError
from artsim.evaluation.speed.bare_forward import NetworkEncoder, bare_forward_rate
from artsim.evaluation.speed.cold_starts import measure_cold_starts
from artsim.evaluation.speed.face_detection import (
    count_lost,
    describe_face_detection,
    measure_face_detection,
    overlap,
)
from artsim.evaluation.speed.ingest_rate import describe_ingest_rate, measure_ingest_rate
from artsim.evaluation.speed.killing import find_differences, run_ingest
from artsim.evaluation.speed.large_gallery import brute_force, measure_large_gallery
from artsim.evaluation.speed.leave_one_out import (
    measure_leave_one_out,
    peak_bytes,
    product_and_top,
)
from artsim.evaluation.speed.made_up import filters, make_gallery, queries
from artsim.evaluation.speed.pictures import Pictures
from artsim.evaluation.speed.processes import environment, median_seconds
from artsim.evaluation.speed.reranking import measure_reranking
from artsim.store.base import Point
from artsim.store.gallery import PIXELS, open_gallery

ELSEWHERE = {
    "ARTSIM_URL": "http://127.0.0.1:1",
    "QDRANT_URL": "http://127.0.0.1:1",
    "ARTSIM_GALLERY": "mine",
}


@pytest.fixture
def _settings_of_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server and a gallery that no measurement may use."""
    for name, value in ELSEWHERE.items():
        monkeypatch.setenv(name, value)


def test_reranking_equals_scikit_image() -> None:
    times = measure_reranking(10, seed=3)
    assert times.hits == 10
    assert 0 <= times.max_difference < 1e-9
    assert times.artsim_ms > 0
    assert times.skimage_loop_ms > 0


@pytest.mark.usefixtures("_settings_of_a_user")
def test_cold_starts_use_a_gallery_of_their_own(tmp_path: Path) -> None:
    starts = measure_cold_starts(tmp_path, runs=1)
    assert min(dataclasses.astuple(starts)) > 0
    assert not Path(os.environ["ARTSIM_HOME"]).exists()


def test_a_process_that_fails_is_named_with_its_last_words(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "import sys; sys.exit('out of paint')")
    with pytest.raises(EvaluationError, match=r"out of paint.*sys\.exit"):
        median_seconds(command, environment(tmp_path), runs=1)


@pytest.mark.usefixtures("_settings_of_a_user")
def test_a_large_gallery_answers_as_brute_force_does(tmp_path: Path) -> None:
    found = measure_large_gallery(tmp_path / "home", points=600, dim=16, count=4, seed=1)
    assert found.points == 600
    assert list(found.filters) == ["artist 0.1%", "style 5%", "years 30%", "no filter"]
    # So few points are compared one by one, without an index that could miss one.
    assert {times.recall_at_10 for times in found.filters.values()} == {1.0}
    assert all(0 < times.p50_ms <= times.p95_ms for times in found.filters.values())
    assert found.bytes_on_disk


def test_brute_force_ranks_only_what_passes() -> None:
    rng = np.random.default_rng(5)
    gallery = make_gallery(300, 8, rng)
    for make in filters(gallery, rng).values():
        for query in queries(gallery, 3, rng):
            _, passing = make()
            scores = gallery.embeddings @ query
            ranked = sorted(np.flatnonzero(passing), key=lambda i: -scores[i])
            assert brute_force(gallery, query, passing) == [f"p{i:07d}" for i in ranked[:10]]


def test_ingest_with_the_built_in_encoder_has_no_promise(sample: Path, tmp_path: Path) -> None:
    source = Pictures(sample).copies(6, tmp_path)
    encoder = load_encoder("handcrafted")
    rate = measure_ingest_rate(source, encoder, tmp_path, batch_size=4, rounds=1)
    assert rate.pictures == 6
    assert rate.ratio == pytest.approx(rate.ingest_per_s / rate.bare_per_s)
    (promise,) = describe_ingest_rate(rate).promises
    assert promise.kept is None
    assert "only 6 pictures" in promise.note


def test_ingest_with_a_network_of_random_weights(sample: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_random_weights("mobilenetv2_100", tmp_path / f"{name}.safetensors", seed=2)
    weights = tmp_path / "one.safetensors"
    assert weights.read_bytes() == (tmp_path / "other.safetensors").read_bytes()
    encoder = load_encoder("mobilenetv2", weights=weights, device="cpu")
    assert isinstance(encoder, NetworkEncoder)
    assert not isinstance(load_encoder("handcrafted"), NetworkEncoder)
    assert bare_forward_rate(encoder, batch_size=2, batches=1) > 0
    source = Pictures(sample).copies(4, tmp_path)
    rate = measure_ingest_rate(source, encoder, tmp_path, batch_size=2, rounds=1)
    assert rate.is_learned
    (promise,) = describe_ingest_rate(rate).promises
    assert promise.kept is (rate.ratio >= 0.85)


def test_pictures_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    source = tmp_path / "broken"
    source.mkdir()
    (source / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(EvaluationError, check=hinted("--data")):
        measure_ingest_rate(source, load_encoder("handcrafted"), tmp_path, rounds=1)
    with pytest.raises(EvaluationError, check=hinted("--data")):
        measure_face_detection([source / "a.jpg"])


def test_both_detectors_find_the_same_faces(sample: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    paths = sorted((sample / "images").glob("*.jpg"))[:8]
    found = measure_face_detection([*paths, broken])
    assert found.pictures == 8
    assert found.library_faces > 0
    assert found.faces_lost == 0
    assert found.library_ms == min(found.library_all_cores_ms, found.library_one_core_ms)
    assert describe_face_detection(found).tables[0].rows[0].values["faces"] == found.artsim_faces


def test_a_lost_face_is_one_that_is_overlapped_by_half_or_less() -> None:
    face = np.array([0.0, 0, 10, 10, 0.9])
    moved = np.array([0.0, 5, 10, 15, 0.9])
    near = np.array([0.0, 1, 10, 11, 0.9])
    assert overlap(face, moved) == pytest.approx(1 / 3)
    assert overlap(face, near) == pytest.approx(9 / 11)
    nothing = np.zeros((0, 5))
    reference = [np.stack([face]), np.stack([face, moved]), nothing]
    assert count_lost(reference, [np.stack([near]), nothing, np.stack([face])]) == 2
    assert count_lost(reference, reference) == 0


def test_torch_has_its_cores_back() -> None:
    cores = torch.get_num_threads()
    with pytest.raises(KeyError), one_torch_core():
        assert torch.get_num_threads() == 1
        raise KeyError
    assert torch.get_num_threads() == cores


def test_leave_one_out_beside_the_bare_product() -> None:
    found = measure_leave_one_out(120, 16, rounds=1)
    assert (found.works, found.dim) == (120, 16)
    assert found.ratio == pytest.approx(found.metrics_s / found.bare_s)
    assert found.whole_ratio > found.ratio
    assert found.bare_bytes >= 120 * 120 * 4, "all scores at once"
    assert found.peak_bytes > 0
    assert found.growth == pytest.approx(found.peak_bytes_of_more / found.peak_bytes)


def test_the_bare_product_ranks() -> None:
    vectors = np.random.default_rng(0).standard_normal((40, 6), dtype=np.float32)
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    assert np.array_equal(product_and_top(vectors, 7), np.argsort(-scores, axis=1)[:, :7])
    assert product_and_top(vectors).shape == (40, 39)


def test_the_most_memory_counts_not_the_last() -> None:
    def work() -> None:
        np.ones(3_000_000, dtype=np.uint8).sum()
        np.ones(1_000_000, dtype=np.uint8).sum()

    assert 3_000_000 <= peak_bytes(work) < 3_900_000


def painting(name: str, *, title: str = "untitled", gray: int = 0) -> Point:
    vectors = {"made-up": np.array([1, 0, 0], np.float32), PIXELS: np.full(64 * 64, gray, np.uint8)}
    return Point(painting_point_id(name), vectors, {"painting_id": name, "title": title})


def test_every_difference_of_two_galleries_is_found(tmp_path: Path) -> None:
    encoder = EncoderInfo("made-up", "made-up", "made-up", 3)
    with (
        open_gallery(Settings(home=tmp_path / "one")) as one,
        open_gallery(Settings(home=tmp_path / "other")) as other,
    ):
        one.create_paintings([encoder]).upsert([painting("a"), painting("b")])
        paintings = other.create_paintings([encoder])
        paintings.upsert([painting("b")])
        assert find_differences(one, other) == [
            f"paintings: {painting_point_id('a')} is only in one"
        ]
        paintings.upsert([painting("a")])
        assert find_differences(one, other) == []
        paintings.upsert([painting("a", title="other"), painting("b", gray=9)])
        assert sorted(find_differences(one, other)) == sorted(
            [
                f"paintings: {painting_point_id('a')}: payload",
                f"paintings: {painting_point_id('b')}: {PIXELS}",
            ]
        )
        one.create_faces([encoder])
        assert find_differences(one, other)[-1] == "faces: only in one"


SAYS_ITS_ID_AND_STAYS = """
import os, signal, sys
print(os.getpid(), file=open(sys.argv[1], "w"), flush=True)
print("begun", file=sys.stderr, flush=True)
{then}
signal.pause()
"""


@pytest.mark.skipif(not hasattr(signal, "pause"), reason="signals of POSIX")
@pytest.mark.parametrize("is_interrupted", [False, True])
def test_no_ingest_outlives_its_measurement(tmp_path: Path, is_interrupted: bool) -> None:
    then = "os.kill(os.getppid(), signal.SIGINT)" if is_interrupted else ""
    noted = tmp_path / "pid"
    command = (sys.executable, "-c", SAYS_ITS_ID_AND_STAYS.format(then=then), str(noted))
    if is_interrupted:
        with pytest.raises(KeyboardInterrupt):
            run_ingest(command, tmp_path)
    else:
        assert run_ingest(command, tmp_path, lifetime_s=0.01) is None
    with pytest.raises(ProcessLookupError):
        os.kill(int(noted.read_text()), 0)


def test_an_ingest_that_fails_says_why(tmp_path: Path) -> None:
    script = "import sys; print('begun', file=sys.stderr); sys.exit('the easel fell')"
    for lifetime_s in (None, 60.0):
        with pytest.raises(EvaluationError, match="the easel fell"):
            run_ingest((sys.executable, "-c", script), tmp_path, lifetime_s)
