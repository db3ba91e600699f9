"""Neuromodulator: a level that pulses raise and that decays to its rest, and the gain it sets.

    level(t+) = level(t-) + s (1 - k l)                               at a release pulse
    sinh(l / W) = sinh(l_0 / W) exp(-t / tau)                         between pulses, l = level - rest - offset
    gain = i_floor + i_ceiling / (1 + exp(-(level - vmid - m) / w))

The decay is that of an amplifier in unity feedback, ``dl/dt = -(W / tau) tanh(l / W)``.  Step, rate, floor and
ceiling are currents of one device each: their logarithms are quadratic in the gate voltage of their knob.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel, SweepData

REST = 0.3
FOLD = 33e-3
WINDOW = 2.4e-6
PULSE = 1.3e-9
"""Length of a release pulse from foot to foot, s."""
BURST = 50e-9 + 40e-9 * np.arange(8)
"""Start times of the release pulses of the fit's sweeps, s."""
CENTRES = {"vstep": 0.42, "vtau": 0.22, "vceil": 0.28, "vfloor": 0.20}
"""Knob voltages at which the quadratics are centred, V."""
_SCALES = {"step": 2e-2, "tau": 5e-7, "ceiling": 3e-8, "floor": 1e-9}


def random_release(seed: int) -> np.ndarray:
    """Start times of random release pulses, s: a phasic burst and sparse single ones."""
    rng = np.random.default_rng(seed)
    gaps = np.where(rng.random(16) < 0.7, rng.uniform(15e-9, 40e-9, 16), rng.uniform(150e-9, 400e-9, 16))
    times = 50e-9 + np.cumsum(gaps)
    return times[times < WINDOW - 200e-9]


def of_knob(p: Mapping[str, float], name: str, knob: str, volts: Any) -> np.ndarray:
    """A quantity at a knob's voltage: its logarithm is quadratic."""
    z = (np.asarray(volts) - CENTRES[knob]) / FOLD
    return p[name] * np.exp(p[f"{name}_slope"] * z + p[f"{name}_curve"] * z**2)


def level(
    p: Mapping[str, float], pulses: np.ndarray, time: np.ndarray, vstep: float, vtau: float
) -> np.ndarray:
    """Level from its rest, V, at ``time`` for release pulses that start at given times."""
    step, tau = of_knob(p, "step", "vstep", vstep), of_knob(p, "tau", "vtau", vtau)
    result = np.full_like(time, p["v_rest_offset"])
    now, value = -np.inf, 0.0
    for start in pulses + PULSE / 2:
        if value:
            value = float(_decay(p, value, start - now, tau))
        value += float(step) * (1 - p["step_loss"] * value)
        now = start
        late = time >= now
        result[late] = p["v_rest_offset"] + _decay(p, value, time[late] - now, tau)
    return result


def _decay(p: Mapping[str, float], start: float, seconds: Any, tau: Any) -> np.ndarray:
    return p["v_width"] * np.arcsinh(np.sinh(start / p["v_width"]) * np.exp(-np.asarray(seconds) / tau))


def gain(p: Mapping[str, float], volts: Any, vmid: Any, vceil: Any, vfloor: Any) -> np.ndarray:
    """Current of a tail on the line, A, at a level in volts; all arguments broadcast."""
    ceiling, floor = of_knob(p, "ceiling", "vceil", vceil), of_knob(p, "floor", "vfloor", vfloor)
    width = p["v_gain_width"] * (1 + p["gain_width_slope"] * ceiling / _SCALES["ceiling"])
    offset = p["v_gain_offset"] * (1 + p["gain_offset_slope"] * ceiling / _SCALES["ceiling"])
    return floor + ceiling / (1 + np.exp(-(np.asarray(volts) - vmid - offset) / width))


def fit_neuromodulator(data: BlockData) -> FittedModel:
    """Level from bursts at every release and decay, gain from DC curves at every floor and ceiling."""
    first, d_first, level_error = _fit_level(data)
    second, d_second, gain_error = _fit_gain(data)
    p = {**first, **second}
    release = data["release"]
    row = int(np.argmin(np.abs(release["vstep"] - float(data.attributes["default_vstep"]))))
    p["energy_per_pulse"] = float(release["energy"][row] / len(BURST))
    p["static_power"] = float(release["static_power"][row])
    units = {name: _unit(name) for name in p}
    errors = {"level_rms_volt": level_error, "gain_max_of_ceiling": gain_error}
    box = {"level": (REST, 0.55), **{k: (float(data[s][k].min()), float(data[s][k].max()))
           for k, s in (("vstep", "release"), ("vtau", "decay"), ("vceil", "gain"), ("vfloor", "gain"))}}  # fmt: skip
    return FittedModel("pulsed_level_sigmoid_gain", p, units, {**d_first, **d_second}, errors, box)


def _unit(name: str) -> str:
    if name.endswith(("slope", "curve")):
        return "1"
    units = {
        "step": "V",
        "tau": "s",
        "ceiling": "A",
        "floor": "A",
        "step_loss": "1/V",
        "energy_per_pulse": "J",
        "static_power": "W",
    }
    return units.get(name, "V")


