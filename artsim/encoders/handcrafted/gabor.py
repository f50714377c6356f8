"""Gabor energies: how much structure a picture has at each scale and orientation."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

_REACH: Final = 3.0
"""Frequencies that a filter passes with less than ``exp(-_REACH**2 / 2)`` are left out."""


def energy_maps(plane: FloatArray, frequency: float, orientations: int) -> FloatArray:
    """Return the local Gabor energy of a square plane, by orientation.

    The energy is the sum of the squared responses of the even and the odd filter, as
    painter identification uses it [1]_. The filters are round and one octave wide:
    scikit-image's ``gabor_kernel(frequency, theta, bandwidth=1)`` at `orientations`
    angles spread evenly over half a turn.

    Only the filter's own window of the spectrum is transformed back. Moving a spectrum
    changes the phase of the response, not its modulus, so that the result is the energy
    of the full convolution, sampled more sparsely. The plane is taken as periodic.

    Parameters
    ----------
    plane : ndarray of float32, shape (size, size)
    frequency : float
        In cycles per pixel, up to about 0.25.

    Returns
    -------
    ndarray of float32, shape (orientations, n, n)
        Energies at points ``size / n`` pixels apart, where n depends on `frequency`.

    References
    ----------
    .. [1] Johnson, Hendriks, Berezhnoy, Brevdo, Hughes, Daubechies, Li, Postma & Wang
           (2008). Image processing for artist identification. IEEE Signal Processing
           Magazine 25(4), 37-48.
    """
    return _maps_of_spectrum(np.fft.fft2(plane), frequency, orientations)


def cell_energies(
    plane: FloatArray, frequencies: tuple[float, ...], orientations: int, *, cells: int
) -> FloatArray:
    """Return the mean Gabor energy in each cell of a grid, at each scale and orientation.

    Means over a coarse grid are the spatial envelope of Oliva & Torralba (2001). The
    plane is continued by reflection at its borders.

    Parameters
    ----------
    plane : ndarray of float32, shape (size, size)

    Returns
    -------
    ndarray of float32, shape (len(frequencies) * orientations, cells, cells)
    """
    border = plane.shape[0] // 6
    padded = np.pad(plane - plane.mean(), border, mode="reflect")
    spectrum = np.fft.fft2(padded)
    means = []
    for frequency in frequencies:
        maps = _maps_of_spectrum(spectrum, frequency, orientations)
        margin = round(maps.shape[1] * border / padded.shape[0])
        inner = maps[:, margin : maps.shape[1] - margin, margin : maps.shape[2] - margin]
        means.append(_grid_means(inner, cells))
    return np.concatenate(means)


def _maps_of_spectrum(
    spectrum: npt.NDArray[np.complexfloating], frequency: float, orientations: int
) -> FloatArray:
    size = spectrum.shape[0]
    rows, columns, gains = _windows(size, frequency, orientations)
    count = gains.shape[1]
    response = np.fft.ifft2(spectrum[rows, columns] * gains, axes=(1, 2))
    energies = (response.real**2 + response.imag**2) * (count / size) ** 4
    return np.asarray(energies, dtype=np.float32)


@cache
def _windows(size: int, frequency: float, orientations: int) -> tuple[Indices, Indices, FloatArray]:
    """Return rows, columns and gains of each filter near its peak in a spectrum of `size`."""
    theta = np.pi * np.arange(orientations)[:, None] / orientations
    # Half the amplitude at one octave across: Petkov & Kruizinga (1997), as a deviation
    # in the spectrum, 1 / (2 pi) of the inverse of that in the plane.
    deviation = frequency / (3.0 * np.sqrt(2.0 * np.log(2.0)))
    half = int(np.ceil(_REACH * deviation * size))
    offsets = np.arange(-half, half)
    v, u = frequency * np.sin(theta), frequency * np.cos(theta)
    rows = np.rint(v * size).astype(np.intp) + offsets
    columns = np.rint(u * size).astype(np.intp) + offsets
    from_peak = (rows / size - v)[:, :, None] ** 2 + (columns / size - u)[:, None, :] ** 2
    gains = np.exp(-from_peak / (2.0 * deviation**2)).astype(np.float32)
    return (rows % size)[:, :, None], (columns % size)[:, None, :], gains


def _grid_means(maps: FloatArray, cells: int) -> FloatArray:
    """Return means over cells whose borders are the nearest whole samples."""
    edges = np.rint(np.linspace(0, maps.shape[1], cells + 1)).astype(np.intp)
    sums = np.add.reduceat(np.add.reduceat(maps, edges[:-1], axis=1), edges[:-1], axis=2)
    sides = np.diff(edges)
    return np.asarray(sums / (sides[:, None] * sides[None, :]), dtype=np.float32)
