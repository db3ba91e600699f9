"""Signals carried by pulse widths: the error unit's p - t and a cell's learning signal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neuromorph.circuit import Axis, Sweep
from neuromorph.figures import Figure
from neuromorph.fitting.bias import Law, Ranges, efold, fit_efold, settings
from neuromorph.fitting.least_squares import least_squares
from neuromorph.fitting.pulse_pairs import LONGEST
from neuromorph.library import BlockData, FittedModel


def _sigmoid(v: Any, offset: float, width: float) -> np.ndarray:
    return 1 / (1 + np.exp(-(np.asarray(v, float) - offset) / width))


def error_width(p: dict[str, float], v: Any, teacher: Any) -> np.ndarray:
    """Width of the positive minus the negative pulse, s: T (p - t) with each side's own gain.

    A pulse that lasts until its conversion ends is cut there, see :func:`widest_error`.
    """
    s = _sigmoid(v, p["v_offset"], p["v_width"])
    t = np.asarray(teacher, float)
    whole = (1 - t) * p["time_up"] * s - t * p["time_down"] * (1 - s) + p["time_rest"]
    return np.clip(whole, -widest_error(p), widest_error(p))


def widest_error(p: Mapping[str, float]) -> float:
    """What a conversion leaves of a pulse over the other's base width, s."""
    return LONGEST - p["base"]


_ERROR = ("time_up", "time_down", "v_offset", "v_width", "time_rest")
_ERROR_SCALE = np.array([1e-8, 1e-8, 1e-2, 33e-3, 1e-10])


def _error_residuals(x: np.ndarray, data: BlockData, base: float) -> np.ndarray:
    sweep = data["error"]
    v, t = np.meshgrid(sweep["v"], sweep["teacher"], indexing="ij")
    p = dict(zip(_ERROR, x * _ERROR_SCALE, strict=True)) | {"base": base}
    return ((error_width(p, v, t) - sweep["difference"]) / np.abs(sweep["difference"]).max()).ravel()


BIAS = 0.335
"""Usual bias of the error unit's sigmoid, V."""


def bias_gain(p: dict[str, float], vb: Any) -> np.ndarray:
    """Pulse gain at a bias of the sigmoid over that at the default."""
    return efold(vb, BIAS, p["bias_width"], p["bias_bend"])


def _fit_gain(sweep: Any, knob: str, block: str) -> tuple[dict[str, float], dict[str, float]]:
    scale = np.abs(sweep["difference"]).reshape(len(sweep[knob]), -1).max(axis=1)
    return fit_efold(sweep[knob], scale, BIAS, block).named("bias")


HIGH = (0.25, 0.41, 0.36)
DISCHARGE: Mapping[str, Ranges] = {
    "error_unit": {"vdis": (0.305, 0.34, 0.315), "high": HIGH},
    "learning_unit": {"vdis": (0.275, 0.33, 0.285), "high": HIGH},
}
"""Knobs of a unit's modulator, V; ``high`` is the height of its pulses and does not change their width."""
_WIDTHS = ("time_up", "time_down", "time_rest", "base", "time_per_slope")


def at_knobs(parameters: Mapping[str, float], block: str, **knobs: float) -> dict[str, float]:
    """Parameters of a unit's pulses at a setting of ``vdis`` and ``high``, V.

    Raises
    ------
    OutOfRange
        For an unknown knob or outside its range.
    """
    factor = float(discharge_factor(parameters, settings(block, DISCHARGE[block], knobs)["vdis"], block))
    return {name: value * factor if name in _WIDTHS else value for name, value in parameters.items()}


def discharge_factor(p: Mapping[str, float], vdis: Any, block: str) -> np.ndarray:
    """Widths of a block's pulses at a discharge over those at the usual one."""
    return 1 / efold(vdis, DISCHARGE[block]["vdis"][2], p["discharge_width"], p["discharge_bend"])


def _fit_discharge(data: BlockData) -> Law:
    sweep = data["discharge"]
    size = np.abs(sweep["difference"]).reshape(len(sweep["vdis"]), -1).mean(axis=1)
    return fit_efold(sweep["vdis"], 1 / size, DISCHARGE[data.name]["vdis"][2], data.name)


