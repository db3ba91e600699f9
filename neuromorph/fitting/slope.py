"""Slope unit: psi = I s(v) (1 - s(v)) tanh(x / W), and the unsigned psi = I s(v) s(g) (1 - s(g)).

The bias sets I; as the pairs leave weak inversion their widths, and how unlike the two signs are, grow with the root of it.

Between the inputs and psi stand mirrors, which follow in the logarithm of their current and owe a charge an e-fold
(:mod:`neuromorph.fitting.cell_mirrors`).  In the candidate's unit one mirror stands for all of them (``q_mirror``); the
signed ones, where mirrors subtract, are late by a charge over their full scale (``q_delay``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.bias import efold, fit_efold
from neuromorph.fitting.cell_mirrors import follow
from neuromorph.fitting.gate import amplifier
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel, SweepData

_SIGNED = ("scale", "v_offset", "v_width", "up", "down", "x_offset", "x_width")
_UNSIGNED = ("scale_g", "vg_offset", "vg_width", "g_offset", "g_width")


BIAS = 0.355
"""Usual bias, V."""
BIAS_RANGE = (0.275, 0.40)
"""Lowest and highest, V."""
SLOW = 50.0
"""Times by which the inputs of sweep ``follow`` are slowed down for currents that follow at once."""
LEAST = 1e-3
"""Of the full current: what a mirror still carries."""
TINY = 1e-21
"""Charge of a mirror that follows at once, C."""


_ROOT = {"wider": 0.1, "shifted": 1e-3, "uneven": -0.02}
"""What a current that is four times as large adds: to the widths, of them; to ``v_offset``, V; to ``down``."""


def _logistic(v: Any, offset: float, width: float) -> np.ndarray:
    return 1 / (1 + np.exp(-(np.asarray(v, float) - offset) / width))


def signed_slope(p: Mapping[str, float], v: Any, x: Any) -> np.ndarray:
    """Difference of the two psi currents, A, over gate voltages (rows) and signed factor (columns), V."""
    s = _logistic(v, p["v_offset"], p["v_width"])
    return np.multiply.outer(
        4 * p["scale"] * s * (1 - s),
        amplifier(np.asarray(x, float), p["up"], p["down"], p["x_offset"], p["x_width"]),
    )


def unsigned_slope(p: dict[str, float], v: Any, g: Any) -> np.ndarray:
    """psi of the candidate's weights, A, over gate voltages (rows) and candidate (columns), V."""
    s = _logistic(g, p["g_offset"], p["g_width"])
    return np.multiply.outer(p["scale_g"] * _logistic(v, p["vg_offset"], p["vg_width"]), 4 * s * (1 - s))


def fit_slope(data: BlockData) -> FittedModel:
    """Both surfaces at the default bias; the bias as an e-fold voltage with a bend."""
    sweep, plain = data["signed"], data["unsigned"]
    full, full_g = np.abs(sweep["difference"]).max(), plain["current"].max()
    unit = np.array([full, 0.01, 0.033, 1, 1, 0.01, 0.065])
    unit_g = np.array([full_g, 0.01, 0.033, 0.01, 0.033])

    def signed(x: np.ndarray) -> np.ndarray:
        p = dict(zip(_SIGNED, [x[0], *x[1:3], 1.0, *x[3:]] * unit, strict=True))
        return (signed_slope(p, sweep["v_gate"], sweep["x"]) - sweep["difference"]).ravel() / full

    def unsigned(x: np.ndarray) -> np.ndarray:
        p = dict(zip(_UNSIGNED, x * unit_g, strict=True))
        return (unsigned_slope(p, plain["v_gate"], plain["x"]) - plain["current"]).ravel() / full_g

    names = tuple(n for n in _SIGNED if n != "up")
    x, dx = least_squares(signed, [1, 0, 1, 1, 0, 1], names, data.name)
    y, dy = least_squares(unsigned, [1, 0, 1, 0, 1], _UNSIGNED, data.name)
    signed_values = dict(zip(names, x * np.delete(unit, 3), strict=True)) | {"up": 1.0}
    bias, d_bias = _fit_bias(data, signed_values)
    values = {**signed_values, **dict(zip(_UNSIGNED, y * unit_g, strict=True)), **bias}
    delay, d_delay, delay_error = _fit_charge("q_delay", delayed, values, data["follow"], data.name)
    mirror, d_mirror, mirror_error = _fit_charge(
        "q_mirror", mirrored, values, data["follow_unsigned"], data.name
    )
    parameters = values | delay | mirror
    parameters["static_power"] = 0.8 * float(np.mean(sweep["supply_current"]))
    units = (
        dict.fromkeys(parameters, "V")
        | dict.fromkeys(("up", "down", "bias_bend", "wider", "uneven"), "1")
        | {"scale": "A", "scale_g": "A", "static_power": "W", "q_delay": "C", "q_mirror": "C"}
    )
    deviation = dict(zip(names, dx * np.delete(unit, 3), strict=True)) | dict(
        zip(_UNSIGNED, dy * unit_g, strict=True)
    )
    errors = {
        "signed_max_of_full_scale": float(np.abs(signed(x)).max()),
        "unsigned_max_of_full_scale": float(np.abs(unsigned(y)).max()),
        "signed_moving_rms_of_full_scale": _rms(delay_error),
        "unsigned_moving_rms_of_full_scale": _rms(mirror_error),
    }
    box = {"v": (-0.4, 0.4), "x": (-0.4, 0.4), "vb": BIAS_RANGE}
    return FittedModel(
        "sigmoid_slope",
        {k: float(v) for k, v in parameters.items()},
        units,
        {**deviation, **d_bias, **d_delay, **d_mirror},
        errors,
        box,
    )


