"""Astrocyte: calcium of the activity of its lines, and the shift of the release line that it makes.

    y = exp((u - U) / w)                                          calcium; u its node's distance from the supply
    y(t+) + (a / k) ln y(t+) = y + (a / k) ln y + a               at a spike, a = uptake exp(-(vup - 0.38 V) / w)
    du/dt = -d (1 - exp(-u / V_s))                                between spikes: y decays with w / d
    h = (1 / y_r^n + 1 / c^n)^(-1/n),  y_r = g y^q                receptor with a ceiling c
    shift = W atanh(excess),  excess = max(h - threshold, 0)      rounded at zero; in units of the line's amplifier
    the line follows the shift with the amplifier's lag

A spike adds the same ``a`` whatever the calcium is, but the switch lets the node move ``k`` widths at most: the
injector and the switch in series, ``dt = du / (injector exp(-u / w)) + du / switch``, integrated over the spike.
Each spike leaves a residue on the node.  Decay, ceiling and threshold are currents of one device each: their
logarithms are quadratic in the gate voltage of their knob.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import wrightomega

from neuromorph.figures import Figure
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel, SweepData

SUPPLY = 0.8
UNIT = 0.2
"""Distance of the calcium node from the supply at calcium 1, V."""
FOLD = 33e-3
LINES = 4
WINDOW = 6e-6
START, STOP = 50e-9, 3e-6
"""First and last time of a spike in the sweeps, s."""
INTERVAL = 40e-9
"""Between spikes where a sweep names no interval, s."""
PULSE = 1.2e-9
"""Length of a spike at half height, s."""
CENTRES = {"vup": 0.38, "vtau": 0.62, "vthr": 0.19, "vceil": 0.535}
"""Knob voltages at which the quadratics are centred, V."""
_DYNAMIC = (
    "decay_rate", "decay_rate_slope", "decay_rate_curve", "uptake", "v_width", "switch_widths", "v_saturation", "residue",
)  # fmt: skip
_DYNAMIC_SCALE = np.array([1.2e4, 1, 1, 0.2, FOLD, 1, 26e-3, 1e-4])
_STATIC = (
    "threshold", "threshold_slope", "threshold_curve", "ceiling", "ceiling_slope", "ceiling_curve", "receptor",
    "receptor_power", "sharpness", "rounding", "v_line",
)  # fmt: skip
_STATIC_SCALE = np.array([0.1, 1, 1, 0.6, 1, 1, 0.1, 1, 1, 0.1, 65e-3])


def random_activity(seed: int) -> list[np.ndarray]:
    """Spike times of the four lines, s: each fires at its own mean rate, at least 10 ns apart."""
    rng = np.random.default_rng(seed)
    trains = []
    for mean in rng.permutation([50e-9, 100e-9, 250e-9, 800e-9]):
        times = START + np.cumsum(10e-9 + rng.exponential(mean, 200))
        trains.append(times[times < STOP])
    return trains


def spikes_of(point: Mapping[str, float]) -> list[np.ndarray]:
    """Spike times of the four lines at a sweep's point, s."""
    if "seed" in point:
        return random_activity(int(point["seed"]))
    return [np.arange(START, STOP, point.get("interval", INTERVAL)), *[np.zeros(0)] * (LINES - 1)]


def of_knob(p: Mapping[str, float], name: str, knob: str, volts: Any) -> np.ndarray:
    """A quantity at a knob's voltage: its logarithm is quadratic."""
    z = (np.asarray(volts) - CENTRES[knob]) / FOLD
    return p[name] * np.exp(p[f"{name}_slope"] * z + p[f"{name}_curve"] * z**2)


def _after_spike(p: Mapping[str, float], u: np.ndarray, vup: np.ndarray) -> np.ndarray:
    uptake = p["uptake"] * np.exp((CENTRES["vup"] - vup) / p["v_width"])
    limit = uptake / p["switch_widths"]
    log_y = (u - UNIT) / p["v_width"]
    after = limit * wrightomega((np.exp(log_y) + uptake) / limit + log_y - np.log(limit))
    return UNIT + p["v_width"] * np.log(after) + p["residue"]


def _decayed(p: Mapping[str, float], u: np.ndarray, seconds: np.ndarray, rate: np.ndarray) -> np.ndarray:
    v = p["v_saturation"]
    return v * np.log1p(np.expm1(u / v) * np.exp(-rate * seconds / v))


