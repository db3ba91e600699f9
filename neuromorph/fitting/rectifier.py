"""Rectifier: a signed product as two currents, ``I relu(tanh)`` each, into a held output or a diode.

A half's current over its tail, with ``r`` the tail over 10 nA and a corner of softness ``k / r^(1/3)``::

    soft(A (1 + a ln r) B(+-x / (W (1 + b ln r)), i r) + rest + leak / r)

with B the balance of a pair (:mod:`neuromorph.fitting.pair`), whose inversion ``i r`` grows with its tail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuromorph.fitting.least_squares import least_squares
from neuromorph.fitting.pair import balance
from neuromorph.library import BlockData, SweepData

TAIL = 1e-8
"""Tail current at which the plateaus are stated, A."""
NAMES = ("up", "down", "tail_gain", "v_width", "widening", "rest", "leak", "corner", "inversion")
_UNIT = np.array([1, 1, 1e-2, 65e-3, 1e-2, 1e-2, 1e-3, 1e-2, 1e-2])
_START = (1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.5, 1.0)
LOADS = {"rectifier": "rectifier", "rectifier_loaded": "loaded"}
"""Sweeps and the prefix of their parameters."""


def rectified(p: Mapping[str, float], x: Any, tail: Any, prefix: str = "rectifier") -> tuple[Any, Any]:
    """Currents of the two halves over the tail, each shape (tails, inputs).

    Parameters
    ----------
    p : mapping
        Parameters of the block.
    x : array, shape (inputs,)
        V from the reference.
    tail : array, shape (tails,)
        A.
    prefix : {"rectifier", "loaded"}
        Outputs held at 0.5 V, or each in a diode to ground.
    """
    m = {name: p[f"{prefix}_{name}"] for name in NAMES}
    ratio = np.asarray(tail, float)[:, None] / TAIL
    bare = balance(x, m["v_width"] * (1 + m["widening"] * np.log(ratio)), m["inversion"] * ratio)
    gain, rest = 1 + m["tail_gain"] * np.log(ratio), m["rest"] + m["leak"] / ratio
    halves = (m["up"] * gain * bare + rest, -m["down"] * gain * bare + rest)
    return tuple(0.5 * (h + np.sqrt(h**2 + m["corner"] ** 2 * ratio ** (-2 / 3))) for h in halves)


def measured(sweep: SweepData) -> np.ndarray:
    """Both halves over their tail, shape (2, tails, inputs): what a diode lets flow."""
    tails = sweep["i_tail"]
    halves = np.stack([sweep[name].reshape(len(tails), -1) for name in ("up", "down")])
    return np.maximum(halves, 0) / tails[:, None]


def fit_rectifier(data: BlockData) -> tuple[dict[str, float], dict[str, float], float]:
    """Parameters and deviations for both loads, and the largest error of full scale."""
    values: dict[str, float] = {}
    deviation: dict[str, float] = {}
    errors = []
    for name, prefix in LOADS.items():
        sweep, names = data[name], tuple(f"{prefix}_{n}" for n in NAMES)

        def residuals(x: np.ndarray, sweep=sweep, names=names, prefix=prefix) -> np.ndarray:
            p = dict(zip(names, x * _UNIT, strict=True))
            return (np.stack(rectified(p, sweep["g"], sweep["i_tail"], prefix)) - measured(sweep)).ravel()

        x, dx = least_squares(residuals, _START, names, data.name)
        # only the corner's square enters
        corner = names.index(f"{prefix}_corner")
        x[corner] = abs(x[corner])
        values |= dict(zip(names, map(float, x * _UNIT), strict=True))
        deviation |= dict(zip(names, map(float, dx * _UNIT), strict=True))
        errors.append(float(np.abs(residuals(x)).max()))
    return values, deviation, max(errors)


def rectifier_errors(p: Mapping[str, float], data: BlockData) -> dict[str, float]:
    """Errors of full scale on held-out inputs and tails, %, by what is compared."""
    held, loaded = data["rectifier_check"], data["rectifier_loaded_check"]
    found = {}
    for sweep, prefix, what in ((held, "rectifier", "outputs held"), (loaded, "loaded", "into diodes")):
        x = sweep["g"] + sweep["g_shift"][0]
        error = 100 * np.abs(np.stack(rectified(p, x, sweep["i_tail"], prefix)) - measured(sweep))
        bare = np.tanh(x / p[f"{prefix}_v_width"])
        ideal = 100 * np.abs(np.stack([np.maximum(bare, 0), np.maximum(-bare, 0)])[:, None] - measured(sweep))
        found[what] = float(error.max())
        found[f"{what}, from relu(tanh)"] = float(ideal.max())
    return found
