"""Sigmoid gate and tanh amplifier: fitted transfer curves, and what the bias does to them.

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
from neuromorph.fitting.rectifier import fit_rectifier, rectifier_errors
from neuromorph.library import BlockData, FittedModel

KNOBS = {"vb": (0.15, 0.35, 0.264)}
"""Lowest, highest and usual value, V."""
_NAMES = ("bias_gain", "bias_widening", "bias_widening_power", "bias_offset", "bias_floor")
_UNIT = np.array([1e-3, 0.1, 0.3, 1e-3, 1e-3])


def sigmoid(v: Any, gain: float, v_offset: float, v_width: float, floor: float) -> np.ndarray:
    """Gate current over its bias current: gain / (1 + exp(-(v - v_offset) / v_width)) + floor."""
    return gain / (1 + np.exp(-(v - v_offset) / v_width)) + floor


def amplifier(v: Any, up: float, down: float, v_offset: float, v_width: float) -> np.ndarray:
    """Amplifier current over its tail: tanh((v - v_offset) / v_width), its plateau by direction."""
    bare = np.tanh((v - v_offset) / v_width)
    return bare * np.where(bare > 0, up, down)


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
    g, open_gate = product["g"], product["current"][-1]
    unit = float(sigmoid(product["v_gate"][-1:], **gate)[0] * tail)
    y, dy = least_squares(
        lambda y: amplifier(g, y[0], y[1], y[2] / 100, y[3] / 15) - open_gate / unit, [1, 1, 0, 1],
        ("tanh_gain_up", "tanh_gain_down", "tanh_v_offset", "tanh_v_width"), data.name,
    )  # fmt: skip
    tanh = {"gain_up": y[0], "gain_down": y[1], "v_offset": y[2] / 100, "v_width": y[3] / 15}
    parameters = {**gate, "i_bias": tail, **{f"tanh_{k}": v for k, v in tanh.items()}}
    bias, d_bias, bias_error = fit_bias(data, gate, tail)
    rectifier, d_rectifier, rectifier_error = fit_rectifier(data)
    parameters |= {**bias, **rectifier}
    parameters["static_power"] = float(0.8 * np.mean(product["supply_current"]))
    deviation.update({f"tanh_{k}": d for k, d in zip(tanh, dy * (1, 1, 0.01, 1 / 15), strict=True)})
    deviation |= {**d_bias, **d_rectifier}
    units = {k: "V" if k.endswith(("offset", "width")) else "1" for k in parameters}
    units.update(i_bias="A", static_power="W")
    errors = {
        "sigmoid_max_of_full_scale": float(np.abs(sigmoid(v, **gate) - curve).max()),
        "tanh_max_of_full_scale": float(
            np.abs(amplifier(g, y[0], y[1], y[2] / 100, y[3] / 15) - open_gate / unit).max()
        ),
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


def predict_product(model: FittedModel, v_gate: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Output current of the gated amplifier, A, over gate voltage (rows) and input (columns)."""
    m = model.parameters
    gate = sigmoid(v_gate, m["gain"], m["v_offset"], m["v_width"], m["floor"]) * m["i_bias"]
    tanh = amplifier(g, m["tanh_gain_up"], m["tanh_gain_down"], m["tanh_v_offset"], m["tanh_v_width"])
    return np.multiply.outer(gate, tanh)


def score_gate(model: FittedModel, data: BlockData) -> list[Figure]:
    """Transfer errors of full scale at held-out gate voltages, inputs and output voltages."""
    check = data["product_check"]
    measured = check["current"]
    g = check["g"] + check["g_shift"][0]
    predicted = predict_product(model, check["v_gate"], g)[:, None, None, :]
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
