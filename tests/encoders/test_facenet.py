"""FaceNet against facenet-pytorch itself, with weights made here."""

from __future__ import annotations

import io
import pickle
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data as pictures

from artsim.encoders import face_encoders, weights
from artsim.encoders.face_detectors import CROP_SIZE, CenterFaceDetector, find_faces
from artsim.encoders.networks import build_facenet
from artsim.encoders.registry import load_encoder, resolve
from artsim.encoders.weights import download_weights, save_stream
from artsim.errors import WeightsError


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    (face,) = find_faces(np.asarray(pictures.astronaut()), CenterFaceDetector())
    assert face.crop.shape == (CROP_SIZE, CROP_SIZE, 3)
    noise = np.random.default_rng(0).integers(0, 256, face.crop.shape, dtype=np.uint8)
    return [face.crop, face.crop[:, ::-1], noise]


def standardized(pictures: list[np.ndarray]) -> torch.Tensor:
    from facenet_pytorch import fixed_image_standardization

    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
    return fixed_image_standardization(pixels)


@pytest.fixture(scope="module")
def reference(crops: list[np.ndarray]) -> torch.nn.Module:
    """facenet-pytorch's network with random weights and statistics that fit them.

    Without the statistics it would give nearly the same vector for every picture.
    """
    torch.manual_seed(0)
    network: torch.nn.Module = build_facenet().train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.momentum = None  # an average over all that it sees
    with torch.inference_mode():
        network(
            standardized(
                [np.roll(crop, shift, axis=(0, 1)) for shift in (0, 20, 50, 90) for crop in crops]
            )
        )
    return network.eval()


@pytest.fixture(scope="module")
def file(reference: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights as published: with the classifier of the people trained on."""
    path = tmp_path_factory.mktemp("facenet") / "vggface2.pt"
    classifier = {"logits.weight": torch.zeros(8631, 512), "logits.bias": torch.zeros(8631)}
    torch.save({**reference.state_dict(), **classifier}, path)
    return path


def test_same_vectors_as_facenet_pytorch(
    file: Path, reference: torch.nn.Module, crops: list[np.ndarray]
) -> None:
    encoder = load_encoder("facenet", weights=file, device="cpu")
    vectors = encoder.encode(crops)
    assert encoder.info == resolve("facenet", weights=file).info()
    with torch.inference_mode():
        expected = reference(standardized(crops)).numpy()
    assert vectors.shape == (3, 512)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.einsum("nd,nd->n", vectors, expected).min() > 0.999  # bfloat16 where that is native
    # The comparison means something: the three are not alike.
    assert (expected @ expected.T)[~np.eye(3, dtype=bool)].max() < 0.95


def test_identity(file: Path) -> None:
    card = resolve("facenet", weights=file)
    assert (card.kind, card.dim, card.takes_text) == ("face", 512, False)
    assert re.fullmatch(r"facenet-[0-9a-f]{12}-v1", card.vector_name)
    assert resolve(card.spec).vector_name == card.vector_name
    assert resolve("facenet").vector_name == "facenet-vggface2-v1"
    assert resolve("facenet-casia").vector_name == "facenet-casia-webface-v1"


def test_cached_download_is_used(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cached = tmp_path / "checkpoints" / face_encoders.FILES["vggface2"]
    cached.parent.mkdir()
    cached.symlink_to(file)
    assert load_encoder("facenet").info.vector_name == "facenet-vggface2-v1"


def test_no_weights_names_both_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(face_encoders, "RELEASE", "https://127.0.0.1:1/")  # nobody listens
    with pytest.raises(WeightsError) as caught:
        load_encoder("facenet")
    message = caught.value.with_hint
    for part in ("facenet:vggface2", str(tmp_path), "127.0.0.1", "--weights", "ARTSIM_WEIGHTS"):
        assert part in message
    assert not list(tmp_path.rglob("*.pt"))


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    torch.save({"layer.weight": torch.zeros(3, 3)}, path)
    with pytest.raises(WeightsError, match="not of this model"):
        load_encoder("facenet", weights=path)


class _Touch:
    """Unpickling it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_code_in_a_weight_file_is_not_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "hostile.pt", tmp_path / "trace"
    path.write_bytes(pickle.dumps({"conv2d_1a.conv.weight": _Touch(trace)}))
    with pytest.raises(WeightsError, match=str(path)):
        load_encoder("facenet", weights=path)
    assert not trace.exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1/x.pt", "file:///etc/hostname", "x.pt"])
def test_only_https_is_downloaded(url: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not an https address"):
        download_weights(url, tmp_path / "x.pt", limit=10)
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_that_leaves_https_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Redirects(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    check = weights._require_https
    with ThreadingHTTPServer(("127.0.0.1", 0), Redirects) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/x.pt"
        # As if the first address were one of https.
        monkeypatch.setattr(weights, "_require_https", lambda to: to == url or check(to))
        with pytest.raises(WeightsError, match="elsewhere is not an https address"):
            download_weights(url, tmp_path / "x.pt", limit=10)
        server.shutdown()
    assert asked == ["/x.pt"]


def test_a_download_is_whole_or_not_there(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = bytes(range(256)) * 20_000
    target = tmp_path / "new" / "x.pt"
    save_stream(io.BytesIO(content), target, limit=len(content), expected=len(content))
    assert target.read_bytes() == content
    assert capfd.readouterr().out == ""
    for limit, expected in (
        (len(content) - 1, None),
        (len(content) - 1, len(content)),
        (len(content) * 2, len(content) + 1),
    ):
        with pytest.raises(WeightsError, match=r"x\.pt"):
            save_stream(io.BytesIO(content), tmp_path / "x.pt", limit=limit, expected=expected)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert [path.name for path in target.parent.iterdir()] == ["x.pt"]
