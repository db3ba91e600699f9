"""Sigmoid gate and tanh amplifier: fitted transfer curves, their product, and what the bias does to them.

The amplifier's tail copies a gate of value s as ``s (1 - d s)``; its mirrors end at the rails, so that an output at V_out
takes ``H_p(V_out) / H_p(ref)`` of what is sourced and ``H_n(V_out) / H_n(ref)`` of what is sunk
(:func:`headroom`; A. Khakifirooz, O. M. Nayfeh and D. Antoniadis, IEEE Trans. Electron Devices 56:1674, 2009, with its
exponent of 1.8 rounded to 2).

With ``r`` the tail over its value at the usual bias: gain ``+ a (r - 1)``, width ``(1 + b (r^c - 1))`` times,
offset ``+ d (r^c - 1)``, floor ``+ f (1/r - 1)`` (a current that no bias turns off).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.bias import fit_transistor, settings, transistor
from neuromorph.fitting.least_squares import least_squares
from neuromorph.fitting.pair import balance
from neuromorph.fitting.rectifier import fit_rectifier, rectifier_errors
from neuromorph.library import BlockData, FittedModel

KNOBS = {"vb": (0.15, 0.35, 0.264)}
"""Lowest, highest and usual value, V."""
_NAMES = ("bias_gain", "bias_widening", "bias_widening_power", "bias_offset", "bias_floor")
_UNIT = np.array([1e-3, 0.1, 0.3, 1e-3, 1e-3])
RAIL = 0.4
"""Distance of either rail from the reference, V."""
_AMPLIFIER = {
    "gain_up": 1.0,
    "gain_down": 1.0,
    "v_offset": 0.01,
    "v_width": 1 / 15,
    "v_headroom": 0.05,
    "droop": 0.01,
}
"""Parameters of the amplifier and the units that their fit takes them in."""


def sigmoid(
    v: Any, gain: float, v_offset: float, v_width: float, floor: float, inversion: float = 0.0
) -> np.ndarray:
    """Gate current over its bias current: gain / (1 + exp(-(v - v_offset) / v_width)) + floor, its pair as far into
    inversion as said."""
    return gain * 0.5 * (1 + balance(np.asarray(v) - v_offset, 2 * v_width, inversion)) + floor


def amplifier(v: Any, up: float, down: float, v_offset: float, v_width: float) -> np.ndarray:
    """Amplifier current over its tail: tanh((v - v_offset) / v_width), its plateau by direction."""
    bare = np.tanh((v - v_offset) / v_width)
    return bare * np.where(bare > 0, up, down)


def headroom(v_headroom: Any, v: Any) -> tuple[np.ndarray, np.ndarray]:
    """What is left of the current of the sourcing and of the sinking mirror at ``v`` V from the reference, 1."""
    left, right = RAIL - np.asarray(v, float), RAIL + np.asarray(v, float)
    return left / np.hypot(left, v_headroom), right / np.hypot(right, v_headroom)


def _product(gate: np.ndarray, m: Mapping[str, float], g: np.ndarray, v_out: np.ndarray) -> np.ndarray:
    """Amplifier's output over the gate's bias current, shape (gates, outputs, inputs)."""
    tanh = amplifier(g, m["gain_up"], m["gain_down"], m["v_offset"], m["v_width"])
    plateau = np.where(tanh > 0, m["gain_up"], m["gain_down"])
    usual = headroom(m["v_headroom"], 0.0)
    up, down = (side[:, None] / at for side, at in zip(headroom(m["v_headroom"], v_out), usual, strict=True))
    shape = 0.5 * (tanh * (up + down) + plateau * (up - down))
    return np.multiply.outer(gate * (1 - m["droop"] * gate), shape)


def default_row(data: BlockData, sweep: str, knob: str) -> int:
    """Index of the knob's default value on a sweep's axis."""
    return int(np.argmin(np.abs(data[sweep][knob] - float(data.attributes[f"default_{knob}"]))))


def at_knobs(parameters: Mapping[str, float], **knobs: float) -> dict[str, float]:
    """The gate's parameters at a bias ``vb``, under their own names.

    Raises
    ------
    OutOfRange
        Outside 0.15 .. 0.35 V.
    """
    vb = settings("gate", KNOBS, knobs)["vb"]
    p = dict(parameters)
    law = (p["bias_width"], p["bias_turn"], p["bias_power"])
    ratio = float(transistor(vb, KNOBS["vb"][2], *law))
    p["i_bias"] *= ratio
    return _shaped(p, ratio)


def _shaped(p: dict[str, float], ratio: float) -> dict[str, float]:
    rise = ratio ** p["bias_widening_power"] - 1
    return p | {
        "gain": p["gain"] + p["bias_gain"] * (ratio - 1),
        "v_width": p["v_width"] * (1 + p["bias_widening"] * rise),
        "v_offset": p["v_offset"] + p["bias_offset"] * rise,
        "floor": p["floor"] + p["bias_floor"] * (1 / ratio - 1),
    }


def fit_bias(
    data: BlockData, gate: Mapping[str, float], tail: float
) -> tuple[dict[str, float], dict[str, float], float]:
    """Parameters of both laws, their deviations, and the tail's largest relative error."""
    sweep = data["sigmoid"]
    law = fit_transistor(sweep["vb"], sweep["tail"], KNOBS["vb"][2], data.name)
    curves = sweep["current"] / sweep["tail"][:, None]

    def residuals(x: np.ndarray) -> np.ndarray:
        p = dict(gate) | dict(zip(_NAMES, x * _UNIT, strict=True))
        shapes = [_shaped(p, float(t) / tail) for t in sweep["tail"]]
        models = [sigmoid(sweep["v"], s["gain"], s["v_offset"], s["v_width"], s["floor"]) for s in shapes]
        return (np.stack(models) - curves).ravel()

    x, dx = least_squares(residuals, [2.5, 1.0, 1.0, 1.0, 0.5], _NAMES, data.name)
    values, deviation = law.named("bias")
    values |= dict(zip(_NAMES, map(float, x * _UNIT), strict=True))
    deviation |= dict(zip(_NAMES, map(float, dx * _UNIT), strict=True))
    return values, deviation, law.error


