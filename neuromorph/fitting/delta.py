"""Synapses moved by the delta rule (read-out, lateral, feedback): shared stimuli, update law, read-out, scores.

Update: d(wp - wn) = r (T_pos - T_neg) y^a / (1 + kappa y^a), downhill for a positive error on a read-out weight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neuromorph.circuit import Axis, Sweep
from neuromorph.figures import Figure
from neuromorph.fitting.eligibility import E_REF, WEIGHT_RANGE, WIDEST
from neuromorph.fitting.least_squares import least_squares
from neuromorph.fitting.pulse_pairs import UPDATE_OUT, order_share, update_cards, weight_change
from neuromorph.fitting.readout import REFERENCE
from neuromorph.fitting.update_knobs import KNOBS, UNITS, WIDTH, fit_update_knobs, knob_figures, knob_sweeps
from neuromorph.library import BlockData, FittedModel, SweepData
from neuromorph.spice.waveforms import integral, sample

HEIGHT = KNOBS["height"][2]
"""Height of an error pulse, V."""
MEAN = 0.6
READ_HEIGHT, READ_WIDTH = 0.35, 1.8e-9
"""A read pulse as the spike shaper gives it."""
START = 5e-9
READ_OUT = {"charge": "C"}
DRIFT_OUT = {"drift": "V"}
COLUMN = (
    f"xcol up down out vref vdd vq dendrite_column\nvq vq 0 0.25\nvref vref 0 {REFERENCE}\nvout out 0 {REFERENCE}\n"
    "cu up 0 20f\ncd down 0 20f"
)
"""The real column of the dendrite that the weight is read onto."""


def error_pulses(point: Mapping[str, float]) -> str:
    """Sources of a note's error pulses whose widths differ by ``width``, s, of ``height``, V; a positive error lowers."""
    return update_cards(point["width"], point.get("height", HEIGHT), "lower")


def weights(weight: float) -> str:
    """Initial weight nodes, V apart by ``weight``."""
    return f".ic v(wp)={MEAN + 0.5 * weight:.9g} v(wn)={MEAN - 0.5 * weight:.9g}"


def trace_voltage(y: float) -> float:
    """V of a trace."""
    return E_REF + 30.2e-3 * np.log(y)


def read_charge(waves: Any, _: Any) -> dict[str, float]:
    """Charge onto the dendrite, less what the column gives at rest."""
    current = waves["vout#branch"]
    return {"charge": integral(waves.time, current - sample(waves.time, current, START - 1e-9))}


def drift_measure(waves: Any, _: Any) -> dict[str, float]:
    """Drift of the weight in a frame, from forty frames."""
    difference = waves["wp"] - waves["wn"]
    first, last = sample(waves.time, difference, [1e-6, 5e-6 - 1e-9])
    return {"drift": (last - first) / 40}


READ = ".tran 0.1n 50n 0 0.2n"
HOLD = ".tran 10n 5u 0 10n"


def update_sweeps(
    bench: Callable[[Any, Any], str], trace: Axis, held_out: Axis, hold: Callable[[Any, Any], str]
) -> tuple[Sweep, ...]:
    """Update, zeros and drift over the trace's values (axis ``y``), fitted and held out."""
    wide = Axis((-WIDEST, -8e-9, -2e-9, 0.0, 2e-9, 8e-9, WIDEST), "s")
    zero = Axis((-45e-3, 0.0, 45e-3), "V")
    on = Axis(tuple(y for y in trace.values if y >= 0.1), "1")
    return (
        Sweep("update", {"y": trace, "width": wide}, bench, weight_change, UPDATE_OUT,
              caption="Weight change of one pair of error pulses"),
        Sweep("update_check", {"y": held_out, "width": Axis((-1.3e-8, -5e-9, 3.1e-9, 1.1e-8), "s"),
                               "weight": Axis((-0.045, 0.06), "V")}, bench, weight_change, UPDATE_OUT, held_out=True),
        Sweep("silent_check", {"y": Axis((held_out.values[-1],), "1"), "width": Axis((0.0,), "s"), "weight": zero},
              bench, weight_change, UPDATE_OUT, held_out=True),
        Sweep("hold_check", {"weight": Axis((-0.09, 0.09), "V")}, hold, drift_measure, DRIFT_OUT, held_out=True),
        *(replace(knob, optional=True) for knob in knob_sweeps(bench, weight_change, UPDATE_OUT, {"y": on})),
    )  # fmt: skip


def change(p: Mapping[str, float], y: Any, width: Any) -> np.ndarray:
    """Weight change, V, at traces ``y`` and differences of width (s); arrays broadcast."""
    share = np.asarray(y, float) ** p["trace_power"]
    return p["rate"] * np.asarray(width, float) * share / (1 + p["compression"] * share)


_LAW = ("rate", "trace_power", "compression")


