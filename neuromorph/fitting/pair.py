"""A differential pair whose tail takes it out of weak inversion.

With channel charges that go as ``ln(1 + e^v)`` (the virtual-source device: C.-S. Lee and others, IEEE Trans. Electron
Devices 62:3061, 2015) the inputs' difference x that gives a balance t (one side less the other, in parts of both) is

    x / W = atanh(t) + k t / 4

to first order in the inversion k, the tail over the current at which the charge bends.  Solved for t as far,
with an algebraic function in the tanh's place: ``t = tanh(u - (k / 4) u / sqrt(1 + u^2))``, ``u = x / W``.  W is the width
in weak inversion.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LEAST_SHARE = 1e-4
"""Share of a tail that leaks through a side of its pair that is shut, 1; no mirror is ever empty."""


def balance(x: Any, width: Any, inversion: Any = 0.0) -> Any:
    """Balance of a pair at ``x`` V between its inputs, -1 .. 1.

    Parameters
    ----------
    x, width : float or array
        V.
    inversion : float or array
        k, 1; 0 is a hyperbolic tangent.
    """
    u = np.asarray(x, float) / width
    return np.tanh(u - 0.25 * np.asarray(inversion) * u / np.hypot(1.0, u))


def difference(t: Any, width: Any, inversion: Any = 0.0) -> Any:
    """V between the inputs of a pair whose balance is ``t``, within -1 .. 1: the inverse of :func:`balance`.

    A fixed point: what the inversion adds has a slope of k / 4 at most, so that twenty turns leave nothing for k < 0.6.
    """
    bare = np.arctanh(np.asarray(t, float))
    u = bare
    for _ in range(20):
        u = bare + 0.25 * np.asarray(inversion) * u / np.hypot(1.0, u)
    return u * width


def shares(x: Any, width: float, inversion: Any = 0.0) -> tuple[Any, Any]:
    """Parts of the tail on the sourcing and the sinking side at ``x`` V between an amplifier's inputs, 1."""
    tanh = balance(x, width, inversion)
    return np.maximum(0.5 * (1 + tanh), LEAST_SHARE), np.maximum(0.5 * (1 - tanh), LEAST_SHARE)
