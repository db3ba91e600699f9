"""Homeostatic threshold of the adaptive neuron, as a current I taken from its input.

    a spike   : I <- I + step(vthr) (I / 10 nA)^power + kick I
    in between: dI/dt = -(I - rest) / tau(vslow)
    firing    : the neuron fires as one without adaptation would at i_in - share I

power is small: 0 for an injector in weak inversion; the kick is the charge left on the
injector's node. ln step and ln tau are quadratic in their knobs.  Rule: Diehl and Cook 2015.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel

REFERENCE = 1e-8
"""Threshold current at which i_step is stated, A."""
FULL_SCALE = 0.79e-6
"""Rate current of a drive of 1, A (docs/interface.md)."""


def step(p: dict[str, float], current: Any, vthr: Any) -> np.ndarray:
    """Rise of the threshold current, A, by a spike at threshold ``current``, A, and knob ``vthr``, V."""
    d = np.asarray(vthr) - p["vthr_default"]
    free = p["i_step"] * np.exp(p["step_slope"] * d + p["step_bend"] * d * d)
    return free * (current / REFERENCE) ** p["power"] + p["kick"] * current


def time_constant(p: dict[str, float], vslow: Any) -> np.ndarray:
    """Decay time of the threshold, s, at knob ``vslow``, V."""
    d = np.asarray(vslow) - p["vslow_default"]
    return p["tau"] * np.exp(p["decay_slope"] * d + p["decay_bend"] * d * d)


def decayed(p: dict[str, float], start: Any, seconds: Any, vslow: Any) -> np.ndarray:
    """Threshold current, A, after a time without spikes."""
    return p["i_rest"] + (start - p["i_rest"]) * np.exp(-seconds / time_constant(p, vslow))


def run(p: dict[str, float], start: float, spikes: int, vthr: float) -> np.ndarray:
    """Threshold currents, A, before and after each of some spikes in quick succession."""
    currents = [start]
    for _ in range(spikes):
        currents.append(currents[-1] + float(step(p, currents[-1], vthr)))
    return np.array(currents)


def fit_adaptive_hillock(data: BlockData) -> FittedModel:
    """Steps, decay and shift of the f-I curve."""
    p = {f"{k}_default": float(data.attributes[f"default_{k}"]) for k in ("vthr", "vslow")}
    deviation: dict[str, float] = {}
    for part in (_fit_steps, _fit_decay, _fit_share):
        values, spread = part(data, p)
        p.update(values)
        deviation.update(spread)
    p["step_of_full_scale"] = p["i_step"] / FULL_SCALE
    p["energy_per_spike"] = float(np.nanmedian(data["step"]["energy"]))
    units = {name: _UNITS.get(name, "1") for name in p}
    errors = {
        "step_max_of_largest": float(_step_errors(p, data, "step").max()),
        "decay_max_of_start": float(_decay_errors(p, data, "decay").max()),
    }
    return FittedModel("homeostatic_threshold", p, units, deviation, errors, {"i_threshold": (0.0, 1e-7)})


_UNITS = {
    "vthr_default": "V", "vslow_default": "V", "i_step": "A", "step_slope": "1/V", "step_bend": "1/V^2",
    "tau": "s", "decay_slope": "1/V", "decay_bend": "1/V^2", "i_rest": "A", "energy_per_spike": "J",
}  # fmt: skip


def _fit_steps(data: BlockData, known: dict[str, float]) -> tuple[dict, dict]:
    names, scales = ("i_step", "step_slope", "step_bend", "power", "kick"), (1e-9, 20.0, 100.0, 0.1, 0.01)

    def unpack(x: np.ndarray) -> dict[str, float]:
        return known | {n: float(v * s) for n, v, s in zip(names, x, scales, strict=True)}

    def residuals(x: np.ndarray) -> np.ndarray:
        return _step_residuals(unpack(x), data, "step").ravel()

    x, dx = least_squares(residuals, (1, 1, 0, 1, 1), names, data.name)
    return unpack(x), {n: float(d * s) for n, d, s in zip(names, dx, scales, strict=True)}


def _step_residuals(p: dict[str, float], data: BlockData, name: str) -> np.ndarray:
    """Predicted less measured steps over the measured step at the row's knob (rest counts most)."""
    sweep = data[name]
    before, after = sweep["threshold"][..., :-1], sweep["threshold"][..., 1:]
    predicted = step(p, before, sweep["vthr"][:, None, None])
    return (predicted - (after - before)) / np.mean(after - before, axis=(1, 2), keepdims=True)