def _fit_update(sweep: SweepData, block: str) -> tuple[dict[str, float], dict[str, float], float]:
    """The law; with a binary trace only its rate (compression 1 by the reference device)."""
    y, width = np.meshgrid(sweep["y"], sweep["width"], indexing="ij")
    full = np.abs(sweep["dw"]).max()
    names = _LAW if len(sweep["y"]) > 3 else _LAW[:1]

    def values(x: np.ndarray) -> dict[str, float]:
        return {"trace_power": 1.0, "compression": 1.0} | dict(
            zip(names, x * np.array([2e5, 1, 1])[: len(x)], strict=True)
        )

    x, dx = least_squares(
        lambda x: ((change(values(x), y, width) - sweep["dw"]) / full).ravel(),
        [-1, 1, 1][: len(names)],
        names,
        block,
    )
    law, wide = values(x), dict(zip(names, dx * np.array([2e5, 1, 1])[: len(names)], strict=True))
    return law, wide, float(np.abs(change(law, y, width) - sweep["dw"]).max() / full)


_READ = ("read_charge", "v_width", "read_down", "read_rest")


def _read_model(x: Any, sweep: SweepData) -> np.ndarray:
    """Charge, fC: signed pulses (axis ``width``, where there is one) times tanh of the weight; sides unlike."""
    tanh = np.tanh(sweep["weight"] / (65e-3 * x[1]))
    factor = sweep["width"] / 1e-8 if "width" in sweep.axes else np.ones(1)
    signed = np.multiply.outer(factor, tanh).reshape(sweep["charge"].shape)
    return x[0] * (signed * np.where(signed < 0, x[2], 1.0) + x[3])


def fit_delta(data: BlockData) -> FittedModel:
    """Update law, read-out and energy of a delta-rule synapse; of a coarse plan without its knobs."""
    law, d_law, error = _fit_update(data["update"], data.name)
    knobs, d_knobs, knob_errors = fit_update_knobs(data, law, lambda p, y: change(p, y, WIDTH))
    read = data["read"]
    charge = read["charge"] / 1e-15
    full = np.abs(charge).max()
    x, dx = least_squares(
        lambda x: ((_read_model(x, read) - charge) / full).ravel(), [full, 1.0, 1.0, 0.0], _READ, data.name
    )
    parameters = {
        **law, **knobs, "read_charge": x[0] * 1e-15, "v_width": 65e-3 * x[1], "read_down": x[2], "read_rest": x[3],
        "full_update": float(abs(change(law, 1.0, WIDEST))),
        "energy_per_update": float(data["update"]["energy"].mean()),
    }  # fmt: skip
    units = {n: "1" for n in parameters} | {n: u for n, u in UNITS.items() if n in parameters} | {
        "rate": "V/s", "read_charge": "C", "v_width": "V", "full_update": "V", "energy_per_update": "J",
    }  # fmt: skip
    errors = {
        "update_max_of_full_scale": error,
        "read_max_of_full_scale": float(np.abs(_read_model(x, read) - charge).max() / full),
        **knob_errors,
    }
    deviation = d_law | d_knobs | dict(zip(_READ, dx * np.array([1e-15, 65e-3, 1, 1]), strict=True))
    box = {"y": (0.01, 3.0), "width": (-WIDEST, WIDEST), "weight": (-0.09, 0.09)}
    box |= {name: (low, high) for name, (low, high, _) in KNOBS.items()}
    return FittedModel(
        "delta_rule", {k: float(v) for k, v in parameters.items()}, units, deviation, errors, box
    )


def score_delta(model: FittedModel, data: BlockData) -> list[Figure]:
    """Updates at held-out traces, widths and weights; zeros; drift; read-out."""
    p, name = model.parameters, data.name.replace("_", " ")
    check, read = data["update_check"], data["read_check"]
    y, width = np.meshgrid(check["y"], check["width"], indexing="ij")
    full = np.abs(check["dw"]).max()
    error = 100 * np.abs(change(p, y, width)[..., None] - check["dw"]) / full
    silent = 100 * np.abs(data["silent_check"]["dw"]).max() / p["full_update"]
    charge = read["charge"] / 1e-15
    x = np.array([p[n] for n in _READ]) / np.array([1e-15, 65e-3, 1, 1])
    read_error = 100 * np.abs(_read_model(x, read) - charge).max() / abs(x[0])
    return [
        Figure(f"{name}: dw, max error of full range", float(error.max()), "%", 3.0, 1.0),
        Figure(f"{name}: dw without an error, of full scale", float(silent), "%", 0.1, 0.02),
        Figure(f"{name}: what the order of a frame's windows adds and takes in turn, of full range",
               100 * order_share(check), "%", 1.0, 0.2),
        Figure(f"{name}: read-out, max error of full scale", float(read_error), "%", 2.0, 0.5),
        Figure(f"{name}: drift per frame, on its range",
               float(np.abs(data["hold_check"]["drift"]).max() / WEIGHT_RANGE), "1", 1e-6, 3e-7),
        *knob_figures(name, data, p, lambda p, y: change(p, y, WIDTH)),
    ]  # fmt: skip