def _discharge_figures(label: str, data: BlockData, p: Mapping[str, float]) -> list[Figure]:
    """Widths at held-out discharges and heights, against the usual ones."""
    usual, check, height = data["discharge"], data["discharge_check"], data["height_check"]
    at = list(usual["vdis"]).index(DISCHARGE[data.name]["vdis"][2])
    base = np.abs(usual["difference"]).reshape(len(usual["vdis"]), -1).mean(axis=1)[at]
    size = np.abs(check["difference"]).reshape(len(check["vdis"]), -1).mean(axis=1)
    flat = np.abs(height["difference"]).reshape(len(height["high"]), -1).mean(axis=1)
    return [
        Figure(f"{label}: width over the discharge knob, max error",
               float(100 * np.abs(base * discharge_factor(p, check["vdis"], data.name) / size - 1).max()), "%", 4.0, 1.0),
        Figure(f"{label}: width over the height knob, max error",
               float(100 * np.abs(base / flat - 1).max()), "%", 4.0, 1.0),
    ]  # fmt: skip


def modulator_sweeps(
    bench: Callable[[Any, Any], str], measure: Callable[[Any, Any], dict[str, float]], outputs: Mapping[str, str],
    others: Mapping[str, Axis], discharges: tuple[tuple[float, ...], tuple[float, ...]],
) -> tuple[Sweep, ...]:  # fmt: skip
    """Sweeps of a modulator's knobs at one signal (``others``, one value an axis); ``discharges``: fitted, held out, V."""

    def sweep(name: str, knob: str, values: tuple[float, ...], held_out: bool, caption: str = "") -> Sweep:
        axes = {knob: Axis(values, "V"), **others}
        return Sweep(
            name,
            axes,
            bench,
            measure,
            dict(outputs),
            held_out=held_out,
            caption=caption,
            optional=not held_out,
        )

    return (
        sweep("discharge", "vdis", discharges[0], False, "Discharge knob"),
        sweep("discharge_check", "vdis", discharges[1], True),
        sweep("height_check", "high", (0.26, 0.31, 0.39), True),
    )


def fit_error_unit(data: BlockData) -> FittedModel:
    """Gains, offset and width of the sigmoid, base width, energy; laws of the knobs where they were measured."""
    sweep = data["error"]
    base = float(sweep["negative"][:, 0].mean())
    x, dx = least_squares(lambda x: _error_residuals(x, data, base), [1.6, 1.6, 0, 1, 0], _ERROR, data.name)
    bias, d_bias = _fit_gain(data["bias"], "vb", data.name) if "bias" in data.sweeps else ({}, {})
    discharge, d_discharge = (
        _fit_discharge(data).named("discharge") if "discharge" in data.sweeps else ({}, {})
    )
    parameters = {
        **dict(zip(_ERROR, x * _ERROR_SCALE, strict=True)), **bias, **discharge,
        "base": base,
        "energy_per_conversion": float(sweep["energy"].mean()),
    }  # fmt: skip
    units = {n: "V" if n.startswith("v_") or n.endswith("_width") else "s" for n in parameters}
    units |= {"energy_per_conversion": "J", "bias_bend": "1", "discharge_bend": "1"}
    errors = {"difference_max_of_full_scale": float(np.abs(_error_residuals(x, data, base)).max())}
    return FittedModel(
        "pulse_width_error", {k: float(v) for k, v in parameters.items()}, units,
        dict(zip(_ERROR, dx * _ERROR_SCALE, strict=True)) | d_bias | d_discharge, errors,
        {"v": (-0.2, 0.2), "vb": (0.295, 0.34)}
        | {name: (low, high) for name, (low, high, _) in DISCHARGE["error_unit"].items()},
    )  # fmt: skip


def score_error_unit(model: FittedModel, data: BlockData) -> list[Figure]:
    """p - t at held-out predictions; what a perfect prediction still gives."""
    check, zero = data["error_check"], data["zero_check"]
    v, t = np.meshgrid(check["v"], check["teacher"], indexing="ij")
    full = 0.5 * (model.parameters["time_up"] + model.parameters["time_down"])
    error = 100 * np.abs(error_width(model.parameters, v, t) - check["difference"]) / full
    right = 100 * np.abs(zero["difference"]).max() / full
    return [
        Figure("error unit: p - t, max error of full scale", float(error.max()), "%", 2.0, 0.5),
        Figure(
            "error unit: signal at a right prediction (p < 0.003 or > 0.997), of full scale",
            float(right),
            "%",
        ),
        *_discharge_figures("error unit", data, model.parameters),
    ]