def fit_gate(data: BlockData) -> FittedModel:
    """Sigmoid at the default bias and tanh of the product with the gate fully open."""
    sweep = data["sigmoid"]
    row = default_row(data, "sigmoid", "vb")
    v, tail = sweep["v"], float(sweep["tail"][row])
    curve = sweep["current"][row] / tail
    x, dx = least_squares(
        lambda x: sigmoid(v, x[0], x[1] / 100, x[2] / 30, abs(x[3])) - curve, [1, 0, 1, 1e-4],
        ("gain", "v_offset", "v_width", "floor"), data.name,
    )  # fmt: skip
    gate = {"gain": x[0], "v_offset": x[1] / 100, "v_width": x[2] / 30, "floor": abs(x[3])}
    deviation = dict(zip(gate, dx * (1, 0.01, 1 / 30, 1), strict=True))
    product = data["product"]
    g = product["g"]
    tanh, d_tanh, tanh_error = _fit_amplifier(data, gate, tail)
    parameters = {**gate, "i_bias": tail, **{f"tanh_{k}": v for k, v in tanh.items()}}
    bias, d_bias, bias_error = fit_bias(data, gate, tail)
    rectifier, d_rectifier, rectifier_error = fit_rectifier(data)
    parameters |= {**bias, **rectifier}
    parameters["static_power"] = float(0.8 * np.mean(product["supply_current"]))
    deviation |= {f"tanh_{k}": d for k, d in d_tanh.items()}
    deviation |= {**d_bias, **d_rectifier}
    units = {k: "V" if k.endswith(("offset", "width", "headroom")) else "1" for k in parameters}
    units.update(i_bias="A", static_power="W")
    errors = {
        "sigmoid_max_of_full_scale": float(np.abs(sigmoid(v, **gate) - curve).max()),
        "product_max_of_full_scale": tanh_error,
        "tail_max_relative": bias_error,
        "rectifier_max_of_full_scale": rectifier_error,
    }
    box = {"v": (float(v.min()), float(v.max())), "g": (float(g.min()), float(g.max())), "v_out": (0.3, 0.5)}
    box["vb"] = KNOBS["vb"][:2]
    box["rectifier_tail"] = (
        float(data["rectifier"]["i_tail"].min()),
        float(data["rectifier"]["i_tail"].max()),
    )
    return FittedModel(
        "sigmoid_tanh", {k: float(v) for k, v in parameters.items()}, units, deviation, errors, box
    )


