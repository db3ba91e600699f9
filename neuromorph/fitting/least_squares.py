"""Least squares with the covariance, and a refusal where the data do not determine a parameter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from neuromorph.errors import FitFailed


@dataclass(frozen=True)
class Estimate:
    """A least-squares minimum.

    Attributes
    ----------
    values : ndarray, shape (p,)
    residuals : ndarray, shape (n,)
    jacobian : ndarray, shape (n, p)
    """

    values: np.ndarray
    residuals: np.ndarray
    jacobian: np.ndarray

    @property
    def _inverse(self) -> np.ndarray:
        return np.linalg.pinv(self.jacobian.T @ self.jacobian)

    @property
    def _freedom(self) -> int:
        return max(len(self.residuals) - len(self.values), 1)

    @property
    def covariance(self) -> np.ndarray:
        """Of the values, shape (p, p), for residuals of one and the same size."""
        return self._inverse * (np.sum(self.residuals**2) / self._freedom)

    @property
    def robust_covariance(self) -> np.ndarray:
        """Of the values, for independent residuals of unequal size.

        Each residual is divided by one less its leverage (HC3: MacKinnon and
        White, J. Econometrics 29, 305, 1985), since the few points that alone
        determine a value are also those that the fit follows most.
        """
        gain = self._inverse @ self.jacobian.T
        leverage = np.einsum("np,pn->n", self.jacobian, gain)
        weighted = gain * (self.residuals / np.maximum(1 - leverage, 1e-6))
        return weighted @ weighted.T


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
    found = estimate(residuals, start, names, block, **options)
    return found.values, np.sqrt(np.diag(found.covariance))


def estimate(
    residuals: Callable[[np.ndarray], np.ndarray],
    start: Sequence[float] | np.ndarray,
    names: Sequence[str],
    block: str,
    **options: object,
) -> Estimate:
    """As :func:`least_squares`, with all that is known at the minimum."""
    result = optimize.least_squares(residuals, np.asarray(start, float), **options)
    if not result.success or not np.all(np.isfinite(result.x)):
        raise FitFailed(
            f"{block}: the fit of {', '.join(names)} finds no minimum within {result.nfev} trials. The curves may not "
            "be what their columns and units say"
        )
    jacobian = result.jac
    scale = np.linalg.norm(jacobian, axis=0)
    if np.any(scale < 1e-12 * max(scale.max(), 1e-300)):
        lost = [name for name, s in zip(names, scale, strict=True) if s < 1e-12 * scale.max()]
        raise FitFailed(f"{block}: the curves do not determine {', '.join(lost)}")
    return Estimate(result.x, result.fun, jacobian)
