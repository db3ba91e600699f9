"""The memory cell's parameters against its three biases.

A bias sets a tail current by the transistor's law.  With ``r`` the tail over its value at the usual bias and
``l = (r^c - 1) / c`` (its logarithm at c = 0), the widths of the gate and of the amplifier behind it grow by
``1 + a l``, the gate's offset moves by ``d l``, the amplifier's by ``e l``, and the gate's floor, a current no bias
turns off, is ``1 / r`` of itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuromorph.fitting.bias import WIDTH, settings, transistor, transistor_bias
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData

KNOBS = {"vbi": (0.20, 0.32, 0.264), "vbf": (0.25, 0.34, 0.31), "vbo": (0.25, 0.42, 0.385)}
"""Lowest, highest and usual value of every knob, V."""
LAW = ("width", "turn", "power", "gate_widening", "widening", "widening_power", "offset", "shift")
_UNIT = np.array([WIDTH, 1, 1, 0.1, 0.1, 1, 1e-2, 1e-3])
_START = (0.92, 1.9, 2.3, 0.3, 0.3, 0.5, 0.1, 0.0)


@dataclass(frozen=True)
class Tail:
    """What one bias sets: its currents, the gate's letter, the amplifier's width and offset, and the curves to fit."""

    knob: str
    currents: tuple[str, ...]
    gate: str
    width: str
    offset: str
    sweep: str
    axis: str
    inner: str


TAILS = (
    Tail("vbi", ("i_charge", "charge_up", "charge_down"), "i", "g_width", "g_offset", "bias_i", "v_i", "g"),
    Tail("vbf", ("i_leak",), "f", "v_leak_width", "v_rest", "bias_f", "v_f", "c"),
    Tail("vbo", ("i_read",), "o", "v_read_width", "v_read_offset", "bias_o", "v_o", "c"),
)
Surface = Callable[[Mapping[str, float], Any, Any], np.ndarray]
"""Current over gate voltage (rows) and the amplifier's input (columns)."""


def at_knobs(parameters: Mapping[str, float], **knobs: float) -> dict[str, float]:
    """The cell's parameters at a setting of ``vbi``, ``vbf`` and ``vbo``, under their own names.

    Raises
    ------
    OutOfRange
        Outside a knob's range.
    """
    values, p = settings("memory_cell", KNOBS, knobs), dict(parameters)
    for tail in TAILS:
        law = {name: p[f"{tail.knob}_{name}"] for name in LAW}
        p = _set(p, tail, values[tail.knob], law)
    return p


def read_bias(parameters: Mapping[str, float], current: float) -> float:
    """``vbo`` at which the read-out's full scale is ``current`` (A), V; it may lie outside the knob's range."""
    law = {name: parameters[f"vbo_{name}"] for name in ("width", "turn", "power")}
    return transistor_bias(current / parameters["i_read"], KNOBS["vbo"][2], **law)


def reading(parameters: Mapping[str, float], current: float) -> dict[str, float]:
    """The cell's parameters with ``vbo`` at :func:`read_bias`.

    Raises
    ------
    OutOfRange
        When no bias in the knob's range gives that current.
    """
    return at_knobs(parameters, vbo=read_bias(parameters, current))


def _set(p: Mapping[str, float], tail: Tail, bias: float, law: Mapping[str, float]) -> dict[str, float]:
    """Parameters with one bias moved."""
    ratio = float(transistor(bias, KNOBS[tail.knob][2], law["width"], law["turn"], law["power"]))
    rise, gate = _bent_logarithm(ratio, law["widening_power"]), tail.gate
    return dict(p) | {name: p[name] * ratio for name in tail.currents} | {
        f"{gate}_width": p[f"{gate}_width"] * (1 + law["gate_widening"] * rise),
        f"{gate}_offset": p[f"{gate}_offset"] + law["offset"] * rise,
        f"{gate}_floor": p[f"{gate}_floor"] / ratio,
        tail.width: p[tail.width] * (1 + law["widening"] * rise),
        tail.offset: p[tail.offset] + law["shift"] * rise,
    }  # fmt: skip


def _bent_logarithm(ratio: float, power: float) -> float:
    """(r^c - 1) / c: Box and Cox, J. R. Stat. Soc. B 26:211, 1964."""
    return float(np.log(ratio) if abs(power) < 1e-9 else np.expm1(power * np.log(ratio)) / power)


def fit_knobs(
    data: BlockData, p: Mapping[str, float], surfaces: Mapping[str, Surface]
) -> tuple[dict[str, float], dict[str, float], float]:
    """Laws of every bias on the cell's parameters at the usual ones.

    Parameters
    ----------
    p : mapping
        Parameters at the usual biases.
    surfaces : mapping of str to callable
        The current of every sweep from parameters.

    Returns
    -------
    values, deviation : dict
    error : float
        Root mean square, each curve over its own bias's largest current.
    """
    values: dict[str, float] = {}
    deviation: dict[str, float] = {}
    errors = []
    for tail in TAILS:
        x, dx, error = _fit_tail(data, p, tail, surfaces[tail.sweep])
        values |= {f"{tail.knob}_{n}": float(v) for n, v in zip(LAW, x, strict=True)}
        deviation |= {f"{tail.knob}_{n}": float(v) for n, v in zip(LAW, dx, strict=True)}
        errors.append(error)
    return values, deviation, max(errors)


def _fit_tail(
    data: BlockData, p: Mapping[str, float], tail: Tail, surface: Surface
) -> tuple[Any, Any, float]:
    sweep = data[tail.sweep]
    current = sweep["current"]
    full = np.abs(current).max(axis=(1, 2), keepdims=True)

    def residuals(x: np.ndarray) -> np.ndarray:
        law = dict(zip(LAW, x * _UNIT, strict=True))
        models = [surface(_set(p, tail, float(b), law), sweep[tail.axis], sweep[tail.inner])
                  for b in sweep[tail.knob]]  # fmt: skip
        return ((np.stack(models) - current) / full).ravel()

    x, dx = least_squares(residuals, _START, tuple(f"{tail.knob}_{n}" for n in LAW), data.name)
    return x * _UNIT, dx * _UNIT, float(np.sqrt(np.mean(residuals(x) ** 2)))