def _step_errors(p: dict[str, float], data: BlockData, name: str) -> np.ndarray:
    sweep = data[name]
    steps = np.diff(sweep["threshold"], axis=-1)
    predicted = step(p, sweep["threshold"][..., :-1], sweep["vthr"][:, None, None])
    return np.abs(predicted - steps) / steps.max()


def _fit_decay(data: BlockData, known: dict[str, float]) -> tuple[dict, dict]:
    names, scales = ("tau", "decay_slope", "decay_bend", "i_rest"), (1e-4, 30.0, 100.0, 1e-9)

    def unpack(x: np.ndarray) -> dict[str, float]:
        return known | {n: float(v * s) for n, v, s in zip(names, x, scales, strict=True)}

    def residuals(x: np.ndarray) -> np.ndarray:
        return _decay_residuals(unpack(x), data, "decay").ravel()

    x, dx = least_squares(residuals, (1, -1, 0, 1), names, data.name)
    return unpack(x), {n: float(d * s) for n, d, s in zip(names, dx, scales, strict=True)}


def _decay_residuals(p: dict[str, float], data: BlockData, name: str) -> np.ndarray:
    sweep = data[name]
    current = sweep["threshold"][0]
    predicted = decayed(
        p, current[:, :1], (sweep["time"] - sweep["time"][0])[None, :], sweep["vslow"][:, None]
    )
    return (predicted - current) / current[:, :1]


def _decay_errors(p: dict[str, float], data: BlockData, name: str) -> np.ndarray:
    return np.abs(_decay_residuals(p, data, name))


def _fit_share(data: BlockData, known: dict[str, float]) -> tuple[dict, dict]:
    def residuals(x: np.ndarray) -> np.ndarray:
        return _shift_errors(float(x[0]), data, "shift")

    x, dx = least_squares(residuals, (0.8,), ("share",), data.name)
    return {"share": float(x[0])}, {"share": float(dx[0])}


def rate(data: BlockData, current: Any) -> np.ndarray:
    """Rate, Hz, of the neuron with its threshold at rest, by interpolation over ``current``, A."""
    sweep = data["shift"]
    free = 1 / sweep["interval"][0]
    return np.interp(current, sweep["i_net"], free)


def _shift_errors(share: float, data: BlockData, name: str) -> np.ndarray:
    """Predicted less measured rate over the largest, at raised thresholds."""
    sweep, train = data[name], data["shift"]
    raised = sweep["v_slow"] > 0.2
    rest = train["threshold"][0].mean()
    net = (
        sweep["i_in"][raised]
        - (train["i_in"][0, 0] - train["i_net"][0])
        - share * (sweep["threshold"][raised] - rest)
    )
    return ((rate(data, net) - 1 / sweep["interval"][raised]) / (1 / train["interval"]).max()).ravel()


def score_adaptive_hillock(model: FittedModel, data: BlockData) -> list[Figure]:
    """Held-out knob values, thresholds and inputs."""
    p = model.parameters
    steps = 100 * _step_errors(p, data, "step_check")
    decay = 100 * _decay_errors(p, data, "decay_check")
    shift = 100 * np.abs(_shift_errors(p["share"], data, "shift_check"))
    unshifted = 100 * np.abs(_shift_errors(0.0, data, "shift_check"))
    return [
        Figure("adaptive neuron: threshold step, max error of largest step", float(steps.max()), "%"),
        Figure("adaptive neuron: threshold decay, max error of its start", float(decay.max()), "%"),
        Figure(
            "adaptive neuron: rate at a raised threshold, max error of full rate", float(shift.max()), "%"
        ),
        Figure("adaptive neuron: baseline, no adaptation, max of full rate", float(unshifted.max()), "%"),
    ]
