"""Fréchet distance between two sets of features, each taken as a Gaussian (Heusel et al. 2017, "GANs trained by a
two time-scale update rule").

Shape suffixes: N samples, D features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


def frechet_distance(made_ND: NDArray[np.floating], true_ND: NDArray[np.floating]) -> float:
    """|mean - mean|² + tr(C + C' - 2 (C C')^½), C the samples' covariance.

    With A, B the centred samples over the root of N - 1, C = AᵀA and C' = BᵀB, so the trace of the root is the sum of
    the singular values of A Bᵀ: no root of a product that may be singular is drawn, however few samples there are.
    Raises ValueError for fewer than two samples, other widths, or values that are no numbers.
    """
    (mean_a, a), (mean_b, b) = _centred(made_ND), _centred(true_ND)
    if mean_a.shape != mean_b.shape:
        raise ValueError(f"features of {len(mean_a)} and {len(mean_b)} numbers cannot be compared")
    shared = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(np.square(mean_a - mean_b).sum() + np.square(a).sum() + np.square(b).sum() - 2 * shared)


def _centred(samples_ND: NDArray[np.floating]) -> tuple[F64, F64]:
    """Mean, and a matrix of at most D rows whose AᵀA is the covariance."""
    samples = np.asarray(samples_ND, np.float64)
    if samples.ndim != 2 or len(samples) < 2 or not np.isfinite(samples).all():
        raise ValueError(f"a Fréchet distance needs two finite samples or more, not an array of {samples.shape}")
    mean = samples.mean(0)
    a = (samples - mean) / np.sqrt(len(samples) - 1)
    return mean, a if len(a) <= a.shape[1] else np.asarray(np.linalg.qr(a, mode="r"), np.float64)
