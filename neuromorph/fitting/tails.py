"""The two tails of an update: one makes a weight rise while its pulse lasts, the other makes it fall.

Tails that differ by a share b make ``r ((1 + b/2) T_up - (1 - b/2) T_down)`` of the two widths: for widths that differ by
``w`` and have a base ``T_0`` in common ``r (w + b (T_0 + abs(w) / 2))``, which is not zero without a signal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BASE = 4e-9
"""Width of both learning pulses without a signal, s."""


def common(width: Any) -> np.ndarray:
    """Half the sum of both widths, s, where they differ by ``width``: what a balance of one adds."""
    return BASE + 0.5 * np.abs(np.asarray(width, float))


def moving(width: Any, balance: float) -> np.ndarray:
    """Width that moves the weight, s, where the pulses differ by ``width``."""
    return np.asarray(width, float) + balance * common(width)


def fitted_balance(left: np.ndarray, rates: np.ndarray, width: np.ndarray) -> tuple[float, float]:
    """Balance and its standard deviation, from what the law without one leaves of weight changes.

    Parameters
    ----------
    left : ndarray
        Measured less modelled changes, V.
    rates : ndarray
        Change per second of width, V/s.
    width : ndarray
        Difference of the pulses, s.
    """
    basis = (rates * common(width)).ravel()
    size = float(basis @ basis)
    balance = float(basis @ left.ravel()) / size
    rest = left.ravel() - balance * basis
    return balance, float(np.sqrt(rest @ rest / max(len(rest) - 1, 1) / size))
