"""Signed read-out of a differential weight: charge a pulse, q(v_line) tanh((dw - offset) / W(v_line)), and its lag.

The column that mirrors the charge onto a dendrite lags behind the pulse by a time that falls as the pulse grows.  While
charge passes, its outputs conduct: a pulse takes ``output_slope q(v_line)`` a volt from the dendrite, whatever the weight.
Pulses that pass at once lose charge to each other: each is divided by ``1 + sum k(v_line)`` over the others, with
``k = crowd (q(v_line) / q)^crowd_power``, whatever their weights.  At another temperature or supply the two sides of the
column lose unlike shares: k is ``exp(lean)`` times as large for charge of a positive sign, and as much smaller for the
other, with ``lean = crowd_lean + crowd_lean_slope ln(q(v_line) / q)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel, SweepData

V_LINE = 0.35
"""Line height at which charge and width are stated, V."""
WEIGHT_VOLT = 30e-3
"""Difference of the weight nodes of one unit of weight, V; the range is +-3 units.

A smaller unit widens the range and coarsens the six bits: music that is easier to predict needs large weights."""
READ_LAW = (
    "log_charge", "charge_slope", "charge_bend", "charge_skew", "charge_kurt", "width", "width_slope", "width_bend",
    "v_offset", "rest_share",
)  # fmt: skip
"""Parameters of the charge of a pulse."""
_START = (-0.4, 1.0, -0.1, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
_CROWD = ("crowd", "crowd_power")
_SIDES = (*_CROWD, "crowd_lean", "crowd_lean_slope")
_LAG = ("log_lag", "lag_slope", "lag_bend")
SPIKE = 5e-9
"""When the bench's neuron spikes, s."""
PULSE_CENTRE = 1.19e-9
"""Middle of the line's pulse after the spike, s: half its edge, the shaper's delay and half a line pulse's width."""
OUTPUT_RANGE = 0.101
"""Distance of the dendrite from the reference in which the column's output slope is fitted, V."""
REFERENCE = 0.4
LEAST_SHARE = 0.2
"""Share of the full charge from which a pulse's middle tells its lag; a smaller one is the rest of two sides."""


def _charge(x: Any, v_line: np.ndarray, dw: np.ndarray) -> np.ndarray:
    """Charge, fC; line height in steps of 33 mV from the default."""
    return _full(x, v_line) * (np.tanh((dw - x[8] * 1e-3) / _width(x, v_line)) + x[9] * 1e-2)


def _full(x: Any, v_line: np.ndarray) -> np.ndarray:
    return np.exp(np.polynomial.polynomial.polyval(_steps(v_line), x[:5]))


def _width(x: Any, v_line: np.ndarray) -> np.ndarray:
    height = _steps(v_line)
    return (x[5] + height * (x[6] + height * x[7])) * 65e-3


def _steps(v_line: np.ndarray) -> np.ndarray:
    return (v_line - V_LINE) / 33e-3


def pulse_charge(p: Mapping[str, float], v_line: Any, dw: Any) -> np.ndarray:
    """Charge of a pulse, C, at line height (V) and weight difference (V); arrays broadcast."""
    return 1e-15 * _charge([p[n] for n in READ_LAW], np.asarray(v_line, float), np.asarray(dw, float))


def output_charge(p: Mapping[str, float], v_line: Any) -> np.ndarray:
    """Charge that a pulse takes from the dendrite for every volt that it stands above the reference, C/V."""
    full = 1e-15 * _full([p[n] for n in READ_LAW], np.asarray(v_line, float))
    return p["output_slope"] * full


def crowd_share(p: Mapping[str, float], v_line: Any) -> np.ndarray:
    """k: by how much a pulse divides the charge of every other that passes at once, less one."""
    return _crowd_share([p[n] for n in _CROWD], [p[n] for n in READ_LAW], np.asarray(v_line, float))


def _crowd_share(x: Any, read: Any, v_line: np.ndarray) -> np.ndarray:
    return x[0] * _size(read, v_line) ** x[1]


