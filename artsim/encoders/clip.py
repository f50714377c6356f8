"""CLIP: pictures and texts into one space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from artsim.catalog.arrays import Embeddings
from artsim.encoders.plan import EncoderPlan
from artsim.encoders.preprocess import Preprocessing
from artsim.encoders.torch_encoder import TorchImageEncoder
from artsim.encoders.vectors import unit_rows
from artsim.errors import EncoderError


class ClipEncoder(TorchImageEncoder):
    """Encoder of pictures and of texts from one of open_clip's networks.

    Pictures run in reduced precision where that is safe, texts in full.

    References
    ----------
    .. [1] Radford et al. (2021). Learning transferable visual models from natural language
       supervision. ICML (arXiv 2103.00020).
    .. [2] Ilharco et al. (2021). OpenCLIP. doi:10.5281/zenodo.5143773.
    """

    def __init__(
        self,
        plan: EncoderPlan,
        network: Any,
        preprocessing: Preprocessing,
        *,
        model: str,
        device: str = "auto",
        precision: str = "auto",
    ) -> None:
        super().__init__(
            plan, network, network.encode_image, preprocessing, device=device, precision=precision
        )
        self._network = network
        self._model = model
        self._tokenize: Any = None

    def encode_text(self, texts: Sequence[str]) -> Embeddings:
        """Encode N texts, N at least 1, into unit rows of shape (N, D).

        A text longer than the model's context is cut off there.

        Raises
        ------
        ValueError
            If there is no text.
        EncoderError
            If the model's tokenizer is not installed.
        """
        if not texts:
            raise ValueError("at least one text expected")
        tokens = self._tokenizer()(list(texts)).to(self._device)
        with torch.inference_mode():
            rows = self._network.encode_text(tokens)
        return unit_rows(rows.float().cpu().numpy(), encoder=self._name)

    def _tokenizer(self) -> Any:
        if self._tokenize is None:
            import open_clip

            try:
                self._tokenize = open_clip.get_tokenizer(self._model)
            except Exception as exc:  # some models' tokenizers need other libraries and the hub
                raise EncoderError(f"no tokenizer for the texts of {self._model}: {exc}") from exc
        return self._tokenize
