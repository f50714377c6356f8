"""Each block of the built-in encoder against an independent computation."""

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import fftconvolve
from scipy.special import logsumexp
from skimage.filters import gabor_kernel

from artsim.encoders.handcrafted import (
    BLOCKS,
    CONSTANTS,
    SIDE,
    Codebook,
    cell_energies,
    cell_means,
    cell_orientations,
    color_patches,
    describe,
    embed,
    energy_maps,
    fisher_vector,
    gradient_windows,
    oklab,
    paint,
    posteriors,
    read_constants,
)
from benchmarks.fit_handcrafted import fit_codebook, fit_constants, write_constants


def smooth_noise(side: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    spectrum = np.fft.fft2(rng.normal(size=(side, side)))
    f = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :])
    plane = np.fft.ifft2(spectrum / (f + 0.02)).real
    return ((plane - plane.min()) / np.ptp(plane)).astype(np.float32)


def pictures(count: int) -> list[np.ndarray]:
    planes = [[smooth_noise(96, 3 * i + c) for c in range(3)] for i in range(count)]
    return [(np.stack(p, axis=-1) * 255).astype(np.uint8) for p in planes]


# Values from Ottosson (2020), https://bottosson.github.io/posts/oklab/, and of pure sRGB
# primaries as CSS Color 4 lists them.
@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((255, 255, 255), (1.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 255, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 255), (0.45201, -0.03246, -0.31153)),
    ],
)
def test_oklab_of_known_colors(
    rgb: tuple[int, int, int], expected: tuple[float, float, float]
) -> None:
    planes = oklab(np.full((2, 3, 3), rgb, dtype=np.uint8))
    assert planes.shape == (3, 2, 3)
    np.testing.assert_allclose(planes[:, 1, 2], expected, atol=2e-4)


def test_cell_means_are_means() -> None:
    planes = np.random.default_rng(0).random((2, 12, 8)).astype(np.float32)
    means = cell_means(planes, 3, 2)
    assert means.shape == (2, 3, 2)
    assert means[1, 2, 0] == pytest.approx(planes[1, 8:12, :4].mean())


@pytest.mark.parametrize("frequency", [0.25, 0.125, 0.0625])
def test_gabor_energies_are_those_of_convolution_with_scikit_images_kernel(
    frequency: float,
) -> None:
    side = 128
    plane = smooth_noise(side, 1)
    plane -= plane.mean()
    maps = energy_maps(np.fft.fft2(plane), frequency, 6)
    step = side / maps.shape[1]
    for k, energies in enumerate(maps):
        kernel = gabor_kernel(frequency, theta=np.pi * k / 6, bandwidth=1, n_stds=6)
        tiled = np.tile(plane, (3, 3))
        response = fftconvolve(tiled, kernel, mode="same")[side : 2 * side, side : 2 * side]
        expected = np.abs(response) ** 2
        assert energies.mean() == pytest.approx(expected.mean(), rel=2e-3)
        if step == int(step):
            sampled = expected[:: int(step), :: int(step)]
            assert np.corrcoef(energies.ravel(), sampled.ravel())[0, 1] > 0.999


