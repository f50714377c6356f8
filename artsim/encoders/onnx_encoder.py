"""Encoders from ONNX files, run by onnxruntime (the extra ``onnx``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.catalog.encoder_info import EncoderInfo
from artsim.config import Settings
from artsim.encoders.base import Prepared
from artsim.encoders.onnx_config import OnnxConfig, OnnxInput, load_onnx_config
from artsim.encoders.onnx_graph import OnnxGraph
from artsim.encoders.plan import EncoderCard, EncoderPlan, EncoderRequest, Family, vector_name
from artsim.encoders.vectors import unit_rows
from artsim.errors import EncoderError


class OnnxEncoder:
    """A network from picture to vector in an ONNX file, as its JSON describes it.

    Pictures are fitted to the input's size with Pillow, scaled and normalized, and the
    rows of the output scaled to unit length.
    """

    def __init__(self, plan: EncoderPlan, config: OnnxConfig, device: str = "auto") -> None:
        self._graph = OnnxGraph(config.model, device)
        session = self._graph.session
        self._input = config.input
        self.model = config.model
        self.input_name = _pick(
            config.input.name, [i.name for i in session.get_inputs()], "input", config
        )
        self.output_name = _pick(
            config.output, [o.name for o in session.get_outputs()], "output", config
        )
        self._preprocessing = config.input.preprocessing
        self._name = plan.name
        self._info = plan.info(self._measure_dim(config))

    @property
    def info(self) -> EncoderInfo:
        """Identity and dimension."""
        return self._info

    def prepare(self, image: RGBImage) -> Prepared:
        """Return the picture at the input's size: uint8, shape (height, width, 3)."""
        return self._preprocessing.fit_image(image)

    def encode_prepared(self, batch: Sequence[Prepared]) -> Embeddings:
        """Encode N prepared pictures, N at least 1, into unit rows of shape (N, D)."""
        return unit_rows(self.forward(self.to_input(np.stack(batch))), encoder=self._name)

    def encode(self, images: Sequence[RGBImage]) -> Embeddings:
        """Encode N pictures, each of its own size, into unit rows of shape (N, D)."""
        return self.encode_prepared([self.prepare(image) for image in images])

    def to_input(self, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Scale and normalize pictures of shape (N, height, width, 3) for `forward`."""
        return to_input(pictures, self._input)

    def forward(self, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Run the network on N ready inputs, and return its rows of any length."""
        return self._graph.run(self.input_name, inputs, [self.output_name])[0]

    def _measure_dim(self, config: OnnxConfig) -> int:
        black = np.zeros((1, *config.input.size, 3), dtype=np.uint8)
        shape = self.forward(self.to_input(black)).shape
        if len(shape) != 2:
            raise EncoderError(
                f"output {self.output_name!r} of {config.model} has shape {shape} for one "
                "picture; (1, D) is expected: name another output in its JSON"
            )
        if config.dim is not None and config.dim != shape[1]:
            raise EncoderError(
                f"output {self.output_name!r} of {config.model} has {shape[1]} numbers, "
                f"its JSON says dim {config.dim}; correct the JSON"
            )
        return int(shape[1])


def to_input(pictures: npt.NDArray[np.uint8], taken: OnnxInput) -> npt.NDArray[np.float32]:
    """Scale and normalize pictures of shape (N, height, width, 3) as the network expects."""
    low, high = taken.range
    if taken.channels == "BGR":
        pictures = pictures[..., ::-1]
    std = np.asarray(taken.std)
    scale = ((high - low) / 255 / std).astype(np.float32)
    shift = ((low - np.asarray(taken.mean)) / std).astype(np.float32)
    values = pictures * scale + shift
    if taken.layout == "NCHW":
        values = values.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(values)


def plan_onnx(request: EncoderRequest) -> EncoderPlan:
    """Understand ``onnx:FILE``."""
    if request.weights is not None:
        raise EncoderError(
            "an ONNX encoder's file is in its name, onnx:FILE; give no weights beside it",
            hint="leave --weights out",
        )
    path = Path(request.model).expanduser()
    folder = request.settings.weights
    if not path.exists() and folder is not None and (folder / path).exists():
        path = folder / path
    config = load_onnx_config(path, request.settings)
    return EncoderPlan(
        name=request.name,
        spec=f"onnx:{path.absolute()}",
        family="onnx",
        vector_name=vector_name("onnx", config.model.stem, config.output or "", config.identity),
        dim=config.dim,
        kind=config.kind,
        weights=config.model,
        loader=lambda plan, device: OnnxEncoder(plan, config, device),
    )


def find_onnx_cards(settings: Settings) -> Iterator[EncoderCard]:
    """Describe the ONNX encoders whose JSON lies in ``ARTSIM_WEIGHTS``."""
    if settings.weights is None:
        return
    for path in sorted(settings.weights.glob("*.json")):
        try:
            config = load_onnx_config(path, settings)
        except EncoderError:  # a JSON of something else; named as an encoder, it would say so
            continue
        yield EncoderCard(
            name=f"onnx:{path.name}",
            spec=f"onnx:{path.name}",
            family="onnx",
            kind=config.kind,
            dim=config.dim,
            size_mb=config.model.stat().st_size / 1e6,
            licence=config.licence,
            source=config.source,
            summary=config.summary,
            weights_here=True,
        )


FAMILY: Final = Family(syntax="onnx:FILE", plan=plan_onnx, find_cards=find_onnx_cards)


def _pick(wanted: str | None, there: list[str], what: str, config: OnnxConfig) -> str:
    if wanted is None and len(there) == 1:
        return there[0]
    if wanted not in there:
        raise EncoderError(
            f"{config.model} has the {what}s {', '.join(there)}; its JSON must name one of "
            f"them as its {what}, and says {wanted!r}"
        )
    return wanted