def node(
    p: Mapping[str, float], spikes: Sequence[np.ndarray], time: np.ndarray, vup: np.ndarray, vtau: np.ndarray
) -> np.ndarray:
    """Distance of the calcium's node from the supply, V, shape (points, times), from rest.

    Parameters
    ----------
    spikes : sequence of ndarray, one a point
        Start times of the spikes of all lines, s.
    vup, vtau : ndarray, shape (points,)
    """
    count = max(map(len, spikes))
    # a spike at 1 s stands for none
    events = np.stack([np.r_[-1.0, np.sort(s) + PULSE / 2, np.ones(count - len(s))] for s in spikes])
    rate, values = of_knob(p, "decay_rate", "vtau", vtau), np.zeros(events.shape)
    for k in range(1, count + 1):
        before = _decayed(p, values[:, k - 1], events[:, k] - events[:, k - 1], rate)
        values[:, k] = _after_spike(p, before, vup)
    last = np.stack([np.searchsorted(row, time, side="right") - 1 for row in events])
    since = time - np.take_along_axis(events, last, 1)
    return _decayed(p, np.take_along_axis(values, last, 1), since, rate[:, None])


def calcium(p: Mapping[str, float], u: Any) -> np.ndarray:
    """Calcium at a distance of its node from the supply, V."""
    return np.exp((np.asarray(u) - UNIT) / p["v_width"])


def line_shift(p: Mapping[str, float], y: Any, vthr: Any, vceil: Any) -> np.ndarray:
    """How far the release line is below its rest, V, at a calcium; all arguments broadcast."""
    threshold, ceiling = of_knob(p, "threshold", "vthr", vthr), of_knob(p, "ceiling", "vceil", vceil)
    n = p["sharpness"]
    received = p["receptor"] * np.asarray(y) ** p["receptor_power"]
    current = received * ceiling / (received**n + ceiling**n) ** (1 / n)
    above = current - threshold
    excess = 0.5 * (above + np.sqrt(above**2 + (p["rounding"] * threshold) ** 2))
    return p["v_line"] * np.arctanh(np.clip(excess, 0, 0.999))


def followed(p: Mapping[str, float], shift: np.ndarray, time: np.ndarray) -> np.ndarray:
    """The line behind its amplifier: ``shift`` on an even grid of times, its last axis, with the lag."""
    # a fit may try a lag of zero or less: the line then follows at once
    share = -np.expm1(-(time[1] - time[0]) / max(p["line_lag"], 1e-12))
    result = np.zeros_like(shift)
    for k in range(1, shift.shape[-1]):
        result[..., k] = result[..., k - 1] + share * (shift[..., k] - result[..., k - 1])
    return result


def fit_astrocyte(data: BlockData) -> FittedModel:
    """Calcium from bursts at every uptake, decay and rate; the line from DC curves at every knob."""
    first, d_first, calcium_error = _fit(
        data.name, _DYNAMIC, _DYNAMIC_SCALE, [1, -1, 0, 1, 1, 1, 1, 1], _calcium_residuals(data)
    )
    second, d_second, shift_error = _fit(
        data.name, _STATIC, _STATIC_SCALE, [1, 1, 0, 1, -1, 0, 1, 1, 1, 1, 1], _shift_residuals(data, first)
    )
    third, d_third, line_error = _fit(
        data.name, ("line_lag",), np.array([1e-7]), [1], _line_residuals(data, {**first, **second})
    )
    p = {**first, **second, **third}
    decay = data["decay"]
    row = int(np.argmin(np.abs(decay["vtau"] - float(data.attributes["default_vtau"]))))
    p["energy_per_spike"] = float(decay["energy"][row])
    p["static_power"] = float(decay["static_power"][row])
    errors = {"calcium_rms_volt": calcium_error, "shift_rms_volt": shift_error, "line_rms_volt": line_error}
    box = {k: (float(data[s][k].min()), float(data[s][k].max()))
           for k, s in (("vup", "uptake"), ("vtau", "decay"), ("vthr", "static"), ("vceil", "static"))}  # fmt: skip
    return FittedModel(
        "log_domain_calcium", p, {n: _unit(n) for n in p}, {**d_first, **d_second, **d_third}, errors, box
    )


def _unit(name: str) -> str:
    if name.startswith("v_") or name == "residue":
        return "V"
    units = {"energy_per_spike": "J", "static_power": "W", "line_lag": "s"}
    return units.get(name, "V/s" if name.endswith("rate") else "1")


