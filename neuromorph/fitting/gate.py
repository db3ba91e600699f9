"""Sigmoid gate and tanh amplifier: fitted transfer curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel


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
    parameters["static_power"] = float(0.8 * np.mean(product["supply_current"]))
    deviation.update({f"tanh_{k}": d for k, d in zip(tanh, dy * (1, 1, 0.01, 1 / 15), strict=True)})
    units = {k: "V" if k.endswith(("offset", "width")) else "1" for k in parameters}
    units.update(i_bias="A", static_power="W")
    errors = {
        "sigmoid_max_of_full_scale": float(np.abs(sigmoid(v, **gate) - curve).max()),
        "tanh_max_of_full_scale": float(
            np.abs(amplifier(g, y[0], y[1], y[2] / 100, y[3] / 15) - open_gate / unit).max()
        ),
    }
    box = {"v": (float(v.min()), float(v.max())), "g": (float(g.min()), float(g.max())), "v_out": (0.3, 0.5)}
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
    return [
        Figure("gate: sigmoid transfer, max error of full scale", float(gate.max()), "%", 2.0, 0.5),
        Figure("gate: product transfer, max error of full scale", float(error.max()), "%", 2.0, 0.5),
        Figure("gate: product transfer, mean error of full scale", float(error.mean()), "%"),
        Figure("gate: baseline, constant, mean error of full scale", float(flat), "%"),
    ]
