"""Pair-based STDP with exponential windows, as the circuit does it.

    dw_up   = A_up   (1 + g_up (w - w_mid)) <y_pre>  over every post spike
    dw_down = A_down (1 + g_down (w - w_mid)) <y_post> over every pre spike

A trace y rises by ``(1 + f y) / (1 + s y)`` through a spike of length T (it rises evenly) and decays
with tau; ``<y>`` is its mean over the other line's spike.  Near the ends of the
weight range a trace pulls the weight back (its read transistor conducts
backwards): ``reverse exp(-(distance to 0.6 or 0.2 V)/33 mV)`` a spike.  The off conductances
pull the weight to ``w_rest``.  Rule: Bi and Poo 1998; Song, Miller, Abbott 2000.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel

SPIKE = 1.2e-9
"""Length of a spike at half height, s."""
MIDDLE = 0.4
"""w_mid, V."""
E_FOLD = 33e-3
"""Gate voltage that changes a subthreshold current e-fold, V."""
FIRST = 20e-9
"""Earliest spike of a stimulus, s."""
SETTLE = 640e-9
"""Measured time after the last spike, s: the slower trace is at rest again."""
WAYS = ("up", "down")
KNOBS = {"up": ("vup", "vtaup"), "down": ("vdown", "vtaun")}


def spikes_of(sweep: str, point: Any) -> tuple[np.ndarray, np.ndarray]:
    """Pre and post spike times, s, of a point of a sweep; ``dt`` is post minus pre.

    Pairs, two spikes of the leading line (``gap`` apart) then one of the other, or triplets
    pre-post-pre (``order`` 1) and post-pre-post (-1).
    """
    dt = float(point["dt"])
    if sweep.startswith("triplets"):
        outer = np.array([0.0, dt + float(point["second"])])
        pair = (outer, np.array([dt])) if point["order"] > 0 else (np.array([dt]), outer)
    elif "gap" in point:
        leading = np.array([-float(point["gap"]), 0.0])
        pair = (leading, np.array([dt])) if dt > 0 else (np.array([-dt]), leading)
    else:
        pair = (np.array([0.0]), np.array([dt]))
    start = FIRST - min(pair[0].min(), pair[1].min())
    return pair[0] + start, pair[1] + start


def mean_trace(writes: np.ndarray, reads: np.ndarray, p: dict[str, float], way: str) -> float:
    """Sum over ``reads`` of the trace's mean through a spike; the trace is written by ``writes`` (s)."""
    tau, late = p[f"tau_{way}"], p[f"delay_{way}"]
    total = 0.0
    for k, write in enumerate(writes):
        before = _steps(writes[:k], write, p, way)
        step = (1 + p[f"facilitation_{way}"] * before) / (1 + p[f"saturation_{way}"] * before)
        lag = reads - write + late
        total += step * np.sum(_area(lag + SPIKE, tau) - 2 * _area(lag, tau) + _area(lag - SPIKE, tau))
    return float(total)


def _steps(earlier: np.ndarray, now: float, p: dict[str, float], way: str) -> float:
    return float(np.exp(-(now - earlier) / p[f"tau_{way}"]).sum())


def _area(t: np.ndarray, tau: float) -> np.ndarray:
    """Twice integrated exponential decay over T^2: a trace written and read by evenly rising spikes."""
    late = np.maximum(t, 0.0)
    return tau * (late - tau * (1 - np.exp(-late / tau))) / SPIKE**2


def change(p: dict[str, float], w: float, pre: np.ndarray, post: np.ndarray) -> float:
    """Weight change, V, of a group of spikes (s) that starts at ``FIRST`` and is left to settle."""
    up = p["a_up"] * (1 + p["g_up"] * (w - MIDDLE)) * mean_trace(pre, post, p, "up")
    down = p["a_down"] * (1 + p["g_down"] * (w - MIDDLE)) * mean_trace(post, pre, p, "down")
    back = p["reverse_up"] * len(pre) * np.exp((w - 0.6) / E_FOLD)
    forth = p["reverse_down"] * len(post) * np.exp((0.2 - w) / E_FOLD)
    seconds = max(pre.max(), post.max()) + SETTLE - FIRST
    return float(up - down - back + forth + (p["w_rest"] - w) * seconds / p["tau_hold"])


SCALES: dict[str, float] = {
    "a_up": 1e-3, "a_down": 1e-3, "tau_up": 1e-8, "tau_down": 1e-8, "g_up": 0.1, "g_down": 0.1,
    "delay_up": 1e-10, "delay_down": 1e-10, "facilitation_up": 1.0, "facilitation_down": 1.0,
    "saturation_up": 1.0, "saturation_down": 1.0, "reverse_up": 1e-4, "reverse_down": 1e-4,
    "w_rest": 0.4, "tau_hold": 1e-3,
}  # fmt: skip
_START = (3, 3, 1.7, 3.4, -1, 1, 0.1, 0.1, 1, 1, 1, 1, 1, 1, 1, 1)
_POSITIVE = {"facilitation", "saturation", "reverse", "tau"}


def _unpack(x: np.ndarray) -> dict[str, float]:
    return {
        name: float(abs(value) if name.split("_")[0] in _POSITIVE else value) * scale
        for (name, scale), value in zip(SCALES.items(), x, strict=True)
    }