SLOPE_UNIT = 2e-8
"""Slope current at which a learning unit's ``time_per_slope`` is stated, A."""


def learning_width(p: dict[str, float], charge: Any, slope: Any) -> np.ndarray:
    """Width of the + minus the - learning pulse, s, after a charge (C) at a slope current (A)."""
    current = np.asarray(slope, float) / SLOPE_UNIT
    volt = np.asarray(charge, float) / p["capacitance"]
    signal = np.tanh((volt - p["v_offset"]) / (p["v_width"] * (1 + p["widening"] * current)))
    down = np.where(signal < 0, p["down"], 1.0)
    return p["time_per_slope"] * current * (1 - p["lag"] / current) * down * signal


_LEARNING = ("time_per_slope", "lag", "down", "v_offset", "v_width", "widening")
_LEARNING_SCALE = np.array([1e-8, 1e-1, 1.0, 1e-3, 65e-3, 0.1])


def _learning_model(x: np.ndarray, sweep: Any, capacitance: float) -> np.ndarray:
    p = dict(zip(_LEARNING, x * _LEARNING_SCALE, strict=True)) | {"capacitance": capacitance}
    q, s = np.meshgrid(sweep["charge"], sweep["i_slope"], indexing="ij")
    return learning_width(p, q, s)


def fit_learning_unit(data: BlockData) -> FittedModel:
    """Gain against the slope current, tanh of the integral, energy."""
    sweep = data["signal"]
    volt = sweep["integral"][:, 0] - sweep["integral"][len(sweep["charge"]) // 2, 0]
    capacitance = float(np.polyfit(volt, sweep["charge"], 1)[0])
    full = np.abs(sweep["difference"]).max()
    x, dx = least_squares(
        lambda x: ((_learning_model(x, sweep, capacitance) - sweep["difference"]) / full).ravel(),
        [0.5, 0, 1, 0, 1, 0], _LEARNING, data.name,
    )  # fmt: skip
    law = _fit_discharge(data) if "discharge" in data.sweeps else None
    discharge, d_discharge = law.named("discharge") if law else ({}, {})
    parameters = dict(zip(_LEARNING, x * _LEARNING_SCALE, strict=True)) | discharge | {
        "capacitance": capacitance, "base": float(sweep["negative"][len(sweep["charge"]) // 2, 0]),
        "energy_per_conversion": float(sweep["energy"].mean()),
    }  # fmt: skip
    units = {
        "time_per_slope": "s",
        "lag": "1",
        "down": "1",
        "widening": "1",
        "v_offset": "V",
        "v_width": "V",
        "capacitance": "F",
        "base": "s",
    }
    units |= {"energy_per_conversion": "J", "discharge_width": "V", "discharge_bend": "1"}
    error = np.abs(_learning_model(x, sweep, capacitance) - sweep["difference"]).max() / full
    return FittedModel(
        "pulse_width_product", {k: float(v) for k, v in parameters.items()}, units,
        dict(zip(_LEARNING, dx * _LEARNING_SCALE, strict=True)) | d_discharge,
        {"difference_max_of_full_scale": float(error)} | ({"discharge_max_relative": law.error} if law else {}),
        {"charge": (-4.8e-14, 4.8e-14), "slope": (5e-9, 4e-8)}
        | {name: (low, high) for name, (low, high, _) in DISCHARGE["learning_unit"].items()},
    )  # fmt: skip


def score_learning_unit(model: FittedModel, data: BlockData) -> list[Figure]:
    """Signal times slope at held-out charges and slopes."""
    check = data["signal_check"]
    q, s = np.meshgrid(check["charge"], check["i_slope"], indexing="ij")
    full = np.abs(check["difference"]).max()
    error = 100 * np.abs(learning_width(model.parameters, q, s) - check["difference"]) / full
    zero = 100 * np.abs(data["zero_check"]["difference"]).max() / full
    return [
        Figure(
            "learning unit: signal times slope, max error of full scale", float(error.max()), "%", 2.0, 0.5
        ),
        Figure("learning unit: signal without an error, of full scale", float(zero), "%"),
        *_discharge_figures("learning unit", data, model.parameters),
    ]
