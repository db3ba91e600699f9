"""Signed read-out of a differential weight: charge a pulse, q(v_line) tanh((dw - offset) / W(v_line))."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel

V_LINE = 0.35
"""Line height at which charge and width are stated, V."""
WEIGHT_VOLT = 30e-3
"""Difference of the weight nodes of one unit of weight, V; the range is +-3 units.

A smaller unit widens the range and coarsens the six bits: music that is easier to predict needs large weights."""
_NAMES = (
    "log_charge", "charge_slope", "charge_bend", "charge_skew", "charge_kurt", "width", "width_slope", "width_bend",
    "v_offset", "rest_share",
)  # fmt: skip
_START = (-0.4, 1.0, -0.1, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)


def _charge(x: Any, v_line: np.ndarray, dw: np.ndarray) -> np.ndarray:
    """Charge, fC; line height in steps of 33 mV from the default."""
    height = (v_line - V_LINE) / 33e-3
    full = np.exp(np.polynomial.polynomial.polyval(height, x[:5]))
    width = (x[5] + height * (x[6] + height * x[7])) * 65e-3
    return full * (np.tanh((dw - x[8] * 1e-3) / width) + x[9] * 1e-2)


def pulse_charge(p: dict[str, float], v_line: Any, dw: Any) -> np.ndarray:
    """Charge of a pulse, C, at line height (V) and weight difference (V); arrays broadcast."""
    return 1e-15 * _charge([p[n] for n in _NAMES], np.asarray(v_line, float), np.asarray(dw, float))


def fit_readout(data: BlockData) -> FittedModel:
    """The law of the charge; energy and static power at the defaults."""
    sweep = data["charge"]
    line, dw = np.meshgrid(sweep["v_line"], sweep["dw"], indexing="ij")
    measured = sweep["charge"] / 1e-15
    scale = np.abs(measured).max(axis=1, keepdims=True)
    x, dx = least_squares(
        lambda x: ((_charge(x, line, dw) - measured) / scale).ravel(), _START, _NAMES, data.name
    )
    default = int(np.argmin(np.abs(sweep["v_line"] - V_LINE)))
    middle = len(sweep["dw"]) // 2
    parameters = {
        **dict(zip(_NAMES, x, strict=True)),
        "charge": 1e-15 * np.exp(x[0]), "v_width": x[5] * 65e-3,
        "unit_charge": float(np.diff(pulse_charge(dict(zip(_NAMES, x, strict=True)), V_LINE, [0, WEIGHT_VOLT]))[0]),
        "energy_per_event": sweep["energy"][default, middle],
        "column_static_power": 0.8 * sweep["static_current"][default, middle],
        "column_rest_current": sweep["rest_current"][default, middle],
    }  # fmt: skip
    units = {n: "1" for n in _NAMES} | {
        "charge": "C", "v_width": "V", "unit_charge": "C", "energy_per_event": "J", "column_static_power": "W",
        "column_rest_current": "A",
    }  # fmt: skip
    errors = {"charge_max_of_full_scale": float(np.abs((_charge(x, line, dw) - measured) / scale).max())}
    box = {"dw": (-0.15, 0.15), "v_line": (0.31, 0.43)}
    return FittedModel(
        "pulsed_pair",
        {k: float(v) for k, v in parameters.items()},
        units,
        dict(zip(_NAMES, dx, strict=True)),
        errors,
        box,
    )


def score_readout(model: FittedModel, data: BlockData) -> list[Figure]:
    """Charge at held-out weights and line heights; what mean and dendrite voltage change."""
    check = data["charge_check"]
    line, dw = np.meshgrid(check["v_line"], check["dw"], indexing="ij")
    full = pulse_charge(model.parameters, check["v_line"][:, None], 1.0)
    error = 100 * np.abs(pulse_charge(model.parameters, line, dw) - check["charge"]) / full
    linear = model.parameters["unit_charge"] / WEIGHT_VOLT * dw
    naive = 100 * np.abs(linear - check["charge"])[1] / full[1]
    return [
        Figure("gate synapse: charge of a pulse, max error of full scale", float(error.max()), "%", 2.0, 0.5),
        Figure(
            "gate synapse: baseline, linear in the weight, max error of full scale", float(naive.max()), "%"
        ),
        Figure("gate synapse: charge against dendrite 0.2 .. 0.6 V, spread", _spread(data, "output"), "%"),
        Figure("gate synapse: charge against weight mean 0.5 .. 0.7 V, spread", _spread(data, "mean"), "%"),
    ]


def _spread(data: BlockData, sweep: str) -> float:
    """Half the range of the signed part over the sweep's outer axis, % of its middle value."""
    charge = data[sweep]["charge"]
    signed = charge[:, -1] - charge[:, 0]
    return float(50 * np.ptp(signed) / signed[len(signed) // 2])