def points(data: BlockData, name: str) -> list[tuple[dict[str, float], float]]:
    """Axis values and measured change, V, of every point of a sweep."""
    sweep = data[name]
    names = list(sweep.axes)
    return [
        ({n: float(sweep.axes[n][i]) for n, i in zip(names, index, strict=True)}, float(sweep["dw"][index]))
        for index in np.ndindex(sweep["dw"].shape)
    ]


def predict(p: dict[str, float], sweep: str, point: dict[str, float]) -> float:
    """Weight change, V, at a point of a sweep; its knobs move amplitudes and time constants."""
    return change(at_knobs(p, point), point.get("v_w", MIDDLE), *spikes_of(sweep, point))


def at_knobs(p: dict[str, float], point: Any) -> dict[str, float]:
    """Parameters at knob settings (V): ln A and ln tau are quadratic in their knobs."""
    moved = dict(p)
    for way in WAYS:
        for knob, target, name in zip(
            KNOBS[way], (f"a_{way}", f"tau_{way}"), ("amplitude", "decay"), strict=True
        ):
            if knob in point:
                d = float(point[knob]) - p[f"{knob}_default"]
                moved[target] *= np.exp(p[f"{name}_slope_{way}"] * d + p[f"{name}_bend_{way}"] * d * d)
    # the current that decays a trace also cuts its rise, in proportion
    for way in WAYS:
        if KNOBS[way][1] in point:
            moved[f"a_{way}"] *= (p[f"tau_{way}"] / moved[f"tau_{way}"]) ** p[f"loss_{way}"]
    return moved


def fit_pair_stdp(data: BlockData) -> FittedModel:
    """Windows at the default knobs from pairs and bursts, then the knobs' laws."""
    measured = [(name, *row) for name in ("pairs", "bursts") for row in points(data, name)]
    full = max(abs(dw) for *_, dw in measured)

    def residuals(x: np.ndarray) -> np.ndarray:
        p = _unpack(x)
        return np.array([(predict(p, name, at) - dw) / full for name, at, dw in measured])

    x, dx = least_squares(residuals, _START, tuple(SCALES), data.name)
    p = _unpack(x)
    deviation = {name: float(d) * scale for (name, scale), d in zip(SCALES.items(), dx, strict=True)}
    for way in WAYS:
        laws, d_laws = _fit_knobs(data, p, way, full)
        p.update(laws)
        deviation.update(d_laws)
    p["energy_per_pair"] = float(np.mean(data["pairs"]["energy"]))
    units = {name: _unit(name) for name in p}
    worst = float(np.abs(residuals(x)).max())
    box = {"dt": (-80e-9, 80e-9), "v_w": (0.2, 0.6)}
    return FittedModel("pair_exponential", p, units, deviation, {"dw_max_of_full_scale": worst}, box)


def _fit_knobs(data: BlockData, p: dict[str, float], way: str, full: float) -> tuple[dict, dict]:
    names = tuple(
        f"{n}_{way}" for n in ("amplitude_slope", "amplitude_bend", "decay_slope", "decay_bend", "loss")
    )
    scales = (30.0, 100.0, 30.0, 100.0, 0.1)
    defaults = {f"{k}_default": float(data.attributes[f"default_{k}"]) for k in KNOBS[way]}
    rows = [(f"knobs_{way}", *row) for row in points(data, f"knobs_{way}")]

    def laws(x: np.ndarray) -> dict[str, float]:
        return defaults | {n: float(v * s) for n, v, s in zip(names, x, scales, strict=True)}

    def residuals(x: np.ndarray) -> np.ndarray:
        q = p | laws(x)
        return np.array([(predict(q, name, at) - dw) / full for name, at, dw in rows])

    sign = -1.0 if way == "up" else 1.0
    x, dx = least_squares(residuals, (sign, 0.0, -sign, 0.0, 0.0), names, data.name)
    return laws(x), dict(zip(names, (float(d * s) for d, s in zip(dx, scales, strict=True)), strict=True))


def _unit(name: str) -> str:
    if name.startswith(("tau", "delay")):
        return "s"
    if name.startswith(("a_", "reverse", "w_")) or name.endswith("default"):
        return "V"
    if "slope" in name or name.startswith("g_"):
        return "1/V"
    return {"bend": "1/V^2", "energy": "J"}.get("bend" if "bend" in name else name.split("_")[0], "1")


def score_pair_stdp(model: FittedModel, data: BlockData) -> list[Figure]:
    """Change at held-out time differences, weights, triplets and knobs, of the full range.

    The full range is the largest change of a pair at the default knobs; for knob settings, the
    largest change among them.
    """
    full = float(np.abs(data["pairs"]["dw"]).max())
    knobs_full = float(np.abs(data["knobs_check"]["dw"]).max())
    figures = []
    for name, text, scale in (
        ("pairs_check", "pairs", full),
        ("triplets_check", "triplets", full),
        ("knobs_check", "knob settings", knobs_full),
    ):
        errors = 100 * _errors(model.parameters, data, name) / scale
        worst, rms = float(np.abs(errors).max()), float(np.sqrt(np.mean(errors**2)))
        figures.append(Figure(f"pair STDP: {text}, max error of full range", worst, "%", 3.0, 1.0))
        figures.append(Figure(f"pair STDP: {text}, rms error of full range", rms, "%"))
    flat = 100 * float(np.std(data["pairs_check"]["dw"])) / full
    return [*figures, Figure("pair STDP: baseline, constant, rms of full range", flat, "%")]


def _errors(p: dict[str, float], data: BlockData, name: str) -> np.ndarray:
    return np.array([predict(p, name, at) - dw for at, dw in points(data, name)])