def _size(read: Any, v_line: np.ndarray) -> np.ndarray:
    """Full charge of a pulse over that at the usual height."""
    return _full(read, v_line) / _full(read, np.asarray(V_LINE))


def read_width(p: Mapping[str, float], v_line: Any) -> np.ndarray:
    """Weight difference at which the read-out bends, V, at a line height."""
    return _width([p[n] for n in READ_LAW], np.asarray(v_line, float))


def unit_charge(p: Mapping[str, float], v_line: Any) -> np.ndarray:
    """Charge that one unit of a small weight adds to a pulse, C: the slope at zero."""
    v_line = np.asarray(v_line, float)
    return 1e-15 * _full([p[n] for n in READ_LAW], v_line) * WEIGHT_VOLT / read_width(p, v_line)


def read_offset(p: Mapping[str, float], v_line: Any) -> np.ndarray:
    """Weight difference that reads as nothing, V, to first order in the rest of the two sides."""
    return 1e-3 * np.asarray(p["v_offset"]) - 1e-2 * np.asarray(p["rest_share"]) * read_width(p, v_line)


def line_height(p: Mapping[str, float], charge: float) -> float:
    """Height of a line's pulse whose charge is ``charge`` (C) a unit of small weight, V; nan where none gives it."""
    height = np.linspace(0.31, 0.43, 241)
    return float(np.interp(charge, unit_charge(p, height), height, left=np.nan, right=np.nan))


def column_lag(p: Mapping[str, float], v_line: Any) -> np.ndarray:
    """Time from the middle of a line's pulse to that of its charge on the dendrite, s."""
    return 1e-9 * np.exp(
        np.polynomial.polynomial.polyval(_steps(np.asarray(v_line, float)), [p[n] for n in _LAG])
    )


def _lags(sweep: SweepData) -> tuple[np.ndarray, np.ndarray]:
    """Line heights, V, and lags, s, of all pulses of a sweep that carry enough charge."""
    time, current = sweep["time"], sweep["current"]
    pulse = current - current[..., time < SPIKE - 0.5e-9].mean(axis=-1, keepdims=True)
    charge = np.trapezoid(pulse, time, axis=-1)
    middle = np.trapezoid(pulse * time, time, axis=-1) / np.where(charge == 0, 1.0, charge)
    able = np.abs(charge) > LEAST_SHARE * np.abs(charge).max(axis=1, keepdims=True)
    line = np.broadcast_to(sweep["v_line"][:, None], charge.shape)
    return line[able], (middle - SPIKE - PULSE_CENTRE)[able]


def _fit_lag(data: BlockData) -> tuple[dict[str, float], dict[str, float]]:
    line, lag = _lags(data["charge"])
    x, dx = least_squares(
        lambda x: column_lag(dict(zip(_LAG, x, strict=True)), line) / lag - 1,
        (0.5, -0.5, 0.0),
        _LAG,
        data.name,
    )
    return dict(zip(_LAG, map(float, x), strict=True)), dict(zip(_LAG, map(float, dx), strict=True))


def _fit_output(data: BlockData, full: float) -> tuple[float, float]:
    """Slope over dendrite voltage at every weight, a share of the ``full`` charge a volt, and its deviation."""
    sweep = data["output"]
    v = sweep["v_out"] - REFERENCE
    near = np.abs(v) < OUTPUT_RANGE
    slopes = -np.polyfit(v[near], sweep["charge"][near], 1)[0] / full
    return float(slopes.mean()), float(slopes.std(ddof=1) / np.sqrt(len(slopes)))


