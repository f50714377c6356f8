"""LPIPS: how different two pictures look to people, from a network's maps [1]_.

The package ``lpips`` has the heads in it; the backbone's weights are torchvision's. Finding them
imports neither, so that an evaluation says at once if they are missing.

References
----------
.. [1] Zhang, Isola, Efros, Shechtman & Wang (2018). The unreasonable effectiveness of
   deep features as a perceptual metric. CVPR; version 0.1 of the program ``lpips``.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.config import Settings
from artsim.encoders.devices import import_library, pick_device
from artsim.encoders.weights import (
    file_sha256,
    fill_model,
    find_weights,
    load_state_dict,
    nothing_drawn,
    torch_home,
)
from artsim.errors import EncoderError, WeightsError

if TYPE_CHECKING:
    import torch

Backbone = Literal["alex", "vgg", "squeeze"]  # as ``lpips`` names them; its authors use the first

# Names of torchvision's files, those that ``lpips`` loads: the model's, and a hash.
FILES: Final[Mapping[Backbone, str]] = {
    "alex": "alexnet-owt-7be5be79.pth",
    "vgg": "vgg16-397923af.pth",
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
}
_BATCH: Final = 16


def find_lpips(backbone: Backbone, settings: Settings) -> Path:
    """Return the backbone's weights; EncoderError without the package, WeightsError without them.

    ``ARTSIM_WEIGHTS`` may have them under torchvision's name or the model's, else torch's cache.
    """
    if importlib.util.find_spec("lpips") is None:
        raise EncoderError("the package lpips is not installed; add it with: artsim[lpips]")
    stem = FILES[backbone].removesuffix(".pth")
    model = stem.partition("-")[0]
    path, looked_in = find_weights((stem, model), given=None, settings=settings)
    cached = torch_home() / "hub" / "checkpoints" / FILES[backbone]
    if path is not None or cached.is_file():
        return path or cached
    raise WeightsError(
        f"no weights of LPIPS's backbone {model}: looked in {'; '.join([*looked_in, str(cached)])}."
        f' On a machine with a connection run: python -c "import torchvision; '
        f"torchvision.models.{model}(weights='DEFAULT')\"; then put the file it downloads into the "
        "folder that ARTSIM_WEIGHTS names"
    )


class LpipsDistance:
    """LPIPS 0.1 as ``lpips.LPIPS(net=backbone)`` has it; weights may be without a classifier."""

    def __init__(self, backbone: Backbone, weights: Path, *, device: str = "auto") -> None:
        self._device = pick_device(device)
        lpips = import_library("lpips")
        with nothing_drawn(), warnings.catch_warnings():
            # lpips asks torchvision by arguments that have new names since.
            warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
            # With its own heads, which torch reads without running them, and no backbone yet.
            self._network: Any = lpips.LPIPS(net=backbone, pnet_rand=True, verbose=False)
        net, state = self._network.net, load_state_dict(weights)
        # lpips cuts torchvision's ``features`` into slices, whose layers keep their numbers.
        wanted = {name: f"features.{name.partition('.')[2]}" for name in net.state_dict()}
        kept = {name: state[there] for name, there in wanted.items() if there in state}
        fill_model(net, kept, path=weights)
        self._network.eval().requires_grad_(False).to(self._device)
        self.identity = f"lpips-{backbone}-v0.1-{file_sha256(weights)[:12]}"

    def distances(
        self, query: RGBImage, pictures: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.float64]:
        """Return how far `query`, uint8 (h, w, 3), is from N of its size; ValueError otherwise."""
        import torch

        expected = (len(pictures), *query.shape)
        if query.ndim != 3 or query.shape[2] != 3 or pictures.shape != expected:
            raise ValueError(
                f"expected a query (h, w, 3) and pictures (N, h, w, 3), not {query.shape} "
                f"and {pictures.shape}"
            )
        found = np.empty(len(pictures))
        with torch.inference_mode():
            one = self._to_tensor(query[None])
            for start in range(0, len(pictures), _BATCH):
                batch = self._to_tensor(pictures[start : start + _BATCH])
                values = self._network(one.expand_as(batch), batch)
                found[start : start + _BATCH] = values.reshape(-1).cpu().numpy()
        return found

    def _to_tensor(self, pictures: npt.NDArray[np.uint8]) -> torch.Tensor:
        import torch

        if pictures.dtype != np.uint8:
            raise ValueError(f"expected pictures of uint8, not {pictures.dtype}")
        planes = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
        return planes.to(self._device).float() / 127.5 - 1.0
