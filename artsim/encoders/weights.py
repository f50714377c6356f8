"""Weights and the JSON beside them: found here, on the hub or at an address, and read safely."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import urllib.parse
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from textwrap import shorten
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar

from artsim.catalog.hits import parse_form
from artsim.config import Settings
from artsim.errors import EncoderError, WeightsError
from artsim.files import file_hash, replacing

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

SUFFIXES: Final = (".safetensors", ".pt", ".pth", ".bin")  # of weight files, best first
TIMEOUT_S: Final = 10  # for the first answer and each further piece
_PIECE: Final = 1 << 20
# Where training programs put the weights in a checkpoint; the same order as timm's.
_NESTED_UNDER: Final = ("state_dict_ema", "model_ema", "state_dict", "model")


def find_weights(
    names: Iterable[str], *, given: Path | None, settings: Settings
) -> tuple[Path | None, tuple[str, ...]]:
    """Return the local file of weights, if any, and the places that were looked in.

    `names` are stems under which ``ARTSIM_WEIGHTS`` may hold the file, best first, each tried with
    all `SUFFIXES`. Where the user named a file, only that is looked for, or, so that specs hold on
    other machines, one of its name in ``ARTSIM_WEIGHTS``: `WeightsError` if it is not there.
    """
    folder = settings.weights
    if given is not None:
        places = [given] if folder is None else [given, folder / given, folder / given.name]
        if found := next(filter(Path.is_file, places), None):
            return found, ()
        raise WeightsError(
            f"no weights at {' nor at '.join(dict.fromkeys(map(str, places)))}: a file "
            f"({', '.join(SUFFIXES)}) is expected; name one",
            hint="--weights FILE",
        )
    if folder is None:
        return None, ("ARTSIM_WEIGHTS (not set)",)
    candidates = [folder / f"{name}{suffix}" for name in names for suffix in SUFFIXES]
    if found := next(filter(Path.is_file, candidates), None):
        return found, ()
    stems = ", ".join(dict.fromkeys(path.stem for path in candidates))
    return None, (f"{folder} (ARTSIM_WEIGHTS) for {stems} with {', '.join(SUFFIXES)}",)


def file_sha256(path: Path) -> str:
    """Return the file's SHA-256 in hex digits; its first 12 identify weights."""
    try:
        return file_hash(path)
    except OSError as exc:
        raise WeightsError(f"cannot read the weights {path}: {exc.strerror or exc}") from exc


def read_json(path: Path, form: type[T], *, next_step: str, largest: int = 1_000_000) -> T:
    """Return the JSON beside weights as a dataclass; EncoderError, with a next step, if none."""
    try:
        if path.stat().st_size > largest:
            raise OSError(f"it has more than {largest:,} bytes")
        return parse_form(form, path.read_bytes())
    except (OSError, ValueError) as exc:
        told = getattr(exc, "strerror", None) or exc
        raise EncoderError(f"{path} cannot be understood: {told}; {next_step}", path=path) from exc


def write_folder(folder: Path, weights: tuple[str, bytes], config: tuple[str, Any]) -> None:
    """Write weights, then the dataclass beside them as JSON; EncoderError if that cannot be."""
    settings = {"format": 1, **asdict(config[1])}
    text = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in (weights, (config[0], text.encode())):
            with replacing(folder / name) as stream:
                stream.write(content)
    except OSError as exc:
        raise EncoderError(f"cannot write to {folder}: {exc}") from exc


def load_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read tensors by name from a ``.safetensors`` file or a torch checkpoint.

    Nothing in the file is run: ``weights_only=True`` refuses every pickle that would call anything
    but the rebuilding of tensors. Weights nested under ``state_dict`` or ``model`` are found,
    prefixes ``module.`` and ``_orig_mod.`` removed. Raises `WeightsError` if the file cannot be
    read, is damaged, is unsafe, or holds no tensors.
    """
    import torch
    from safetensors.torch import load_file

    try:
        with warnings.catch_warnings():
            # Said of pickles that torch did not write; what follows is refused or read safely.
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            tensors: Any = (
                load_file(path)
                if path.suffix == ".safetensors"
                else torch.load(path, map_location="cpu", weights_only=True)
            )
    except pickle.UnpicklingError as exc:
        raise WeightsError(
            f"{path} is damaged or holds more than weights, and was not loaded: "
            f"{first_line(exc)} Ask its publisher for a .safetensors file"
        ) from exc
    except OSError as exc:
        raise WeightsError(f"cannot read the weights {path}: {exc.strerror or exc}") from exc
    except Exception as exc:  # the readers raise types of their own, down to KeyError
        raise WeightsError(f"{path} is not a file of weights: {first_line(exc)}") from exc
    if isinstance(tensors, Mapping):
        nested = (tensors[key] for key in _NESTED_UNDER if isinstance(tensors.get(key), Mapping))
        tensors = next(nested, tensors)
    if not (
        isinstance(tensors, Mapping)
        and tensors
        and all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in tensors.items())
    ):
        raise WeightsError(f"{path} holds no weights: a mapping of names to tensors was expected")
    return {
        name.removeprefix("module.").removeprefix("_orig_mod."): tensor
        for name, tensor in tensors.items()
    }


@contextlib.contextmanager
def nothing_drawn() -> Iterator[None]:
    """Draw no random numbers for networks that are built here, to be filled with weights.

    Drawing them takes longer than reading the weights: for ViT-B/32 a second.
    """
    import torch
    from torch.nn import init
    from torch.overrides import TorchFunctionMode

    tensor = torch.Tensor
    drawing = {tensor.uniform_, tensor.normal_, tensor.erfinv_, init.uniform_, init.normal_}
    drawing |= {init.trunc_normal_, init.xavier_uniform_, init.xavier_normal_}
    drawing |= {init.kaiming_uniform_, init.kaiming_normal_}

    class Undrawn(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            named = kwargs or {}
            if func in drawing:
                return args[0] if args else named["tensor"]
            return func(*args, **named)

    with Undrawn():
        yield


def fill_model(
    model: torch.nn.Module, state: Mapping[str, torch.Tensor], *, path: Path, unused: str = ""
) -> None:
    """Fill a model, but for names that begin with `unused`; WeightsError unless all fit."""
    kept = {name: w for name, w in state.items() if not unused or not name.startswith(unused)}
    with strict_loading(path):
        model.load_state_dict(kept, strict=True)


@contextlib.contextmanager
def strict_loading(path: Path) -> Iterator[None]:
    """Turn torch's report of weights that do not fit a model into `WeightsError`."""
    try:
        yield
    except RuntimeError as exc:
        raise WeightsError(
            f"the weights in {path} are not of this model: {shorten(str(exc), 300)}; give the "
            "file that belongs to it"
        ) from exc


