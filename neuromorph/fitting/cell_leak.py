"""The leak of the memory cell: what its forget gate lets go, and what never shuts.

    I = I_f f (a U - D) - I_hold - g_hold c

into the cell, with f the forget gate, U and D the parts of the leak's tail on either side of its pair, and ``a`` what is
left of what it sources: see :mod:`neuromorph.fitting.memory_cell`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuromorph.fitting.gate import sigmoid
from neuromorph.fitting.least_squares import least_squares
from neuromorph.fitting.pair import shares
from neuromorph.library import BlockData


def forget_gate(p: Mapping[str, float], v_f: Any) -> Any:
    """The forget gate's current over its full one at ``v_f`` V."""
    return sigmoid(-np.asarray(v_f, float), 1.0, p["f_offset"], p["f_width"], p["f_floor"], p["f_inversion"])


def leak_shares(p: Mapping[str, float], gate: Any, c: Any) -> tuple[Any, Any]:
    """Parts of the leak's tail that are sourced into and sunk from a cell at ``c`` V; ``gate`` over its full current."""
    down, up = shares(np.asarray(c) - p["v_rest"], p["v_leak_width"], p["leak_inversion"] * gate)
    return up, down


def leak_current(p: Mapping[str, float], vf: Any, c: Any) -> np.ndarray:
    """Out of the cell through its leak, A, over forget gate (rows) and cell (columns), V."""
    gate = np.expand_dims(forget_gate(p, vf), tuple(range(np.ndim(vf), np.ndim(vf) + np.ndim(c))))
    up, down = leak_shares(p, gate, c)
    return p["i_leak"] * gate * (down - p["leak_source"] * up)


def hold_current(p: Mapping[str, float], c: Any) -> Any:
    """Out of a cell whose gates are shut, A."""
    return p["i_hold"] + p["g_hold"] * np.asarray(c)


def leaking(p: Mapping[str, float], vf: Any, c: Any) -> np.ndarray:
    """Into the cell through its leak and what never shuts, A, over forget gate (rows) and cell (columns), V."""
    return -leak_current(p, vf, c) - hold_current(p, c)


_LEAK = {
    "f_offset": 1e-2, "f_width": 33e-3, "f_floor": 1e-3, "i_leak": 1.0, "v_rest": 1e-2, "v_leak_width": 65e-3,
    "i_hold": 1e-4, "f_inversion": 1.0, "leak_inversion": 1.0, "leak_source": 1.0, "g_hold": 1e-3,
}  # fmt: skip
"""Parameters of the leak and the units that their fit takes them in; currents in parts of the largest."""


def _amperes(full: float) -> np.ndarray:
    return np.array([full if name.startswith(("i_", "g_")) else 1.0 for name in _LEAK])


def _parameters(x: np.ndarray, full: float) -> dict[str, float]:
    """SI parameters of the leak from those of its fit."""
    values = x * np.array([*_LEAK.values()]) * _amperes(full)
    return dict(zip(_LEAK, map(float, values), strict=True)) | {"f_floor": float(abs(x[2]) * 1e-3)}


def fit_leak(data: BlockData) -> tuple[dict[str, float], dict[str, float]]:
    """Parameters of the leak and their deviations."""
    sweep = data["leak"]
    current = sweep["current"]
    full = np.abs(current).max()
    inside = np.abs(sweep["c"]) <= 0.361  # in the last 40 mV a shut cell leaks 70 pA more

    def residuals(x: np.ndarray) -> np.ndarray:
        model = leaking(_parameters(x, 1.0), sweep["v_f"], sweep["c"])
        # in parts of each current nearly, since a cell that keeps its value for a hundred frames leaks a thousandth of
        # full, down to a hundredth of full: a tail that is exact bends the law where cells move
        return ((model - current / full) / (1e-2 + np.abs(current / full)) ** 0.9)[:, inside].ravel()

    x, dx = least_squares(residuals, [0, 1, 0.1, 1, 0, 1, 0, 0.2, 0.2, 1, 0.5], tuple(_LEAK), data.name)
    unit = np.array([*_LEAK.values()])
    values = _parameters(x, full)
    return values, dict(zip(_LEAK, np.abs(dx * unit) * _amperes(full), strict=True))
