"""Laws of a bias knob: a current against the gate voltage that sets it, over its value at the default.

Below its threshold a transistor's current is e-fold per ``width``; towards it
the exponential bends.  :func:`efold` carries the bend as a quadratic, good
over three or four e-folds; :func:`transistor` follows the current from far
below to above the threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from neuromorph.errors import OutOfRange
from neuromorph.fitting.least_squares import least_squares

WIDTH = 33e-3
"""Where fits of an e-fold voltage start, V."""


class Law(NamedTuple):
    """A fitted law: values and deviations by parameter, and the largest relative error on the data it saw."""

    values: dict[str, float]
    deviation: dict[str, float]
    error: float

    def named(self, prefix: str) -> tuple[dict[str, float], dict[str, float]]:
        """Values and deviations under ``prefix_parameter``, as a model keeps them."""
        return (
            {f"{prefix}_{name}": value for name, value in self.values.items()},
            {f"{prefix}_{name}": value for name, value in self.deviation.items()},
        )


def efold(v: Any, default: float, width: float, bend: float) -> Any:
    """``exp(h + bend h^2)`` with ``h = (v - default) / width``: 1 at the default."""
    height = (np.asarray(v, float) - default) / width
    return np.exp(height + bend * height**2)


def transistor(v: Any, default: float, width: float, turn: float, power: float) -> Any:
    """Softplus to a power, 1 at the default: exponential ``turn * power`` e-folds below the threshold.

    ``(L(h / power - turn) / L(-turn))^power`` with ``L(x) = ln(1 + e^x)`` and ``h = (v - default) / width``; a
    power of 2 is the charge-sheet interpolation of Enz, Krummenacher and Vittoz (Analog Integr. Circuits Signal
    Process. 8, 83, 1995).
    """
    height = (np.asarray(v, float) - default) / width
    return (np.logaddexp(0, height / power - turn) / np.logaddexp(0, -turn)) ** power


def transistor_bias(factor: float, default: float, width: float, turn: float, power: float) -> float:
    """The voltage at which :func:`transistor` is ``factor`` (> 0): its inverse."""
    level = factor ** (1 / power) * np.logaddexp(0, -turn)
    return float(default + width * power * (turn + np.log(np.expm1(level))))


def fit_efold(v: np.ndarray, current: np.ndarray, default: float, block: str, sign: float = 1.0) -> Law:
    """Width and bend of :func:`efold`, by relative error.

    Parameters
    ----------
    v, current : ndarray, shape (n,)
        Gate voltages, V, the default among them, and what they set, in any unit.
    default : float
        V.
    sign : float
        -1 where the current falls with the voltage (a p device).
    """
    return _fit(efold, v, current, default, block, {"width": sign * WIDTH, "bend": 1.0}, [1.0, 0.0])


def fit_transistor(v: np.ndarray, current: np.ndarray, default: float, block: str) -> Law:
    """Width, turn and power of :func:`transistor`; see :func:`fit_efold`."""
    unit = {"width": WIDTH, "turn": 1.0, "power": 1.0}
    return _fit(transistor, v, current, default, block, unit, [1.0, 2.5, 2.0])


def _fit(
    law: Callable[..., Any], v: np.ndarray, current: np.ndarray, default: float, block: str,
    unit: dict[str, float], start: list[float],
) -> Law:  # fmt: skip
    factor = current / np.exp(np.interp(default, v, np.log(current)))
    scale = np.array([*unit.values()])
    x, dx = least_squares(lambda x: law(v, default, *(x * scale)) / factor - 1, start, tuple(unit), block)
    error = float(np.abs(law(v, default, *(x * scale)) / factor - 1).max())
    return Law(
        dict(zip(unit, map(float, x * scale), strict=True)),
        dict(zip(unit, map(float, dx * np.abs(scale)), strict=True)), error,
    )  # fmt: skip


Ranges = Mapping[str, tuple[float, float, float]]
"""Lowest, highest and usual value of every knob, V, as a recipe's knobs take them."""


def settings(block: str, ranges: Ranges, knobs: Mapping[str, float]) -> dict[str, float]:
    """Every knob's value, the usual one where none is given.

    Raises
    ------
    OutOfRange
        For an unknown knob, or a value outside its range: the laws hold inside only.
    """
    for name, value in knobs.items():
        if name not in ranges:
            raise OutOfRange(f"no knob {name!r}", where=block, remedy=f"its knobs are {', '.join(ranges)}")
        low, high, _ = ranges[name]
        if not low - 1e-12 <= value <= high + 1e-12:
            raise OutOfRange(
                f"knob {name} = {value:g} V is outside {low:g}..{high:g} V", where=block,
                remedy="the model was fitted inside this range only",
            )  # fmt: skip
    return {name: float(knobs.get(name, usual)) for name, (_, _, usual) in ranges.items()}