def _fit_amplifier(
    data: BlockData, gate: Mapping[str, float], tail: float
) -> tuple[dict[str, float], dict[str, float], float]:
    """The amplifier behind a fitted gate, its parameters' deviations, and the largest error of full scale."""
    names, unit = tuple(_AMPLIFIER), np.array([*_AMPLIFIER.values()])
    sweeps = [
        (sigmoid(sweep["v_gate"], **gate), sweep["g"], sweep.axes.get("v_out", np.array([RAIL])) - RAIL,
         sweep["current"].reshape(len(sweep["v_gate"]), -1, len(sweep["g"])) / tail)
        for sweep in (data["product"], data["product_out"])
    ]  # fmt: skip

    def residuals(y: np.ndarray) -> np.ndarray:
        m = dict(zip(names, y * unit, strict=True))
        return np.concatenate([(_product(s, m, g, out) - true).ravel() for s, g, out, true in sweeps])

    start = [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]
    y, dy = least_squares(residuals, start, tuple(f"tanh_{n}" for n in names), data.name)
    full = max(np.abs(true).max() for *_, true in sweeps)
    return (
        dict(zip(names, map(float, y * unit), strict=True)), dict(zip(names, map(float, dy * unit), strict=True)),
        float(np.abs(residuals(y)).max() / full),
    )  # fmt: skip


def predict_product(model: FittedModel, v_gate: np.ndarray, g: np.ndarray, v_out: np.ndarray) -> np.ndarray:
    """Output current of the gated amplifier, A, shape (gates, outputs, inputs), at voltages of gate and output, V,
    and at the amplifier's input, V from the reference."""
    m = model.parameters
    gate = sigmoid(v_gate, m["gain"], m["v_offset"], m["v_width"], m["floor"])
    amplifier_ = {name: m[f"tanh_{name}"] for name in _AMPLIFIER}
    return m["i_bias"] * _product(gate, amplifier_, g, np.asarray(v_out) - RAIL)


def score_gate(model: FittedModel, data: BlockData) -> list[Figure]:
    """Transfer errors of full scale at held-out gate voltages, inputs and output voltages."""
    check = data["product_check"]
    measured = check["current"]
    g = check["g"] + check["g_shift"][0]
    predicted = predict_product(model, check["v_gate"], g, check["v_out"])[:, None]
    scale = np.abs(measured).max()
    error = 100 * np.abs(predicted - measured) / scale
    sigmoids = data["sigmoid_check"]
    m = model.parameters
    shape = sigmoid(sigmoids["v"], m["gain"], m["v_offset"], m["v_width"], m["floor"])
    gate = 100 * np.abs(shape - sigmoids["current"] / sigmoids["tail"][:, None])
    flat = 100 * np.abs(measured - measured.mean()).mean() / scale
    knob = [
        Figure(f"gate: held-out biases, {what}, max error", value, "%", 4.0, 1.0)
        for what, value in _bias_errors(model, data).items()
    ]
    rectifier = [
        Figure(f"gate: rectifier, {what}, max error of full scale", value, "%", *bounds)
        for what, value in rectifier_errors(m, data).items()
        for bounds in [(None, None) if "relu" in what else (2.0, 0.5)]
    ]
    return [
        Figure("gate: sigmoid transfer, max error of full scale", float(gate.max()), "%", 2.0, 0.5),
        Figure("gate: product transfer, max error of full scale", float(error.max()), "%", 2.0, 0.5),
        Figure("gate: product transfer, mean error of full scale", float(error.mean()), "%"),
        Figure("gate: baseline, constant, mean error of full scale", float(flat), "%"),
        *knob,
        *rectifier,
    ]


def _bias_errors(model: FittedModel, data: BlockData) -> dict[str, float]:
    """Tail and whole sigmoid at held-out biases, %, and one law for all, a pure exponential, beside them."""
    check = data["bias_check"]
    tail, current = check["tail"], check["current"]
    settings_ = [at_knobs(model.parameters, vb=float(vb)) for vb in check["vb"]]
    tails = np.array([p["i_bias"] for p in settings_])
    curves = [
        p["i_bias"] * sigmoid(check["v"], p["gain"], p["v_offset"], p["v_width"], p["floor"])
        for p in settings_
    ]
    error = np.abs(np.stack(curves) - current) / current.max(axis=1, keepdims=True)
    return {
        "tail": float(100 * np.abs(tails / tail - 1).max()),
        "sigmoid of full scale": float(100 * error.max()),
    }