def _fit_crowd(data: BlockData, read: Any) -> tuple[dict[str, float], dict[str, float]]:
    """By how much equal pulses divide each other, less one, over their number and line height."""
    sweep = data["crowd"]
    charge, others = sweep["charge"], sweep["pulses"] - 1
    divided = sweep["pulses"] * charge[:, :1] / charge - 1
    x, dx = least_squares(
        lambda x: (
            others * _crowd_share((1e-2 * x[0], x[1]), read, sweep["v_line"][:, None]) - divided
        ).ravel(),
        (1.0, 1.0),
        _CROWD,
        data.name,
    )
    scale = np.array([1e-2, 1.0])
    law, deviation = (dict(zip(_CROWD, map(float, scale * v), strict=True)) for v in (x, dx))
    return law, deviation


def crowded(p: Mapping[str, float], v_line: Any, others: Any, alone: Any) -> np.ndarray:
    """Charge of pulses that pass at once, C, each with so many ``others`` beside it, whose charges are ``alone`` in sum."""
    size = np.log(_size([p[n] for n in READ_LAW], v_line))
    lean = p.get("crowd_lean", 0.0) + p.get("crowd_lean_slope", 0.0) * size
    full = (others + 1) * pulse_charge(p, v_line, 1.0)
    share = others * crowd_share(p, v_line)
    return 0.5 * ((full + alone) / (1 + share * np.exp(lean)) - (full - alone) / (1 + share * np.exp(-lean)))


def read_at_once(p: Mapping[str, float], sweep: SweepData) -> tuple[np.ndarray, ...]:
    """Line heights, V, numbers of others, charges alone in sum and full charges in sum, C, of a sweep's points: one pulse
    through a unit of weight and the others through theirs, by default the same; [heights, numbers, weights]."""
    weights = sweep.axes.get("others", [WEIGHT_VOLT])
    line, pulses, weight = np.meshgrid(sweep["v_line"], sweep["pulses"], weights, indexing="ij")
    alone = pulse_charge(p, line, WEIGHT_VOLT) + (pulses - 1) * pulse_charge(p, line, weight)
    return line, pulses - 1, alone, pulses * pulse_charge(p, line, 1.0)


def _fit_sides(data: BlockData, read: Any) -> tuple[dict[str, float], dict[str, float]]:
    """The crowd's law with both of its sides, from pulses through weights of either sign."""
    scale = np.array([1e-2, 1.0, 1.0, 1.0])
    known = dict(zip(READ_LAW, read, strict=True))
    rows = [(*read_at_once(known, data[name]), data[name]["charge"]) for name in ("crowd", "sides")]

    def errors(x: np.ndarray) -> np.ndarray:
        p = known | dict(zip(_SIDES, scale * x, strict=True))
        return np.concatenate([
            ((crowded(p, line, others, alone) - charge.reshape(line.shape)) / full).ravel()
            for line, others, alone, full, charge in rows
        ])  # fmt: skip

    x, dx = least_squares(errors, (1.0, 1.0, 0.0, 0.0), _SIDES, data.name)
    law, deviation = (dict(zip(_SIDES, map(float, scale * v), strict=True)) for v in (x, dx))
    return law, deviation


