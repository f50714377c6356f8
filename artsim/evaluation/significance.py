"""Whether a difference over paired queries could be chance, also after many comparisons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def paired_p_value(differences: npt.ArrayLike) -> float:
    """Return the two-sided p-value of a paired t-test on N differences.

    It is never less than what flipping the signs of the differences that are not zero can
    reach: two queries prove nothing, however equal they are. For means over queries the
    t-test agrees with randomization and bootstrap tests [1]_.

    Parameters
    ----------
    differences : array of shape (N,)
        One per query, N at least 1, all finite.

    Raises
    ------
    ValueError
        If there are none, or not in one dimension, or one is not finite.

    References
    ----------
    .. [1] Smucker, Allan & Carterette (2007). A comparison of statistical significance
       tests for information retrieval evaluation. CIKM, 623-632.
    """
    wide = np.asarray(differences, dtype=np.float64)
    if wide.ndim != 1 or wide.size == 0 or not np.isfinite(wide).all():
        raise ValueError(f"expected finite differences of shape (N,), got {wide.shape}")
    changed = int(np.count_nonzero(wide))
    if changed < 2:
        return 1.0
    least = 2.0 ** (1 - min(changed, 1000))
    error = float(wide.std(ddof=1)) / np.sqrt(len(wide))
    if error == 0:
        return least
    from scipy.special import stdtr

    return max(least, 2 * float(stdtr(len(wide) - 1, -abs(float(wide.mean())) / error)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number, in their order.

    Called differences wherever these are at most 0.05, all of them together are free of
    chance findings in 95 % of such comparisons.

    References
    ----------
    .. [1] Holm (1979). A simple sequentially rejective multiple test procedure.
       Scandinavian Journal of Statistics 6, 65-70.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted
