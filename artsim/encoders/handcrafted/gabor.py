"""Gabor energies: how much structure a picture has at each scale and orientation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

# Frequencies a filter passes with less than exp(-3**2 / 2) of its peak are left out.
_REACH = 3.0


@dataclass(frozen=True, slots=True)
class GaborFilter:
    """One complex Gabor filter, tuned to `frequency` cycles per pixel along `theta`.

    The Gaussian envelope is round and one octave wide at half amplitude, as in
    scikit-image's ``gabor_kernel(frequency, theta, bandwidth=1)``.
    """

    frequency: float
    theta: float

    @property
    def sigma(self) -> float:
        """Standard deviation of the filter's spectrum, in cycles per pixel."""
        return self.frequency / 3.0 / float(np.sqrt(2.0 * np.log(2.0)))

    def spectrum(self, size: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]:
        """Return rows, columns and values of the transfer function near its peak.

        The square window of frequencies reaches three standard deviations each way
        on the grid of a `size` by `size` discrete Fourier transform.
        """
        half = int(np.ceil(_REACH * self.sigma * size))
        row = round(self.frequency * np.sin(self.theta) * size)
        column = round(self.frequency * np.cos(self.theta) * size)
        offsets = np.arange(-half, half)
        v = (row + offsets) / size - self.frequency * np.sin(self.theta)
        u = (column + offsets) / size - self.frequency * np.cos(self.theta)
        values = np.exp(-(v[:, None] ** 2 + u[None, :] ** 2) / (2.0 * self.sigma**2))
        return (row + offsets) % size, (column + offsets) % size, values.astype(np.float32)


@cache
def filter_bank(
    frequencies: tuple[float, ...], orientations: int
) -> tuple[tuple[GaborFilter, ...], ...]:
    """Return filters by frequency, each at orientations spread evenly over half a turn."""
    return tuple(
        tuple(GaborFilter(f, np.pi * k / orientations) for k in range(orientations))
        for f in frequencies
    )


@cache
def _windows(
    size: int, frequency: float, orientations: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]:
    (filters,) = filter_bank((frequency,), orientations)
    rows, columns, values = zip(*(f.spectrum(size) for f in filters), strict=True)
    return np.stack(rows)[:, :, None], np.stack(columns)[:, None, :], np.stack(values)


def energy_maps(plane: FloatArray, frequency: float, orientations: int) -> FloatArray:
    """Return the local Gabor energy of a square plane, by orientation.

    The energy is the sum of the squared responses of the even and the odd filter, as
    painter identification uses it [1]_. Only the filter's own window of the spectrum is
    transformed back: moving a spectrum changes the phase of the response, not its
    modulus, so that the result is the energy of the full convolution, sampled more
    sparsely. The plane is taken as periodic; pad it first.

    Parameters
    ----------
    plane : ndarray of float32, shape (size, size)

    Returns
    -------
    ndarray of float32, shape (orientations, n, n)
        Energies at points ``size / n`` pixels apart, where n depends on `frequency`.

    References
    ----------
    .. [1] Johnson, Hendriks, Berezhnoy, Brevdo, Hughes, Daubechies, Li, Postma, Wang
           (2008). Image processing for artist identification. IEEE Signal Processing
           Magazine 25(4), 37-48.
    """
    return energies_of_spectrum(spectrum_of(plane), frequency, orientations)


def spectrum_of(plane: FloatArray) -> npt.NDArray[np.complex64]:
    """Return the discrete Fourier transform of a plane."""
    from scipy import fft

    return np.asarray(fft.fft2(plane), dtype=np.complex64)


def energies_of_spectrum(
    spectrum: npt.NDArray[np.complex64], frequency: float, orientations: int
) -> FloatArray:
    """Return `energy_maps` of the plane of that spectrum."""
    from scipy import fft

    size = spectrum.shape[0]
    rows, columns, values = _windows(size, frequency, orientations)
    windows = spectrum[rows, columns] * values
    count = windows.shape[1]
    response = fft.ifft2(windows, axes=(1, 2)) * np.float32((count / size) ** 2)
    return np.asarray(response.real**2 + response.imag**2, dtype=np.float32)