def fit_readout(data: BlockData) -> FittedModel:
    """The laws of charge, lag, output slope and crowd; static power at the defaults.

    The crowd's sides are told apart at other corners alone: at the usual one they are alike.
    """
    sweep = data["charge"]
    line, dw = np.meshgrid(sweep["v_line"], sweep["dw"], indexing="ij")
    measured = sweep["charge"] / 1e-15
    scale = np.abs(measured).max(axis=1, keepdims=True)
    x, dx = least_squares(
        lambda x: ((_charge(x, line, dw) - measured) / scale).ravel(), _START, READ_LAW, data.name
    )
    default = int(np.argmin(np.abs(sweep["v_line"] - V_LINE)))
    middle = len(sweep["dw"]) // 2
    parameters = {
        **dict(zip(READ_LAW, x, strict=True)),
        "charge": 1e-15 * np.exp(x[0]), "v_width": x[5] * 65e-3,
        "unit_charge": float(np.diff(pulse_charge(dict(zip(READ_LAW, x, strict=True)), V_LINE, [0, WEIGHT_VOLT]))[0]),
        "column_static_power": 0.8 * sweep["static_current"][default, middle],
        "column_rest_current": sweep["rest_current"][default, middle],
    }  # fmt: skip
    lag, d_lag = _fit_lag(data)
    slope, d_slope = _fit_output(data, parameters["charge"])
    alike = data.is_usual or "sides" not in data.sweeps
    crowd, d_crowd = _fit_crowd(data, x) if alike else _fit_sides(data, x)
    parameters |= lag | crowd | {"output_slope": slope}
    units = {n: "1" for n in (*READ_LAW, *_LAG, *crowd)} | {
        "charge": "C", "v_width": "V", "unit_charge": "C", "column_static_power": "W",
        "column_rest_current": "A", "output_slope": "1/V",
    }  # fmt: skip
    errors = {"charge_max_of_full_scale": float(np.abs((_charge(x, line, dw) - measured) / scale).max())}
    box = {"dw": (-0.15, 0.15), "v_line": (0.31, 0.43)}
    return FittedModel(
        "pulsed_pair",
        {k: float(v) for k, v in parameters.items()},
        units,
        {**dict(zip(READ_LAW, dx, strict=True)), **d_lag, **d_crowd, "output_slope": d_slope},
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
    line, measured = _lags(check)
    away = data["output_check"]
    moved = away["charge"] - _between(away["v_out"], away["charge"])
    foretold = -output_charge(model.parameters, away["v_line"])[:, None] * (away["v_out"] - REFERENCE)
    full = pulse_charge(model.parameters, away["v_line"][:, None, None], 1.0)
    slip = 100 * np.abs((foretold[..., None] - moved) / full)
    crowded, alone = _crowd_errors(model.parameters, data["crowd_check"])
    late = 100 * np.abs(column_lag(model.parameters, line) / measured - 1)
    return [
        Figure("gate synapse: charge of a pulse, max error of full scale", float(error.max()), "%", 2.0, 0.5),
        Figure(
            "gate synapse: baseline, linear in the weight, max error of full scale", float(naive.max()), "%"
        ),
        Figure("gate synapse: lag of the column, mean error", float(late.mean()), "%"),
        Figure("gate synapse: lag of the column, max error", float(late.max()), "%"),
        Figure("gate synapse: charge over dendrite +-60 mV, max error of full scale", float(slip.max()), "%"),
        Figure("gate synapse: baseline, charge whatever the dendrite, max error of full scale",
               float(100 * np.abs(moved / full).max()), "%"),
        Figure("gate synapse: charge of three to ten read at once, max error of their full charge", crowded, "%", 2.0, 0.5),
        Figure("gate synapse: baseline, each read as if alone, max error of their full charge", alone, "%"),
        Figure("gate synapse: charge against dendrite 0.2 .. 0.6 V, spread", _spread(data, "output"), "%"),
        Figure("gate synapse: charge against weight mean 0.5 .. 0.7 V, spread", _spread(data, "mean"), "%"),
    ]  # fmt: skip


def _crowd_errors(p: Mapping[str, float], sweep: SweepData) -> tuple[float, float]:
    """Largest error, % of the full charge of all pulses, of the law and without it."""
    line, others, alone, full = read_at_once(p, sweep)
    together = crowded(p, line, others, alone)
    error, naive = (float(100 * np.abs((q - sweep["charge"]) / full).max()) for q in (together, alone))
    return error, naive


def _between(v_out: np.ndarray, charge: np.ndarray) -> np.ndarray:
    """Charge at the reference [lines, 1, weights], from cubics over the dendrite voltages [lines, voltages, weights]."""
    powers = np.vander(v_out - REFERENCE, 4)
    return np.einsum("v,lvw->lw", np.linalg.pinv(powers)[-1], charge)[:, None]


def _spread(data: BlockData, sweep: str) -> float:
    """Half the range of the signed part over the sweep's outer axis, % of its middle value."""
    charge = data[sweep]["charge"]
    signed = charge[:, -1] - charge[:, 0]
    return float(50 * np.ptp(signed) / signed[len(signed) // 2])
