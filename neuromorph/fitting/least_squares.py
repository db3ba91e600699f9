"""Least squares with the covariance, and a refusal where the data do not determine a parameter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import optimize

from neuromorph.errors import FitFailed


def least_squares(
    residuals: Callable[[np.ndarray], np.ndarray],
    start: Sequence[float],
    names: Sequence[str],
    block: str,
    **options: object,
) -> tuple[np.ndarray, np.ndarray]:
    """Minimise residuals in scaled parameters.

    Parameters
    ----------
    residuals : callable
        Of parameters scaled to order one.
    start : sequence of float
    names : sequence of str
        For the error message.

    Returns
    -------
    values, deviation : ndarray
        Parameters and their standard deviation, in the same scale.

    Raises
    ------
    FitFailed
        When the fit does not converge or a parameter is not determined.
    """
    result = optimize.least_squares(residuals, np.asarray(start, float), **options)
    if not result.success or not np.all(np.isfinite(result.x)):
        raise FitFailed(f"{block}: the fit of {', '.join(names)} did not converge: {result.message}")
    jacobian = result.jac
    scale = np.linalg.norm(jacobian, axis=0)
    if np.any(scale < 1e-12 * max(scale.max(), 1e-300)):
        lost = [name for name, s in zip(names, scale, strict=True) if s < 1e-12 * scale.max()]
        raise FitFailed(f"{block}: the curves do not determine {', '.join(lost)}")
    spread = max(len(result.fun) - len(result.x), 1)
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * (2 * result.cost / spread)
    return result.x, np.sqrt(np.diag(covariance))
