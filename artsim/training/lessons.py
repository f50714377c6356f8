"""Lessons of a painting encoder: views of pictures, and the vectors that it is to give of them.

View 0 of a picture is the whole of it. The others are parts of it, from a twelfth of its area
up, so that the network also learns to see details. All are squashed to squares, drawn once and
kept. Before the network sees one it is changed in the ways in which photographs of paintings
differ; its target stays that of the clean view, so that the network learns to see through that.

References
----------
.. [1] Jégou & Chum (2012). Negative evidences and co-occurences in image retrieval: the
   benefit of PCA and whitening. ECCV.
.. [2] Hatch, Kajarekar & Stolcke (2006). Within-class covariance normalization for SVM-based
   speaker recognition. Interspeech.
.. [3] Hinton, Vinyals & Dean (2015). Distilling the knowledge in a neural network.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.nn import functional

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.catalog.progress import Progress, SilentProgress
from artsim.encoders.base import IMAGENET_MEAN, IMAGENET_STD, Encoder, MapReader, Triple, unit_rows
from artsim.encoders.devices import usable_cores
from artsim.encoders.registry import load_encoder
from artsim.errors import TrainingError
from artsim.images.load import LoadedImage
from artsim.training.data import Work
from artsim.training.loop import Kept, Readable, Row, keep_rows, picture_keys, read_pictures
from artsim.training.recipes import Augmentation, PaintingOptions

VIEW_SIDE: Final = 224  # pixels a side, as most teachers take them
_LEAST_AREA: Final = 0.08
_STRETCH: Final = 0.35  # parts are up to 2**0.35 times as wide or as high as their picture
_VIEWS_A_FILE: Final = 64  # pictures whose views are kept in one file

_NOISE: Final = 0.06  # standard deviation, of values in 0..1
_LUMA: Final = (0.299, 0.587, 0.114)
# Least and greatest gain of red, green and blue, less 1: old varnish takes the blue.
_TINTS: Final = ((-0.05, 0.15), (-0.1, 0.1), (-0.4, 0.1))

CELLS: Final = 7  # cells of a view, across and down
CELL_AXES: Final = 128  # most axes that are kept of what a teacher sees in a cell
TEACHER_AXES: Final = 256  # most that are kept of one; on the validation artists 512 were no better
_POWER: Final = 0.5
_TOGETHER: Final = 4  # pictures, of a dozen views each, that are encoded at once
_VECTORS_A_FILE: Final = 16  # pictures whose vectors are kept in one file
_FIT_PICTURES: Final = 250  # pictures to whose cells the axes are fitted
_FIT_CELLS: Final = 17  # how many cells of each of their views
_EVENNESS: Final = 0.1  # share of a spread alike in all directions: few rows show too little


def keep_views(
    works: Sequence[Work], folder: Path, *, parts: int, progress: Progress
) -> Readable[Work]:
    """Return the views of each work, (1 + parts, VIEW_SIDE, VIEW_SIDE, 3) of uint8."""

    def draw(loaded: LoadedImage) -> Row:
        return np.stack([draw_view(loaded.pixels, loaded.sha256, i) for i in range(1 + parts)])

    return read_pictures(
        works,
        [(work.key, work.path) for work in works],
        draw,
        list,
        folder,
        f"{parts} parts of {VIEW_SIDE}",
        progress=progress,
        description="Drawing views",
        chunk=_VIEWS_A_FILE,
        row_bytes=(1 + parts) * VIEW_SIDE**2 * 3,
    )


def draw_view(image: RGBImage, key: str, index: int) -> npt.NDArray[np.uint8]:
    """Return one view of a picture: the same for the same `key`, its SHA-256, and `index`."""
    picture = Image.fromarray(np.ascontiguousarray(image))
    if index > 0:
        name = f"0\0{index}\0{key}".encode("utf-8", "surrogatepass")
        seed = int.from_bytes(hashlib.sha256(name).digest()[:16], "big")
        picture = picture.crop(_draw_box(picture.size, np.random.default_rng(seed)))
    size = (VIEW_SIDE, VIEW_SIDE)
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC))


def _draw_box(size: tuple[int, int], random: np.random.Generator) -> tuple[int, int, int, int]:
    width, height = size
    area = math.exp(random.uniform(math.log(_LEAST_AREA), 0.0))
    stretch = 2.0 ** random.uniform(-_STRETCH, _STRETCH)
    across = min(width, max(1, round(width * area**0.5 * stretch)))
    down = min(height, max(1, round(height * area**0.5 / stretch)))
    left = int(random.integers(width - across + 1))
    top = int(random.integers(height - down + 1))
    return left, top, left + across, top + down


def augment(
    views: torch.Tensor, side: int, how: Augmentation, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return changed views, all of a batch at once, and where their places were before.

    Of views (N, H, W, 3) of uint8 normalized pictures (N, 3, side, side), channels-last; and
    homographies (N, 3, 3) from places in the pictures to places in the views, from -1 to 1.
    """
    pictures = views.permute(0, 3, 1, 2).contiguous().float().div_(255)
    if pictures.shape[-1] >= 2 * side:
        pictures = functional.avg_pool2d(pictures, 2)  # bilinear sampling would skip pixels
    homographies = _draw_homographies(len(pictures), how, generator)
    # All places are looked at in one resampling; outside is a wall of some color.
    grid = places(homographies, side)
    found = functional.grid_sample(pictures, grid, align_corners=False)
    wall = torch.rand((len(pictures), 3, 1, 1), generator=generator)
    pictures = torch.where((grid.abs() > 1).any(-1).unsqueeze(1), wall, found)
    pictures = _recolor(pictures, how, generator)
    noisy = _chosen(len(pictures), how.noisy, generator).nonzero().flatten()
    if len(noisy):
        noise = torch.randn((len(noisy), *pictures.shape[1:]), generator=generator)
        pictures[noisy] += _NOISE * noise
    return normalize(pictures), homographies