def fetch_from_hub(
    repository: str, filenames: tuple[str, ...], *, model: str, looked_in: Iterable[str]
) -> Path:
    """Return the first such file in the hub's cache on this machine, or download it, with a bar.

    Where there is none, `WeightsError` names both ways out, and the places `looked_in` before.
    """
    try:
        return find_in_hub_cache(repository, filenames) or _download(repository, filenames)
    except Exception as exc:  # down to its HTTP library's own types
        places = [*looked_in, f"the hub's {repository} ({first_line(exc)})"]
    raise no_weights(model, "; ".join(places))


def no_weights(model: str, places: str) -> WeightsError:
    """Return the error for weights that are nowhere, with both ways out."""
    return WeightsError(
        f"no weights of {model}: looked in {places}. Either run this once on a machine "
        "with a connection and copy the file here, or name a file of weights, or put one "
        "into the folder that ARTSIM_WEIGHTS names",
        hint="--weights FILE",
    )


def find_in_hub_cache(repository: str, filenames: Iterable[str]) -> Path | None:
    """Return the file that was downloaded from the hub before, if there is one."""
    from huggingface_hub import try_to_load_from_cache

    for filename in filenames:
        found = try_to_load_from_cache(repository, filename)
        if isinstance(found, str):
            return Path(found)
    return None


def torch_home() -> Path:
    """Return the folder of torch's downloads; it need not be there."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("TORCH_HOME") or Path(cache, "torch")).expanduser()


def download_weights(url: str, target: Path, *, limit: int) -> None:
    """Download `url` to `target`, whole or not at all, with a progress bar on stderr.

    Only https is opened, and no redirect that leaves it. Raises `WeightsError` if there is no
    connection, no such file, one of more than `limit` bytes, or no room for it.
    """
    import http.client
    import urllib.request
    from urllib.error import URLError

    class HttpsOnly(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: Any, **kwargs: Any) -> Any:
            _require_https(args[-1])  # where it leads
            return super().redirect_request(*args, **kwargs)

    try:
        _require_https(url)
        opener = urllib.request.build_opener(HttpsOnly())
        with opener.open(url, timeout=TIMEOUT_S) as response:
            size = response.headers.get("Content-Length")
            save_stream(response, target, limit=limit, expected=int(size) if size else None)
    except WeightsError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as exc:
        reason = exc.reason if isinstance(exc, URLError) else exc
        raise WeightsError(f"{url} could not be downloaded ({reason})") from exc


def save_stream(
    stream: IO[bytes], target: Path, *, limit: int, expected: int | None = None
) -> None:
    """Write all of `stream` to `target`; WeightsError if it has not as many bytes as it should."""
    from huggingface_hub.utils.tqdm import tqdm

    if expected is not None and expected > limit:
        raise WeightsError(f"{target.name} has {expected} bytes, over the limit of {limit}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        replacing(target) as part,
        tqdm(total=expected, desc=target.name, unit="B", unit_scale=True) as bar,  # type: ignore[no-untyped-call]
    ):
        written = 0
        while piece := stream.read(_PIECE):
            written += len(piece)
            if written > limit:
                raise WeightsError(f"{target.name} is over the limit of {limit} bytes")
            part.write(piece)
            bar.update(len(piece))
        if expected is not None and written != expected:
            raise WeightsError(f"{target.name} ended after {written} of {expected} bytes")


def _require_https(url: str) -> None:
    if urllib.parse.urlsplit(url).scheme != "https":
        raise WeightsError(f"{url} is not an https address, and was not opened")


def _download(repository: str, filenames: tuple[str, ...]) -> Path:
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError

    for filename in filenames:
        url = huggingface_hub.hf_hub_url(repository, filename)
        try:
            # The download itself would try five times to learn that there is no connection.
            huggingface_hub.get_hf_file_metadata(url, timeout=TIMEOUT_S)
        except EntryNotFoundError:
            continue
        return Path(huggingface_hub.hf_hub_download(repository, filename, library_name="artsim"))
    raise FileNotFoundError(f"it has none of {', '.join(filenames)}")


def first_line(exc: BaseException) -> str:
    """Return what a message begins with."""
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]