def test_cell_energies_find_the_grating_they_are_tuned_to() -> None:
    side, frequency, k = 192, 0.125, 2
    theta = np.pi * k / 6
    y, x = np.mgrid[:side, :side]
    grating = np.sin(2 * np.pi * frequency * (x * np.cos(theta) + y * np.sin(theta)))
    grating[:, : side // 2] = 0
    energies = cell_energies(grating.astype(np.float32), (0.25, 0.125, 0.0625), 6, cells=4)
    assert energies.shape == (18, 4, 4)
    assert energies.mean(axis=(1, 2)).argmax() == 6 + k
    assert energies[6 + k, :, 3].min() > 20 * energies[6 + k, :, 0].max()


def test_orientations_against_a_loop_over_pixels() -> None:
    plane = smooth_noise(16, 4)
    dy, dx = np.gradient(plane.astype(np.float64))
    expected = np.zeros((2, 2, 8))
    for i in range(16):
        for j in range(16):
            turn = np.arctan2(dy[i, j], dx[i, j]) / (2 * np.pi) * 8 % 8
            low, part = int(turn), turn - int(turn)
            strength = np.hypot(dy[i, j], dx[i, j]) / 64
            expected[i // 8, j // 8, low % 8] += strength * (1 - part)
            expected[i // 8, j // 8, (low + 1) % 8] += strength * part
    np.testing.assert_allclose(cell_orientations(plane, 8, 8), expected, atol=1e-6)


def test_gradient_windows_are_root_shares_of_their_cells() -> None:
    plane = smooth_noise(32, 5)
    rows = gradient_windows(plane, cell=4, window=4, bins=8)
    assert rows.shape == (25, 128)
    cells = cell_orientations(plane, 4, 8)[1:5, 2:6].transpose(2, 0, 1).ravel()
    expected = np.sqrt(cells / (cells.sum() + 6e-3 * 16))
    np.testing.assert_allclose(rows[1 * 5 + 2], expected, rtol=1e-5)
    assert not gradient_windows(np.full((32, 32), 0.5, np.float32), 4, 4, 8).any()


def test_color_patches_are_cut_from_the_picture() -> None:
    planes = np.random.default_rng(6).random((3, 20, 24)).astype(np.float32)
    patches = color_patches(planes, size=4, step=4)
    assert patches.shape == (30, 48)
    np.testing.assert_array_equal(patches[6 * 2 + 1], planes[:, 8:12, 4:8].ravel())


@pytest.fixture(scope="module")
def book() -> Codebook:
    rng = np.random.default_rng(7)
    blobs = [rng.normal(m, s, size=(400, 3)) for m, s in ((0, 1), (6, 0.5), (-5, 2))]
    return fit_codebook(np.concatenate(blobs).astype(np.float32), 2, 3)


def log_likelihood(points: np.ndarray, book: Codebook) -> np.ndarray:
    """Log-density of each point and component, term by term in double precision."""
    mean, variance = book.means.astype(np.float64), book.variances.astype(np.float64)
    square = (points[:, None, :] - mean) ** 2 / variance + np.log(2 * np.pi * variance)
    return np.log(book.weights.astype(np.float64)) - 0.5 * square.sum(axis=2)


def test_posteriors_are_bayes(book: Codebook) -> None:
    points = np.random.default_rng(8).normal(0, 2, size=(50, 2)).astype(np.float32)
    joint = log_likelihood(points, book)
    expected = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    np.testing.assert_allclose(posteriors(points, book), expected, atol=1e-4)


def test_fisher_vector_is_the_gradient_of_the_likelihood(book: Codebook) -> None:
    descriptors = np.random.default_rng(9).normal(0, 3, size=(40, 3)).astype(np.float32)
    points = ((descriptors - book.center) @ book.axes).astype(np.float64)
    gradient = []
    for field, information in (("means", 1.0), ("variances", 2.0)):
        for k in range(3):
            for p in range(2):
                scale = float(np.sqrt(book.variances[k, p]))
                sides = []
                for sign in (1, -1):
                    moved = {
                        f: getattr(book, f).astype(np.float64).copy()
                        for f in ("means", "variances")
                    }
                    if field == "means":
                        moved[field][k, p] += sign * 1e-4
                    else:
                        moved[field][k, p] = (scale + sign * 1e-4) ** 2
                    shifted = Codebook(book.center, book.axes, book.weights, **moved)
                    sides.append(logsumexp(log_likelihood(points, shifted), axis=1).mean())
                slope = (sides[0] - sides[1]) / 2e-4
                gradient.append(slope * scale / np.sqrt(information * book.weights[k]))
    expected = np.sign(gradient) * np.sqrt(np.abs(gradient))
    expected /= np.linalg.norm(expected)
    np.testing.assert_allclose(fisher_vector(descriptors, book), expected, atol=2e-3)


def test_constants_can_be_remade_and_read_back(tmp_path: Path) -> None:
    images = pictures(12)
    constants = fit_constants(images)
    path = tmp_path / "constants.npz"
    write_constants(constants, path)
    again = read_constants(path)
    for image in images[:2]:
        np.testing.assert_array_equal(embed(image, constants), embed(image, again))
    assert embed(images[0], constants) @ embed(images[0], constants) == pytest.approx(1, abs=1e-5)


def test_shipped_constants_fit_the_blocks_and_are_small() -> None:
    constants = read_constants()
    planes = paint(pictures(1)[0])
    for block in BLOCKS:
        raw = describe(planes, block, constants.books)
        assert np.linalg.norm(raw) == pytest.approx(1, abs=1e-5)
        assert constants.projections[block.name](raw).shape == (block.dim,)
    assert CONSTANTS.stat().st_size < 1_000_000


def test_canvas_is_a_square_of_fixed_side() -> None:
    assert paint(np.zeros((7, 300, 3), np.uint8)).shape == (3, SIDE, SIDE)
