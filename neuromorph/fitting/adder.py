"""Dendritic adder: the current that holds its node at a voltage, for any mode and bias, and one capacitance.

    C dv/dt = i_1 + i_2 + ... - I(v)
    I(v) = i_s tanh(y) + E(v) - E(-v)

The saturating load has a tail ``i_s`` that grows with its share of the bias, and a widened tanh,
``y = x (1 + c x^2 / (1 + d x^2))``, ``x = (v - v_0) / W``.  The growing load has on either side two devices in series
between exponential and square law, ``E(v) = i_k ln^2(1 + exp((u + v / 2n) / 2))``, u such that ``E(0)`` is its share of
the bias.  A differential pair shares the bias: ``1 / (1 + exp(+-(vmode - m_0) / w))``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel

REFERENCE = 0.4
CENTRE = 0.295
"""Bias at which the fit is centred, V."""
CENTRE_MODE = 0.4
"""Mode of the stated conductance and time constant, V."""
FOLD = 33e-3
"""Volts of a gate per e-fold of current."""
UNIT = 130e-9
"""Synaptic current that moves the node by one unit of a sigmoid gate, about 33 mV, at the default bias, A."""
RANGE = 0.2
_FULL = 100e-9

# name, start, scale, unit
_PARAMETERS = (
    ("log_bias", 0.0, 1.0, "1"), ("bias_slope", 0.95, 1.0, "1"), ("bias_curve", 0.0, 1.0, "1"),
    ("v_mode_offset", 0.0, 1e-2, "V"), ("v_mode_width", 1.0, FOLD, "V"), ("mode_width_slope", 0.0, 1.0, "1"),
    ("tail_gain", 1.0, 6.0, "1"), ("tail_slope", 0.0, 1.0, "1"),
    ("v_width", 1.0, 0.1, "V"), ("width_slope", 0.1, 1.0, "1"),
    ("widening", 0.1, 1.0, "1"), ("widening_slope", 0.1, 1.0, "1"), ("widening_end", 1.0, 1.0, "1"),
    ("v_offset", 0.3, 1e-3, "V"), ("asymmetry", 0.02, 1.0, "1"), ("asymmetry_slope", 0.0, 1.0, "1"),
    ("v_growth", 0.95, FOLD, "V"), ("growth_slope", 0.0, 1.0, "1"), ("i_knee", 1.0, 1e-5, "A"),
    ("quiescent_slope", 0.0, 1.0, "1"),
)  # fmt: skip
_NODE = {"capacitance": "F", "static_power": "W", "conductance": "S", "tau": "s", "v_rest": "V"}
NAMES = tuple(name for name, *_ in _PARAMETERS)


def shares(p: Mapping[str, float], vmode: Any, vbias: Any) -> tuple[np.ndarray, np.ndarray]:
    """Bias currents of the saturating and of the growing load, A."""
    z = (np.asarray(vbias) - CENTRE) / FOLD
    bias = _FULL * np.exp(p["log_bias"] + p["bias_slope"] * z + p["bias_curve"] * z**2)
    width = p["v_mode_width"] * (1 + p["mode_width_slope"] * z)
    u = (np.asarray(vmode) - REFERENCE - p["v_mode_offset"]) / width
    return bias / (1 + np.exp(u)), bias / (1 + np.exp(-u))


def load(p: Mapping[str, float], v: Any, vmode: Any, vbias: Any) -> np.ndarray:
    """Current that holds the node at ``v`` volts from the reference, A; all arguments broadcast."""
    saturating, growing = shares(p, vmode, vbias)
    return _saturating(p, np.asarray(v), saturating) + _growing(p, np.asarray(v), growing)


def _saturating(p: Mapping[str, float], v: np.ndarray, bias: np.ndarray) -> np.ndarray:
    s = bias / _FULL
    x = (v - p["v_offset"]) / (p["v_width"] * (1 + p["width_slope"] * s))
    y = x * (1 + (p["widening"] + p["widening_slope"] * s) * x**2 / (1 + abs(p["widening_end"]) * x**2))
    tail = p["tail_gain"] * bias * (1 + p["tail_slope"] * s)
    return tail * np.tanh(y) * (1 + np.sign(y) * (p["asymmetry"] + p["asymmetry_slope"] * s))


def _growing(p: Mapping[str, float], v: np.ndarray, bias: np.ndarray) -> np.ndarray:
    s = bias / _FULL
    knee = abs(p["i_knee"])
    rest = 2 * np.log(np.expm1(np.sqrt(bias * np.exp(p["quiescent_slope"] * s) / knee)))
    slope = 2 * p["v_growth"] * (1 + p["growth_slope"] * s)
    up, down = (knee * np.logaddexp(0, (rest + sign * v / slope) / 2) ** 2 for sign in (1, -1))
    return up - down


def rest(p: Mapping[str, float]) -> float:
    """Node voltage from the reference without any synaptic current, in the mode and at the bias of the stated
    conductance, V."""
    return -float(load(p, 0.0, CENTRE_MODE, CENTRE)) / p["conductance"]


def voltage(p: Mapping[str, float], current: np.ndarray, vmode: float, vbias: float) -> np.ndarray:
    """Node voltage from the reference, V, that a steady total current makes, within the fitted range."""
    v = np.linspace(-1.2 * RANGE, 1.2 * RANGE, 2001)
    return np.interp(current, load(p, v, vmode, vbias), v)


def response(
    p: Mapping[str, float], current: np.ndarray, time: np.ndarray, vmode: float, vbias: float
) -> np.ndarray:
    """Node voltage from the reference, V, for a current given at ``time`` (start at rest)."""
    start = voltage(p, current[:1], vmode, vbias)[0]
    return _charged(lambda v: load(p, v, vmode, vbias), p["capacitance"], start, current, time)


def _charged(
    held: Callable[[Any], Any], capacitance: float, start: float, current: np.ndarray, time: np.ndarray
) -> np.ndarray:
    """Voltage of a node of which ``held(v)`` flows away, V, by midpoint steps."""
    v = np.empty_like(time)
    v[0] = start
    for k, h in enumerate(np.diff(time)):
        half = v[k] + h / 2 * (current[k] - held(v[k])) / capacitance
        middle = (current[k] + current[k + 1]) / 2
        v[k + 1] = v[k] + h * (middle - held(half)) / capacitance
    return v


def fit_adder(data: BlockData) -> FittedModel:
    """Loads from DC curves over mode and bias; capacitance from steps of current.

    A plan without the sweep ``sum`` is that of instances: of those the node alone is read, see :func:`_fit_node`.
    """
    if "sum" not in data.sweeps:
        return _fit_node(data)
    sweep = data["load"]
    vmode, vbias, v = sweep["vmode"][:, None, None], sweep["vbias"][:, None], sweep["v"]
    full = np.abs(sweep["current"]).max(-1, keepdims=True)
    scale = np.array([s for _, _, s, _ in _PARAMETERS])

    def residuals(x: np.ndarray) -> np.ndarray:
        p = dict(zip(NAMES, x * scale, strict=True))
        return ((load(p, v, vmode, vbias) - sweep["current"]) / full).ravel()

    start = [value for _, value, _, _ in _PARAMETERS]
    x, dx = least_squares(residuals, start, NAMES, data.name, x_scale="jac", max_nfev=600)
    p = {name: float(value) for name, value in zip(NAMES, x * scale, strict=True)}
    p |= {name: abs(p[name]) for name in ("widening_end", "i_knee")}  # whose signs mean nothing
    deviation = {name: float(value) for name, value in zip(NAMES, dx * scale, strict=True)}
    p["capacitance"], deviation["capacitance"] = _fit_capacitance(data, p)
    p["static_power"] = _static_power(data)
    p["conductance"] = float(
        (load(p, 1e-3, CENTRE_MODE, CENTRE) - load(p, -1e-3, CENTRE_MODE, CENTRE)) / 2e-3
    )
    p["v_rest"] = rest(p)
    p["tau"] = p["capacitance"] / p["conductance"]
    units = {name: unit for name, _, _, unit in _PARAMETERS} | _NODE
    error = np.abs(residuals(x)).max()
    box = {
        "v": (-RANGE, RANGE),
        **{k: (float(sweep[k].min()), float(sweep[k].max())) for k in ("vmode", "vbias")},
    }
    return FittedModel(
        "tanh_and_sinh_load", p, units, deviation, {"load_max_of_full_scale": float(error)}, box
    )


def _static_power(data: BlockData) -> float:
    """At rest, at the default knobs, W."""
    sweep = data["load"]
    row = (
        int(np.argmin(np.abs(sweep[k] - float(data.attributes[f"default_{k}"])))) for k in ("vmode", "vbias")
    )
    return float(0.8 * sweep["supply_current"][(*row, len(sweep["v"]) // 2)])


def _fit_node(data: BlockData) -> FittedModel:
    """Conductance, rest and capacitance in the usual mode and at the usual bias, off the curves themselves.

    The load's form misses a curve by more than a transistor moves it, and by another share of every instance.
    """
    sweep, steps = data["load"], data["step"]
    row = [
        int(np.argmin(np.abs(sweep[k] - usual))) for k, usual in (("vmode", CENTRE_MODE), ("vbias", CENTRE))
    ]
    current, v = sweep["current"][row[0], row[1]], sweep["v"]
    middle = len(v) // 2
    # a cubic through the five voltages about the middle
    near = slice(middle - 2, middle + 3)
    curve = np.polynomial.Polynomial.fit(v[near], current[near], 3)
    conductance = float(curve.deriv()(0.0))
    mode = int(np.argmin(np.abs(steps["vmode"] - CENTRE_MODE)))

    def residuals(x: np.ndarray) -> np.ndarray:
        errors = []
        for drive, measured in zip(steps["drive"][mode], steps["voltage"][mode], strict=True):
            made = _charged(
                lambda at: np.interp(at, v, current), x[0] * 1e-14, measured[0], drive, steps["time"]
            )
            errors.append(made - measured)
        return np.concatenate(errors) / RANGE

    x, dx = least_squares(residuals, [4.0], ("capacitance",), data.name, diff_step=1e-3)
    capacitance = float(x[0] * 1e-14)
    p = {"capacitance": capacitance, "static_power": _static_power(data), "conductance": conductance,
         "tau": capacitance / conductance, "v_rest": -float(curve(0.0)) / conductance}  # fmt: skip
    error = np.abs(residuals(x)).max()
    return FittedModel(
        "node", p, dict(_NODE), {"capacitance": float(dx[0] * 1e-14)},
        {"step_max_of_full_scale": float(error)}, {"v": (-RANGE, RANGE)},
    )  # fmt: skip


def _fit_capacitance(data: BlockData, p: dict[str, float]) -> tuple[float, float]:
    sweep = data["step"]

    def residuals(x: np.ndarray) -> np.ndarray:
        q = {**p, "capacitance": x[0] * 1e-14}
        errors = [
            response(q, sweep["drive"][a, b], sweep["time"], float(mode), CENTRE) - sweep["voltage"][a, b]
            for a, mode in enumerate(sweep["vmode"])
            for b in range(len(sweep["i_step"]))
        ]
        return np.concatenate(errors) / RANGE

    x, dx = least_squares(residuals, [4.0], ("capacitance",), data.name, diff_step=1e-3)
    return float(x[0] * 1e-14), float(dx[0] * 1e-14)


def score_adder(model: FittedModel, data: BlockData) -> list[Figure]:
    """Held-out input pairs, modes and biases; held-out pulses; what superposition lacks in each mode."""
    p = model.parameters
    check = data["sum_check"]
    measured = check["voltage"]
    inside = np.abs(measured) <= RANGE
    predicted, linear = np.empty_like(measured), np.empty_like(measured)
    for a, mode in enumerate(check["vmode"]):
        for b, bias in enumerate(check["vbias"]):
            total = check["i_2"][:, None] + check["i_1"]
            predicted[a, b] = voltage(p, total, float(mode), float(bias))
            linear[a, b] = total / ((load(p, 1e-3, mode, bias) - load(p, -1e-3, mode, bias)) / 2e-3)
    error, naive = (100 * np.abs(m - measured)[inside] / RANGE for m in (predicted, linear))
    pulses = data["pulses_check"]
    waves = np.stack([
        response(p, pulses["drive"][a, b], pulses["time"], float(mode), CENTRE)
        for a, mode in enumerate(pulses["vmode"]) for b in range(len(pulses["seed"]))
    ]).reshape(pulses["voltage"].shape)  # fmt: skip
    rms = 100 * np.sqrt(np.mean((waves - pulses["voltage"]) ** 2)) / RANGE
    figures = [
        Figure("adder: v(i1, i2), max error of full scale", float(error.max()), "%", 2.0, 0.5),
        Figure("adder: v(i1, i2), mean error of full scale", float(error.mean()), "%"),
        Figure("adder: synaptic pulses, rms error of full scale", float(rms), "%", 2.0, 0.5),
        Figure("adder: baseline, constant conductance, mean error of full scale", float(naive.mean()), "%"),
    ]
    modes = {"super-linear": 0.3, "linear": 0.4, "sub-linear": 0.5}
    return figures + [_superposition(data, name, mode) for name, mode in modes.items()]


def _superposition(data: BlockData, name: str, mode: float) -> Figure:
    """What two inputs of 1.5 units together make over the sum of what each makes alone."""
    sweep = data["sum"]
    a = int(np.argmin(np.abs(sweep["vmode"] - mode)))
    one = 1.5 * UNIT
    alone = np.interp(one, sweep["i_1"], _at(sweep["voltage"][a], sweep["i_2"], 0.0))
    both = np.interp(one, sweep["i_1"], _at(sweep["voltage"][a], sweep["i_2"], one))
    return Figure(
        f"adder: two inputs over the sum of each, {name} mode", float(100 * (both / (2 * alone) - 1)), "%"
    )


def _at(rows: np.ndarray, axis: np.ndarray, value: float) -> np.ndarray:
    return np.array([np.interp(value, axis, column) for column in rows.T])