def _points(sweep: SweepData, data: BlockData) -> list[tuple[np.ndarray, float, float]]:
    """Pulse times and knobs of every point of a level sweep."""
    mesh = np.meshgrid(*sweep.axes.values(), indexing="ij")
    axes = {name: values.ravel() for name, values in zip(sweep.axes, mesh, strict=True)}
    points = []
    for r in range(mesh[0].size):
        point = {name: float(values[r]) for name, values in axes.items()}
        vstep, vtau = (point.get(k, float(data.attributes[f"default_{k}"])) for k in ("vstep", "vtau"))
        points.append((pulses_of(point), vstep, vtau))
    return points


def pulses_of(point: Mapping[str, float]) -> np.ndarray:
    """Release pulses of a sweep's point."""
    return random_release(int(point["seed"])) if "seed" in point else BURST


def predicted_levels(p: Mapping[str, float], data: BlockData, sweep: SweepData) -> np.ndarray:
    """Levels from rest of all points of a sweep, V, in the sweep's shape."""
    rows = [level(p, pulses, sweep["time"], vstep, vtau) for pulses, vstep, vtau in _points(sweep, data)]
    return np.stack(rows).reshape(sweep["level"].shape)


def _fit_level(data: BlockData) -> tuple[dict[str, float], dict[str, float], float]:
    names = (
        "step",
        "step_slope",
        "step_curve",
        "tau",
        "tau_slope",
        "tau_curve",
        "v_width",
        "v_rest_offset",
        "step_loss",
    )
    scale = np.array([_SCALES["step"], 1, 1, _SCALES["tau"], 1, 1, 0.065, 1e-3, 1])
    sweeps = [data["release"], data["decay"]]

    def residuals(x: np.ndarray) -> np.ndarray:
        p = dict(zip(names, x * scale, strict=True))
        return np.concatenate([((predicted_levels(p, data, s) - s["level"]) / 0.1).ravel() for s in sweeps])

    x, dx = least_squares(residuals, [1, -0.9, 0, 1, -0.95, 0, 1, 0.5, 0.1], names, data.name, diff_step=1e-4)
    return (
        _named(names, x * scale),
        _named(names, dx * scale),
        float(0.1 * np.sqrt(np.mean(residuals(x) ** 2))),
    )


def _fit_gain(data: BlockData) -> tuple[dict[str, float], dict[str, float], float]:
    names = (
        "ceiling", "ceiling_slope", "ceiling_curve", "floor", "floor_slope", "floor_curve",
        "v_gain_width", "gain_width_slope", "v_gain_offset", "gain_offset_slope",
    )  # fmt: skip
    scale = np.array([_SCALES["ceiling"], 1, 1, _SCALES["floor"], 1, 1, FOLD, 1, 1e-3, 1])
    sweep = data["gain"]
    current = sweep["current"]
    full = current.max(-1, keepdims=True)
    vceil, vfloor = sweep["vceil"][:, None, None], sweep["vfloor"][:, None]
    vmid = float(data.attributes["default_vmid"])

    def residuals(x: np.ndarray) -> np.ndarray:
        p = dict(zip(names, x * scale, strict=True))
        return ((gain(p, sweep["v_level"], vmid, vceil, vfloor) - current) / full).ravel()

    x, dx = least_squares(residuals, [1, 0.9, 0, 1, 0.95, 0, 1, 0, 1, 0], names, data.name)
    return _named(names, x * scale), _named(names, dx * scale), float(np.abs(residuals(x)).max())


def _named(names: tuple[str, ...], values: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def score_neuromodulator(model: FittedModel, data: BlockData) -> list[Figure]:
    """Held-out knobs of the gain, and random release through level and gain at held-out knobs."""
    p = model.parameters
    check = data["gain_check"]
    axes = [
        check[k].reshape([-1 if n == i else 1 for n in range(4)])
        for i, k in enumerate(("vmid", "vceil", "vfloor"))
    ]
    curve = gain(p, check["v_level"], *axes)
    error = 100 * np.abs(curve - check["current"]) / check["current"].max(-1, keepdims=True)
    random = data["random_check"]
    levels = predicted_levels(p, data, random)
    span = random["level"].max(-1, keepdims=True)
    rms = 100 * np.sqrt(np.mean(((levels - random["level"]) / span) ** 2))
    knobs = [float(data.attributes[f"default_{k}"]) for k in ("vmid", "vceil", "vfloor")]
    chain = gain(p, levels + REST, *knobs)
    full = random["current"].max()
    whole = 100 * np.sqrt(np.mean((chain - random["current"]) ** 2)) / full
    naive = 100 * np.sqrt(np.mean((random["current"].mean() - random["current"]) ** 2)) / full
    return [
        Figure("neuromodulator: gain at held-out knobs, max error of full scale", float(error.max()), "%"),
        Figure("neuromodulator: level after random release, rms error of its peak", float(rms), "%"),
        Figure("neuromodulator: gain after random release, rms error of full scale", float(whole), "%"),
        Figure("neuromodulator: baseline, constant gain, rms of full scale", float(naive), "%"),
    ]