def delayed(p: Mapping[str, float], sweep: SweepData) -> np.ndarray:
    """Error of a signed psi that comes late as the inputs move, of full scale, [vb, time].

    What would come at once is what inputs bring that are slowed down.
    """
    full, time = p["scale"] * bias_factor(p, sweep["vb"]), sweep["time"]
    at_once, moved = _courses(sweep, "difference")
    late = [
        np.interp(time - p["q_delay"] / top, time, current)
        for top, current in zip(full, at_once, strict=True)
    ]
    return (np.stack(late) - moved) / full[:, None]


def mirrored(p: Mapping[str, float], sweep: SweepData) -> np.ndarray:
    """The same of an unsigned psi behind a mirror."""
    full = (p["scale_g"] * bias_factor(p, sweep["vb"]))[:, None]
    at_once, moved = _courses(sweep, "current")
    at_once = np.maximum(at_once, LEAST * full)
    carried = [at_once[:, 0]]
    for k, seconds in enumerate(np.diff(sweep["time"])):
        target = at_once[:, k : k + 2].mean(axis=1)
        carried.append(follow(carried[-1], target, max(p["q_mirror"], TINY), seconds)[0])
    return (np.stack(carried, axis=1) - moved) / full


def _courses(sweep: SweepData, output: str) -> tuple[np.ndarray, np.ndarray]:
    """Currents of inputs slowed down, and of inputs as fast as cells', [vb, time]."""
    order = np.argsort(sweep["slow"])
    return sweep[output][:, order[-1]], sweep[output][:, order[0]]


def _fit_charge(
    name: str,
    law: Callable[[Mapping[str, float], SweepData], np.ndarray],
    p: Mapping[str, float],
    sweep: SweepData,
    block: str,
) -> tuple[dict[str, float], dict[str, float], np.ndarray]:
    """A unit's charge by ``law``, its deviation, and the errors that are left."""

    def errors(x: np.ndarray) -> np.ndarray:
        return law({**p, name: 1e-16 * x[0]}, sweep).ravel()

    x, dx = least_squares(errors, [0.7], (name,), block)
    return {name: 1e-16 * float(x[0])}, {name: 1e-16 * float(dx[0])}, errors(x)


def _rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))


def bias_factor(p: Mapping[str, float], vb: Any) -> np.ndarray:
    """Full scale at a bias over that at the default."""
    return efold(vb, BIAS, p["bias_width"], p["bias_bend"])


def bias_for(p: Mapping[str, float], factor: float) -> float:
    """The bias at which full scale is ``factor`` times that at the default, V: the inverse of :func:`bias_factor`.

    Beyond the top of that law, its top.
    """
    bend = p["bias_bend"]
    root = np.sqrt(max(1 + 4 * bend * np.log(factor), 0.0))
    return float(BIAS + p["bias_width"] * (root - 1) / (2 * bend))


