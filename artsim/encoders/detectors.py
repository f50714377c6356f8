"""The face detector, by its settings."""

from __future__ import annotations

from artsim.encoders.base import FaceDetector


def load_detector(
    *, min_face: int | None = None, score: float | None = None, device: str = "auto"
) -> FaceDetector:
    """Load the face detector; its weights come with a dependency.

    Parameters
    ----------
    min_face : int, optional
        Least side of a face, in pixels; None is the detector's own.
    score : float, optional
        Least certainty, in 0..1; None is the detector's own.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises
    ------
    EncoderError
        If the device is not there, or the weights are missing or damaged.
    """
    from artsim.encoders.devices import pick_device
    from artsim.encoders.mtcnn import DEFAULT_MIN_FACE, DEFAULT_SCORE, MTCNNDetector

    return MTCNNDetector(
        min_face=DEFAULT_MIN_FACE if min_face is None else min_face,
        score=DEFAULT_SCORE if score is None else score,
        device=pick_device(device),
    )