def _fit(
    block: str, names: tuple[str, ...], scale: np.ndarray, start: list[float],
    residuals: Callable[[dict[str, float]], np.ndarray],
) -> tuple[dict[str, float], dict[str, float], float]:  # fmt: skip
    def of(x: np.ndarray) -> dict[str, float]:
        return {name: float(value) for name, value in zip(names, x * scale, strict=True)}

    x, dx = least_squares(lambda x: residuals(of(x)) / 0.01, start, names, block, diff_step=1e-4)
    return of(x), of(dx), float(np.sqrt(np.mean(residuals(of(x)) ** 2)))


def _calcium_residuals(data: BlockData) -> Callable[[dict[str, float]], np.ndarray]:
    sweeps = [data[name] for name in ("uptake", "decay", "rate")]

    def residuals(p: dict[str, float]) -> np.ndarray:
        return np.concatenate([(predicted_nodes(p, data, s) - s["calcium"]).ravel() for s in sweeps])

    return residuals


def _shift_residuals(
    data: BlockData, dynamic: Mapping[str, float]
) -> Callable[[dict[str, float]], np.ndarray]:
    sweep = data["static"]
    y = calcium(dynamic, SUPPLY - sweep["v_ca"])
    vthr, vceil = sweep["vthr"][:, None, None], sweep["vceil"][:, None]
    return lambda p: (line_shift(p, y, vthr, vceil) - sweep["shift"]).ravel()


def _line_residuals(data: BlockData, known: Mapping[str, float]) -> Callable[[dict[str, float]], np.ndarray]:
    sweeps = [data[name] for name in ("uptake", "decay", "rate")]
    still = [_still_line(known, data, sweep) for sweep in sweeps]

    def residuals(p: dict[str, float]) -> np.ndarray:
        return np.concatenate(
            [
                (followed(p, shift, s["time"]) - s["shift"]).ravel()
                for shift, s in zip(still, sweeps, strict=True)
            ]
        )

    return residuals


def _still_line(p: Mapping[str, float], data: BlockData, sweep: SweepData) -> np.ndarray:
    """Shift of the line without its lag, V, in the sweep's shape, at default threshold and ceiling."""
    knobs = [float(data.attributes[f"default_{k}"]) for k in ("vthr", "vceil")]
    return line_shift(p, calcium(p, predicted_nodes(p, data, sweep)), *knobs)


def _points(data: BlockData, sweep: SweepData) -> list[dict[str, float]]:
    """Every point of a sweep, with the default knobs where it names none."""
    mesh = np.meshgrid(*sweep.axes.values(), indexing="ij")
    knobs = {k: float(data.attributes[f"default_{k}"]) for k in ("vup", "vtau", "vthr", "vceil")}
    rows = np.stack([values.ravel() for values in mesh], axis=-1)
    return [{**knobs, **dict(zip(sweep.axes, map(float, row), strict=True))} for row in rows]


def predicted_nodes(p: Mapping[str, float], data: BlockData, sweep: SweepData) -> np.ndarray:
    """Distance of the calcium's node from the supply, V, in the sweep's shape."""
    points = _points(data, sweep)
    spikes = [np.concatenate(spikes_of(point)) for point in points]
    vup, vtau = (np.array([point[k] for point in points]) for k in ("vup", "vtau"))
    return node(p, spikes, sweep["time"], vup, vtau).reshape(sweep["calcium"].shape)


def score_astrocyte(model: FittedModel, data: BlockData) -> list[Figure]:
    """Held-out thresholds and ceilings; random activity of four lines at held-out uptakes and decays."""
    p = model.parameters
    check = data["static_check"]
    y = calcium(p, SUPPLY - check["v_ca"])
    shift = line_shift(p, y, check["vthr"][:, None, None], check["vceil"][:, None])
    static = 100 * np.abs(shift - check["shift"]).max() / check["shift"].max()
    random = data["random_check"]
    predicted = predicted_nodes(p, data, random)
    rms = 1e3 * np.sqrt(np.mean((predicted - random["calcium"]) ** 2))
    line = followed(p, _still_line(p, data, random), random["time"])
    measured, full = random["shift"], random["shift"].max()
    whole = 100 * np.sqrt(np.mean((line - measured) ** 2)) / full
    naive = 100 * np.sqrt(np.mean((measured.mean() - measured) ** 2)) / full
    return [
        Figure("astrocyte: line at held-out threshold and ceiling, max error of full scale", float(static), "%"),
        Figure("astrocyte: calcium after random activity, rms error of its node", float(rms), "mV"),
        Figure("astrocyte: line after random activity, rms error of full scale", float(whole), "%"),
        Figure("astrocyte: baseline, constant line, rms of full scale", float(naive), "%"),
    ]  # fmt: skip