def at_bias(p: Mapping[str, float], vb: float) -> dict[str, float]:
    """Parameters of the signed psi at a bias, V."""
    factor = float(bias_factor(p, vb))
    more = np.sqrt(factor) - 1
    own = {n: p[n] * (1 + p["wider"] * more) for n in ("v_width", "x_width")}
    own |= {"v_offset": p["v_offset"] + p["shifted"] * more, "down": p["down"] + p["uneven"] * more}
    return {**p, **own, "scale": p["scale"] * factor}


def _peak(sweep: SweepData) -> np.ndarray:
    middle = int(np.argmin(np.abs(sweep["v_gate"])))
    return np.abs(sweep["difference"][:, middle]).max(axis=-1)


def _fit_bias(data: BlockData, signed: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Law of the bias, and what goes with the root of its current."""
    sweep = data["bias"]
    law, d_law = fit_efold(sweep["vb"], _peak(sweep), BIAS, data.name).named("bias")
    full, scale = _peak(sweep)[:, None, None], np.array(list(_ROOT.values()))

    def errors(x: np.ndarray) -> np.ndarray:
        own = {**signed, **law, **dict(zip(_ROOT, x * scale, strict=True))}
        return (_at_biases(own, sweep) - sweep["difference"] / full).ravel()

    x, dx = least_squares(errors, [1.0, 0.0, 0.0], tuple(_ROOT), data.name)
    return (
        law | {n: float(v) for n, v in zip(_ROOT, x * scale, strict=True)},
        d_law | {n: float(v) for n, v in zip(_ROOT, dx * np.abs(scale), strict=True)},
    )


def _at_biases(p: Mapping[str, float], sweep: SweepData) -> np.ndarray:
    """Signed psi over that at the bias' full scale, shape (vb, v_gate, x)."""
    own = [at_bias(p, float(vb)) for vb in sweep["vb"]]
    return np.stack([signed_slope(q, sweep["v_gate"], sweep["x"]) / q["scale"] for q in own])


def score_slope(model: FittedModel, data: BlockData) -> list[Figure]:
    """Both surfaces at held-out gate voltages, full scale at held-out biases."""
    p = model.parameters
    signed, plain, bias = data["signed_check"], data["unsigned_check"], data["bias_check"]
    full, full_g = np.abs(signed["difference"]).max(), plain["current"].max()
    error = 100 * np.abs(signed_slope(p, signed["v_gate"], signed["x"]) - signed["difference"]) / full
    error_g = 100 * np.abs(unsigned_slope(p, plain["v_gate"], plain["x"]) - plain["current"]) / full_g
    peak = _peak(bias)
    usual = _peak(data["bias"])[np.argmin(np.abs(data["bias"]["vb"] - BIAS))]
    over = 100 * np.abs(_at_biases(p, bias) - bias["difference"] / peak[:, None, None])
    knob = 100 * np.abs(bias_factor(p, bias["vb"]) * usual / peak - 1)
    moving = (
        ("signed", delayed, data["follow_check"]),
        ("unsigned", mirrored, data["follow_unsigned_check"]),
    )
    at_once = {**p, "q_delay": 0.0, "q_mirror": 0.0}
    zero = 100 * np.abs(signed["difference"][:, len(signed["x"]) // 2]) / full
    return [
        Figure("slope unit: signed psi, max error of full scale", float(error.max()), "%", 2.0, 0.5),
        Figure("slope unit: unsigned psi, max error of full scale", float(error_g.max()), "%", 2.0, 0.5),
        Figure("slope unit: full scale against bias, max error", float(knob.max()), "%", 2.0, 0.5),
        Figure(
            "slope unit: signed psi over the bias, max error of full scale", float(over.max()), "%", 2.0, 0.5
        ),
        Figure("slope unit: psi at zero factor, max of full scale", float(zero.max()), "%"),
        *(
            Figure(f"slope unit: {sign} psi as its inputs move, rms error of full scale",
                   100 * _rms(law(p, sweep)), "%", 5.0, 2.0)
            for sign, law, sweep in moving
        ),
        *(
            Figure(f"baseline, a slope unit that follows at once: {sign} psi, rms error of full scale",
                   100 * _rms(law(at_once, sweep)), "%")
            for sign, law, sweep in moving
        ),
    ]  # fmt: skip