def places(homographies: torch.Tensor, side: int) -> torch.Tensor:
    """Return where the cells of a grid over pictures lie in their views, (N, side, side, 2)."""
    line = (torch.arange(side) + 0.5) * (2 / side) - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], -1).view(1, -1, 3)
    moved = points @ homographies.transpose(1, 2)
    return (moved[..., :2] / moved[..., 2:]).view(len(homographies), side, side, 2)


def shrink(views: torch.Tensor, side: int) -> torch.Tensor:
    """Return views as they are at the network's size, normalized, as `augment` does."""
    pictures = views.permute(0, 3, 1, 2).float().div_(255)
    return normalize(functional.interpolate(pictures, (side, side), mode="bicubic", antialias=True))


def normalize(
    pictures: torch.Tensor, mean: Triple = IMAGENET_MEAN, std: Triple = IMAGENET_STD
) -> torch.Tensor:
    """Center and scale pictures of values in 0..1, channels-last."""
    center, scale = (torch.tensor(v, device=pictures.device).view(1, 3, 1, 1) for v in (mean, std))
    return ((pictures - center) / scale).contiguous(memory_format=torch.channels_last)


def _recolor(pictures: torch.Tensor, how: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Multiply every pixel's color by a matrix and add a color: fading, varnish, gray."""
    count = len(pictures)
    changed = _chosen(count, how.recolored, generator)
    gray = _chosen(count, how.gray, generator)
    saturation = (1 + changed * _uniform(count, -0.7, 0.3, generator)) * (1 - gray)
    contrast = 1 + changed * _uniform(count, -0.5, 0.25, generator)
    tints = torch.stack([_uniform(count, *ends, generator) for ends in _TINTS], 1)
    gains = 1 + changed[:, None] * tints
    brightness = changed * _uniform(count, -0.12, 0.12, generator)
    kept = saturation.view(-1, 1, 1)
    mixing = kept * torch.eye(3) + (1 - kept) * torch.tensor(_LUMA)
    matrix = (contrast[:, None] * gains)[:, :, None] * mixing
    shift = (0.5 * (1 - contrast) + brightness).view(-1, 1, 1, 1)
    return (matrix @ pictures.flatten(2)).view_as(pictures).add_(shift).clamp_(0, 1)


def _draw_homographies(count: int, how: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Turn, tilt, shrink into a wall, and mirror."""
    mirrored = 1 - 2 * _chosen(count, how.mirrored, generator)
    warped = _chosen(count, how.warped, generator)
    framed = _chosen(count, how.framed, generator)
    angle = warped * _uniform(count, -0.14, 0.14, generator)
    zoom = 1 + warped * _uniform(count, -0.12, 0.06, generator)
    zoom = zoom * (1 + framed * _uniform(count, 0.1, 0.7, generator))
    homography = torch.zeros(count, 3, 3)
    homography[:, 0, 0] = mirrored * zoom * angle.cos()
    homography[:, 0, 1] = -mirrored * zoom * angle.sin()
    homography[:, 1, 0] = zoom * angle.sin()
    homography[:, 1, 1] = zoom * angle.cos()
    homography[:, 0, 2] = framed * _uniform(count, -0.15, 0.15, generator)
    homography[:, 1, 2] = framed * _uniform(count, -0.15, 0.15, generator)
    homography[:, 2, 0] = warped * _uniform(count, -0.12, 0.12, generator)
    homography[:, 2, 1] = warped * _uniform(count, -0.12, 0.12, generator)
    homography[:, 2, 2] = 1
    return homography


def _chosen(count: int, share: float, generator: torch.Generator) -> torch.Tensor:
    return (torch.rand(count, generator=generator) < share).float()


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low


class Lessons(NamedTuple):
    """What is learned from: N works with V views each."""

    views: Sequence[npt.NDArray[np.uint8]]  # (V, side, side, 3); view 0 is the whole picture
    targets: npt.NDArray[np.float32]  # (N, V, dim): unit rows that the network is to give
    groups: Sequence[str]  # what the works are drawn by: artists
    labels: Sequence[str | None]  # what is to be told: styles, where known
    # What each teacher sees in each cell of a work's views: unit rows (V, rows, columns, D).
    cells: Sequence[Sequence[npt.NDArray[np.float16]]] = ()


class Sampler:
    """Draws batches; the same ones for the same seed and step.

    A group of n works is drawn with a probability that rises with ``min(n, 30) ** 0.7``:
    many groups have few works, of which little can be learned.
    """

    def __init__(self, groups: Sequence[str], recipe: PaintingOptions) -> None:
        names, inverse = np.unique(np.asarray(groups), return_inverse=True)
        if len(names) < recipe.groups:
            raise TrainingError(
                f"there are {len(names)} values of {recipe.group} to train on, "
                f"{recipe.groups} are needed in a batch; give more pictures, or fewer groups",
                hint="--groups",
            )
        self._members = [np.flatnonzero(inverse == number) for number in range(len(names))]
        chances = np.array([min(len(m), 30) ** 0.7 for m in self._members])
        self._chances = chances / chances.sum()
        self._recipe = recipe

    def draw(self, step: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return what a step looks at: works, each in both halves, and which of its views."""
        recipe = self._recipe
        random = np.random.default_rng([recipe.seed, step])
        groups = random.choice(len(self._members), recipe.groups, replace=False, p=self._chances)
        members = [self._members[group] for group in groups]
        count = recipe.works
        drawn = [random.choice(each, count, replace=len(each) < count) for each in members]
        works = np.concatenate(drawn)
        parts = random.integers(1, 1 + recipe.parts, (2, len(works)))
        is_whole = random.random(len(works)) < recipe.whole
        first = np.where(is_whole, 0, parts[0])
        return np.concatenate([works, works]), np.concatenate([first, parts[1]])


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """Axes along which vectors spread, each scaled by its deviation to a power [1]_."""

    mean: npt.NDArray[np.float32]  # (D,)
    axes: npt.NDArray[np.float32]  # (D, d)

    @classmethod
    def fit(cls, rows: npt.NDArray[Any], dim: int, power: float) -> Whitening:
        """Fit to how all rows of shape (N, D) differ; the principal axes, `dim` at the most."""
        values = np.asarray(rows, np.float32)
        mean = values.mean(axis=0)
        _, singular, axes = np.linalg.svd(values - mean, full_matrices=False)
        deviations = singular / len(values) ** 0.5
        kept = min(dim, int((deviations > 1e-6).sum()))
        if kept == 0:
            raise TrainingError("a teacher gives all pictures the same vector; name another one")
        return cls(mean, (axes[:kept] / deviations[:kept, None] ** power).T.astype(np.float32))

    @classmethod
    def fit_within(
        cls, rows: npt.NDArray[Any], groups: Sequence[str], power: float
    ) -> Whitening | None:
        """Fit to how rows (N, D) of the same group differ [2]_, on D axes; None if none do."""
        from sklearn.covariance import shrunk_covariance

        values = np.asarray(rows, np.float64)
        _, numbers, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
        sums = np.zeros((len(counts), values.shape[1]))
        np.add.at(sums, numbers, values)
        sizes = counts[numbers][:, None]
        differences = (values - sums[numbers] / sizes)[sizes[:, 0] > 1]
        differences *= np.sqrt(sizes / np.maximum(sizes - 1, 1))[sizes[:, 0] > 1]
        spread = differences.T @ differences / max(1, len(differences))
        if np.trace(spread) < 1e-12 * len(spread):
            return None
        variances, axes = np.linalg.eigh(shrunk_covariance(spread, _EVENNESS))
        scaled = axes * variances ** (-power / 2)
        return cls(values.mean(axis=0).astype(np.float32), scaled.astype(np.float32))

    def apply(self, rows: npt.NDArray[Any]) -> Embeddings:
        """Return unit rows of shape (N, d)."""
        return to_unit((np.asarray(rows, np.float32) - self.mean) @ self.axes)


def to_unit(rows: npt.NDArray[Any]) -> Embeddings:
    """Scale rows of shape (..., D) to length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)


class Teacher(NamedTuple):
    """What a teacher says of the V views of each of N pictures."""

    vectors: list[npt.NDArray[np.float16]]  # (V, D), unit rows
    # (V, CELLS, CELLS, d): what it sees where, unit rows on half-whitened principal axes; None
    # where it has no maps, or they were not asked for.
    cells: list[npt.NDArray[np.float16]] | None


class _Asked(NamedTuple):
    """A teacher in use."""

    encoder: Encoder
    maps: MapReader | None
    pool: ThreadPoolExecutor
    views: Sequence[npt.NDArray[np.uint8]]
    folder: Path
    keys: Sequence[str]
    progress: Progress

    def see(self, views: npt.NDArray[np.uint8]) -> tuple[Embeddings, Row]:
        """Return unit rows (M, D) of views (M, side, side, 3), and cells to the same measure."""
        ready = list(self.pool.map(self.encoder.prepare, views))
        if self.maps is None:
            return self.encoder.encode_prepared(ready), np.empty((len(views), 0))
        vectors, maps = self.maps(ready)
        pooled = functional.adaptive_avg_pool2d(torch.from_numpy(maps), CELLS)
        lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-9)[:, None, None, None]
        cells = pooled.permute(0, 2, 3, 1).numpy() / lengths
        return unit_rows(vectors, encoder=self.encoder.info.short_name), cells

    def keep(self, axes: Whitening | None) -> Teacher:
        """Keep a row for each picture: of each view the vector, and after it the cells."""
        dim, name = self.encoder.info.dim, self.encoder.info.short_name

        def compute(places: Sequence[int]) -> Iterable[Kept]:
            for start in range(0, len(places), _TOGETHER):
                part = [self.views[place] for place in places[start : start + _TOGETHER]]
                vectors, cells = self.see(np.concatenate(part))
                seen = [vectors]
                if axes is not None:
                    seen.append(axes.apply(cells.reshape(-1, cells.shape[-1])))
                joined = [rows.reshape(len(part), len(part[0]), -1) for rows in seen]
                yield from map(Kept, np.concatenate(joined, axis=2).astype(np.float16))

        told = "" if axes is None else hashlib.sha256(axes.axes.tobytes()).hexdigest()
        keys = [hashlib.sha256(f"{key} {told}".encode()).hexdigest() for key in self.keys]
        how: Any = {"progress": self.progress, "description": f"Encoding by {name}"}
        found = keep_rows(self.folder, keys, compute, chunk=_VECTORS_A_FILE, **how)
        rows = [kept.row for kept in found if kept.row is not None]
        cells = None
        if axes is not None:
            cells = [row[:, dim:].reshape(len(row), CELLS, CELLS, -1) for row in rows]
        return Teacher([row[:, :dim] for row in rows], cells)

    def keep_axes(self) -> Whitening:
        """Return the axes of what a teacher sees in cells, fitted to some of the pictures."""

        def fit(places: Sequence[int]) -> Iterable[Kept]:
            random = np.random.default_rng(0)
            pictures = random.permutation(len(self.views))[:_FIT_PICTURES]
            name = self.encoder.info.short_name
            self.progress.start(len(pictures), f"Looking at maps of {name}")
            rows = []
            for number, picture in enumerate(pictures, start=1):
                _, cells = self.see(self.views[picture])
                chosen = random.choice(CELLS * CELLS, _FIT_CELLS, replace=False)
                depth = cells.shape[-1]
                rows.append(cells.reshape(len(cells), -1, depth)[:, chosen].reshape(-1, depth))
                self.progress.update(number)
            axes = Whitening.fit(np.concatenate(rows), CELL_AXES, _POWER)
            yield Kept(np.concatenate([axes.mean[:, None], axes.axes], axis=1))

        key, silent = hashlib.sha256(" ".join(self.keys).encode()).hexdigest(), SilentProgress()
        (kept,) = keep_rows(self.folder / "axes", [key], fit, progress=silent, description="")
        fitted = np.array(kept.row)
        return Whitening(fitted[:, 0].copy(), np.asfortranarray(fitted[:, 1:]))


def join_targets(
    teachers: Iterable[npt.NDArray[np.float16]], weights: Sequence[float], dim: int
) -> npt.NDArray[np.float32]:
    """Return what the network is to give for each view, as distillation has it [3]_.

    Each teacher's vectors, (N, V, D), are centered, turned to their principal axes and whitened by
    half, which makes the teachers better at telling artists and styles than they are by
    themselves; scaled to length 1, weighted and joined; and turned to the axes that matter most:
    unit rows (N, V, dim). All axes are those of the whole pictures, view 0.
    """
    joined = []
    for vectors, weight in zip(teachers, weights, strict=True):
        count, views = vectors.shape[:2]
        whitening = Whitening.fit(vectors[:, 0], TEACHER_AXES, _POWER)
        joined.append(weight * whitening.apply(vectors.reshape(count * views, -1)))
    rows = to_unit(np.concatenate(joined, axis=1))
    axes = Whitening.fit(rows.reshape(count, views, -1)[:, 0], dim, 0.0)
    targets = axes.apply(rows)
    return np.pad(targets, [(0, 0), (0, dim - targets.shape[1])]).reshape(count, views, dim)


def make_lessons(
    found: Readable[Work], folder: Path, recipe: PaintingOptions, device: str, progress: Progress
) -> Lessons:
    """Return what is to be learned from the works, computing what the folder does not have."""
    works = found.works
    keys = picture_keys([(work.key, work.path) for work in works], f"{recipe.parts} parts")
    teachers = []
    for spec in recipe.teachers:
        encoder = load_encoder(spec, device=device)
        maps = encoder.open_maps() if recipe.losses.cells > 0 else None
        place = folder / f"teacher-{encoder.info.vector_name}"
        with ThreadPoolExecutor(usable_cores()) as pool:
            asked = _Asked(encoder, maps, pool, found.rows, place, keys, progress)
            teachers.append(asked.keep(asked.keep_axes() if maps else None))
    vectors = (np.stack(teacher.vectors) for teacher in teachers)
    return Lessons(
        views=found.rows,
        targets=join_targets(vectors, recipe.teacher_weights, recipe.network.dim),
        cells=[teacher.cells for teacher in teachers if teacher.cells is not None],
        groups=[work.label(recipe.group) or work.key for work in works],
        labels=[work.label(recipe.label) for work in works],
    )
